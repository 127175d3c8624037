import { narrowInteger, parsePythonFloat, parsePythonInt } from '../lib/python-text.ts';
import { FloatToken, type JsonScalar } from '../model/json.ts';

/**
 * Reading of text as Python 3 reads it: API v2 takes numbers, truth values and untyped literals the way the original
 * did. All functions are pure and give undefined for what is no such value.
 */

/** Decimal, hexadecimal, octal or binary; no `007`, which Python refuses as a literal, but `000`. */
const INTEGER_LITERAL =
  /^([+-]?)(0(?:_?0)*|[1-9](?:_?\d)*|0[xX](?:_?[\da-fA-F])+|0[oO](?:_?[0-7])+|0[bB](?:_?[01])+)$/;
const FLOAT_LITERAL = /^[+-]?(?:\d|\.\d)[\d_.eE+-]*$/;

/** Longer texts are no number anybody means, and some take long to be found none. */
const MAXIMUM_CHARACTERS = 400;

/** A decimal integer, spaces around it allowed: a number where that is exact, else a bigint. */
export function parseInteger(text: string): number | bigint | undefined {
  return text.length > MAXIMUM_CHARACTERS ? undefined : parsePythonInt(text);
}

/** A finite decimal number, spaces around it allowed. Infinity and NaN are refused: no document holds them. */
export function parseFloatText(text: string): number | undefined {
  const value = text.length > MAXIMUM_CHARACTERS ? undefined : parsePythonFloat(text);
  return value !== undefined && Number.isFinite(value) ? value : undefined;
}

/** The truth values oslo takes in strict mode. */
export function parseBoolean(text: string): boolean | undefined {
  const word = text.trim().toLowerCase();
  if (TRUE_WORDS.has(word)) return true;
  return FALSE_WORDS.has(word) ? false : undefined;
}

/** The words for true, in lower case. */
export const TRUE_WORDS: ReadonlySet<string> = new Set(['1', 't', 'true', 'on', 'y', 'yes']);
const FALSE_WORDS: ReadonlySet<string> = new Set(['0', 'f', 'false', 'off', 'n', 'no']);

/** A float as exact JSON carries it: `2.0` is not `2`. */
export function floatScalar(value: number): number | FloatToken {
  return Number.isInteger(value) ? new FloatToken(value) : value;
}

/**
 * The value a Python literal stands for, or the text itself where it is no scalar literal (lists and mappings are
 * compared as text).
 */
export function guessLiteral(text: string): JsonScalar {
  if (text === 'None') return null;
  if (text === 'True') return true;
  if (text === 'False') return false;
  return guessNumber(text) ?? unquote(text) ?? text;
}

function guessNumber(text: string): JsonScalar | undefined {
  if (text.length > MAXIMUM_CHARACTERS) return undefined;
  const [, sign, digits] = INTEGER_LITERAL.exec(text) ?? [];
  if (digits !== undefined) {
    const value = BigInt(digits.replaceAll('_', ''));
    return narrowInteger(sign === '-' ? -value : value);
  }
  if (!FLOAT_LITERAL.test(text) || /^[+-]?[\d_]+$/.test(text)) return undefined;
  const value = parseFloatText(text);
  return value === undefined ? undefined : floatScalar(value);
}

/** Text between plain quotes; with a backslash or the same quote inside it stays as it is. */
function unquote(text: string): string | undefined {
  return /^'([^'\\\n]*)'$|^"([^"\\\n]*)"$/
    .exec(text)
    ?.slice(1)
    .find((inner) => inner !== undefined);
}
