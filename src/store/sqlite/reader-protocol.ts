import type { ErrorCode } from '../../component/error-codes.ts';
import type { Retry } from '../../component/errors.ts';
import type { ReadMethod } from './read-methods.ts';

/** What a reader thread is started with. */
export interface ReaderData {
  readonly path: string;
  readonly cacheKibibytes: number;
  /** Holds the number of the request that nobody waits for any more, 0 when there is none. */
  readonly cancelled: Int32Array<SharedArrayBuffer>;
}

export interface ReadRequest {
  /** Counts from 1. */
  readonly number: number;
  readonly method: ReadMethod;
  readonly arguments: readonly unknown[];
}

export type ReadAnswer =
  | { readonly number: number; readonly value: unknown }
  | { readonly number: number; readonly error: SentError };

/** An error without its cause: that may hold what cannot pass between threads. */
export interface SentError {
  readonly code: ErrorCode;
  readonly message: string;
  readonly hint: string;
  readonly retry: Retry;
}
