import type { Readable } from 'node:stream';
import { ApiError } from './errors.ts';

/**
 * The bytes of a request body as they come. Throws an `ApiError`: 413 as soon as more than `maxBytes` are announced
 * or have come, 400 when the client breaks off. Nothing is read ahead of the consumer.
 */
export async function* limitedBody(body: Readable, maxBytes: number): AsyncGenerator<Buffer> {
  let total = 0;
  try {
    for await (const chunk of body) {
      const bytes: Buffer = chunk;
      total += bytes.length;
      if (total > maxBytes) throw tooLarge(maxBytes);
      yield bytes;
    }
  } catch (thrown) {
    if (thrown instanceof ApiError) throw thrown;
    throw new ApiError(400, 'E4014', 'The request body ended before its end', { cause: thrown });
  }
}

/** Throws an `ApiError` (413) when the header already announces too much, so that nothing of it is taken. */
export function refuseAnnounced(
  contentLength: string | readonly string[] | undefined,
  maxBytes: number,
): void {
  if (Number(contentLength ?? 0) > maxBytes) throw tooLarge(maxBytes);
}

function tooLarge(maxBytes: number): ApiError {
  // What is left of the body would have to be read before the connection could be used again.
  return new ApiError(413, 'E4008', `The request body is larger than ${maxBytes} bytes`, {
    headers: { connection: 'close' },
  });
}
