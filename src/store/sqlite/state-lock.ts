import { closeSync, openSync } from 'node:fs';
import { dirname } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { NephoscopeError } from '../../component/errors.ts';
import { makePrivateDirectory } from '../../lib/make-directory.ts';
import { isBusy, toStoreError } from './errors.ts';

/** Held while a program serves from a store file. */
export interface StateLock {
  /** Safe to call twice. */
  release(): void;
}

/**
 * Takes the lock that lets only one program serve from a store file; it lies in a file of its own beside it (`.lock`),
 * so others can still open the store. The operating system frees it when the process ends, however it ends. Throws
 * E3004 when it is held, also by this process.
 *
 * The lock is SQLite's own on an empty database: no other lock of Node's is freed by the system in every case.
 */
export function takeStateLock(storePath: string): StateLock {
  const path = `${storePath}.lock`;
  let database: DatabaseSync | undefined;
  try {
    makePrivateDirectory(dirname(path));
    closeSync(openSync(path, 'a', 0o600));
    database = new DatabaseSync(path, { timeout: 0 });
    database.exec('PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE;');
  } catch (thrown) {
    database?.close();
    if (!isBusy(thrown)) throw toStoreError(thrown, `take the lock ${path}`);
    throw new NephoscopeError('E3004', `Another program serves from ${storePath}`, { cause: thrown });
  }
  const held = database;
  return {
    release: () => {
      if (held.isOpen) held.close();
    },
  };
}
