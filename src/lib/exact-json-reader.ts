import { FloatToken, type JsonObject, type JsonValue } from '../model/json.ts';

/** A text that is no JSON, or that holds a number or nesting beyond the limits. `offset` counts UTF-16 units from 0. */
export class ExactJsonError extends Error {
  readonly offset: number;

  constructor(message: string, offset: number) {
    super(`${message} (offset ${offset})`);
    this.name = 'ExactJsonError';
    this.offset = offset;
  }
}

/** Parses a whole text; see `parseExact` of exact-json.ts. */
export function readExact(text: string, maxDepth: number): JsonValue {
  const reader = new Reader(text, maxDepth);
  return reader.readDocument();
}

const NUMBER = /-?(?:0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?/y;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;

class Reader {
  readonly #text: string;
  readonly #maxDepth: number;
  #offset = 0;

  constructor(text: string, maxDepth: number) {
    this.#text = text;
    this.#maxDepth = maxDepth;
  }

  readDocument(): JsonValue {
    const value = this.#readValue(0);
    if (this.#peek() !== -1) throw this.#unexpected();
    return value;
  }

  #readValue(depth: number): JsonValue {
    switch (this.#peek()) {
      case 0x7b:
        return this.#readObject(depth);
      case 0x5b:
        return this.#readList(depth);
      case QUOTE:
        return this.#readString();
      case 0x74:
        return this.#readWord('true', true);
      case 0x66:
        return this.#readWord('false', false);
      case 0x6e:
        return this.#readWord('null', null);
      default:
        return this.#readNumber();
    }
  }

  #readObject(depth: number): JsonObject {
    this.#enter(depth);
    const object: Record<string, JsonValue> = {};
    if (this.#accept(0x7d)) return object;
    for (;;) {
      if (this.#peek() !== QUOTE) throw this.#unexpected();
      const key = this.#readString();
      this.#expect(0x3a);
      setOwn(object, key, this.#readValue(depth + 1));
      if (this.#accept(0x7d)) return object;
      this.#expect(0x2c);
    }
  }

  #readList(depth: number): readonly JsonValue[] {
    this.#enter(depth);
    const list: JsonValue[] = [];
    if (this.#accept(0x5d)) return list;
    for (;;) {
      list.push(this.#readValue(depth + 1));
      if (this.#accept(0x5d)) return list;
      this.#expect(0x2c);
    }
  }

  #enter(depth: number): void {
    if (depth >= this.#maxDepth) {
      throw new ExactJsonError(`Nested deeper than ${this.#maxDepth} levels`, this.#offset);
    }
    this.#offset += 1;
  }

  /** Texts without escapes are cut out; the rest is left to JSON.parse, which also judges the escapes. */
  #readString(): string {
    const text = this.#text;
    const start = this.#offset + 1;
    for (let index = start; index < text.length; index += 1) {
      const unit = text.charCodeAt(index);
      if (unit === QUOTE) {
        this.#offset = index + 1;
        return text.slice(start, index);
      }
      if (unit === BACKSLASH) return this.#readEscapedString(index);
      if (unit < 0x20) throw new ExactJsonError('Unescaped control character in a text', index);
    }
    throw new ExactJsonError('Text without end', text.length);
  }

  #readEscapedString(firstEscape: number): string {
    const text = this.#text;
    let index = firstEscape;
    for (;;) {
      const unit = text.charCodeAt(index);
      if (Number.isNaN(unit)) throw new ExactJsonError('Text without end', text.length);
      if (unit === QUOTE) break;
      index += unit === BACKSLASH ? 2 : 1;
    }
    const token = text.slice(this.#offset, index + 1);
    try {
      const value: unknown = JSON.parse(token);
      this.#offset = index + 1;
      return String(value);
    } catch (cause) {
      throw new ExactJsonError(`Bad escape or control character in a text: ${String(cause)}`, this.#offset);
    }
  }

  #readNumber(): JsonValue {
    NUMBER.lastIndex = this.#offset;
    const found = NUMBER.exec(this.#text);
    if (found === null) throw this.#unexpected();
    const token = found[0];
    const value = Number(token);
    if (!Number.isFinite(value)) throw new ExactJsonError(`Number ${cut(token)} out of range`, this.#offset);
    this.#offset += token.length;
    if (found[1] !== undefined || found[2] !== undefined) {
      return Number.isInteger(value) ? new FloatToken(value) : value;
    }
    return Number.isSafeInteger(value) ? value : BigInt(token);
  }

  #readWord<T>(word: string, value: T): T {
    if (!this.#text.startsWith(word, this.#offset)) throw this.#unexpected();
    this.#offset += word.length;
    return value;
  }

  /** The next code unit that is no blank, or -1 at the end; the offset then stands on it. */
  #peek(): number {
    for (; this.#offset < this.#text.length; this.#offset += 1) {
      const unit = this.#text.charCodeAt(this.#offset);
      if (unit !== 0x20 && unit !== 0x0a && unit !== 0x0d && unit !== 0x09) return unit;
    }
    return -1;
  }

  #accept(unit: number): boolean {
    if (this.#peek() !== unit) return false;
    this.#offset += 1;
    return true;
  }

  #expect(unit: number): void {
    if (!this.#accept(unit)) throw this.#unexpected();
    this.#peek();
  }

  #unexpected(): ExactJsonError {
    const found = this.#text.codePointAt(this.#offset);
    const what = found === undefined ? 'end' : JSON.stringify(String.fromCodePoint(found));
    return new ExactJsonError(`Unexpected ${what}`, this.#offset);
  }
}

/** As an assignment, except that `__proto__` becomes a key like any other. */
function setOwn(object: Record<string, JsonValue>, key: string, value: JsonValue): void {
  if (key === '__proto__') {
    Object.defineProperty(object, key, { value, writable: true, enumerable: true, configurable: true });
  } else {
    object[key] = value;
  }
}

function cut(token: string): string {
  return token.length <= 40 ? token : `${token.slice(0, 40)}…`;
}
