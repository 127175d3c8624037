/** Lines as the bytes they take in a file. */
export interface EncodedLines {
  /** Valid until the next call of `encode`. */
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
 * Turns lines into UTF-8 in one buffer that is used again: to join a batch to one text first makes an object so large
 * that only a full collection frees it, some hundred times a minute. Half of a surrogate pair becomes U+FFFD.
 */
export class LineEncoder {
  #buffer = Buffer.alloc(0);

  encode(lines: readonly string[]): EncodedLines {
    if (this.#buffer.length === 0 || this.#buffer.length > KEPT_BYTES) {
      this.#buffer = Buffer.allocUnsafeSlow(FIRST_BYTES);
    }
    const ends: number[] = [];
    let end = 0;
    for (const line of lines) {
      this.#reserve(end, line.length * BYTES_PER_UNIT);
      end += this.#buffer.write(line, end);
      ends.push(end);
    }
    return { bytes: this.#buffer.subarray(0, end), ends };
  }

  #reserve(used: number, more: number): void {
    if (used + more <= this.#buffer.length) return;
    const larger = Buffer.allocUnsafeSlow(Math.max(2 * this.#buffer.length, used + more));
    this.#buffer.copy(larger, 0, 0, used);
    this.#buffer = larger;
  }
}
