import type { ErrorCode } from '../component/error-codes.ts';
import { NephoscopeError } from '../component/errors.ts';
import { pythonStr } from '../lib/python-text.ts';
import { formatUtc, toZonedText, tryParseTimestamp } from '../lib/timestamp.ts';
import { FloatToken, isJsonObject, type JsonObject, type JsonValue } from '../model/json.ts';

/**
 * Readers of the fields of a message. A missing key counts as null. Each throws a permanent `NephoscopeError` with the
 * code given, which names the field and shows a little of its value.
 */

/** The message as a mapping. */
export function readMapping(value: JsonValue, code: ErrorCode): JsonObject {
  if (isJsonObject(value)) return value;
  throw new NephoscopeError(code, `The message is ${show(value)}, not a mapping`);
}

/** Text as it is, anything else but null as Python prints it: broken senders give numbers for names and ids. */
export function readTextOrNull(value: JsonValue | undefined): string | null {
  if (typeof value === 'string') return value;
  return value === undefined || value === null ? null : pythonStr(value);
}

/** As `readTextOrNull`, where there must be one; an empty text only counts where `mayBeEmpty`. */
export function readText(message: JsonObject, key: string, code: ErrorCode, mayBeEmpty = false): string {
  const text = readTextOrNull(message[key]);
  if (text === null || (text === '' && !mayBeEmpty))
    throw new NephoscopeError(code, `The message has no ${key}`);
  return text;
}

/** Text that says when: its instant in microseconds since the epoch, UTC. */
export function readInstant(message: JsonObject, key: string, code: ErrorCode): number {
  const value = message[key];
  const micros = typeof value === 'string' ? tryParseTimestamp(value) : undefined;
  if (micros !== undefined) return micros;
  throw new NephoscopeError(code, `${key} is ${show(value)}, no date and time`);
}

/** ISO 8601 with the text's own offset, `+00:00` where it names none. `micros` is its instant. */
export function zonedText(text: string, micros: number): string {
  if (isZonedAlready(text)) return text;
  return toZonedText(text) ?? `${formatUtc(micros)}+00:00`;
}

const ZERO_FRACTION = '.000000';

/** `2026-01-02T03:04:05+00:00`, or the same with six digits of fraction that are not all zero. */
function isZonedAlready(text: string): boolean {
  const { length } = text;
  if ((length !== 25 && length !== 32) || text.charCodeAt(10) !== 0x54) return false;
  if (text.charCodeAt(length - 3) !== 0x3a) return false;
  const sign = text.charCodeAt(length - 6);
  if (sign !== 0x2b && sign !== 0x2d) return false;
  return length === 25 || !text.startsWith(ZERO_FRACTION, 19);
}

/**
 * A number as a sender under Python would have it: an integral number too large for an exact integer is a float there,
 * and has to look like one, or its digits would differ between JSON, msgpack and the signature.
 */
export function wireNumber(value: number): number | FloatToken {
  return Number.isInteger(value) && !Number.isSafeInteger(value) ? new FloatToken(value) : value;
}

/** A value in a message to the operator: short and on one line. */
export function show(value: JsonValue | undefined): string {
  if (value === undefined) return 'missing';
  if (typeof value === 'object' && value !== null && !(value instanceof FloatToken)) {
    return Array.isArray(value) ? 'a list' : 'a mapping';
  }
  const text = value === null ? 'null' : pythonStr(value);
  const short = (text.length > 60 ? `${text.slice(0, 60)}…` : text).toWellFormed();
  return typeof value === 'string' ? JSON.stringify(short) : short;
}
