import { close, closeSync, openSync, write } from 'node:fs';

/** Where lines go without anyone waiting for them. */
export interface LineWriter {
  /** Takes a line (with its line feed) for writing, or drops it when the bound is reached. Never throws or waits. */
  write(line: string): void;
  /** Lines that were dropped: no room, refused by the system, or left over at the end. */
  dropped(): number;
  /**
   * Opens the file again by its name, after it was rotated away; without a name nothing happens. Throws the
   * system's error when that fails, and then goes on with the file it has.
   */
  reopen(): void;
  /**
   * Writes what is held for at most `timeoutMillis`, then drops the rest. What is written afterwards is dropped.
   * Repeated calls get the same promise.
   */
  close(timeoutMillis: number): Promise<void>;
}

const CHUNK_BYTES = 64 * 1024;
const RETRY_MILLIS = 20;
const CLOSE_POLL_MILLIS = 5;

interface Chunk {
  readonly bytes: Buffer;
  readonly lines: number;
  written: number;
}

/**
 * A writer to a file (opened for appending with mode 0640; throws the system's error) or to an open descriptor.
 * One write is under way at a time, in a worker thread, so a stuck pipe or disk holds up that thread alone. At most
 * `maxBufferedBytes` wait meanwhile. A descriptor that was handed in is not closed.
 *
 * States: idle → writing → idle, and writing → pausing → writing while a non-blocking descriptor has no room. The
 * pause does not keep the process alive.
 */
export function createLineWriter(destination: string | number, maxBufferedBytes: number): LineWriter {
  const open = (path: string): number => openSync(path, 'a', 0o640);
  let descriptor = typeof destination === 'number' ? destination : open(destination);
  let retired: number[] = [];
  let lines: string[] = [];
  let heldBytes = 0;
  let current: Chunk | null = null;
  let dropped = 0;
  let closing: Promise<void> | null = null;

  function pump(): void {
    closeRetired();
    current = lines.length === 0 ? null : takeChunk();
    if (current !== null) writeOn(current);
  }

  function takeChunk(): Chunk {
    let length = 0;
    let count = 0;
    while (count < lines.length && length < CHUNK_BYTES) length += lines[count++]?.length ?? 0;
    const bytes = Buffer.from(lines.slice(0, count).join(''));
    lines = lines.slice(count);
    return { bytes, lines: count, written: 0 };
  }

  function writeOn(chunk: Chunk): void {
    write(
      descriptor,
      chunk.bytes,
      chunk.written,
      chunk.bytes.length - chunk.written,
      null,
      (error, count) => {
        if (current !== chunk) return;
        if (error?.code === 'EAGAIN') {
          setTimeout(() => current === chunk && writeOn(chunk), RETRY_MILLIS).unref();
          return;
        }
        if (error === null) chunk.written += count;
        else dropped += chunk.lines;
        if (error === null && chunk.written < chunk.bytes.length) return writeOn(chunk);
        heldBytes -= chunk.bytes.length;
        pump();
      },
    );
  }

  function closeRetired(): void {
    for (const old of retired) closeSync(old);
    retired = [];
  }

  async function end(timeoutMillis: number): Promise<void> {
    const until = performance.now() + timeoutMillis;
    while (current !== null && performance.now() < until) {
      await new Promise((resolve) => setTimeout(resolve, CLOSE_POLL_MILLIS));
    }
    dropped += lines.length + (current?.lines ?? 0);
    const stuck = current !== null;
    current = null;
    lines = [];
    if (!stuck) closeRetired();
    if (typeof destination === 'number') return;
    // While a write hangs, closing could hang as well: then in a worker thread, and with nobody waiting for it.
    if (stuck) close(descriptor, () => {});
    else closeSync(descriptor);
  }

  return {
    write: (line) => {
      const length = Buffer.byteLength(line);
      if (closing !== null || heldBytes + length > maxBufferedBytes) {
        dropped++;
        return;
      }
      heldBytes += length;
      lines.push(line);
      if (current === null) pump();
    },
    dropped: () => dropped,
    reopen: () => {
      if (typeof destination === 'number' || closing !== null) return;
      const next = open(destination);
      retired.push(descriptor);
      descriptor = next;
      // A write under way still uses the old one.
      if (current === null) closeRetired();
    },
    close: (timeoutMillis) => {
      closing ??= end(timeoutMillis);
      return closing;
    },
  };
}
