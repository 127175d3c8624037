import { FloatToken, isJsonObject, type JsonArray, type JsonObject, type JsonValue } from '../model/json.ts';
import { compareCodePoints } from './code-points.ts';
import { isList } from './json-list.ts';
import { narrowInteger } from './python-text.ts';

/**
 * Python's operators on JSON values. Integers are exact whatever their size, floats stay floats (an integral result
 * is a FloatToken), true and false count as 1 and 0. An integral number that is no FloatToken is an integer.
 */

/** A value that Python's operator does not take. */
export class PythonTypeError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'PythonTypeError';
  }
}

/** A result beyond what Python, or this program, is willing to make. */
export class PythonOverflowError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'PythonOverflowError';
  }
}

/** True for what is an `int` in Python, booleans included. */
export function isInteger(value: JsonValue): value is number | bigint | boolean {
  return typeof value === 'bigint' || typeof value === 'boolean' || Number.isInteger(value);
}

/** What a value is, with an article, for messages. */
export function describeType(value: JsonValue): string {
  if (value === null) return 'null';
  if (isList(value)) return 'a list';
  if (isJsonObject(value)) return 'a mapping';
  return typeof value === 'string' ? 'a text' : typeof value === 'boolean' ? 'a boolean' : 'a number';
}

/**
 * `left + right`: numbers, texts, lists. Throws PythonTypeError for anything else, PythonOverflowError for an integer
 * beyond the range of floats beside a float.
 */
export function pythonAdd(left: JsonValue, right: JsonValue): JsonValue {
  if (typeof left === 'string' && typeof right === 'string') return left + right;
  if (isList(left) && isList(right)) return [...left, ...right];
  return calculate('+', left, right);
}

/** `left - right` of two numbers. Throws as `pythonAdd`. */
export function pythonSubtract(left: JsonValue, right: JsonValue): JsonValue {
  return calculate('-', left, right);
}

/** `left * right`: numbers, or a text or list repeated. Throws as `pythonAdd`, also for too long a repetition. */
export function pythonMultiply(left: JsonValue, right: JsonValue): JsonValue {
  if (typeof left === 'string' || isList(left)) return repeat(left, right);
  if (typeof right === 'string' || isList(right)) return repeat(right, left);
  return calculate('*', left, right);
}

/** `left == right`. Never throws; nesting beyond what Python follows counts as different. */
export function pythonEquals(left: JsonValue, right: JsonValue): boolean {
  return equalAt(left, right, 0);
}

/**
 * Negative, zero or positive as Python orders two values: numbers, texts by code point, lists item by item.
 * Throws PythonTypeError for values without order: mappings, null, a text and a number. NaN gives NaN.
 */
export function pythonCompare(left: JsonValue, right: JsonValue): number {
  return compareAt(left, right, 0);
}

const MAX_DEPTH = 500;
/** A repetition that makes more than this is a mistake in the path, or an attack. */
const MAX_REPEATED_LENGTH = 1_000_000;

function calculate(sign: '+' | '-' | '*', left: JsonValue, right: JsonValue): JsonValue {
  if (isInteger(left) && isInteger(right)) return calculateIntegers(sign, left, right);
  const a = tryPythonFloat(left);
  const b = tryPythonFloat(right);
  if (a === undefined || b === undefined) {
    throw new PythonTypeError(`${sign} does not apply to ${describeType(left)} and ${describeType(right)}`);
  }
  const result = sign === '+' ? a + b : sign === '-' ? a - b : a * b;
  return Number.isInteger(result) ? new FloatToken(result) : result;
}

function calculateIntegers(
  sign: '+' | '-' | '*',
  left: number | bigint | boolean,
  right: number | bigint | boolean,
): JsonValue {
  const a = Number(left);
  const b = Number(right);
  // The sum turns -0 into 0, which is the only zero an integer has.
  const result = (sign === '+' ? a + b : sign === '-' ? a - b : a * b) + 0;
  if (Number.isSafeInteger(a) && Number.isSafeInteger(b) && Number.isSafeInteger(result)) return result;
  const x = BigInt(left);
  const y = BigInt(right);
  return narrowInteger(sign === '+' ? x + y : sign === '-' ? x - y : x * y);
}

/** A number as the float Python makes of it; undefined for what is no number. Throws PythonOverflowError. */
export function tryPythonFloat(value: JsonValue): number | undefined {
  if (value instanceof FloatToken) return value.value;
  if (typeof value === 'number') return value;
  if (!isInteger(value)) return undefined;
  const float = Number(value);
  if (!Number.isFinite(float)) throw new PythonOverflowError('The integer is too large for a float');
  return float;
}

function repeat(value: string | JsonArray, times: JsonValue): JsonValue {
  if (!isInteger(times)) {
    throw new PythonTypeError(`${describeType(value)} cannot be repeated by ${describeType(times)}`);
  }
  const count = Math.max(0, Number(times));
  if (value.length * count > MAX_REPEATED_LENGTH)
    throw new PythonOverflowError(`The repetition is longer than ${MAX_REPEATED_LENGTH}`);
  if (value.length === 0 || count === 0) return typeof value === 'string' ? '' : [];
  if (typeof value === 'string') return value.repeat(count);
  return Array.from({ length: count }, () => value).flat();
}

function equalAt(left: JsonValue, right: JsonValue, depth: number): boolean {
  if (left === right) return true;
  if (isNumeric(left) && isNumeric(right)) return compareNumbers(numeric(left), numeric(right)) === 0;
  if (depth > MAX_DEPTH) return false;
  if (isList(left) && isList(right)) {
    return (
      left.length === right.length &&
      left.every((item, index) => equalAt(item, right[index] ?? null, depth + 1))
    );
  }
  return isJsonObject(left) && isJsonObject(right) && sameFields(left, right, depth);
}

function sameFields(left: JsonObject, right: JsonObject, depth: number): boolean {
  const names = Object.keys(left);
  if (names.length !== Object.keys(right).length) return false;
  return names.every(
    (name) => Object.hasOwn(right, name) && equalAt(left[name] ?? null, right[name] ?? null, depth + 1),
  );
}

function compareAt(left: JsonValue, right: JsonValue, depth: number): number {
  if (isNumeric(left) && isNumeric(right)) return compareNumbers(numeric(left), numeric(right));
  if (typeof left === 'string' && typeof right === 'string') return compareCodePoints(left, right);
  if (isList(left) && isList(right) && depth <= MAX_DEPTH) return compareLists(left, right, depth);
  throw new PythonTypeError(`${describeType(left)} and ${describeType(right)} have no order`);
}

function compareLists(left: JsonArray, right: JsonArray, depth: number): number {
  const length = Math.min(left.length, right.length);
  for (let index = 0; index < length; index += 1) {
    const a = left[index] ?? null;
    const b = right[index] ?? null;
    if (!equalAt(a, b, depth + 1)) return compareAt(a, b, depth + 1);
  }
  return left.length - right.length;
}

function compareNumbers(left: number | bigint, right: number | bigint): number {
  if (left < right) return -1;
  if (left > right) return 1;
  return left <= right ? 0 : Number.NaN;
}

function isNumeric(value: JsonValue): value is number | bigint | boolean | FloatToken {
  return isInteger(value) || typeof value === 'number' || value instanceof FloatToken;
}

/** Numbers and bigints compare exactly with each other in JavaScript, by value. */
function numeric(value: number | bigint | boolean | FloatToken): number | bigint {
  if (value instanceof FloatToken) return value.value;
  return typeof value === 'boolean' ? Number(value) : value;
}
