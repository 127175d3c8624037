import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import test, { type TestContext } from 'node:test';
import { NephoscopeError } from '../../component/errors.ts';
import { openDatabase } from './database.ts';
import { GroupCommit, type GroupCommitOptions, type Work } from './group-commit.ts';

/** A table of numbers, what became of writing into it, and a second connection that gets in the way. */
function setUp(t: TestContext, given: Partial<GroupCommitOptions> = {}) {
  const directory = mkdtempSync(join(tmpdir(), 'nephoscope-commit-'));
  const path = join(directory, 'x.sqlite');
  const database = openDatabase(path, { readOnly: false, cacheKibibytes: 1_024 });
  database.exec('CREATE TABLE n (n INTEGER PRIMARY KEY) STRICT');
  const other = new DatabaseSync(path, { timeout: 0, returnArrays: true });
  t.after(() => {
    other.close();
    database.close();
    rmSync(directory, { recursive: true, force: true });
  });
  const log: string[] = [];
  const commits = new GroupCommit({
    database,
    forget: () => log.push('forget'),
    onCommit: (rows) => log.push(`commit ${rows}`),
    onFailure: ({ code }) => log.push(code),
    maxQueuedRows: 100,
    busyMillis: 5_000,
    ...given,
  });
  const insert = database.prepare('INSERT INTO n VALUES (?)');
  const write = (n: number, rows = 1): Work<number> => ({
    action: `write ${n}`,
    rows,
    run: () => Number(insert.run(n).changes),
  });
  const stored = (): unknown[] => other.prepare('SELECT n FROM n ORDER BY n').all().flat();
  return { commits, database, other, log, write, stored };
}

test('what is submitted in one turn shares a transaction, also from promises that follow', async (t) => {
  const { commits, log, write, stored } = setUp(t);
  const first = commits.submit(write(1, 10));
  const later = Promise.resolve().then(() => commits.submit(write(2, 20)));
  assert.deepEqual(await Promise.all([first, later]), [1, 1]);
  await commits.submit(write(3));
  assert.deepEqual(log, ['forget', 'commit 30', 'commit 1']);
  assert.deepEqual(stored(), [1, 2, 3]);
});

test('nothing is acknowledged before it is committed', async (t) => {
  const { commits, write, stored } = setUp(t);
  await commits.submit(write(1)).then(() => assert.deepEqual(stored(), [1]));
});

test('of a group only the member that fails is undone and rejected', async (t) => {
  const { commits, write, stored, log } = setUp(t);
  const outcomes = await Promise.allSettled([
    commits.submit(write(1)),
    commits.submit(write(1)),
    commits.submit({ ...write(2), run: () => assert.fail('a defect') }),
    commits.submit(write(3)),
  ]);
  assert.deepEqual(
    outcomes.map((outcome) => (outcome.status === 'fulfilled' ? outcome.value : outcome.reason.message)),
    [1, 'Cannot write 1: UNIQUE constraint failed: n.n', 'Cannot write 2: a defect', 1],
  );
  const codes = outcomes.flatMap((outcome) => (outcome.status === 'rejected' ? [outcome.reason.code] : []));
  assert.deepEqual(codes, ['E3009', 'E3015']);
  assert.deepEqual(stored(), [1, 3]);
  assert.deepEqual(
    log.filter((line) => line.startsWith('commit')),
    ['commit 2'],
  );
});

test('a failure of the machine rejects the whole group as transient', async (t) => {
  const { commits, database, write, stored } = setUp(t);
  database.exec('PRAGMA max_page_count = 3; CREATE TABLE fill (x)');
  const big = database.prepare('INSERT INTO fill VALUES (zeroblob(100000))');
  const outcomes = await Promise.allSettled([
    commits.submit(write(1)),
    commits.submit({ action: 'fill', rows: 1, run: () => big.run() }),
  ]);
  for (const outcome of outcomes) {
    assert.ok(outcome.status === 'rejected' && outcome.reason instanceof NephoscopeError);
    assert.deepEqual([outcome.reason.code, outcome.reason.retry], ['E3006', 'transient']);
  }
  assert.equal(await commits.submit(write(2)), 1);
  assert.deepEqual(stored(), [2]);
});

test('a file locked by another connection is waited for while the event loop goes on', async (t) => {
  const { commits, other, write, stored, log } = setUp(t);
  other.exec('BEGIN IMMEDIATE; INSERT INTO n VALUES (7)');
  const writing = commits.submit(write(1));
  for (let turn = 0; turn < 3; turn += 1) await new Promise((resolve) => setTimeout(resolve, 20));
  other.exec('COMMIT');
  assert.equal(await writing, 1);
  assert.deepEqual(stored(), [1, 7]);
  assert.deepEqual(log, ['forget', 'commit 1']);
  other.exec('INSERT INTO n VALUES (8)');
  await commits.submit(write(2));
  assert.deepEqual(log.slice(2), ['forget', 'commit 1'], 'what others wrote must be noticed');
  await commits.submit(write(3));
  assert.deepEqual(log.slice(4), ['commit 1']);
});

test('a file that stays locked refuses for now', async (t) => {
  const { commits, other, write } = setUp(t, { busyMillis: 1 });
  other.exec('BEGIN IMMEDIATE');
  await assert.rejects(commits.submit(write(1)), { code: 'E3007', retry: 'transient' });
  other.exec('ROLLBACK');
  assert.equal(await commits.submit(write(1)), 1);
});

test('more than may wait for a locked file is refused for now, however large a single call is', async (t) => {
  const { commits, other, write, stored } = setUp(t);
  other.exec('BEGIN IMMEDIATE');
  const first = commits.submit(write(1, 1_000));
  await assert.rejects(commits.submit(write(2)), { code: 'E3016', retry: 'transient' });
  other.exec('ROLLBACK');
  assert.equal(await first, 1);
  assert.equal(await commits.submit(write(2)), 1);
  assert.deepEqual(stored(), [1, 2]);
});

test('what is written in the turns that follow joins, until the transaction is large', async (t) => {
  const { commits, log, write, stored } = setUp(t);
  const first = commits.submit(write(1));
  await new Promise((resolve) => setImmediate(resolve));
  const second = commits.submit(write(2, 9_999));
  assert.deepEqual(stored(), [1, 2], 'a large one is committed at once');
  const third = commits.submit(write(3));
  assert.deepEqual(await Promise.all([first, second, third]), [1, 1, 1]);
  assert.deepEqual(log, ['forget', 'commit 10000', 'commit 1']);
});

test('a transaction is committed when it is old, however much is written on', async (t) => {
  const { commits, write, stored } = setUp(t);
  const writing: Promise<number>[] = [];
  for (let n = 1; stored().length === 0; n += 1) {
    assert.ok(n < 100_000);
    writing.push(commits.submit(write(n)));
    await new Promise((resolve) => setImmediate(resolve));
  }
  await Promise.all(writing);
});

test('when a failure of the machine ends a transaction, what waited behind a lock goes on', async (t) => {
  const { commits, database, other, write, stored } = setUp(t);
  database.exec('PRAGMA max_page_count = 3; CREATE TABLE fill (x)');
  const big = database.prepare('INSERT INTO fill VALUES (zeroblob(100000))');
  other.exec('BEGIN IMMEDIATE');
  const outcomes = Promise.allSettled([
    commits.submit(write(1)),
    commits.submit({ action: 'fill', rows: 1, run: () => big.run() }),
    commits.submit(write(2)),
  ]);
  other.exec('ROLLBACK');
  const states = (await outcomes).map(({ status }) => status);
  assert.deepEqual(states, ['rejected', 'rejected', 'fulfilled']);
  assert.deepEqual(stored(), [2]);
});

test('closing finishes what was taken and takes nothing more', async (t) => {
  const { commits, write, stored } = setUp(t);
  const taken = commits.submit(write(1));
  const closing = commits.close(AbortSignal.timeout(1_000));
  await assert.rejects(commits.submit(write(2)), { code: 'E3012', retry: 'transient' });
  await closing;
  assert.equal(await taken, 1);
  assert.deepEqual(stored(), [1]);
});

test('closing gives up at its deadline', async (t) => {
  const { commits, other, write } = setUp(t);
  other.exec('BEGIN IMMEDIATE');
  const stuck = assert.rejects(commits.submit(write(1)), { code: 'E3012', retry: 'transient' });
  await commits.close(AbortSignal.timeout(30));
  await stuck;
  await commits.close(AbortSignal.abort());
});
