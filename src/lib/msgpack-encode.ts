import { FloatToken, type JsonArray, type JsonObject, type JsonValue } from '../model/json.ts';
import { isList } from './json-list.ts';
import { MsgpackError } from './msgpack-error.ts';

/** Writes one document; see `encodeMsgpack` of msgpack.ts. */
export function writeMsgpack(value: JsonValue, maxDepth: number): Buffer {
  const writer = new Writer(maxDepth);
  writer.write(value, 0);
  return writer.finish();
}

/** Samples are of this size, so most documents need no larger buffer. */
const FIRST_SIZE = 2048;
const INT64_MIN = -(2n ** 63n);
const UINT64_END = 2n ** 64n;

class Writer {
  readonly #maxDepth: number;
  #bytes = Buffer.allocUnsafe(FIRST_SIZE);
  #length = 0;

  constructor(maxDepth: number) {
    this.#maxDepth = maxDepth;
  }

  finish(): Buffer {
    return this.#bytes.subarray(0, this.#length);
  }

  write(value: JsonValue, depth: number): void {
    if (typeof value === 'string') this.#text(value);
    else if (typeof value === 'number') this.#number(value);
    else if (typeof value === 'bigint') this.#bigint(value);
    else if (value instanceof FloatToken) this.#float(value.value);
    else if (value === null) this.#byte(0xc0);
    else if (typeof value === 'boolean') this.#byte(value ? 0xc3 : 0xc2);
    else this.#collection(value, depth);
  }

  #collection(value: JsonArray | JsonObject, depth: number): void {
    if (depth >= this.#maxDepth) throw new MsgpackError(`Nested deeper than ${this.#maxDepth} levels`);
    if (!isList(value)) {
      this.#mapping(value, depth);
      return;
    }
    this.#head(value.length, 0x90, 0xdc);
    for (const item of value) this.write(item, depth + 1);
  }

  #mapping(mapping: JsonObject, depth: number): void {
    const keys = Object.keys(mapping).filter((key) => mapping[key] !== undefined);
    this.#head(keys.length, 0x80, 0xde);
    for (const key of keys) {
      this.#text(key);
      this.write(mapping[key] ?? null, depth + 1);
    }
  }

  /** The length of a list or mapping; `large` is the type with two bytes, the next one that with four. */
  #head(length: number, small: number, large: number): void {
    if (length < 16) this.#byte(small | length);
    else if (length < 0x1_0000) this.#sized(large, length, 2);
    else this.#sized(large + 1, length, 4);
  }

  #text(text: string): void {
    const size = Buffer.byteLength(text);
    if (size < 32) this.#byte(0xa0 | size);
    else if (size < 0x100) this.#sized(0xd9, size, 1);
    else if (size < 0x1_0000) this.#sized(0xda, size, 2);
    else this.#sized(0xdb, size, 4);
    const at = this.#take(size);
    this.#bytes.write(text, at, 'utf8');
  }

  #number(value: number): void {
    if (!Number.isInteger(value)) this.#float(value);
    else if (!Number.isSafeInteger(value)) this.#unsafeInteger(value);
    else if (value >= 0) this.#unsigned(value);
    else this.#negative(value);
  }

  /** By the digits that JSON text and signature have for it. */
  #unsafeInteger(value: number): void {
    const digits = `${value}`;
    if (digits.includes('e')) this.#float(value);
    else this.#bigint(BigInt(digits));
  }

  #unsigned(value: number): void {
    if (value < 0x80) this.#byte(value);
    else if (value < 0x100) this.#sized(0xcc, value, 1);
    else if (value < 0x1_0000) this.#sized(0xcd, value, 2);
    else if (value < 0x1_0000_0000) this.#sized(0xce, value, 4);
    else this.#bigint(BigInt(value));
  }

  #negative(value: number): void {
    if (value >= -0x20) this.#byte(value & 0xff);
    else if (value >= -0x80) this.#sized(0xd0, value & 0xff, 1);
    else if (value >= -0x8000) this.#sized(0xd1, value & 0xffff, 2);
    else if (value >= -0x8000_0000) this.#sized(0xd2, value >>> 0, 4);
    else this.#bigint(BigInt(value));
  }

  #bigint(value: bigint): void {
    if (value < INT64_MIN || value >= UINT64_END) throw new MsgpackError('Integer beyond 64 bits');
    this.#byte(value < 0n ? 0xd3 : 0xcf);
    const at = this.#take(8);
    if (value < 0n) this.#bytes.writeBigInt64BE(value, at);
    else this.#bytes.writeBigUInt64BE(value, at);
  }

  #float(value: number): void {
    this.#byte(0xcb);
    const at = this.#take(8);
    this.#bytes.writeDoubleBE(value, at);
  }

  #sized(type: number, value: number, size: number): void {
    this.#byte(type);
    const at = this.#take(size);
    this.#bytes.writeUIntBE(value, at, size);
  }

  #byte(value: number): void {
    const at = this.#take(1);
    this.#bytes[at] = value;
  }

  /** The position of `size` bytes more. May replace the buffer, so it comes before the buffer is named. */
  #take(size: number): number {
    const start = this.#length;
    this.#length += size;
    if (this.#length > this.#bytes.length) {
      const larger = Buffer.allocUnsafe(Math.max(this.#length, this.#bytes.length * 2));
      this.#bytes.copy(larger, 0, 0, start);
      this.#bytes = larger;
    }
    return start;
  }
}
