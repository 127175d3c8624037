import type { Readable } from 'node:stream';

/** Keeps the text of a stream; gives what has come so far. Whole characters once the stream has ended. */
export function collected(stream: Readable): () => string {
  const chunks: Buffer[] = [];
  stream.on('data', (chunk: Buffer) => chunks.push(chunk));
  return () => Buffer.concat(chunks).toString();
}
