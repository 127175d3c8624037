import { FloatToken, type JsonValue } from '../model/json.ts';
import { narrowInteger } from './python-text.ts';
import {
  describeType,
  isInteger,
  PythonOverflowError,
  PythonTypeError,
  tryPythonFloat,
} from './python-values.ts';

/**
 * The operators of Python that `python-values.ts` does not have. Integers are exact whatever their size (bigint beyond
 * 2^53) and floats are doubles, so results are those of Python, bit by bit, except the last bit of a float's power.
 */

/** Division by zero, and a power that would be a complex number. */
export class PythonArithmeticError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'PythonArithmeticError';
  }
}

/** `left / right`: a float always; of integers the nearest one to the exact quotient. Throws as the others here. */
export function pythonDivide(left: JsonValue, right: JsonValue): JsonValue {
  if (isInteger(left) && isInteger(right)) {
    if (Number(right) === 0) throw new PythonArithmeticError('division by zero');
    return asFloat(divideIntegers(left, right));
  }
  const [a, b] = floats('/', left, right);
  if (b === 0) throw new PythonArithmeticError('division by zero');
  return asFloat(a / b);
}

/** `left // right`: towards minus infinity; an integer of two integers. */
export function pythonFloorDivide(left: JsonValue, right: JsonValue): JsonValue {
  if (isInteger(left) && isInteger(right)) return divideAndRest(left, right).quotient;
  const [a, b] = floats('//', left, right);
  if (b === 0) throw new PythonArithmeticError('division by zero');
  const cut = a % b;
  const quotient = (a - cut) / b - (cut !== 0 && cut < 0 !== b < 0 ? 1 : 0);
  if (quotient === 0) return asFloat(copySign(0, a / b));
  const floor = Math.floor(quotient);
  return asFloat(quotient - floor > 0.5 ? floor + 1 : floor);
}

/** `left % right`: the rest has the sign of the divisor. Texts are not formatted. */
export function pythonModulo(left: JsonValue, right: JsonValue): JsonValue {
  if (isInteger(left) && isInteger(right)) return divideAndRest(left, right).rest;
  const [a, b] = floats('%', left, right);
  if (b === 0) throw new PythonArithmeticError('modulo by zero');
  return asFloat(floatRest(a, b));
}

/** Integers of more bits are nobody's scale; `9**9**9` would take all memory. */
const MAX_POWER_BITS = 4096;

/** `left ** right`: an integer of an integer and one that is not negative, else a float. */
export function pythonPower(left: JsonValue, right: JsonValue): JsonValue {
  if (isInteger(left) && isInteger(right) && Number(right) >= 0)
    return integerPower(BigInt(left), BigInt(right));
  const [base, exponent] = floats('**', left, right);
  if (base === 0 && exponent < 0)
    throw new PythonArithmeticError('zero cannot be raised to a negative power');
  if (exponent === 0 || base === 1) return asFloat(1);
  if (base === -1 && Math.abs(exponent) === Number.POSITIVE_INFINITY) return asFloat(1);
  if (base < 0 && Number.isFinite(base) && Number.isFinite(exponent) && !Number.isInteger(exponent)) {
    throw new PythonArithmeticError('the power would be a complex number');
  }
  const result = base ** exponent;
  if (Number.isFinite(base) && Number.isFinite(exponent) && !Number.isFinite(result)) {
    throw new PythonOverflowError('The power is too large');
  }
  return asFloat(result);
}

/** `-value` of a number; true is 1. */
export function pythonNegate(value: JsonValue): JsonValue {
  if (isInteger(value)) return narrowInteger(-BigInt(value));
  return asFloat(-oneFloat('-', value));
}

/** `+value` of a number: true becomes 1. */
export function pythonPlus(value: JsonValue): JsonValue {
  if (isInteger(value)) return narrowInteger(BigInt(value));
  return asFloat(oneFloat('+', value));
}

/** `abs(value)` of a number. */
export function pythonAbsolute(value: JsonValue): JsonValue {
  if (isInteger(value)) return Number(value) < 0 ? pythonNegate(value) : pythonPlus(value);
  return asFloat(Math.abs(oneFloat('abs', value)));
}

/**
 * `round(value)`, an integer, or `round(value, digits)`, of the kind of the value: halves to the even neighbour, decided
 * on the exact value of the float.
 */
export function pythonRound(value: JsonValue, digits: JsonValue): JsonValue {
  if (digits !== null && !isInteger(digits))
    throw new PythonTypeError('round takes an integer for the digits');
  const places = digits === null ? 0 : Number(digits);
  if (isInteger(value)) return places >= 0 ? pythonPlus(value) : roundInteger(BigInt(value), -places);
  const float = oneFloat('round', value);
  if (digits !== null) return asFloat(roundFloat(float, places));
  if (!Number.isFinite(float)) throw new PythonOverflowError(`${float} cannot be made an integer`);
  const { numerator, denominator } = fractionOf(float);
  return narrowInteger(divideHalfEven(numerator, denominator));
}

/** A float as Python has it: an integral one keeps that it is a float. */
export function asFloat(value: number): JsonValue {
  return Number.isInteger(value) ? new FloatToken(value) : value;
}

type Integer = number | bigint | boolean;

function floats(sign: string, left: JsonValue, right: JsonValue): readonly [number, number] {
  const a = tryPythonFloat(left);
  const b = tryPythonFloat(right);
  if (a === undefined || b === undefined) {
    throw new PythonTypeError(`${sign} does not apply to ${describeType(left)} and ${describeType(right)}`);
  }
  return [a, b];
}

function oneFloat(what: string, value: JsonValue): number {
  const float = tryPythonFloat(value);
  if (float === undefined) throw new PythonTypeError(`${what} does not apply to ${describeType(value)}`);
  return float;
}

/** The sign is the divisor's, that of zero too. */
function floatRest(a: number, b: number): number {
  const rest = a % b;
  if (rest === 0) return copySign(0, b);
  return rest < 0 === b < 0 ? rest : rest + b;
}

function copySign(size: number, sign: number): number {
  return sign < 0 || Object.is(sign, -0) ? -size : size;
}

function divideAndRest(
  left: Integer,
  right: Integer,
): { readonly quotient: JsonValue; readonly rest: JsonValue } {
  const a = BigInt(left);
  const b = BigInt(right);
  if (b === 0n) throw new PythonArithmeticError('integer division or modulo by zero');
  const cut = a % b;
  const rest = cut !== 0n && cut < 0n !== b < 0n ? cut + b : cut;
  return { quotient: narrowInteger((a - rest) / b), rest: narrowInteger(rest) };
}

function divideIntegers(left: Integer, right: Integer): number {
  const a = Number(left);
  const b = Number(right);
  if (Number.isSafeInteger(a) && Number.isSafeInteger(b)) return a / b;
  const quotient = nearestQuotient(BigInt(left), BigInt(right));
  if (!Number.isFinite(quotient)) throw new PythonOverflowError('The quotient is too large for a float');
  return quotient;
}

/** Bits of the quotient that are worked out: some more than a double has. */
const QUOTIENT_BITS = 66;

/** The double nearest to the exact quotient; one more bit, set when a rest remains, keeps halves apart from near-halves. */
function nearestQuotient(a: bigint, b: bigint): number {
  if (a === 0n) return b < 0n ? -0 : 0;
  const [top, bottom] = [a < 0n ? -a : a, b < 0n ? -b : b];
  const shift = bitLength(bottom) - bitLength(top) + QUOTIENT_BITS;
  const scaled = shift > 0 ? top << BigInt(shift) : top;
  const divisor = shift > 0 ? bottom : bottom << BigInt(-shift);
  const bits = ((scaled / divisor) << 1n) | (scaled % divisor === 0n ? 0n : 1n);
  // In two steps, as the power of two alone may be out of range.
  const half = Math.trunc((shift + 1) / 2);
  const size = Number(bits) * 2 ** -half * 2 ** (half - shift - 1);
  return a < 0n === b < 0n ? size : -size;
}

function integerPower(base: bigint, exponent: bigint): JsonValue {
  const size = base < 0n ? -base : base;
  if (size > 1n && BigInt(bitLength(size)) * exponent > MAX_POWER_BITS) {
    throw new PythonOverflowError(`The power has more than ${MAX_POWER_BITS} bits`);
  }
  if (size > 1n) return narrowInteger(base ** exponent);
  if (exponent === 0n) return 1;
  return base === -1n ? (exponent % 2n === 0n ? 1 : -1) : Number(base);
}

function bitLength(value: bigint): number {
  return value.toString(2).length;
}

/** Half to even; the denominator is positive. */
function divideHalfEven(numerator: bigint, denominator: bigint): bigint {
  const cut = numerator % denominator;
  const rest = cut < 0n ? cut + denominator : cut;
  const floor = (numerator - rest) / denominator;
  const doubled = rest * 2n;
  const up = doubled > denominator || (doubled === denominator && floor % 2n !== 0n);
  return up ? floor + 1n : floor;
}

function roundInteger(value: bigint, zeros: number): JsonValue {
  // Half of such a power is more than any integer that can come here.
  if (zeros > 2 * MAX_POWER_BITS) return 0;
  const unit = 10n ** BigInt(zeros);
  return narrowInteger(divideHalfEven(value, unit) * unit);
}

function roundFloat(value: number, digits: number): number {
  // Beyond these a double has no such digits, or is less than half of the unit.
  if (!Number.isFinite(value) || digits > 323) return value;
  if (digits < -308) return copySign(0, value);
  const { numerator, denominator } = fractionOf(value);
  const unit = 10n ** BigInt(Math.abs(digits));
  const count =
    digits >= 0
      ? divideHalfEven(numerator * unit, denominator)
      : divideHalfEven(numerator, denominator * unit);
  const rounded = digits >= 0 ? nearestQuotient(count, unit) : Number(count * unit);
  if (!Number.isFinite(rounded)) throw new PythonOverflowError('The rounded value is too large');
  return copySign(Math.abs(rounded), value);
}

/** The exact value of a finite double. */
function fractionOf(value: number): { readonly numerator: bigint; readonly denominator: bigint } {
  let scaled = value;
  let shift = 0n;
  // A step doubles a value that is not whole yet, which is exact; at most 1074 of them.
  while (!Number.isInteger(scaled)) {
    scaled *= 2;
    shift += 1n;
  }
  return { numerator: BigInt(scaled), denominator: 1n << shift };
}
