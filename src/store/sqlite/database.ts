import { closeSync, openSync } from 'node:fs';
import { dirname } from 'node:path';
import { DatabaseSync, type SQLInputValue, type StatementSync } from 'node:sqlite';
import { NephoscopeError } from '../../component/errors.ts';
import { makePrivateDirectory } from '../../lib/make-directory.ts';
import { sqliteResult, toStoreError } from './errors.ts';

/** Marks a file as ours ("neph"); SQLite keeps it in the header of the file. */
export const APPLICATION_ID = 0x6e657068;

/** A value as SQLite gives it; integers are always safe ones, see the checks of the writers. */
export type SqlValue = null | number | bigint | string | Uint8Array;
export type Row = readonly SqlValue[];
export type SqlParameter = SQLInputValue;

export interface ConnectionOptions {
  readonly readOnly: boolean;
  /** Memory for pages of the file. */
  readonly cacheKibibytes: number;
}

/**
 * Opens a connection to the file of a store; a writer makes the file (mode 0600) and its directory (0700) when they are
 * missing. Rows come as arrays. Throws E3001 for a file that is no database, E3002 for another program's, E3005 when
 * it cannot be opened.
 *
 * Every commit is flushed to the disk (`synchronous=FULL` with a write-ahead log), readers and one writer at a time do
 * not wait for each other, in this process or another.
 */
export function openDatabase(path: string, options: ConnectionOptions): DatabaseSync {
  let database: DatabaseSync | undefined;
  try {
    if (!options.readOnly) createFile(path);
    database = new DatabaseSync(path, {
      readOnly: options.readOnly,
      returnArrays: true,
      // Short, because waiting here stops the whole program; the group commit tries again without stopping it.
      timeout: options.readOnly ? 5_000 : 100,
      enableForeignKeyConstraints: false,
    });
    checkOwner(database, path);
    configure(database, options);
    return database;
  } catch (thrown) {
    database?.close();
    throw openError(thrown, path);
  }
}

/** All rows of a statement that gives arrays. */
export function allRows(statement: StatementSync, ...parameters: SqlParameter[]): readonly Row[] {
  return statement.all(...parameters) as unknown as readonly Row[];
}

/** The first row of a statement that gives arrays. */
export function firstRow(statement: StatementSync, ...parameters: SqlParameter[]): Row | undefined {
  return statement.get(...parameters) as unknown as Row | undefined;
}

/** Rows one by one; ends the statement when the caller stops early. */
export function iterateRows(statement: StatementSync, ...parameters: SqlParameter[]): Iterable<Row> {
  return statement.iterate(...parameters) as unknown as Iterable<Row>;
}

/** The first column of the first row as a number; 0 when there is no row or it is null. */
export function firstNumber(statement: StatementSync, ...parameters: SqlParameter[]): number {
  return Number(firstRow(statement, ...parameters)?.[0] ?? 0);
}

function createFile(path: string): void {
  makePrivateDirectory(dirname(path));
  // SQLite would use the umask; the log and the shared memory file take the mode of this one.
  closeSync(openSync(path, 'a', 0o600));
}

function checkOwner(database: DatabaseSync, path: string): void {
  const owner = firstNumber(database.prepare('PRAGMA application_id'));
  const tables = firstNumber(database.prepare('SELECT count(*) FROM sqlite_schema'));
  if (owner === APPLICATION_ID || (owner === 0 && tables === 0)) return;
  throw new NephoscopeError('E3002', `${path} is a database of another program`);
}

/** 32 MB: a page that many batches change is copied into the file once, not with every few of them. */
const CHECKPOINT_PAGES = 8_000;

function configure(database: DatabaseSync, { readOnly, cacheKibibytes }: ConnectionOptions): void {
  database.exec(`PRAGMA cache_size = -${cacheKibibytes}; PRAGMA temp_store = MEMORY;`);
  if (readOnly) return;
  database.exec(`
    PRAGMA journal_mode = WAL;
    PRAGMA synchronous = FULL;
    PRAGMA journal_size_limit = 67108864;
    PRAGMA wal_autocheckpoint = ${CHECKPOINT_PAGES};
  `);
}

function openError(thrown: unknown, path: string): NephoscopeError {
  const result = sqliteResult(thrown);
  if (result === 26 || result === 11) {
    return new NephoscopeError('E3001', `${path} is no database, or damaged`, { cause: thrown });
  }
  return toStoreError(thrown, `open ${path}`);
}
