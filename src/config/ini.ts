import type { ErrorCode } from '../component/error-codes.ts';
import { type Position, type Problem, problem } from '../component/errors.ts';
import { normalizeText, SourceText } from './source-text.ts';

/** One assignment of an INI file, as it stands there. */
export interface IniEntry {
  /** As written; compare with `sameGroup` or `normalizeGroup`. */
  readonly group: string;
  readonly name: string;
  /** Without surrounding blanks and quotes; continuation lines joined by line feeds; nothing substituted. */
  readonly value: string;
  /** Where the name stands. */
  readonly position: Position;
  /** Where the value begins. */
  readonly valuePosition: Position;
}

/**
 * Reads the INI dialect of oslo.config: comments only at the beginning of a line, `=` or `:`, indented lines continue
 * a value, a blank line or a comment ends it, one pair of quotes around the first line of a value is taken off. All
 * mistakes of the file are reported, in order. Entries keep their order; repeated names are kept. Never throws.
 */
export function parseIni(
  file: string,
  text: string,
): { readonly entries: readonly IniEntry[]; readonly problems: readonly Problem[] } {
  const reader = new IniReader(new SourceText(file, normalizeText(text)));
  reader.read();
  return { entries: reader.entries, problems: reader.problems };
}

/** Group names match in any case, but for DEFAULT: `[default]` is another group. */
export function normalizeGroup(group: string): string {
  return group === 'DEFAULT' ? group : group.toLowerCase();
}

/** Mistakes reported per file: who has more has named the wrong file. */
const maxProblems = 100;

interface OpenEntry {
  readonly name: string;
  readonly values: string[];
  readonly start: number;
  readonly valueStart: number;
}

class IniReader {
  readonly entries: IniEntry[] = [];
  readonly problems: Problem[] = [];
  readonly #source: SourceText;
  #group: string | null = null;
  #groupIsBroken = false;
  #open: OpenEntry | null = null;

  constructor(source: SourceText) {
    this.#source = source;
  }

  read(): void {
    let start = 0;
    for (const rawLine of this.#source.text.split('\n')) {
      this.#line(rawLine.trimEnd(), start);
      start += rawLine.length + 1;
    }
    this.#close();
  }

  #line(line: string, start: number): void {
    if (line === '') {
      this.#close();
    } else if (/^[ \t]/.test(line)) {
      this.#continuation(line, start);
    } else {
      this.#close();
      if (line.startsWith('[')) this.#section(line, start);
      else if (!/^[#;]/.test(line)) this.#assignment(line, start);
    }
  }

  #continuation(line: string, start: number): void {
    const text = line.trimStart();
    if (this.#open !== null) {
      this.#open.values.push(text);
      return;
    }
    // What stands here may be the rest of a password: the line is not shown.
    const hint = /^[#;]/.test(text)
      ? 'Begin the comment in the first column.'
      : 'Remove the blanks at the beginning of the line; a blank line or a comment ends a value.';
    const { file, line: number, column } = this.#source.positionAt(start + line.length - text.length);
    this.#report('E1007', 'an indented line continues no option', { file, line: number, column }, hint);
  }

  #section(line: string, start: number): void {
    this.#groupIsBroken = true;
    const at = this.#source.positionAt(start);
    if (!line.endsWith(']')) {
      const hint = line.includes(']')
        ? 'Nothing may follow the bracket; put the comment on a line of its own.'
        : undefined;
      this.#report('E1006', 'a group ends with ]', at, hint);
    } else if (line.length === 2) {
      this.#report('E1006', 'the group has no name', at);
    } else {
      this.#group = line.slice(1, -1);
      this.#groupIsBroken = false;
    }
  }

  #assignment(line: string, start: number): void {
    const separator = line.search(/[=:]/);
    const name = line.slice(0, separator).trim();
    if (separator === -1) {
      this.#report('E1004', 'there is no = or : in this line', this.#firstWordAt(line, start));
    } else if (name === '') {
      this.#report('E1004', 'the name before the = is missing', this.#firstWordAt(line, start));
    } else {
      this.#begin(line, start, name, separator);
    }
  }

  #begin(line: string, start: number, name: string, separator: number): void {
    const rest = line.slice(separator + 1);
    const value = rest.trim();
    const valueStart = start + line.length - rest.trimStart().length;
    if (this.#group === null && !this.#groupIsBroken) {
      this.#report('E1005', `${name} stands before the first [group]`, this.#source.positionAt(start));
      // Said once: the options below it are in the same case.
      this.#groupIsBroken = true;
    }
    this.#open = { name, values: [withoutQuotes(value)], start, valueStart };
  }

  #close(): void {
    const open = this.#open;
    this.#open = null;
    if (open === null || this.#group === null || this.#groupIsBroken) return;
    this.entries.push({
      group: this.#group,
      name: open.name,
      value: open.values.join('\n'),
      position: this.#source.positionAt(open.start),
      valuePosition: this.#source.positionAt(open.valueStart),
    });
  }

  /** The line without what follows its first word: a password may stand there. */
  #firstWordAt(line: string, start: number): Position {
    const { file, line: number, column } = this.#source.positionAt(start);
    const word = /^[a-z_]+(?!\S)/.exec(line)?.[0];
    return { file, line: number, column, ...(word === undefined ? {} : { text: word }) };
  }

  #report(code: ErrorCode, what: string, position: Position, hint?: string): void {
    if (this.problems.length >= maxProblems) return;
    this.problems.push(problem(code, what, position, hint === undefined ? {} : { hint }));
  }
}

function withoutQuotes(value: string): string {
  const quoted = /^["']/.test(value) && value.startsWith(value.slice(-1));
  return quoted ? value.slice(1, -1) : value;
}
