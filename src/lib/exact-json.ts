import { FloatToken, type JsonArray, type JsonObject, type JsonValue } from '../model/json.ts';
import { readExact } from './exact-json-reader.ts';
import { isList } from './json-list.ts';
import { pythonFloatText } from './python-text.ts';

/**
 * JSON whose numbers keep what their text said: `1` and `1.0` stay different, integers beyond 2^53 keep all digits.
 * Plain `JSON.parse` loses both; it is much faster, so `losesNumbers` tells when it will do.
 */

export { ExactJsonError } from './exact-json-reader.ts';

/** Nesting beyond this is refused, in reading and in writing. */
export const MAX_JSON_DEPTH = 512;

/**
 * Parses JSON. An integer token beyond 2^53 becomes a bigint, a token with fraction or exponent whose value is
 * integral a FloatToken, every other number a number (`-0` too). Throws ExactJsonError for what is no JSON, for a
 * number beyond the range of floats (`1e400`) and for nesting deeper than MAX_JSON_DEPTH. A key `__proto__` is data.
 */
export function parseExact(text: string): JsonValue {
  return readExact(text, MAX_JSON_DEPTH);
}

/**
 * Compact JSON from which `parseExact` makes the same value: a FloatToken prints `1.0`, a bigint its digits, negative
 * zero `-0`. Infinity and NaN print `null`, as with JSON.stringify. Throws RangeError for nesting deeper than
 * MAX_JSON_DEPTH.
 */
export function stringifyExact(value: JsonValue): string {
  return write(value, 0);
}

/**
 * Whether plain `JSON.parse` may lose something about a number of this JSON text: that it was a float (`1.0`, `1e3`) or
 * digits of a long integer. Never false when it does; sometimes true when it does not (any exponent, long numbers,
 * text that looks like a number after `:`, `[` or a comma). About 1 µs for 2.5 KB.
 */
export function losesNumbers(text: string): boolean {
  return LOSSY.test(text) || NUMBER_ALONE.test(text);
}

/**
 * Whether JSON text holds an escape `\ud800` … `\udfff` that is not half of a pair of two such escapes. Such text parses,
 * but cannot be stored or sent as UTF-8 without change.
 */
export function hasLoneSurrogateEscape(text: string): boolean {
  if (!text.includes('\\ud') && !text.includes('\\uD')) return false;
  const escapes = new RegExp(ESCAPE);
  for (let found = escapes.exec(text); found !== null; found = escapes.exec(text)) {
    if (found[1] !== undefined) return true;
  }
  return false;
}

/*
 * Something is lost of a number with
 *   - an exponent;
 *   - a fraction of zeros only;
 *   - sixteen digits or more before the point: above 2^53, or the float has no room for a fraction;
 *   - a fraction so near to 0 or 1 that the float is integral. Floats have 53 bits, so this takes some
 *     seven equal digits 0 or 9 after at most nine digits before the point, two after ten to fourteen, and fifteen
 *     leave so little that all of them are taken.
 * A number stands after `:`, `[` or a comma, or is the whole text; to ask for both in one expression costs twice the
 * time, as the engine can no longer leap from one such sign to the next.
 */
const LOSSY =
  /[:[,]\s*-?\d+(?:\.(?:0*(?:[,}\]\s]|$)|\d*[eE][+-]?\d|0{7}|9{7}|(?<=\d{10}\.)(?:00|99)|(?<=\d{15}\.))|[eE][+-]?\d|\d{15})/;
const NUMBER_ALONE = /^\s*[-\d]/;

// A pair, or a lone half (captured), or any other escape; the last keeps `\\ud800` from being taken for one.
const ESCAPE =
  /\\(?:u[dD][89abAB][\da-fA-F]{2}\\u[dD][c-fC-F][\da-fA-F]{2}|(u[dD][89a-fA-F][\da-fA-F]{2})|.)/gs;

function write(value: JsonValue, depth: number): string {
  switch (typeof value) {
    case 'string':
      return quoted(value);
    case 'number':
      return Object.is(value, -0) ? '-0' : Number.isFinite(value) ? `${value}` : 'null';
    case 'bigint':
      return value.toString();
    case 'boolean':
      return value ? 'true' : 'false';
    default:
      return writeObject(value, depth);
  }
}

// Printable ASCII without quote and backslash: most texts need no call of JSON.stringify, which is dear for short ones.
const SIMPLE_TEXT = /^[ !#-[\]-~]*$/;

/** JSON text of a text, as JSON.stringify gives it. */
export function quoted(text: string): string {
  return SIMPLE_TEXT.test(text) ? `"${text}"` : JSON.stringify(text);
}

function writeObject(value: null | FloatToken | JsonArray | JsonObject, depth: number): string {
  if (value === null) return 'null';
  if (value instanceof FloatToken)
    return Number.isFinite(value.value) ? pythonFloatText(value.value) : 'null';
  if (depth >= MAX_JSON_DEPTH)
    throw new RangeError(`The document is nested deeper than ${MAX_JSON_DEPTH} levels`);
  let text = '';
  if (isList(value)) {
    for (const item of value) text += `${text === '' ? '' : ','}${write(item, depth + 1)}`;
    return `[${text}]`;
  }
  for (const key of Object.keys(value)) {
    const item = value[key];
    if (item !== undefined) text += `${text === '' ? '' : ','}${quoted(key)}:${write(item, depth + 1)}`;
  }
  return `{${text}}`;
}
