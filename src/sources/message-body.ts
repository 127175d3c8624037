import { brotliDecompressSync, unzipSync, zstdDecompressSync } from 'node:zlib';
import { toError } from '../component/errors.ts';

/** What a compressed body may grow to; a larger one is taken for a bomb. */
const MAX_BODY_BYTES = 64 * 1024 * 1024;

/** The names kombu writes into the `compression` header. Its "gzip" is the zlib format; both are understood. */
const DECOMPRESSORS: Readonly<Record<string, (body: Buffer) => Buffer>> = {
  'application/x-gzip': (body) => unzipSync(body, { maxOutputLength: MAX_BODY_BYTES }),
  'application/x-brotli': (body) => brotliDecompressSync(body, { maxOutputLength: MAX_BODY_BYTES }),
  'application/zstd': (body) => zstdDecompressSync(body, { maxOutputLength: MAX_BODY_BYTES }),
};

/** A body as its sender wrote it, or the bytes as they came and the reason why they cannot be read. */
export interface ReadableBody {
  readonly body: Buffer;
  /** Code and text of an E2011 error. */
  readonly problem?: string;
}

/** Undoes the compression that kombu_compression of the sender applied. Never throws. */
export function decompressBody(body: Buffer, compression: string): ReadableBody {
  const decompress = Object.hasOwn(DECOMPRESSORS, compression) ? DECOMPRESSORS[compression] : undefined;
  if (decompress === undefined) {
    return {
      body,
      problem: `E2011 the body is compressed as ${JSON.stringify(compression.slice(0, 80))}, which is not understood`,
    };
  }
  try {
    return { body: decompress(body) };
  } catch (thrown) {
    return {
      body,
      problem: `E2011 the body cannot be decompressed as ${compression}: ${toError(thrown).message}`,
    };
  }
}
