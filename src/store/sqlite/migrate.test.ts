import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import test, { type TestContext } from 'node:test';
import { openDatabase } from './database.ts';
import { migrate } from './migrate.ts';
import { MIGRATIONS, type Migration } from './migrations.ts';

const expand = (version: number): Migration => ({
  version,
  kind: 'expand',
  name: `table t${version}`,
  sql: `CREATE TABLE t${version} (x INTEGER)`,
});
const contract = (version: number): Migration => ({
  ...expand(version),
  kind: 'contract',
  sql: 'DROP TABLE t1',
});
const broken = (version: number): Migration => ({
  ...expand(version),
  sql: 'CREATE TABLE half (x); CREATE TABLE t1 (x)',
});

function temporaryPath(t: TestContext): string {
  const directory = mkdtempSync(join(tmpdir(), 'nephoscope-migrate-'));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  return join(directory, 'x.sqlite');
}

function open(t: TestContext, path: string): DatabaseSync {
  const database = openDatabase(path, { readOnly: false, cacheKibibytes: 1_024 });
  t.after(() => database.isOpen && database.close());
  return database;
}

const tables = (database: DatabaseSync): unknown[] =>
  database.prepare("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name").all().flat();

test('a new file gets every step once, in order', (t) => {
  const database = open(t, temporaryPath(t));
  assert.deepEqual(migrate(database, [expand(1), expand(2)], { exclusive: false }), [1, 2]);
  assert.deepEqual(migrate(database, [expand(1), expand(2), expand(3)], { exclusive: false }), [3]);
  assert.deepEqual(tables(database), ['schema_step', 't1', 't2', 't3']);
});

test('an older program works with a file that is ahead by expand steps only', (t) => {
  const database = open(t, temporaryPath(t));
  migrate(database, [expand(1), expand(2)], { exclusive: false });
  assert.deepEqual(migrate(database, [expand(1)], { exclusive: true }), []);
  migrate(database, [expand(1), expand(2), contract(3)], { exclusive: true });
  assert.throws(() => migrate(database, [expand(1), expand(2)], { exclusive: true }), {
    code: 'E3003',
    message: 'The store is at schema version 3, which took away what this program needs (it knows up to 2)',
  });
});

test('contract steps, and what follows them, wait until nobody else can have the file open', (t) => {
  const database = open(t, temporaryPath(t));
  const steps = [expand(1), contract(2), expand(3)];
  assert.deepEqual(migrate(database, steps, { exclusive: false }), [1]);
  assert.deepEqual(migrate(database, steps, { exclusive: true }), [2, 3]);
  assert.deepEqual(tables(database), ['schema_step', 't3']);
});

test('a step that fails leaves nothing behind and is tried again at the next start', (t) => {
  const path = temporaryPath(t);
  const database = open(t, path);
  assert.throws(
    () => migrate(database, [expand(1), broken(2)], { exclusive: true }),
    (error: Error) => {
      assert.match(error.message, /^Cannot apply schema step 2 \(table t2\): table t1 already exists$/);
      assert.equal((error as NodeJS.ErrnoException).code, 'E3017');
      return true;
    },
  );
  assert.deepEqual(tables(database), ['schema_step', 't1']);
  assert.deepEqual(migrate(database, [expand(1), expand(2)], { exclusive: true }), [2]);
});

test('two connections may migrate at the same time', (t) => {
  const path = temporaryPath(t);
  const [a, b] = [open(t, path), open(t, path)];
  assert.deepEqual(migrate(a, [expand(1)], { exclusive: false }), [1]);
  assert.deepEqual(migrate(b, [expand(1), expand(2)], { exclusive: false }), [2]);
  b.exec('BEGIN IMMEDIATE');
  assert.throws(() => migrate(a, [expand(1), expand(2), expand(3)], { exclusive: false }), {
    code: 'E3007',
    retry: 'transient',
  });
  b.exec('ROLLBACK');
});

test('a file of another program is left alone', (t) => {
  const path = temporaryPath(t);
  const foreign = new DatabaseSync(path);
  foreign.exec('CREATE TABLE theirs (x); PRAGMA application_id = 7;');
  foreign.close();
  assert.throws(() => open(t, path), { code: 'E3002', message: `${path} is a database of another program` });
});

test('a file that is no database is named', (t) => {
  const path = temporaryPath(t);
  writeFileSync(path, 'no database at all, but long enough to be looked at. '.repeat(40));
  assert.throws(() => open(t, path), { code: 'E3001', message: `${path} is no database, or damaged` });
});

test('a path that cannot be opened is named', (t) => {
  const path = temporaryPath(t);
  writeFileSync(path, '');
  assert.throws(() => open(t, join(path, 'below', 'x.sqlite')), { code: 'E3005' });
  assert.throws(() => openDatabase(join(path, 'x'), { readOnly: true, cacheKibibytes: 1 }), {
    code: 'E3005',
  });
});

test('the schema of the program is complete', (t) => {
  const database = open(t, temporaryPath(t));
  migrate(database, MIGRATIONS, { exclusive: true });
  assert.deepEqual(
    tables(database).filter((name) => !String(name).startsWith('sqlite_')),
    [
      'descriptor',
      'event',
      'event_lookup',
      'event_type',
      'label',
      'metadata',
      'meter',
      'parked',
      'resource',
      'sample',
      'sample_lookup',
      'schema_step',
      'segment',
      'series',
      'state',
      'trait',
    ],
  );
});
