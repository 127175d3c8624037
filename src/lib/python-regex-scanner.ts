/** A pattern that Python refuses or JavaScript cannot express; `offset` counts UTF-16 units from 0. */
export class RegexSyntaxError extends Error {
  /** What is wrong, without the offset that the message ends with. */
  readonly reason: string;
  readonly offset: number;

  constructor(reason: string, offset: number) {
    super(`${reason} (offset ${offset})`);
    this.reason = reason;
    this.name = 'RegexSyntaxError';
    this.offset = offset;
  }
}

/** Walks over a pattern by code points and takes the small units that need no context. */
export class RegexScanner {
  readonly #pattern: string;
  offset = 0;

  constructor(pattern: string) {
    this.#pattern = pattern;
  }

  atEnd(): boolean {
    return this.offset >= this.#pattern.length;
  }

  /** The next UTF-16 unit, or empty text at the end. */
  peek(): string {
    return this.#pattern.charAt(this.offset);
  }

  next(): string {
    const point = this.#pattern.codePointAt(this.offset);
    if (point === undefined) throw this.error('unexpected end of pattern');
    const character = String.fromCodePoint(point);
    this.offset += character.length;
    return character;
  }

  accept(text: string): boolean {
    if (!this.#pattern.startsWith(text, this.offset)) return false;
    this.offset += text.length;
    return true;
  }

  /** The match of a sticky expression here, taken; undefined leaves the place as it was. */
  take(expression: RegExp): RegExpExecArray | undefined {
    expression.lastIndex = this.offset;
    const found = expression.exec(this.#pattern);
    if (found === null) return undefined;
    this.offset += found[0].length;
    return found;
  }

  /** In verbose mode: takes one blank or a comment up to its line's end. */
  skipVerboseBlank(): boolean {
    return this.take(/[ \t\n\r\f\v]|#[^\n]*/y) !== undefined;
  }

  /** `*`, `+`, `?` or braces, as JavaScript writes it; braces that are no repetition are left alone. */
  takeRepetition(): string | undefined {
    const sign = this.take(/[*+?]/y);
    if (sign !== undefined) return sign[0];
    const braces = this.repetitionFrom(this.offset);
    if (braces === undefined) return undefined;
    this.offset += braces.length;
    return braces.startsWith('{,') ? braces.replace('{,', '{0,') : braces;
  }

  /** The text of a repetition in braces that begins at `offset`. */
  repetitionFrom(offset: number): string | undefined {
    const braces = /\{(?:\d+,?\d*|,\d*)\}/y;
    braces.lastIndex = offset;
    return braces.exec(this.#pattern)?.[0];
  }

  takeName(end: string): string {
    const name = this.take(/[\p{ID_Start}_][\p{ID_Continue}]*/uy);
    if (name === undefined) throw this.error('bad group name');
    if (!this.accept(end)) throw this.error(`missing ${end} after group name`);
    return name[0];
  }

  /** The letters of `(?i:` or `(?-i:`, taken with the colon. */
  takeFlags(): string {
    const found = this.take(/([a-zA-Z]*(?:-[a-zA-Z]+)?):/y);
    if (found !== undefined) return found[1] ?? '';
    if (this.take(/[a-zA-Z]+\)/y) !== undefined) {
      throw this.error('global flags stand at the start of the expression only');
    }
    throw this.error('unknown extension of a group');
  }

  /** The number of a back reference, its backslash being behind; octal escapes are none. */
  takeReference(): string | undefined {
    if (this.take(/(?=[0-3][0-7]{2}|0)/y) !== undefined) return undefined;
    return this.take(/[1-9]\d?/y)?.[0];
  }

  error(message: string): RegexSyntaxError {
    return new RegexSyntaxError(message, Math.min(this.offset, this.#pattern.length));
  }
}
