/**
 * Snappy's block format, written from its format description: a varint with the length of the plain bytes, then
 * literals and copies of what came before. Remote write wants it. Only compressing is needed here; every decoder of the
 * format reads the result.
 */

/** Copies reach back at most 65,535 bytes, so each piece of this size is compressed by itself. */
const FRAGMENT = 65_536;
const HASH_BITS = 14;
const MIN_MATCH = 4;
/** Nothing is looked for in the last bytes of a fragment: the reads of four bytes stay inside. */
const MARGIN = 15;

const LITERAL = 0;
const SHORT_COPY = 1;
const LONG_COPY = 2;

/** The compressed form of `input`, at most some 17 % longer than it. Pure; `input` is not kept. */
export function snappyCompress(input: Uint8Array): Uint8Array {
  const writer = new BlockWriter(input);
  writer.varint(input.length);
  const table = new Uint16Array(1 << HASH_BITS);
  for (let start = 0; start < input.length; start += FRAGMENT) {
    compressFragment(input, start, Math.min(start + FRAGMENT, input.length), table, writer);
  }
  return writer.result();
}

/**
 * Takes the nearest earlier place with the same hash of four bytes. Where nothing is found for long the steps grow, so
 * bytes that do not compress cost little.
 */
function compressFragment(
  input: Uint8Array,
  start: number,
  end: number,
  table: Uint16Array,
  writer: BlockWriter,
): void {
  table.fill(0);
  let literalFrom = start;
  let misses = 32;
  let position = start + 1;
  while (position < end - MARGIN) {
    const word = wordAt(input, position);
    const slot = Math.imul(word, 0x1e35a7bd) >>> (32 - HASH_BITS);
    const candidate = start + (table[slot] as number);
    table[slot] = position - start;
    if (wordAt(input, candidate) !== word || candidate >= position) {
      position += misses++ >>> 5;
      continue;
    }
    const length = matchLength(input, candidate, position, end);
    writer.literal(literalFrom, position);
    writer.copy(position - candidate, length);
    position += length;
    literalFrom = position;
    misses = 32;
  }
  writer.literal(literalFrom, end);
}

function wordAt(bytes: Uint8Array, at: number): number {
  return (
    (bytes[at] as number) |
    ((bytes[at + 1] as number) << 8) |
    ((bytes[at + 2] as number) << 16) |
    ((bytes[at + 3] as number) << 24)
  );
}

function matchLength(bytes: Uint8Array, from: number, to: number, end: number): number {
  let length = MIN_MATCH;
  while (to + length < end && bytes[from + length] === bytes[to + length]) length++;
  return length;
}

class BlockWriter {
  readonly #input: Uint8Array;
  readonly #output: Uint8Array;
  #length = 0;

  constructor(input: Uint8Array) {
    this.#input = input;
    // The worst case of the format: literals only, with their tags.
    this.#output = new Uint8Array(32 + input.length + Math.ceil(input.length / 6));
  }

  result(): Uint8Array {
    return this.#output.subarray(0, this.#length);
  }

  varint(value: number): void {
    let rest = value;
    for (; rest > 127; rest = Math.floor(rest / 128)) this.#byte((rest % 128) + 128);
    this.#byte(rest);
  }

  literal(from: number, to: number): void {
    if (to <= from) return;
    const last = to - from - 1;
    if (last < 60) this.#byte((last << 2) | LITERAL);
    else {
      // A fragment is 64 KiB at most, so two bytes always do.
      const bytes = last < 256 ? 1 : 2;
      this.#byte(((59 + bytes) << 2) | LITERAL);
      this.#byte(last & 0xff);
      if (bytes === 2) this.#byte(last >>> 8);
    }
    this.#output.set(this.#input.subarray(from, to), this.#length);
    this.#length += to - from;
  }

  copy(offset: number, length: number): void {
    let left = length;
    // The last piece keeps at least four bytes: shorter ones have no short form.
    for (; left >= 68; left -= 64) this.#longCopy(offset, 64);
    if (left > 64) {
      this.#longCopy(offset, 60);
      left -= 60;
    }
    if (left > 11 || offset > 2_047) this.#longCopy(offset, left);
    else {
      this.#byte(((offset >>> 8) << 5) | ((left - 4) << 2) | SHORT_COPY);
      this.#byte(offset & 0xff);
    }
  }

  #longCopy(offset: number, length: number): void {
    this.#byte(((length - 1) << 2) | LONG_COPY);
    this.#byte(offset & 0xff);
    this.#byte(offset >>> 8);
  }

  #byte(value: number): void {
    this.#output[this.#length++] = value;
  }
}
