import { FloatToken, isJsonObject, type JsonValue } from '../model/json.ts';
import { isList } from './json-list.ts';
import {
  PythonArithmeticError,
  pythonDivide,
  pythonFloorDivide,
  pythonModulo,
  pythonNegate,
  pythonPlus,
  pythonPower,
} from './python-expression-arithmetic.ts';
import { PythonExpressionError } from './python-expression-error.ts';
import { FUNCTIONS } from './python-expression-functions.ts';
import {
  type BinarySign,
  type CompareSign,
  type CompareStep,
  type Expression,
  parseExpression,
} from './python-expression-syntax.ts';
import {
  describeType,
  isInteger,
  PythonOverflowError,
  PythonTypeError,
  pythonAdd,
  pythonCompare,
  pythonEquals,
  pythonMultiply,
  pythonSubtract,
} from './python-values.ts';

export { PythonExpressionError } from './python-expression-error.ts';

/** What the names of an expression stand for. Undefined: nothing has this name, which is an empty value, no error. */
export interface ExpressionScope {
  valueOf(name: string): JsonValue | undefined;
  /** What `$(name)` stands for; only for expressions with meters. */
  meter?(name: string): JsonValue | undefined;
}

/** An expression ready to run. Stateless, so one may be shared. */
export interface PythonExpression {
  /** Names it mentions besides its meters, in order of first mention. */
  readonly names: readonly string[];
  /** Meters it mentions as `$(name)`, in order of first mention. */
  readonly meters: readonly string[];
  /** The value in this scope. Throws PythonExpressionError where Python raises an exception. */
  evaluate(scope: ExpressionScope): JsonValue;
}

/**
 * Compiles a Python 3 expression as the `scale` and `expr` of transformers hold it. It is interpreted by this file: no
 * text is ever run as code, and it can do nothing but calculate. Bounded in length, depth and size of numbers.
 *
 * Understood: `or and not`, comparisons and their chains, `in`, `is None`, `+ - * / // % **`, signs, parentheses,
 * `a if b else c`, attributes and indexes, numbers, texts, None, True, False, lists, and int, float, abs, min, max, round,
 * len. A name, attribute or key that does not exist is an empty mapping, which is false, as in the original's
 * namespaces: `(resource_metadata.cpu_number or 1)` works; to calculate with it is an error.
 *
 * Throws PythonExpressionError with a column when it is wrong.
 */
export function compilePythonExpression(
  source: string,
  options: { readonly meters?: boolean } = {},
): PythonExpression {
  const tree = parseExpression(source, options.meters ?? false);
  const compiler = new Compiler(source);
  const { run } = compiler.compile(tree);
  return { names: [...compiler.names], meters: [...compiler.meters], evaluate: run };
}

/** Truth as Python has it: zero, nothing, and what is empty are false. */
export function isPythonTrue(value: JsonValue): boolean {
  if (value instanceof FloatToken) return value.value !== 0;
  if (typeof value === 'number') return value !== 0;
  if (isList(value)) return value.length > 0;
  if (isJsonObject(value)) return Object.keys(value).length > 0;
  return Boolean(value);
}

type Run = (scope: ExpressionScope) => JsonValue;
interface Compiled {
  readonly run: Run;
  readonly isConstant: boolean;
}

/** What a missing name stands for; known by identity, so that errors can say that it is missing. */
const EMPTY: JsonValue = Object.freeze({});
const NOTHING: ExpressionScope = { valueOf: () => undefined };
const MAX_RESULT_LENGTH = 1_000_000;

const OPERATORS: Readonly<Record<BinarySign, (left: JsonValue, right: JsonValue) => JsonValue>> = {
  '+': (left, right) => bounded(pythonAdd(left, right)),
  '-': pythonSubtract,
  '*': pythonMultiply,
  '/': pythonDivide,
  '//': pythonFloorDivide,
  '%': pythonModulo,
  '**': pythonPower,
};

class Compiler {
  readonly names = new Set<string>();
  readonly meters = new Set<string>();
  readonly #source: string;

  constructor(source: string) {
    this.#source = source;
  }

  compile(node: Expression): Compiled {
    switch (node.kind) {
      case 'constant':
        return constant(node.value);
      case 'name':
        return this.#name(node.name);
      case 'meter':
        return this.#meter(node.name);
      case 'list':
        return this.#list(node.items);
      case 'attribute':
        return this.#attribute(node);
      case 'index':
        return this.#binary(node, node.of, node.index, indexed);
      case 'call':
        return this.#call(node);
      case 'sign':
        return this.#unary(node, node.of, node.sign === '-' ? pythonNegate : pythonPlus);
      case 'not':
        return this.#unary(node, node.of, (value) => !isPythonTrue(value));
      case 'binary':
        return this.#binary(node, node.left, node.right, OPERATORS[node.sign]);
      case 'and':
      case 'or':
        return this.#logic(node.kind, node.left, node.right);
      case 'compare':
        return this.#compare(node.first, node.steps);
      case 'choice':
        return this.#choice(node.condition, node.chosen, node.otherwise);
      default:
        return node satisfies never;
    }
  }

  #name(name: string): Compiled {
    this.names.add(name);
    return { isConstant: false, run: (scope) => known(scope.valueOf(name)) };
  }

  #meter(name: string): Compiled {
    this.meters.add(name);
    return { isConstant: false, run: (scope) => known(scope.meter?.(name)) };
  }

  #list(items: readonly Expression[]): Compiled {
    const parts = items.map((item) => this.compile(item));
    return fold(parts, (scope) => parts.map(({ run }) => run(scope)));
  }

  #attribute(node: Expression & { readonly kind: 'attribute' }): Compiled {
    const { name } = node;
    return this.#unary(node, node.of, (value) => {
      if (isJsonObject(value)) return member(value, name);
      throw new PythonTypeError(`${describeType(value)} has no ${name}`);
    });
  }

  #call(node: Expression & { readonly kind: 'call' }): Compiled {
    const found = FUNCTIONS.get(node.name);
    if (found === undefined)
      throw new PythonExpressionError(`There is no function ${node.name}`, node.offset);
    const inputs = node.inputs.map((input) => this.compile(input));
    return fold(inputs, (scope) => {
      const values = inputs.map(({ run }) => run(scope));
      try {
        return found.call(values);
      } catch (thrown) {
        throw this.#located(thrown, node, values, node.inputs);
      }
    });
  }

  #unary(node: Expression, of: Expression, apply: (value: JsonValue) => JsonValue): Compiled {
    const inner = this.compile(of);
    return fold([inner], (scope) => {
      const value = inner.run(scope);
      try {
        return apply(value);
      } catch (thrown) {
        throw this.#located(thrown, node, [value], [of]);
      }
    });
  }

  #binary(
    node: { readonly offset: number },
    left: Expression,
    right: Expression,
    apply: (left: JsonValue, right: JsonValue) => JsonValue,
  ): Compiled {
    const first = this.compile(left);
    const second = this.compile(right);
    return fold([first, second], (scope) => {
      const a = first.run(scope);
      const b = second.run(scope);
      try {
        return apply(a, b);
      } catch (thrown) {
        throw this.#located(thrown, node, [a, b], [left, right]);
      }
    });
  }

  #logic(kind: 'and' | 'or', left: Expression, right: Expression): Compiled {
    const first = this.compile(left);
    const second = this.compile(right);
    return fold([first, second], (scope) => {
      const value = first.run(scope);
      return isPythonTrue(value) === (kind === 'or') ? value : second.run(scope);
    });
  }

  /** `a < b < c` evaluates b once, and c only when the first holds. */
  #compare(first: Expression, steps: readonly CompareStep[]): Compiled {
    const start = this.compile(first);
    const operands = steps.map(({ operand }) => this.compile(operand));
    return fold([start, ...operands], (scope) => {
      let left = start.run(scope);
      for (const [index, step] of steps.entries()) {
        const right = operands[index]?.run(scope) ?? null;
        if (!this.#holds(step, left, right, steps[index - 1]?.operand ?? first)) return false;
        left = right;
      }
      return true;
    });
  }

  #holds(step: CompareStep, left: JsonValue, right: JsonValue, leftNode: Expression): boolean {
    try {
      return compare(step.sign, left, right);
    } catch (thrown) {
      throw this.#located(thrown, step, [left, right], [leftNode, step.operand]);
    }
  }

  #choice(condition: Expression, chosen: Expression, otherwise: Expression): Compiled {
    const parts = [condition, chosen, otherwise].map((one) => this.compile(one));
    const [test, first, second] = parts as [Compiled, Compiled, Compiled];
    return fold(parts, (scope) => (isPythonTrue(test.run(scope)) ? first.run(scope) : second.run(scope)));
  }

  /** Says where, and that a value was missing if it was: most failures are a misspelt key of the metadata. */
  #located(
    thrown: unknown,
    { offset }: { readonly offset: number },
    values: readonly JsonValue[],
    nodes: readonly Expression[],
  ): unknown {
    const node = nodes[values.indexOf(EMPTY)];
    if (node !== undefined) {
      return new PythonExpressionError(
        `${this.#source.slice(node.offset, node.end)} is missing`,
        node.offset,
      );
    }
    const isOurs =
      thrown instanceof PythonTypeError ||
      thrown instanceof PythonOverflowError ||
      thrown instanceof PythonArithmeticError;
    return isOurs ? new PythonExpressionError(thrown.message, offset) : thrown;
  }
}

/** Null is a value: it is None. */
function known(value: JsonValue | undefined): JsonValue {
  return value === undefined ? EMPTY : value;
}

function constant(value: JsonValue): Compiled {
  return { isConstant: true, run: () => value };
}

/** What depends on no name is calculated once. What fails is left to fail when, and if, it is reached. */
function fold(parts: readonly Compiled[], run: Run): Compiled {
  if (!parts.every(({ isConstant }) => isConstant)) return { isConstant: false, run };
  try {
    return constant(run(NOTHING));
  } catch (thrown) {
    if (thrown instanceof PythonExpressionError) return { isConstant: false, run };
    throw thrown;
  }
}

function bounded(value: JsonValue): JsonValue {
  if ((typeof value === 'string' || isList(value)) && value.length > MAX_RESULT_LENGTH) {
    throw new PythonOverflowError(`The result is longer than ${MAX_RESULT_LENGTH}`);
  }
  return value;
}

function member(value: { readonly [key: string]: JsonValue }, name: string): JsonValue {
  return Object.hasOwn(value, name) ? (value[name] ?? null) : EMPTY;
}

function indexed(value: JsonValue, index: JsonValue): JsonValue {
  // The keys of JSON are texts, so no other key exists.
  if (isJsonObject(value)) return typeof index === 'string' ? member(value, index) : EMPTY;
  const items = typeof value === 'string' ? [...value] : value;
  if (!isList(items)) throw new PythonTypeError(`${describeType(value)} has no items`);
  if (!isInteger(index)) throw new PythonTypeError(`${describeType(index)} cannot be the place of an item`);
  const place = Number(index);
  const item = items[place < 0 ? items.length + place : place];
  if (item === undefined) throw new PythonArithmeticError(`There is no item ${place}`);
  return item;
}

function compare(sign: CompareSign, left: JsonValue, right: JsonValue): boolean {
  switch (sign) {
    case '==':
      return pythonEquals(left, right);
    case '!=':
      return !pythonEquals(left, right);
    case 'in':
      return contains(right, left);
    case 'not in':
      return !contains(right, left);
    case 'is':
      return left === right;
    case 'is not':
      return left !== right;
    case '<':
      return pythonCompare(left, right) < 0;
    case '<=':
      return pythonCompare(left, right) <= 0;
    case '>':
      return pythonCompare(left, right) > 0;
    case '>=':
      return pythonCompare(left, right) >= 0;
    default:
      return sign satisfies never;
  }
}

function contains(whole: JsonValue, part: JsonValue): boolean {
  if (isList(whole)) return whole.some((item) => pythonEquals(item, part));
  if (isJsonObject(whole)) return typeof part === 'string' && Object.hasOwn(whole, part);
  if (typeof whole === 'string' && typeof part === 'string') return whole.includes(part);
  throw new PythonTypeError(`${describeType(whole)} cannot hold ${describeType(part)}`);
}
