/**
 * Writes protocol buffer messages by hand: the wire format is small, and a message of two levels needs neither a compiler
 * nor a library. Fields are written in the order of the calls; what is not written has its default for the reader.
 */
export class ProtobufWriter {
  #bytes: Buffer;
  #length = 0;

  /** `capacityBytes` is where it starts; it grows as needed. */
  constructor(capacityBytes = 1_024) {
    this.#bytes = Buffer.allocUnsafe(Math.max(16, capacityBytes));
  }

  /** What was written so far; shares its memory with the writer, so take it when done. */
  result(): Uint8Array {
    return this.#bytes.subarray(0, this.#length);
  }

  /** A `string` field, as UTF-8; lone surrogates become U+FFFD. */
  string(field: number, text: string): void {
    const bytes = Buffer.byteLength(text);
    this.#tag(field, LENGTH_DELIMITED);
    this.#varint(bytes);
    this.#reserve(bytes);
    this.#bytes.write(text, this.#length);
    this.#length += bytes;
  }

  /** A `double` field. */
  double(field: number, value: number): void {
    this.#tag(field, FIXED_64);
    this.#reserve(8);
    this.#length = this.#bytes.writeDoubleLE(value, this.#length);
  }

  /** An `int64` field. `value` is a safe integer; throws RangeError for any other number. */
  int64(field: number, value: number): void {
    if (!Number.isSafeInteger(value)) throw new RangeError(`${value} is no safe integer`);
    this.#tag(field, VARINT);
    if (value >= 0) this.#varint(value);
    else this.#bigVarint(BigInt.asUintN(64, BigInt(value)));
  }

  /** A field that is a message; `write` writes its fields with this same writer. */
  message(field: number, write: () => void): void {
    this.#tag(field, LENGTH_DELIMITED);
    const lengthAt = this.#length;
    // Nearly all are shorter than 128 bytes; for the others the length moves what was written.
    this.#byte(0);
    write();
    const bodyAt = lengthAt + 1;
    const bytes = this.#length - bodyAt;
    const extra = varintBytes(bytes) - 1;
    if (extra > 0) {
      this.#reserve(extra);
      this.#bytes.copyWithin(bodyAt + extra, bodyAt, this.#length);
    }
    this.#length = lengthAt;
    this.#varint(bytes);
    this.#length += bytes;
  }

  #tag(field: number, wireType: number): void {
    this.#varint(field * 8 + wireType);
  }

  #varint(value: number): void {
    let rest = value;
    for (; rest > 127; rest = Math.floor(rest / 128)) this.#byte((rest % 128) + 128);
    this.#byte(rest);
  }

  #bigVarint(value: bigint): void {
    let rest = value;
    for (; rest > 127n; rest >>= 7n) this.#byte(Number(rest & 127n) + 128);
    this.#byte(Number(rest));
  }

  #byte(value: number): void {
    this.#reserve(1);
    this.#bytes[this.#length++] = value;
  }

  #reserve(bytes: number): void {
    if (this.#length + bytes <= this.#bytes.length) return;
    const grown = Buffer.allocUnsafe(Math.max(this.#bytes.length * 2, this.#length + bytes));
    this.#bytes.copy(grown, 0, 0, this.#length);
    this.#bytes = grown;
  }
}

const VARINT = 0;
const FIXED_64 = 1;
const LENGTH_DELIMITED = 2;

function varintBytes(value: number): number {
  let bytes = 1;
  for (let rest = value; rest > 127; rest = Math.floor(rest / 128)) bytes++;
  return bytes;
}
