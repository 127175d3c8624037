import type { JsonValue } from '../model/json.ts';
import { parsePythonFloat, parsePythonInt } from './python-text.ts';

/** A text that is no literal of Python. `column` counts characters from 1. */
export class PythonLiteralError extends Error {
  readonly column: number;

  constructor(what: string, column: number) {
    super(`${what} at character ${column}`);
    this.name = 'PythonLiteralError';
    this.column = column;
  }
}

/** Deeper is a mistake, or an attack on the stack. */
const MAX_DEPTH = 64;
const MAX_LENGTH = 1_048_576;

/**
 * Reads what Python's `ast.literal_eval` reads and JSON can hold: text (both quotes, triple ones too, with escapes and the
 * prefixes `u` and `r`), numbers, `None`, `True`, `False`, lists, tuples (as lists), mappings whose keys are texts or other
 * scalars (as the text Python prints). JSON itself is understood as well, `null`, `true` and `false` included. Sets, bytes,
 * complex numbers, infinity and every kind of expression are refused. Nothing is evaluated. Pure; linear in time; throws
 * `PythonLiteralError` and nothing else.
 */
export function parsePythonLiteral(text: string): JsonValue {
  if (text.length > MAX_LENGTH) throw new PythonLiteralError('The text is too long', 1);
  const reader = new Reader(text);
  const value = reader.value(0);
  reader.end();
  return value;
}

const WORDS: ReadonlyMap<string, boolean | null> = new Map([
  ['None', null],
  ['True', true],
  ['False', false],
  ['null', null],
  ['true', true],
  ['false', false],
]);

const SIMPLE_ESCAPES: ReadonlyMap<string, string> = new Map([
  ['\\', '\\'],
  ["'", "'"],
  ['"', '"'],
  ['/', '/'],
  ['a', '\u0007'],
  ['b', '\b'],
  ['f', '\f'],
  ['n', '\n'],
  ['r', '\r'],
  ['t', '\t'],
  ['v', '\v'],
  ['\n', ''],
]);

const HEX_ESCAPES: ReadonlyMap<string, number> = new Map([
  ['x', 2],
  ['u', 4],
  ['U', 8],
]);

class Reader {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  value(depth: number): JsonValue {
    if (depth > MAX_DEPTH) throw this.#error('The nesting is too deep');
    this.#blanks();
    const character = this.#text[this.#at] ?? '';
    if (character === '{') return this.#mapping(depth);
    if (character === '[') return this.#items(']', depth);
    if (character === '(') return this.#tuple(depth);
    const start = this.#textStart();
    if (start !== null) return this.#texts(start);
    return this.#word();
  }

  end(): void {
    this.#blanks();
    if (this.#at < this.#text.length) throw this.#error('Something follows the value');
  }

  #mapping(depth: number): JsonValue {
    const entries: [string, JsonValue][] = [];
    this.#at++;
    while (!this.#closes('}')) {
      const key = this.#key(depth);
      this.#expect(':');
      entries.push([key, this.value(depth + 1)]);
      if (!this.#separates('}')) break;
    }
    return Object.fromEntries(entries);
  }

  #key(depth: number): string {
    const key = this.value(depth + 1);
    if (typeof key === 'string') return key;
    if (key === null) return 'None';
    if (typeof key === 'boolean') return key ? 'True' : 'False';
    if (typeof key === 'number' || typeof key === 'bigint') return String(key);
    throw this.#error('A list cannot be the key of a mapping');
  }

  #items(close: string, depth: number): JsonValue[] {
    const items: JsonValue[] = [];
    this.#at++;
    while (!this.#closes(close)) {
      items.push(this.value(depth + 1));
      if (!this.#separates(close)) break;
    }
    return items;
  }

  /** Without a comma the parentheses only group. */
  #tuple(depth: number): JsonValue {
    const open = this.#at;
    const items = this.#items(')', depth);
    const [only] = items;
    const grouped = items.length === 1 && !/,\s*\)$/.test(this.#text.slice(open, this.#at));
    return grouped && only !== undefined ? only : items;
  }

  /** True, and past it, when the container ends here. */
  #closes(close: string): boolean {
    this.#blanks();
    if (this.#text[this.#at] !== close) return false;
    this.#at++;
    return true;
  }

  /** Past a comma: true. Past the end: false. */
  #separates(close: string): boolean {
    if (this.#closes(close)) return false;
    this.#expect(',');
    return true;
  }

  #expect(character: string): void {
    this.#blanks();
    if (this.#text[this.#at] !== character) throw this.#error(`A ${character} is missing`);
    this.#at++;
  }

  #blanks(): void {
    while (/\s/.test(this.#text[this.#at] ?? '')) this.#at++;
  }

  /** The prefix and the quotes of a text that begins here, or null. */
  #textStart(): { readonly isRaw: boolean; readonly quotes: string } | null {
    TEXT_START.lastIndex = this.#at;
    const [found, prefix = '', quotes = ''] = TEXT_START.exec(this.#text) ?? [];
    if (found === undefined) return null;
    if (/b/i.test(prefix)) throw this.#error('Bytes cannot be sent');
    if (/f/i.test(prefix)) throw this.#error('A text with expressions in it is not evaluated');
    this.#at += found.length;
    return { isRaw: /r/i.test(prefix), quotes };
  }

  /** Texts that stand side by side are one. */
  #texts(first: { readonly isRaw: boolean; readonly quotes: string }): string {
    const pieces: string[] = [];
    for (let start: typeof first | null = first; start !== null; start = this.#textStart()) {
      pieces.push(this.#textBody(start.quotes, start.isRaw));
      this.#blanks();
    }
    return pieces.join('');
  }

  #textBody(quotes: string, isRaw: boolean): string {
    const pieces: string[] = [];
    for (;;) {
      const character = this.#text[this.#at];
      if (character === undefined) throw this.#error('The text is not closed');
      if (this.#text.startsWith(quotes, this.#at)) {
        this.#at += quotes.length;
        return pieces.join('');
      }
      if (character === '\n' && quotes.length === 1) throw this.#error('The text is not closed in its line');
      this.#at++;
      pieces.push(character === '\\' ? this.#escape(isRaw) : character);
    }
  }

  /** What follows a backslash; unknown escapes stay as they are, as in Python. */
  #escape(isRaw: boolean): string {
    const character = this.#text[this.#at];
    if (character === undefined) throw this.#error('The text is not closed');
    const digits = HEX_ESCAPES.get(character);
    if (!isRaw && digits !== undefined) return this.#hexEscape(digits);
    if (!isRaw && /[0-7]/.test(character)) return this.#octalEscape();
    this.#at++;
    return isRaw ? `\\${character}` : (SIMPLE_ESCAPES.get(character) ?? `\\${character}`);
  }

  #hexEscape(digits: number): string {
    const text = this.#text.slice(this.#at + 1, this.#at + 1 + digits);
    const code = Number.parseInt(text, 16);
    if (text.length < digits || !/^[0-9a-f]+$/i.test(text) || code > 0x10ffff) {
      throw this.#error('The escape is no character');
    }
    this.#at += 1 + digits;
    return String.fromCodePoint(code);
  }

  #octalEscape(): string {
    const digits = /^[0-7]{1,3}/.exec(this.#text.slice(this.#at, this.#at + 3))?.[0] ?? '';
    this.#at += digits.length;
    return String.fromCharCode(Number.parseInt(digits, 8));
  }

  #word(): JsonValue {
    WORD.lastIndex = this.#at;
    const word = WORD.exec(this.#text)?.[0];
    if (word === undefined) throw this.#error('A value is missing');
    const named = WORDS.get(word);
    const value = named === undefined ? tryParseNumber(word) : named;
    if (value === undefined) throw this.#error(`${JSON.stringify(word.slice(0, 40))} is no value`);
    this.#at += word.length;
    return value;
  }

  #error(what: string): PythonLiteralError {
    return new PythonLiteralError(what, this.#at + 1);
  }
}

const TEXT_START = /([a-zA-Z]{0,2})('''|"""|'|")/y;
const WORD = /[^\s,:()[\]{}'"]+/y;

/** Decimal, with underscores, or 0x, 0o, 0b; finite. */
function tryParseNumber(word: string): number | bigint | undefined {
  const based = /^([+-]?)(0[xX][0-9a-fA-F]{1,400}|0[oO][0-7]{1,400}|0[bB][01]{1,400})$/.exec(word);
  if (based !== null) return narrow(BigInt(based[2] ?? '0') * (based[1] === '-' ? -1n : 1n));
  // Python refuses leading zeros, which were octal once.
  if (!/^[+-]?(?:\d|\.\d)/.test(word) || /^[+-]?0\d+$/.test(word)) return undefined;
  const integer = parsePythonInt(word);
  if (integer !== undefined) return integer;
  const float = parsePythonFloat(word);
  return float !== undefined && Number.isFinite(float) ? float : undefined;
}

function narrow(value: bigint): number | bigint {
  return value >= BigInt(Number.MIN_SAFE_INTEGER) && value <= BigInt(Number.MAX_SAFE_INTEGER)
    ? Number(value)
    : value;
}
