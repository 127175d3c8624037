import type { ErrorCode } from '../../component/error-codes.ts';
import { NephoscopeError, type Retry, toError } from '../../component/errors.ts';

interface Cause {
  readonly code: ErrorCode;
  readonly retry: Retry;
}

/**
 * Primary result codes of SQLite (https://www.sqlite.org/rescode.html) by what they mean to the caller. Transient are
 * those that come from the machine and not from the data: the same records may be given again when it is repaired.
 */
const CAUSES: Readonly<Record<number, Cause>> = {
  5: { code: 'E3007', retry: 'transient' }, // BUSY
  6: { code: 'E3007', retry: 'transient' }, // LOCKED
  7: { code: 'E3008', retry: 'transient' }, // NOMEM
  8: { code: 'E3005', retry: 'transient' }, // READONLY
  10: { code: 'E3008', retry: 'transient' }, // IOERR
  11: { code: 'E3001', retry: 'transient' }, // CORRUPT
  13: { code: 'E3006', retry: 'transient' }, // FULL
  14: { code: 'E3005', retry: 'transient' }, // CANTOPEN
  18: { code: 'E3009', retry: 'permanent' }, // TOOBIG
  19: { code: 'E3009', retry: 'permanent' }, // CONSTRAINT
  20: { code: 'E3009', retry: 'permanent' }, // MISMATCH
  22: { code: 'E3008', retry: 'transient' }, // NOLFS
  25: { code: 'E3009', retry: 'permanent' }, // RANGE
  26: { code: 'E3001', retry: 'transient' }, // NOTADB
};

/** Thrown by SQLite: `errcode` is its extended result code. */
interface SqliteError extends Error {
  readonly errcode: number;
}

/** The primary result code when SQLite threw this, else undefined. */
export function sqliteResult(thrown: unknown): number | undefined {
  if (!(thrown instanceof Error) || typeof (thrown as Partial<SqliteError>).errcode !== 'number')
    return undefined;
  return (thrown as SqliteError).errcode & 0xff;
}

/** True when another connection holds the lock that was wanted. */
export function isBusy(thrown: unknown): boolean {
  const result = sqliteResult(thrown);
  return result === 5 || result === 6;
}

/**
 * What a caller of the store is told about anything thrown inside of it: `action` is what was tried, as in
 * "record samples". A `NephoscopeError` stays as it is.
 */
export function toStoreError(thrown: unknown, action: string): NephoscopeError {
  if (thrown instanceof NephoscopeError) return thrown;
  const error = toError(thrown);
  const cause = causeOf(error);
  return new NephoscopeError(cause.code, `Cannot ${action}: ${error.message}`, {
    retry: cause.retry,
    cause: error,
  });
}

function causeOf(error: Error): Cause {
  const result = sqliteResult(error);
  if (result !== undefined) return CAUSES[result] ?? { code: 'E3015', retry: 'permanent' };
  const { code, syscall } = error as NodeJS.ErrnoException;
  if (code === 'ENOSPC' || code === 'EDQUOT') return { code: 'E3006', retry: 'transient' };
  if (code === 'EIO') return { code: 'E3008', retry: 'transient' };
  if (syscall !== undefined) return { code: 'E3005', retry: 'transient' };
  // node:sqlite refuses what it cannot bind, e.g. an object or a number that is no column value.
  if (code === 'ERR_INVALID_ARG_TYPE' || code === 'ERR_INVALID_ARG_VALUE' || error instanceof RangeError) {
    return { code: 'E3009', retry: 'permanent' };
  }
  return { code: 'E3015', retry: 'permanent' };
}
