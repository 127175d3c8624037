import { FloatToken, type JsonArray, type JsonObject, type JsonValue } from '../model/json.ts';
import { isList } from './json-list.ts';

/**
 * How Python 3 prints and reads values. The original prints text traits and signs messages with `str()`, so the
 * text is part of its formats. Printability follows the Unicode version of this runtime, which may be newer than
 * the one of the Python compared with.
 */

/** Nesting beyond this prints as `[...]` or `{...}`: Python itself gives up at some 1,000 levels. */
const MAX_DEPTH = 512;
/** Python refuses to convert longer texts to an integer (`sys.set_int_max_str_digits`). */
const MAX_INT_DIGITS = 4300;

/**
 * Python's `str(value)`: `None`, `True`, `1.0` for a FloatToken, `1e+16`, lists and mappings as their repr; text
 * is itself. An integral number that is no FloatToken counts as an integer. Never throws.
 */
export function pythonStr(value: JsonValue): string {
  return typeof value === 'string' ? value : reprAt(value, 0);
}

/** Python's `repr(value)`: as `pythonStr`, but text is quoted and escaped. Never throws. */
export function pythonRepr(value: JsonValue): string {
  return reprAt(value, 0);
}

/** Python's text of an integer: all digits, never an exponent, and `0` for negative zero. */
export function pythonIntText(value: number | bigint): string {
  if (typeof value === 'bigint') return value.toString();
  return Number.isSafeInteger(value) ? `${value}` : BigInt(value).toString();
}

/** Python's text of a float: `1.0`, `1e-05`, `1e+16`, `-0.0`, `inf`, `nan`. */
export function pythonFloatText(value: number): string {
  if (!Number.isFinite(value)) return Number.isNaN(value) ? 'nan' : value > 0 ? 'inf' : '-inf';
  if (Object.is(value, -0)) return '-0.0';
  const [mantissa = '', exponentText = ''] = value.toExponential().split('e');
  const exponent = Number(exponentText);
  if (exponent < -4 || exponent >= 16) return scientific(mantissa, exponent);
  return plain(value, mantissa, exponent);
}

/**
 * What Python's `int(text)` makes of a text: optional sign, decimal digits of any script, single underscores
 * between digits, blanks around. Undefined where Python raises ValueError. A number where it is safe, else a bigint.
 */
export function parsePythonInt(text: string): number | bigint | undefined {
  const digits = asciiNumber(text);
  if (!/^[+-]?\d+(?:_\d+)*$/.test(digits)) return undefined;
  const bare = digits.replaceAll('_', '');
  if (bare.length <= 15) return Number(bare) + 0;
  if (bare.replace(/^[+-]/, '').length > MAX_INT_DIGITS) return undefined;
  return narrowInteger(BigInt(bare.replace('+', '')));
}

/**
 * What Python's `float(text)` makes of a text: as `int`, with fraction and exponent, or `inf`, `infinity`, `nan` in
 * any case. Undefined where Python raises ValueError; too large a number gives Infinity, as there.
 */
export function parsePythonFloat(text: string): number | undefined {
  const digits = asciiNumber(text);
  const word = /^([+-]?)(inf(?:inity)?|nan)$/i.exec(digits);
  if (word !== null) return namedFloat(word[1] === '-', word[2] ?? '');
  // Digits may follow the first run only behind a point: two runs side by side would take quadratic time to refuse.
  const shape = /^[+-]?(?:\d+(?:_\d+)*(?:\.(?:\d+(?:_\d+)*)?)?|\.\d+(?:_\d+)*)(?:[eE][+-]?\d+(?:_\d+)*)?$/;
  return shape.test(digits) ? Number(digits.replaceAll('_', '')) : undefined;
}

/**
 * Python's `int(value)` of a JSON value: text is parsed, a float loses its fraction, true is 1. Undefined for what
 * Python refuses: other text, null, lists, mappings, infinity, NaN.
 */
export function pythonInt(value: JsonValue): number | bigint | undefined {
  if (typeof value === 'string') return parsePythonInt(value);
  if (typeof value === 'bigint') return value;
  if (typeof value === 'boolean') return value ? 1 : 0;
  const float = value instanceof FloatToken ? value.value : value;
  if (typeof float !== 'number' || !Number.isFinite(float)) return undefined;
  const whole = Math.trunc(float) + 0;
  return Number.isSafeInteger(whole) ? whole : BigInt(whole);
}

/**
 * Python's `float(value)` of a JSON value as a plain number. Undefined for what Python refuses: other text, null,
 * lists, mappings, an integer beyond the range of floats.
 */
export function pythonFloat(value: JsonValue): number | undefined {
  if (typeof value === 'string') return parsePythonFloat(value);
  if (typeof value === 'boolean') return value ? 1 : 0;
  if (value instanceof FloatToken) return value.value;
  if (typeof value === 'number') return value;
  if (typeof value !== 'bigint') return undefined;
  const float = Number(value);
  return Number.isFinite(float) ? float : undefined;
}

/** A number where the integer is safe, else the bigint itself. */
export function narrowInteger(value: bigint): number | bigint {
  const float = Number(value);
  return Number.isSafeInteger(float) ? float : value;
}

function reprAt(value: JsonValue, depth: number): string {
  switch (typeof value) {
    case 'string':
      return quote(value);
    case 'boolean':
      return value ? 'True' : 'False';
    case 'number':
      return Number.isInteger(value) ? pythonIntText(value) : pythonFloatText(value);
    case 'bigint':
      return value.toString();
    default:
      return reprObject(value, depth);
  }
}

function reprObject(value: null | FloatToken | JsonArray | JsonObject, depth: number): string {
  if (value === null) return 'None';
  if (value instanceof FloatToken) return pythonFloatText(value.value);
  if (isList(value)) {
    if (depth >= MAX_DEPTH) return '[...]';
    return `[${value.map((item) => reprAt(item, depth + 1)).join(', ')}]`;
  }
  if (depth >= MAX_DEPTH) return '{...}';
  const pairs = Object.entries(value).map(([key, item]) => `${quote(key)}: ${reprAt(item, depth + 1)}`);
  return `{${pairs.join(', ')}}`;
}

// Everything in it is printable ASCII without quotes and backslash: most texts need no second look.
const SIMPLE_TEXT = /^[ !#-&(-[\]-~]*$/;
const SPECIAL = /['"\\]|[\p{C}\p{Z}]/gu;

function quote(text: string): string {
  if (SIMPLE_TEXT.test(text)) return `'${text}'`;
  const mark = text.includes("'") && !text.includes('"') ? '"' : "'";
  return mark + text.replace(SPECIAL, (character) => escapeCharacter(character, mark)) + mark;
}

function escapeCharacter(character: string, mark: string): string {
  if (character === ' ') return character;
  if (character === mark || character === '\\') return `\\${character}`;
  if (character === '"' || character === "'") return character;
  if (character === '\n') return '\\n';
  if (character === '\r') return '\\r';
  if (character === '\t') return '\\t';
  const point = character.codePointAt(0) ?? 0;
  const hex = point.toString(16);
  if (point <= 0xff) return `\\x${hex.padStart(2, '0')}`;
  return point <= 0xffff ? `\\u${hex.padStart(4, '0')}` : `\\U${hex.padStart(8, '0')}`;
}

function scientific(mantissa: string, exponent: number): string {
  const size = Math.abs(exponent);
  return `${mantissa}e${exponent < 0 ? '-' : '+'}${size < 10 ? '0' : ''}${size}`;
}

/** The digits in fixed notation; JavaScript would print small ones with an exponent from 1e-7 on only. */
function plain(value: number, mantissa: string, exponent: number): string {
  if (exponent >= 0) return Number.isInteger(value) ? `${value}.0` : `${value}`;
  const digits = mantissa.replace('-', '').replace('.', '');
  return `${value < 0 ? '-' : ''}0.${'0'.repeat(-exponent - 1)}${digits}`;
}

function namedFloat(negative: boolean, word: string): number {
  if (/^n/i.test(word)) return Number.NaN;
  return negative ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
}

// What `str.isspace` holds for; `trim` of JavaScript differs in U+001C to U+001F, U+0085 and U+FEFF.
const BLANK = String.raw`[\t-\r\x1c-\x20\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]`;
const LEADING_BLANKS = new RegExp(`^${BLANK}+`);
const ONE_BLANK = new RegExp(`^${BLANK}$`);

/** Python's `text.strip()`. */
export function stripBlanks(text: string): string {
  const stripped = text.replace(LEADING_BLANKS, '');
  let end = stripped.length;
  // A pattern `blanks to the end` would be quadratic for a long text with many blanks inside.
  while (end > 0 && ONE_BLANK.test(stripped.charAt(end - 1))) end -= 1;
  return stripped.slice(0, end);
}

/**
 * What Python's number parsers look at: digits and blanks of other scripts replaced by ASCII ones, then blanks around
 * removed. The separators U+001C to U+001F are no blanks there.
 */
function asciiNumber(text: string): string {
  const ascii = /^[\x00-\x7f]*$/.test(text) ? text : toAscii(text);
  return ascii.trim();
}

function toAscii(text: string): string {
  return text
    .replace(/\p{Nd}/gu, (digit) => String(digitValue(digit.codePointAt(0) ?? 0)))
    .replace(/[^\x00-\x7f]/g, (unit) => (ONE_BLANK.test(unit) ? ' ' : unit === '\ufeff' ? '?' : unit));
}

/** Every script has its digits 0 to 9 in one run, and runs that touch each other are whole tens. */
function digitValue(codePoint: number): number {
  let first = codePoint;
  while (/^\p{Nd}$/u.test(String.fromCodePoint(first - 1))) first -= 1;
  return (codePoint - first) % 10;
}
