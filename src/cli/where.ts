import { NephoscopeError } from '../component/errors.ts';

/** The comparisons of `--where` and what the API calls them. */
const OPERATORS = {
  '=': 'eq',
  '==': 'eq',
  '!=': 'ne',
  '<': 'lt',
  '<=': 'le',
  '>': 'gt',
  '>=': 'ge',
} as const;
export type WhereOperator = (typeof OPERATORS)[keyof typeof OPERATORS];

/** One condition of a `--where` text. */
export interface WhereCondition {
  readonly field: string;
  readonly op: WhereOperator;
  readonly value: string;
  /** Whether the value stood in quotes: then it is text and nothing else. */
  readonly quoted: boolean;
  /** Where the condition begins, from 0; for errors. */
  readonly position: number;
}

/**
 * Reads conditions joined by `and`: `project=demo and timestamp>=2026-03-01 and metadata.display_name='my vm'`.
 *
 * A field is a word of letters, digits and `_ . : - [ ]`, or stands in quotes; a value is everything up to the next
 * blank, or stands in quotes, where a backslash takes the next character as it is. Throws a `NephoscopeError`
 * (E4030) that shows the place, and nothing else. Pure.
 */
export function parseWhere(text: string): readonly WhereCondition[] {
  const reader = new WhereReader(text);
  const conditions = [reader.condition()];
  while (reader.and()) conditions.push(reader.condition());
  return conditions;
}

/** The error for something in a `--where` text, with a line that points at it. */
export function whereError(text: string, position: number, message: string, hint?: string): NephoscopeError {
  const before = [...text.slice(0, position)].length;
  const shown = text.replaceAll(/\s/g, ' ');
  return new NephoscopeError(
    'E4030',
    `${message}\n  ${shown}\n  ${' '.repeat(before)}^`,
    hint === undefined ? {} : { hint },
  );
}

class WhereReader {
  readonly #text: string;
  #position = 0;

  constructor(text: string) {
    this.#text = text;
  }

  condition(): WhereCondition {
    this.#skip(/\s*/y);
    const position = this.#position;
    const field = this.#quoted() ?? this.#take(/[\p{L}_][\p{L}\p{N}_.:[\]-]*/uy);
    if (field === null) throw this.#error('A field is expected here');
    this.#skip(/\s*/y);
    const operator = this.#take(/[=!<>]{1,2}/y);
    const op = Object.entries(OPERATORS).find(([known]) => known === operator)?.[1];
    if (op === undefined) throw this.#operatorError(operator);
    this.#skip(/\s*/y);
    const quoted = this.#quoted();
    const value = quoted ?? this.#take(/[^\s'"]\S*/y);
    if (value === null) throw this.#error('A value is expected here');
    return { field, op, value, quoted: quoted !== null, position };
  }

  /** True when another condition follows, false at the end. */
  and(): boolean {
    const blank = this.#take(/\s+/y);
    if (this.#position === this.#text.length) return false;
    if (blank !== null && this.#take(/and(?=\s|$)/iy) !== null) return true;
    throw this.#error('and, or the end, is expected here', OR_HINT);
  }

  /** A text in quotes, or null when none begins here. */
  #quoted(): string | null {
    const mark = this.#text[this.#position];
    if (mark !== "'" && mark !== '"') return null;
    const pattern = mark === "'" ? /'(?:[^'\\]|\\[\s\S])*'/y : /"(?:[^"\\]|\\[\s\S])*"/y;
    const text = this.#take(pattern);
    if (text === null) throw this.#error('The quote that begins here has no end');
    return text.slice(1, -1).replaceAll(/\\([\s\S])/g, '$1');
  }

  #take(pattern: RegExp): string | null {
    pattern.lastIndex = this.#position;
    const found = pattern.exec(this.#text)?.[0] ?? null;
    if (found !== null) this.#position = pattern.lastIndex;
    return found;
  }

  #skip(pattern: RegExp): void {
    this.#take(pattern);
  }

  #operatorError(taken: string | null): NephoscopeError {
    const known = Object.keys(OPERATORS).join(' ');
    if (taken !== null) this.#position -= taken.length;
    return this.#error(`A comparison is expected here, one of ${known}`);
  }

  #error(message: string, hint?: string): NephoscopeError {
    return whereError(this.#text, this.#position, message, hint);
  }
}

const OR_HINT =
  'Conditions are joined by and only; ask twice for or. A value with blanks stands in quotes, ' +
  "e.g. metadata.display_name='my vm'.";
