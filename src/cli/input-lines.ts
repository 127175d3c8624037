import { createReadStream } from 'node:fs';
import { pipeline, Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';

/** The longest line that is held; a notification of a megabyte, escaped twice, stays far below. */
export const MAX_LINE_BYTES = 16_777_216;

/** One line without its line feed, or null in place of a line that is longer than `MAX_LINE_BYTES`. */
export type InputLine = Uint8Array | null;

/**
 * The lines of a file, plain or gzip (recognised by its first bytes, not by its name); `-` is `stdin`. Gives the lines
 * of each piece of input as soon as it is there, and holds no more than one piece and one line. Rejects when
 * the file cannot be read or its compression is broken; whole lines before that were given.
 */
export async function* readLines(
  file: string,
  stdin: NodeJS.ReadableStream,
): AsyncGenerator<readonly InputLine[]> {
  const source = file === '-' ? stdin : createReadStream(file);
  yield* splitLines(await decompress(source));
}

type Chunks = AsyncIterable<Uint8Array>;

async function decompress(source: NodeJS.ReadableStream): Promise<Chunks> {
  const chunks = byteChunks(source);
  const head = await readHead(chunks);
  const whole = withHead(head, chunks);
  if (head[0] !== 0x1f || head[1] !== 0x8b) return whole;
  // A failure of either stream ends the iteration over the last one with that failure.
  return pipeline(Readable.from(whole), createGunzip(), () => {});
}

/** A stream may have been told to give text. */
async function* byteChunks(source: NodeJS.ReadableStream): AsyncGenerator<Uint8Array> {
  for await (const chunk of source) yield typeof chunk === 'string' ? Buffer.from(chunk) : chunk;
}

/** At least the two bytes that tell gzip, unless there are fewer. */
async function readHead(chunks: AsyncIterator<Uint8Array>): Promise<Uint8Array> {
  let head: Uint8Array = new Uint8Array();
  while (head.length < 2) {
    const { done, value } = await chunks.next();
    if (done) break;
    head = Buffer.concat([head, value]);
  }
  return head;
}

async function* withHead(head: Uint8Array, rest: AsyncIterator<Uint8Array>): AsyncGenerator<Uint8Array> {
  yield head;
  for (let next = await rest.next(); !next.done; next = await rest.next()) yield next.value;
}

async function* splitLines(chunks: Chunks): AsyncGenerator<readonly InputLine[]> {
  const line = new PartialLine();
  for await (const chunk of chunks) {
    const lines: InputLine[] = [];
    let start = 0;
    for (let end = chunk.indexOf(10); end >= 0; end = chunk.indexOf(10, start)) {
      line.append(chunk.subarray(start, end));
      lines.push(line.take());
      start = end + 1;
    }
    line.append(chunk.subarray(start));
    if (lines.length > 0) yield lines;
  }
  if (!line.isEmpty) yield [line.take()];
}

/** The beginning of a line whose end has not come yet; what is too long is forgotten. */
class PartialLine {
  #parts: Uint8Array[] = [];
  #bytes = 0;

  get isEmpty(): boolean {
    return this.#bytes === 0;
  }

  append(part: Uint8Array): void {
    this.#bytes += part.length;
    if (this.#bytes > MAX_LINE_BYTES) this.#parts = [];
    else if (part.length > 0) this.#parts.push(part);
  }

  take(): InputLine {
    const [only] = this.#parts;
    const isTooLong = this.#bytes > MAX_LINE_BYTES;
    const line = this.#parts.length === 1 && only !== undefined ? only : Buffer.concat(this.#parts);
    this.#parts = [];
    this.#bytes = 0;
    return isTooLong ? null : line;
  }
}
