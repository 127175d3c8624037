import { FloatToken, type JsonValue } from '../model/json.ts';
import type { Comparison, FilterTerm, PathNode, SortKey } from './jsonpath-ast.ts';
import { PathSyntaxError } from './jsonpath-errors.ts';
import { type Token, type TokenKind, tokenizePath } from './jsonpath-lex.ts';
import { parseNamedOperator } from './jsonpath-named.ts';
import { narrowInteger } from './python-text.ts';

/**
 * The grammar of jsonpath-rw-ext 1.2.2, as that library really behaves (each statement measured with it).
 *
 * Binding, loosest first: arithmetic, brackets after a path, `..`, the dot, `|`, `&`, `where`. All of
 * them but arithmetic take their left side first: `a.b|c[0]` is `((a.(b|c)))[0]`.
 *
 * Arithmetic has one level and takes its *right* side first, multiplication too: with a, b, c = 7, 3, 2 the path
 * `$.a - $.b - $.c` gives 6 and `$.a * $.b + $.c` gives 35. In the library the four signs are a rule of their own, so the
 * precedence it declares for them never applies. A number on the right ends there unless another sign follows, hence
 * `$.a + 3 . b` is (a + 3).b. A division cannot be written: the slash always begins a sort.
 */
export function parsePath(text: string): PathNode {
  return new PathParser(text).parse();
}

/** Binding of the signs between two paths; brackets and arithmetic bind looser than any of them. */
const BINDING: Readonly<Record<string, number>> = { '..': 1, '.': 2, '|': 3, '&': 4, where: 5 };

/** Parentheses, right sides and chains beyond this are refused: evaluation follows the nesting with its own stack. */
const MAX_NESTING = 100;

/** An expression of a filter; a bare path may still turn out to be the beginning of a longer one. */
interface FilterPart {
  readonly terms: readonly FilterTerm[];
  readonly barePath?: PathNode;
}

class PathParser {
  readonly #tokens: readonly Token[];
  #position = 0;
  #nesting = 0;
  #chained = 0;

  constructor(text: string) {
    this.#tokens = tokenizePath(text);
  }

  parse(): PathNode {
    const path = this.#parsePath(0);
    if (this.#peek().kind !== 'end') throw this.#unexpected();
    return path;
  }

  #parsePath(binding: number): PathNode {
    this.#enter();
    const path = this.#continuePath(this.#parsePrimary(), binding);
    this.#nesting -= 1;
    return path;
  }

  /** Everything that may follow a path and binds tighter than `binding`, the sign to its left. */
  #continuePath(start: PathNode, binding: number): PathNode {
    let path = start;
    for (;;) {
      const sign = this.#peek();
      const signBinding = bindingOf(sign);
      if (signBinding > binding) {
        this.#position += 1;
        path = this.#join(sign, path, this.#parsePath(signBinding));
      } else if (binding === 0 && this.#accept('[')) {
        path = joinSteps(path, this.#parseBrackets(true));
      } else if (binding === 0 && this.#atArithmetic()) {
        path = this.#parseOperation(path);
      } else {
        return path;
      }
    }
  }

  #join(sign: Token, left: PathNode, right: PathNode): PathNode {
    switch (sign.text) {
      case '.':
        return joinSteps(left, right);
      case '|':
        return { kind: 'union', paths: [...alternatives(left), ...alternatives(right)] };
      default:
        return this.#joinNested(sign, left, right);
    }
  }

  /** These nest to the left, so a long chain is as deep as many parentheses. */
  #joinNested(sign: Token, left: PathNode, right: PathNode): PathNode {
    this.#chained += 1;
    if (this.#chained > MAX_NESTING) throw new PathSyntaxError('Too long a chain', sign.offset);
    if (sign.text === '..') return { kind: 'descendants', left, right };
    return { kind: sign.text === '&' ? 'intersection' : 'where', left, right };
  }

  #parsePrimary(): PathNode {
    const token = this.#next();
    if (token.kind === 'integer' || token.kind === 'float') return this.#parseNumberOperation(token);
    if (token.kind === 'operator') return parseNamedOperator(token);
    if (token.kind === 'name') return { kind: 'fields', names: this.#parseNames(token) };
    if (token.kind !== 'mark') throw this.#unexpected(token);
    switch (token.text) {
      case '*':
        return { kind: 'fields', names: ['*'] };
      case '$':
        return { kind: 'root' };
      case '@':
        return { kind: 'this' };
      case '[':
        return this.#parseBrackets(false);
      case '(':
        return this.#parseParenthesis();
      default:
        throw this.#unexpected(token);
    }
  }

  #parseParenthesis(): PathNode {
    const path = this.#parsePath(0);
    this.#expect(')');
    return path;
  }

  #parseNames(first: Token): readonly string[] {
    const names = [first.text];
    while (this.#accept(',')) names.push(this.#expectKind('name', 'a name').text);
    return names;
  }

  /** A path does not begin with a number, so a sign must follow it. */
  #parseNumberOperation(number: Token): PathNode {
    if (!this.#atArithmetic()) throw this.#unexpected(number, hintForNumber(number));
    const sign = this.#next().text;
    const right = this.#acceptLastNumber([number.kind]) ?? toOperand(this.#parsePath(0));
    return { kind: 'operation', sign, left: { literal: numberOf(number) }, right };
  }

  #parseOperation(left: PathNode): PathNode {
    const sign = this.#next().text;
    const right = this.#acceptLastNumber(['integer', 'float']) ?? toOperand(this.#parsePath(0));
    return { kind: 'operation', sign, left: toOperand(left), right };
  }

  /** A number after which no further sign comes; one with a sign begins an operation of its own. */
  #acceptLastNumber(kinds: readonly TokenKind[]): { readonly literal: JsonValue } | undefined {
    const token = this.#peek();
    if (!kinds.includes(token.kind) || this.#atArithmetic(1)) return undefined;
    this.#position += 1;
    return { literal: numberOf(token) };
  }

  /** What stands in brackets, the opening one being behind. Filters and sorts need a path before them. */
  #parseBrackets(afterPath: boolean): PathNode {
    const step = this.#parseBracketStep(afterPath);
    this.#expect(']');
    return step;
  }

  #parseBracketStep(afterPath: boolean): PathNode {
    const token = this.#peek();
    if (token.kind === 'name') return { kind: 'fields', names: this.#parseNames(this.#next()) };
    if (token.kind === 'sort' && afterPath) return { kind: 'sort', keys: this.#parseSortKeys() };
    if (this.#accept('*')) return { kind: 'slice', start: undefined, end: undefined };
    if (afterPath && this.#accept('?')) return { kind: 'filter', terms: this.#parseFilter().terms };
    const start = this.#acceptInteger();
    if (this.#accept(':')) return { kind: 'slice', start, end: this.#acceptInteger() };
    if (start === undefined) throw this.#unexpected();
    return { kind: 'index', index: start };
  }

  #acceptInteger(): number | undefined {
    const token = this.#peek();
    if (token.kind !== 'integer') return undefined;
    this.#position += 1;
    return Number(token.text);
  }

  #parseSortKeys(): readonly SortKey[] {
    const keys: SortKey[] = [];
    while (this.#peek().kind === 'sort') {
      const descending = this.#next().text === '\\';
      keys.push({ path: this.#parsePath(0), descending });
    }
    return keys;
  }

  #parseFilter(): FilterPart {
    let part = this.#parseFilterPart();
    while (this.#accept('&')) part = { terms: [...part.terms, ...this.#parseFilterPart().terms] };
    return part;
  }

  #parseFilterPart(): FilterPart {
    if (!this.#accept('(')) return this.#parseFilterTerm(this.#parsePath(0));
    this.#enter();
    const inner = this.#parseFilter();
    this.#nesting -= 1;
    this.#expect(')');
    // A path alone in parentheses is a path, and more of it may follow: `[?(a).b = 1]`.
    if (inner.barePath !== undefined) return this.#parseFilterTerm(this.#continuePath(inner.barePath, 0));
    return inner;
  }

  #parseFilterTerm(path: PathNode): FilterPart {
    const token = this.#peek();
    if (token.kind !== 'comparison') return { terms: [{ path }], barePath: path };
    this.#position += 1;
    const comparison = token.text as Comparison;
    return { terms: [{ path, comparison, literal: this.#parseLiteral(), offset: token.offset }] };
  }

  #parseLiteral(): JsonValue {
    const token = this.#next();
    switch (token.kind) {
      case 'name':
        return token.text;
      case 'boolean':
        return token.text === 'true';
      case 'integer':
      case 'float':
        return numberOf(token);
      default:
        throw this.#unexpected(token);
    }
  }

  #atArithmetic(ahead = 0): boolean {
    const token = this.#peek(ahead);
    return token.kind === 'mark' && (token.text === '+' || token.text === '-' || token.text === '*');
  }

  #enter(): void {
    this.#nesting += 1;
    if (this.#nesting > MAX_NESTING) throw new PathSyntaxError('Nested too deeply', this.#peek().offset);
  }

  #peek(ahead = 0): Token {
    return this.#tokens[this.#position + ahead] ?? END;
  }

  #next(): Token {
    const token = this.#peek();
    if (token.kind !== 'end') this.#position += 1;
    return token;
  }

  #accept(mark: string): boolean {
    const token = this.#peek();
    if (token.kind !== 'mark' || token.text !== mark) return false;
    this.#position += 1;
    return true;
  }

  #expect(mark: string): void {
    if (!this.#accept(mark)) throw this.#unexpected(this.#peek(), `, ${mark} expected`);
  }

  #expectKind(kind: TokenKind, what: string): Token {
    const token = this.#next();
    if (token.kind !== kind) throw this.#unexpected(token, `, ${what} expected`);
    return token;
  }

  #unexpected(token: Token = this.#peek(), detail = hintFor(token)): PathSyntaxError {
    const what = token.kind === 'end' ? 'end of the path' : JSON.stringify(token.text);
    return new PathSyntaxError(`Unexpected ${what}${detail}`, token.offset);
  }
}

const END: Token = { kind: 'end', text: '', offset: 0 };

function bindingOf(token: Token): number {
  return token.kind === 'mark' || token.kind === 'where' ? (BINDING[token.text] ?? 0) : 0;
}

/** One list of steps, however the dots were grouped: `a.(b.c)` finds what `a.b.c` finds. */
function joinSteps(left: PathNode, right: PathNode): PathNode {
  return { kind: 'steps', steps: [...stepsOf(left), ...stepsOf(right)] };
}

function stepsOf(path: PathNode): readonly PathNode[] {
  return path.kind === 'steps' ? path.steps : [path];
}

function alternatives(path: PathNode): readonly PathNode[] {
  return path.kind === 'union' ? path.paths : [path];
}

/** Beside a sign a single name is text, not a field; even `*` is. */
function toOperand(path: PathNode): PathNode | { readonly literal: JsonValue } {
  const [name, ...more] = path.kind === 'fields' ? path.names : [];
  return name !== undefined && more.length === 0 ? { literal: name } : path;
}

function numberOf(token: Token): JsonValue {
  if (token.kind === 'integer') return narrowInteger(BigInt(token.text));
  const float = Number(token.text);
  return Number.isInteger(float) ? new FloatToken(float) : float;
}

function hintFor(token: Token): string {
  if (token.kind === 'sort') return ' (it begins a sort; a division cannot be written)';
  if (token.kind === 'boolean' || token.kind === 'where') return ' (as a name it must be quoted)';
  if (token.kind === 'integer' || token.kind === 'float') return hintForNumber(token);
  return '';
}

function hintForNumber(token: Token): string {
  return token.text.startsWith('-')
    ? ' (a sign between two values needs blanks around it)'
    : ' (a name that begins with a digit must be quoted)';
}
