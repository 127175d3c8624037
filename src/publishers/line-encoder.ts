/** Lines as the bytes they take in a file. */
export interface EncodedLines {
  /** Valid until the encoder begins anew. */
  readonly bytes: Buffer;
  /** Where each line ends in `bytes`. */
  readonly ends: readonly number[];
}

const FIRST_BYTES = 256 * 1024;
/** A batch that needed more does not keep it. */
const KEPT_BYTES = 4 * 1024 * 1024;
/** What UTF-8 takes at most for one unit of UTF-16. */
const BYTES_PER_UNIT = 3;

/**
 * Turns lines into UTF-8, one after the other as they are made, in one buffer that is used again: a batch as one text is
 * an object so large that only a full collection frees it, and as a list of texts it outlives some small ones. Half of a
 * surrogate pair becomes U+FFFD.
 */
export class LineEncoder {
  #buffer = Buffer.alloc(0);
  #ends: number[] = [];
  #end = 0;

  /** Begins anew; what `finish` gave before is no longer valid. */
  begin(): void {
    if (this.#buffer.length === 0 || this.#buffer.length > KEPT_BYTES) {
      this.#buffer = Buffer.allocUnsafeSlow(FIRST_BYTES);
    }
    this.#ends = [];
    this.#end = 0;
  }

  /** Adds a line, which ends with a line feed. */
  add(line: string): void {
    this.#reserve(line.length * BYTES_PER_UNIT);
    this.#end += this.#buffer.write(line, this.#end);
    this.#ends.push(this.#end);
  }

  finish(): EncodedLines {
    return { bytes: this.#buffer.subarray(0, this.#end), ends: this.#ends };
  }

  #reserve(more: number): void {
    const needed = this.#end + more;
    if (needed <= this.#buffer.length) return;
    const larger = Buffer.allocUnsafeSlow(Math.max(2 * this.#buffer.length, needed));
    this.#buffer.copy(larger, 0, 0, this.#end);
    this.#buffer = larger;
  }
}
