/**
 * Cuts a stream of bytes into its lines, without the line ends. Blank lines are left out. Holds no more than the
 * current line and the current chunk. Repeatable only as far as the stream is.
 */
export async function* messageLines(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Buffer> {
  let pieces: Buffer[] = [];
  for await (const chunk of chunks) {
    const bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    let start = 0;
    for (let end = bytes.indexOf(LINE_FEED); end !== -1; end = bytes.indexOf(LINE_FEED, start)) {
      const line = joined(pieces, bytes.subarray(start, end));
      if (!isBlank(line)) yield line;
      pieces = [];
      start = end + 1;
    }
    if (start < bytes.length) pieces.push(bytes.subarray(start));
  }
  const last = joined(pieces, Buffer.alloc(0));
  if (!isBlank(last)) yield last;
}

const LINE_FEED = 0x0a;

function joined(pieces: readonly Buffer[], end: Buffer): Buffer {
  return pieces.length === 0 ? end : Buffer.concat([...pieces, end]);
}

/** Nothing but the white space of JSON. */
function isBlank(line: Buffer): boolean {
  return line.every((byte) => byte === 0x20 || byte === 0x09 || byte === 0x0d || byte === 0x0a);
}

/** Messages that belong together. */
export interface MessageBatches {
  /** Messages in a batch at most. */
  readonly messages: number;
  /** A batch is closed when it holds this many bytes or more. */
  readonly bytes: number;
}

/** Groups lines into batches closed by number or size; only the last may hold less. */
export async function* messageBatches(
  lines: AsyncIterable<Buffer>,
  bounds: MessageBatches,
): AsyncGenerator<readonly Buffer[]> {
  let batch: Buffer[] = [];
  let bytes = 0;
  for await (const line of lines) {
    batch.push(line);
    bytes += line.length;
    if (batch.length < bounds.messages && bytes < bounds.bytes) continue;
    yield batch;
    batch = [];
    bytes = 0;
  }
  if (batch.length > 0) yield batch;
}
