import type { ErrorCode } from '../component/error-codes.ts';
import { cutCodePoints } from '../lib/code-points.ts';
import { pythonFloat, pythonInt, pythonStr } from '../lib/python-text.ts';
import { formatUtc, tryParseTimestamp } from '../lib/timestamp.ts';
import { TRAIT_TYPE, type TraitType, type TraitValue } from '../model/event.ts';
import type { JsonValue } from '../model/json.ts';
import { withoutSecrets } from './secrets.ts';

/** Code points of a text trait; what is longer is cut. */
export const TEXT_TRAIT_LENGTH = 255;

/** Why a value cannot become a trait of its type. */
export class CoercionError extends Error {
  readonly code: ErrorCode;
  constructor(message: string, code: ErrorCode = 'E5013') {
    super(message);
    this.name = 'CoercionError';
    this.code = code;
  }
}

/**
 * True when the plain parse may have lost what `coerceTrait` needs of a value: `1.0` and `1` are different texts, and
 * an integer beyond 2^53 is another number. Ask the exact notification for the value then. Pure.
 */
export function needsExactValue(type: TraitType, value: JsonValue): boolean {
  if (type === TRAIT_TYPE.float || type === TRAIT_TYPE.datetime) return false;
  if (typeof value === 'number') {
    return type === TRAIT_TYPE.integer ? !Number.isSafeInteger(Math.trunc(value)) : Number.isInteger(value);
  }
  return typeof value === 'object' && type !== TRAIT_TYPE.integer;
}

/**
 * The value of a trait as Python makes it: `str()` cut at 255 code points, `int()`, `float()`, or a datetime as naive
 * ISO 8601 text in UTC. Give the exact value where `needsExactValue` says so. Pure.
 *
 * Throws `CoercionError` when the value is none of the type, or no finite number.
 * Source: ceilometer `event/models.py`, Trait.convert_value.
 */
export function coerceTrait(type: TraitType, value: JsonValue): TraitValue {
  switch (type) {
    case TRAIT_TYPE.integer:
      return toInteger(value);
    case TRAIT_TYPE.float:
      return toFloat(value);
    case TRAIT_TYPE.datetime:
      return toDatetime(value);
    default:
      return cutCodePoints(toText(value), TEXT_TRAIT_LENGTH);
  }
}

/** Python's text of a value, without the secrets in it. Pure. */
export function toText(value: JsonValue): string {
  if (typeof value === 'string') return value;
  return pythonStr(typeof value === 'object' ? withoutSecrets(value) : value);
}

function toInteger(value: JsonValue): number | bigint {
  const parsed = pythonInt(value);
  if (parsed !== undefined) return parsed;
  throw isInfinite(value) ? outOfRange() : new CoercionError(`${show(value)} is no integer`);
}

function toFloat(value: JsonValue): number {
  const parsed = pythonFloat(value);
  if (parsed === undefined) throw new CoercionError(`${show(value)} is no number`);
  if (!Number.isFinite(parsed)) throw outOfRange();
  return parsed;
}

function isInfinite(value: JsonValue): boolean {
  return typeof value === 'number' && !Number.isFinite(value);
}

function outOfRange(): CoercionError {
  return new CoercionError('the number is out of range', 'E5009');
}

function toDatetime(value: JsonValue): string {
  const micros = typeof value === 'string' ? tryParseTimestamp(value) : undefined;
  if (micros === undefined) throw new CoercionError(`${show(value)} is no date and time`);
  return formatUtc(micros);
}

/** A value in a message to the operator: short, on one line, without secrets. */
export function show(value: JsonValue): string {
  const text = toText(value);
  const short = text.length > 60 ? `${text.slice(0, 60)}…` : text;
  return JSON.stringify(short.toWellFormed());
}
