import type { DatabaseSync } from 'node:sqlite';
import { NephoscopeError } from '../../component/errors.ts';
import { APPLICATION_ID, allRows, firstNumber } from './database.ts';
import { isBusy, toStoreError } from './errors.ts';
import type { Migration } from './migrations.ts';

export interface MigrateOptions {
  /** True when no other program can have the file open: only then are contract steps applied. */
  readonly exclusive: boolean;
}

/**
 * Brings a file to the schema of this program, each step in a transaction of its own, and gives the versions applied.
 *
 * A file that is ahead stays as it is: when all steps ahead only expand it can be used, else this throws E3003. Two
 * processes may do this at the same time. Throws E3017 when a step fails, E3007 when the file stays locked.
 */
export function migrate(
  database: DatabaseSync,
  migrations: readonly Migration[],
  options: MigrateOptions,
): readonly number[] {
  if (firstNumber(database.prepare('PRAGMA application_id')) !== APPLICATION_ID) createLedger(database);
  const applied = new Map(
    allRows(database.prepare('SELECT version, kind FROM schema_step')).map(([version, kind]) => [
      version,
      kind,
    ]),
  );
  refuseContractAhead(applied, migrations);
  const done: number[] = [];
  for (const step of migrations) {
    if (applied.has(step.version)) continue;
    // Steps are applied in order, so what follows a contract step that must wait, waits too.
    if (step.kind === 'contract' && !options.exclusive) break;
    if (applyStep(database, step)) done.push(step.version);
  }
  return done;
}

function createLedger(database: DatabaseSync): void {
  inTransaction(database, 'make the store', () => {
    database.exec(`
      CREATE TABLE IF NOT EXISTS schema_step (
        version INTEGER PRIMARY KEY, kind TEXT NOT NULL, name TEXT NOT NULL, applied INTEGER NOT NULL
      ) STRICT;
      PRAGMA application_id = ${APPLICATION_ID};
    `);
  });
}

function refuseContractAhead(applied: ReadonlyMap<unknown, unknown>, migrations: readonly Migration[]): void {
  const known = migrations.at(-1)?.version ?? 0;
  for (const [version, kind] of applied) {
    if (Number(version) > known && kind !== 'expand') {
      throw new NephoscopeError(
        'E3003',
        `The store is at schema version ${version}, which took away what this program needs (it knows up to ${known})`,
      );
    }
  }
}

/** False when another process was faster. */
function applyStep(database: DatabaseSync, step: Migration): boolean {
  return inTransaction(database, `apply schema step ${step.version} (${step.name})`, () => {
    const present = database.prepare('SELECT count(*) FROM schema_step WHERE version = ?');
    if (firstNumber(present, step.version) > 0) return false;
    database.exec(step.sql);
    database
      .prepare('INSERT INTO schema_step (version, kind, name, applied) VALUES (?, ?, ?, ?)')
      .run(step.version, step.kind, step.name, Date.now() * 1_000);
    return true;
  });
}

function inTransaction<Result>(database: DatabaseSync, action: string, work: () => Result): Result {
  try {
    database.exec('BEGIN IMMEDIATE');
    const result = work();
    database.exec('COMMIT');
    return result;
  } catch (thrown) {
    if (database.isTransaction) database.exec('ROLLBACK');
    const cause = toStoreError(thrown, action);
    if (isBusy(thrown)) throw cause;
    throw new NephoscopeError('E3017', cause.message, { retry: cause.retry, cause: thrown });
  }
}
