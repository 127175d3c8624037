import type { JsonValue } from '../model/json.ts';
import { PythonExpressionError } from './python-expression-error.ts';
import { FUNCTIONS } from './python-expression-functions.ts';
import { type Token, tokenizeExpression } from './python-expression-tokens.ts';

export type BinarySign = '+' | '-' | '*' | '/' | '//' | '%' | '**';
export type CompareSign = '<' | '<=' | '>' | '>=' | '==' | '!=' | 'in' | 'not in' | 'is' | 'is not';

/** Where something stands in the expression's text. */
interface Span {
  readonly offset: number;
  readonly end: number;
}

/** An expression as a tree. The span of an operation is that of its sign, of anything else that of all its text. */
export type Expression = Span &
  (
    | { readonly kind: 'constant'; readonly value: JsonValue }
    | { readonly kind: 'name'; readonly name: string }
    | { readonly kind: 'meter'; readonly name: string }
    | { readonly kind: 'list'; readonly items: readonly Expression[] }
    | { readonly kind: 'attribute'; readonly of: Expression; readonly name: string }
    | { readonly kind: 'index'; readonly of: Expression; readonly index: Expression }
    | { readonly kind: 'call'; readonly name: string; readonly inputs: readonly Expression[] }
    | { readonly kind: 'sign'; readonly sign: '+' | '-'; readonly of: Expression }
    | { readonly kind: 'not'; readonly of: Expression }
    | {
        readonly kind: 'binary';
        readonly sign: BinarySign;
        readonly left: Expression;
        readonly right: Expression;
      }
    | { readonly kind: 'and' | 'or'; readonly left: Expression; readonly right: Expression }
    | { readonly kind: 'compare'; readonly first: Expression; readonly steps: readonly CompareStep[] }
    | {
        readonly kind: 'choice';
        readonly condition: Expression;
        readonly chosen: Expression;
        readonly otherwise: Expression;
      }
  );

export interface CompareStep extends Span {
  readonly sign: CompareSign;
  readonly operand: Expression;
}

/** Longer ones are no scale; the limit also bounds how deep evaluation can go. */
const MAX_LENGTH = 2000;
const MAX_DEPTH = 100;

/**
 * Reads one expression by the grammar of Python 3: precedence, chains of comparisons, `a if b else c`. Left out are
 * bit operators, slices, mappings, comprehensions, lambdas, methods and all functions but a few; a tuple counts as a
 * list. `$(meter.name)` is understood when `meters` says so. Throws PythonExpressionError.
 */
export function parseExpression(source: string, meters: boolean): Expression {
  if (source.length > MAX_LENGTH) {
    throw new PythonExpressionError(`An expression may have ${MAX_LENGTH} characters`, MAX_LENGTH);
  }
  return new Parser(tokenizeExpression(source), meters).parse();
}

const COMPARISONS = new Set(['<', '<=', '>', '>=', '==', '!=']);

class Parser {
  readonly #tokens: readonly Token[];
  readonly #meters: boolean;
  #position = 0;
  #depth = 0;

  constructor(tokens: readonly Token[], meters: boolean) {
    this.#tokens = tokens;
    this.#meters = meters;
  }

  parse(): Expression {
    if (this.#peek().kind === 'end') throw new PythonExpressionError('The expression is empty', 0);
    const expression = this.#tuple();
    if (this.#peek().kind !== 'end') throw this.#unexpected();
    return expression;
  }

  /** `a, b` without brackets is a tuple only at the top and between parentheses. */
  #tuple(): Expression {
    const first = this.#choice();
    if (!this.#is(',')) return first;
    const items = [first];
    while (this.#accept(',')) {
      if (this.#is(')') || this.#peek().kind === 'end') break;
      items.push(this.#choice());
    }
    return { kind: 'list', items, offset: first.offset, end: this.#lastEnd() };
  }

  #choice(): Expression {
    return this.#nested(() => {
      const chosen = this.#or();
      const at = this.#peek();
      if (!this.#accept('if')) return chosen;
      const condition = this.#or();
      this.#expect('else');
      const otherwise = this.#choice();
      return { kind: 'choice', condition, chosen, otherwise, offset: at.offset, end: at.end };
    });
  }

  #or(): Expression {
    let left = this.#and();
    for (let at = this.#peek(); this.#accept('or'); at = this.#peek()) {
      left = { kind: 'or', left, right: this.#and(), offset: at.offset, end: at.end };
    }
    return left;
  }

  #and(): Expression {
    let left = this.#not();
    for (let at = this.#peek(); this.#accept('and'); at = this.#peek()) {
      left = { kind: 'and', left, right: this.#not(), offset: at.offset, end: at.end };
    }
    return left;
  }

  #not(): Expression {
    const at = this.#peek();
    if (!this.#accept('not')) return this.#comparison();
    return this.#nested(() => ({ kind: 'not', of: this.#not(), offset: at.offset, end: at.end }));
  }

  #comparison(): Expression {
    const first = this.#sum();
    const steps: CompareStep[] = [];
    for (let step = this.#compareStep(); step !== undefined; step = this.#compareStep()) steps.push(step);
    if (steps.length === 0) return first;
    return { kind: 'compare', first, steps, offset: first.offset, end: this.#lastEnd() };
  }

  #compareStep(): CompareStep | undefined {
    const at = this.#peek();
    const sign = this.#compareSign();
    if (sign === undefined) return undefined;
    const operand = this.#sum();
    if (sign.startsWith('is') && !isSingleton(operand)) {
      throw new PythonExpressionError(`"${sign}" is for None, True and False; write == or !=`, at.offset);
    }
    return { sign, operand, offset: at.offset, end: at.end };
  }

  #compareSign(): CompareSign | undefined {
    const { kind, text } = this.#peek();
    if (kind === 'operator' && COMPARISONS.has(text)) {
      this.#next();
      return text as CompareSign;
    }
    if (this.#accept('in')) return 'in';
    if (this.#accept('is')) return this.#accept('not') ? 'is not' : 'is';
    if (!this.#accept('not')) return undefined;
    this.#expect('in');
    return 'not in';
  }

  #sum(): Expression {
    return this.#leftToRight(['+', '-'], () => this.#product());
  }

  #product(): Expression {
    return this.#leftToRight(['*', '/', '//', '%'], () => this.#signed());
  }

  #leftToRight(signs: readonly BinarySign[], operand: () => Expression): Expression {
    let left = operand();
    for (;;) {
      const at = this.#peek();
      const sign = signs.find((one) => this.#accept(one));
      if (sign === undefined) return left;
      left = { kind: 'binary', sign, left, right: operand(), offset: at.offset, end: at.end };
    }
  }

  #signed(): Expression {
    const at = this.#peek();
    const sign = (['+', '-'] as const).find((one) => this.#accept(one));
    if (sign === undefined) return this.#power();
    return this.#nested(() => ({ kind: 'sign', sign, of: this.#signed(), offset: at.offset, end: at.end }));
  }

  /** Binds tighter than a sign before it and looser than one behind it: `-2**-1` is `-(2**(-1))`. */
  #power(): Expression {
    const left = this.#primary();
    const at = this.#peek();
    if (!this.#accept('**')) return left;
    const right = this.#nested(() => this.#signed());
    return { kind: 'binary', sign: '**', left, right, offset: at.offset, end: at.end };
  }

  #primary(): Expression {
    let expression = this.#atom();
    for (;;) {
      if (this.#accept('.')) expression = this.#attribute(expression);
      else if (this.#accept('[')) expression = this.#index(expression);
      else if (this.#is('(')) {
        throw new PythonExpressionError('Only functions can be called, not values', this.#peek().offset);
      } else return expression;
    }
  }

  #attribute(of: Expression): Expression {
    const token = this.#next();
    if (token.kind !== 'name') throw this.#unexpected(token);
    if (this.#is('(')) throw new PythonExpressionError('Methods are not supported', token.offset);
    return { kind: 'attribute', of, name: token.text, offset: of.offset, end: token.end };
  }

  #index(of: Expression): Expression {
    const index = this.#choice();
    this.#expect(']');
    return { kind: 'index', of, index, offset: of.offset, end: this.#lastEnd() };
  }

  #atom(): Expression {
    const token = this.#next();
    const { kind, text, value, offset, end } = token;
    if (kind === 'number') return { kind: 'constant', value, offset, end };
    if (kind === 'text') return this.#text(token);
    if (kind === 'meter' && this.#meters) return this.#meter(token);
    if (kind === 'name') return this.#is('(') ? this.#call(token) : { kind, name: text, offset, end };
    if (kind === 'operator' && text === '(') return this.#group(token);
    if (kind === 'operator' && text === '[')
      return { kind: 'list', items: this.#items(']'), offset, end: this.#lastEnd() };
    const singleton = kind === 'keyword' ? SINGLETONS.get(text) : undefined;
    if (singleton === undefined) throw this.#unexpected(token);
    return { kind: 'constant', value: singleton, offset, end };
  }

  /** Neighbouring texts are one. */
  #text(first: Token): Expression {
    let value = String(first.value);
    while (this.#peek().kind === 'text') value += String(this.#next().value);
    return { kind: 'constant', value, offset: first.offset, end: this.#lastEnd() };
  }

  /** A meter alone means its volume. */
  #meter({ text, offset, end }: Token): Expression {
    const meter: Expression = { kind: 'meter', name: text, offset, end };
    return this.#is('.') ? meter : { kind: 'attribute', of: meter, name: 'volume', offset, end };
  }

  #group({ offset }: Token): Expression {
    if (this.#accept(')')) return { kind: 'list', items: [], offset, end: this.#lastEnd() };
    const inner = this.#tuple();
    this.#expect(')');
    return inner;
  }

  #call({ text, offset }: Token): Expression {
    const known = FUNCTIONS.get(text);
    if (known === undefined) {
      const names = [...FUNCTIONS.keys()].join(', ');
      throw new PythonExpressionError(`There is no function ${text}; there are ${names}`, offset);
    }
    this.#expect('(');
    const inputs = this.#items(')');
    if (inputs.length < known.least || inputs.length > known.most) {
      throw new PythonExpressionError(`${text} does not take ${inputs.length} values`, offset);
    }
    return { kind: 'call', name: text, inputs, offset, end: this.#lastEnd() };
  }

  #items(closing: ')' | ']'): readonly Expression[] {
    const items: Expression[] = [];
    while (!this.#accept(closing)) {
      items.push(this.#choice());
      if (!this.#is(closing)) this.#expect(',');
    }
    return items;
  }

  #nested(read: () => Expression): Expression {
    this.#depth += 1;
    if (this.#depth > MAX_DEPTH) {
      throw new PythonExpressionError(`More than ${MAX_DEPTH} levels are nested here`, this.#peek().offset);
    }
    const expression = read();
    this.#depth -= 1;
    return expression;
  }

  #peek(): Token {
    return this.#tokens[this.#position] as Token;
  }

  /** The last token, `end`, is never left behind. */
  #next(): Token {
    const token = this.#peek();
    if (token.kind !== 'end') this.#position += 1;
    return token;
  }

  #lastEnd(): number {
    return this.#tokens[this.#position - 1]?.end ?? 0;
  }

  #is(text: string): boolean {
    const token = this.#peek();
    return token.text === text && (token.kind === 'operator' || token.kind === 'keyword');
  }

  #accept(text: string): boolean {
    if (!this.#is(text)) return false;
    this.#position += 1;
    return true;
  }

  #expect(text: string): void {
    if (this.#accept(text)) return;
    const { text: found, offset } = this.#peek();
    throw new PythonExpressionError(`Here should be "${text}" instead of ${found}`, offset);
  }

  #unexpected(token: Token = this.#peek()): PythonExpressionError {
    const what = token.kind === 'end' ? 'The expression ends too early' : `Not expected here: ${token.text}`;
    return new PythonExpressionError(what, token.offset);
  }
}

const SINGLETONS: ReadonlyMap<string, JsonValue> = new Map([
  ['None', null],
  ['True', true],
  ['False', false],
]);

function isSingleton(expression: Expression): boolean {
  return (
    expression.kind === 'constant' && (expression.value === null || typeof expression.value === 'boolean')
  );
}
