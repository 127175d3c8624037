import { PythonExpressionError } from './python-expression-error.ts';

/**
 * Reads a Python text literal in single or double quotes; `start` is the offset of the opening quote. In a raw one
 * backslashes are data. `end` is the offset behind the closing quote. Throws PythonExpressionError.
 */
export function readPythonText(
  source: string,
  start: number,
  raw: boolean,
): { readonly value: string; readonly end: number } {
  const quote = source.charAt(start);
  let value = '';
  let offset = start + 1;
  while (source.charAt(offset) !== quote) {
    const unit = source.charAt(offset);
    if (unit === '' || unit === '\n')
      throw new PythonExpressionError('This text has no closing quote', start);
    const piece = unit === '\\' ? readEscape(source, offset, raw) : { value: unit, end: offset + 1 };
    value += piece.value;
    offset = piece.end;
  }
  return { value, end: offset + 1 };
}

const SIMPLE: Readonly<Record<string, string>> = {
  '\n': '',
  '\\': '\\',
  "'": "'",
  '"': '"',
  a: '\x07',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
};
const OCTAL = /[0-7]{1,3}/y;
const HEX: Readonly<Record<string, number>> = { x: 2, u: 4, U: 8 };

function readEscape(
  source: string,
  offset: number,
  raw: boolean,
): { readonly value: string; readonly end: number } {
  const unit = source.charAt(offset + 1);
  // The next round finds that the text has no end.
  if (unit === '') return { value: '', end: offset + 1 };
  if (raw) return { value: `\\${unit}`, end: offset + 2 };
  const simple = Object.hasOwn(SIMPLE, unit) ? SIMPLE[unit] : undefined;
  if (simple !== undefined) return { value: simple, end: offset + 2 };
  const digits = Object.hasOwn(HEX, unit) ? HEX[unit] : undefined;
  if (digits !== undefined) return readHex(source, offset, digits);
  OCTAL.lastIndex = offset + 1;
  const octal = OCTAL.exec(source)?.[0];
  if (octal !== undefined) {
    return { value: String.fromCharCode(Number.parseInt(octal, 8)), end: offset + 1 + octal.length };
  }
  if (unit === 'N') throw new PythonExpressionError('Characters by name (\\N) are not supported', offset);
  return { value: `\\${unit}`, end: offset + 2 };
}

function readHex(
  source: string,
  offset: number,
  digits: number,
): { readonly value: string; readonly end: number } {
  const end = offset + 2 + digits;
  const text = source.slice(offset + 2, end);
  const point = Number.parseInt(text, 16);
  if (text.length < digits || !/^[\da-fA-F]+$/.test(text) || point > 0x10ffff) {
    throw new PythonExpressionError('This escape names no character', offset);
  }
  return { value: String.fromCodePoint(point), end };
}
