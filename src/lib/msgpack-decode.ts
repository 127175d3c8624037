import { isUtf8 } from 'node:buffer';
import { FloatToken, type JsonObject, type JsonValue } from '../model/json.ts';
import { MsgpackError } from './msgpack-error.ts';

/** Reads one whole document; see `decodeMsgpack` of msgpack.ts. */
export function readMsgpack(bytes: Uint8Array, maxDepth: number): JsonValue {
  const reader = new Reader(bytes, maxDepth);
  return reader.readDocument();
}

class Reader {
  readonly #bytes: Buffer;
  readonly #maxDepth: number;
  #offset = 0;

  constructor(bytes: Uint8Array, maxDepth: number) {
    this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#maxDepth = maxDepth;
  }

  readDocument(): JsonValue {
    const value = this.#readValue(0);
    if (this.#offset === this.#bytes.length) return value;
    throw new MsgpackError('Bytes after the end of the document', this.#offset);
  }

  #readValue(depth: number): JsonValue {
    const start = this.#skip(1);
    const type = this.#bytes[start] ?? 0;
    if (type < 0x80) return type;
    if (type >= 0xe0) return type - 0x100;
    if (type >= 0xa0 && type < 0xc0) return this.#readText(type & 0x1f);
    if (type < 0x90) return this.#readMapping(type & 0x0f, depth, start);
    if (type < 0xa0) return this.#readList(type & 0x0f, depth, start);
    return this.#readTyped(type, depth, start);
  }

  #readTyped(type: number, depth: number, start: number): JsonValue {
    switch (type) {
      case 0xc0:
        return null;
      case 0xc2:
        return false;
      case 0xc3:
        return true;
      case 0xc4: // bin 8 to 32, str 8 to 32: older senders have texts in either
      case 0xd9:
        return this.#readText(this.#readUnsigned(1));
      case 0xc5:
      case 0xda:
        return this.#readText(this.#readUnsigned(2));
      case 0xc6:
      case 0xdb:
        return this.#readText(this.#readUnsigned(4));
      case 0xdc:
        return this.#readList(this.#readUnsigned(2), depth, start);
      case 0xdd:
        return this.#readList(this.#readUnsigned(4), depth, start);
      case 0xde:
        return this.#readMapping(this.#readUnsigned(2), depth, start);
      case 0xdf:
        return this.#readMapping(this.#readUnsigned(4), depth, start);
      default:
        return this.#readNumber(type, start);
    }
  }

  #readNumber(type: number, start: number): JsonValue {
    switch (type) {
      case 0xca:
        return keepFloat(this.#bytes.readFloatBE(this.#skip(4)));
      case 0xcb:
        return keepFloat(this.#bytes.readDoubleBE(this.#skip(8)));
      case 0xcc:
      case 0xcd:
      case 0xce:
        return this.#readUnsigned(1 << (type - 0xcc));
      case 0xcf:
        return narrow(this.#bytes.readBigUInt64BE(this.#skip(8)));
      case 0xd0:
      case 0xd1:
      case 0xd2:
        return this.#readSigned(1 << (type - 0xd0));
      case 0xd3:
        return narrow(this.#bytes.readBigInt64BE(this.#skip(8)));
      default:
        throw new MsgpackError(`Type 0x${type.toString(16)} has no meaning here`, start);
    }
  }

  #readUnsigned(size: number): number {
    return this.#bytes.readUIntBE(this.#skip(size), size);
  }

  #readSigned(size: number): number {
    return this.#bytes.readIntBE(this.#skip(size), size);
  }

  /** The position of the next `size` bytes, which are then behind. */
  #skip(size: number): number {
    const start = this.#offset;
    if (size > this.#bytes.length - start) throw new MsgpackError('Document without end', this.#bytes.length);
    this.#offset = start + size;
    return start;
  }

  #readText(size: number): string {
    const start = this.#skip(size);
    const text = this.#bytes.toString('utf8', start, this.#offset);
    // Bad bytes became this character, unless it was there.
    if (!text.includes('\ufffd') || isUtf8(this.#bytes.subarray(start, this.#offset))) return text;
    throw new MsgpackError('Text that is not UTF-8', start);
  }

  #readList(length: number, depth: number, start: number): readonly JsonValue[] {
    this.#enter(length, depth, start);
    const list: JsonValue[] = [];
    for (let index = 0; index < length; index += 1) list.push(this.#readValue(depth + 1));
    return list;
  }

  #readMapping(length: number, depth: number, start: number): JsonObject {
    this.#enter(length * 2, depth, start);
    const mapping: Record<string, JsonValue> = {};
    for (let index = 0; index < length; index += 1) {
      const at = this.#offset;
      const key = this.#readValue(depth + 1);
      if (typeof key !== 'string') throw new MsgpackError('Key that is no text', at);
      setOwn(mapping, key, this.#readValue(depth + 1));
    }
    return mapping;
  }

  /** Each member takes a byte at least, so a length beyond the bytes that are left is a lie. */
  #enter(members: number, depth: number, start: number): void {
    if (depth >= this.#maxDepth) throw new MsgpackError(`Nested deeper than ${this.#maxDepth} levels`, start);
    if (members > this.#bytes.length - this.#offset) {
      throw new MsgpackError('Document without end', this.#bytes.length);
    }
  }
}

function keepFloat(value: number): number | FloatToken {
  return Number.isInteger(value) ? new FloatToken(value) : value;
}

function narrow(value: bigint): number | bigint {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}

/** As an assignment, except that `__proto__` becomes a key like any other. */
function setOwn(mapping: Record<string, JsonValue>, key: string, value: JsonValue): void {
  if (key === '__proto__') {
    Object.defineProperty(mapping, key, { value, writable: true, enumerable: true, configurable: true });
  } else {
    mapping[key] = value;
  }
}
