import type { Flags } from './python-regex-flags.ts';
import type { RegexScanner } from './python-regex-scanner.ts';

/** Members of a class that hold Python's `\w`: letters and numbers of all scripts, and the underscore. */
export const WORD = String.raw`\p{L}\p{N}_`;
const SPACE = String.raw`\t-\r\x1c-\x20\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000`;

/** The inside of a class for each category letter in lower case: all scripts, and ASCII alone. */
const CATEGORIES: Readonly<Record<string, readonly [all: string, ascii: string]>> = {
  d: [String.raw`\p{Nd}`, '0-9'],
  w: [WORD, '0-9A-Za-z_'],
  s: [SPACE, String.raw`\t-\r\x20`],
};

const CONTROLS: Readonly<Record<string, number>> = { a: 7, f: 12, n: 10, r: 13, t: 9, v: 11 };

/**
 * What follows a backslash that means the same inside and outside of brackets: a class (as JavaScript source) or
 * the code point of a single character.
 */
export function readClassEscape(scanner: RegexScanner, flags: Flags): string | number {
  const octal = scanner.take(/[0-3][0-7]{2}|0[0-7]?/y);
  if (octal !== undefined) return Number.parseInt(octal[0], 8);
  const hex = scanner.take(/x([\da-fA-F]{2})|u([\da-fA-F]{4})|U([\da-fA-F]{8})/y);
  if (hex !== undefined) return hexValue(hex[1] ?? hex[2] ?? hex[3] ?? '', scanner);
  const character = scanner.next();
  const category = CATEGORIES[character.toLowerCase()];
  if (category !== undefined) {
    const members = flags.ascii ? category[1] : category[0];
    return character === character.toLowerCase() ? `[${members}]` : `[^${members}]`;
  }
  const control = CONTROLS[character];
  if (control !== undefined) return control;
  if (/[0-9A-Za-z]/.test(character)) throw scanner.error(`bad escape \\${character}`);
  return character.codePointAt(0) ?? 0;
}

/** Reads a class, its opening bracket being behind, and gives it as JavaScript source. */
export function readClass(scanner: RegexScanner, flags: Flags): string {
  const negation = scanner.accept('^') ? '^' : '';
  let members = '';
  for (let first = true; first || !scanner.accept(']'); first = false) {
    if (scanner.atEnd()) throw scanner.error('unterminated character set');
    members += readMember(scanner, flags);
  }
  return `[${negation}${members}]`;
}

function readMember(scanner: RegexScanner, flags: Flags): string {
  const first = readEnd(scanner, flags);
  if (scanner.take(/-(?=[^\]])/y) === undefined) return memberSource(first);
  const last = readEnd(scanner, flags);
  if (typeof first === 'string' || typeof last === 'string') throw scanner.error('bad character range');
  if (first > last) throw scanner.error('bad character range, its ends are in the wrong order');
  return `${memberSource(first)}-${memberSource(last)}`;
}

function readEnd(scanner: RegexScanner, flags: Flags): string | number {
  if (!scanner.accept('\\')) return scanner.next().codePointAt(0) ?? 0;
  return scanner.accept('b') ? 8 : readClassEscape(scanner, flags);
}

/** All but letters and digits as a code, so that no two of them can make an operator of JavaScript's sets. */
function memberSource(member: string | number): string {
  if (typeof member === 'string') return member;
  const character = String.fromCodePoint(member);
  return /[0-9A-Za-z]/.test(character) ? character : `\\u{${member.toString(16)}}`;
}

function hexValue(digits: string, scanner: RegexScanner): number {
  const value = Number.parseInt(digits, 16);
  if (value > 0x10ffff) throw scanner.error('bad escape, no such code point');
  return value;
}
