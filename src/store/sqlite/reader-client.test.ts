import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import test, { type TestContext } from 'node:test';
import { SECOND, START, sampleOf } from '../../../test/contract/store-records.ts';
import { createDeadline } from '../../component/component.ts';
import { ReadContext } from './read-context.ts';
import { ReaderClient, type ReaderOptions } from './reader-client.ts';
import { SqliteStore } from './sqlite-store.ts';

/** A store file with samples, and a reader on it. */
async function setUp(
  t: TestContext,
  given: Partial<ReaderOptions> = {},
  samples = 10,
): Promise<ReaderClient> {
  const directory = mkdtempSync(join(tmpdir(), 'nephoscope-reader-'));
  const path = join(directory, 'x.sqlite');
  const store = new SqliteStore({ path, exclusive: false, nowMicros: () => START });
  await store.start(t.signal);
  const name = 'a'.repeat(32);
  await store.recordSamples(
    Array.from({ length: samples }, (_, n) =>
      sampleOf({ timestampMicros: START + n * SECOND, name: `${name}b` }),
    ),
  );
  await store.stop(createDeadline(5_000));
  const reader = new ReaderClient({
    path,
    cacheKibibytes: 1_024,
    timeoutMillis: 10_000,
    maxQueued: 4,
    maxHeapMegabytes: 64,
    ...given,
  });
  t.after(async () => {
    await reader.close();
    rmSync(directory, { recursive: true, force: true });
  });
  return reader;
}

/** Takes longer than anybody waits: the pattern tries every way to split 32 letters. */
const ENDLESS = { filter: { kind: 'match', field: 'name', pattern: '^(a+)+$' } } as const;

test('reads are answered in order, each with its own result', async (t) => {
  const reader = await setUp(t);
  const answers = await Promise.all([
    reader.read('samples', { limit: 2 }),
    reader.read('parkedCount'),
    reader.read('sample', 'x'),
  ]);
  assert.deepEqual([answers[0].length, answers[1], answers[2]], [2, 0, null]);
  assert.equal(reader.size, 0);
});

test('more reads than may wait are refused for now', async (t) => {
  const reader = await setUp(t);
  const taken = Array.from({ length: 5 }, () => reader.read('parkedCount'));
  assert.equal(reader.size, 5);
  await assert.rejects(reader.read('parkedCount'), { code: 'E3010', retry: 'transient' });
  assert.deepEqual(await Promise.all(taken), [0, 0, 0, 0, 0]);
});

test('a read that takes too long is ended, those behind it in time are answered, and the thread is replaced', async (t) => {
  const reader = await setUp(t, { timeoutMillis: 1_500 });
  // The thread must be up, or its start would count as part of the time.
  await reader.read('parkedCount');
  const stuck = assert.rejects(reader.read('samples', ENDLESS), { code: 'E3011', retry: 'transient' });
  const behind = assert.rejects(reader.read('parkedCount'), { code: 'E3011' });
  await Promise.all([stuck, behind]);
  assert.equal(await reader.read('parkedCount'), 0);
});

test('a query looks every few thousand rows whether somebody still waits', (t) => {
  const database = new DatabaseSync(':memory:', { returnArrays: true });
  t.after(() => database.close());
  let looks = 0;
  const context = new ReadContext(database, () => {
    looks += 1;
    return looks === 3;
  });
  const numbers = 'n AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM n WHERE n < 1000000)';
  database.exec(`CREATE TABLE numbers AS WITH RECURSIVE ${numbers} SELECT n FROM n LIMIT 100000`);
  let rows = 0;
  const scan = (): void => context.scan(['n', 'n'], { sql: 'numbers', parameters: [] }, () => (rows += 1));
  assert.throws(() => context.query(scan), { code: 'E3011', retry: 'transient' });
  assert.ok(rows > 8_000 && rows < 13_000, `${rows} rows`);
  context.query(scan);
  assert.ok(rows > 100_000);
});

test('an answer too large for the memory of the thread is refused, and the next read works', async (t) => {
  const reader = await setUp(t, { maxHeapMegabytes: 24 }, 60_000);
  await assert.rejects(reader.read('samples', {}), { code: 'E3018', retry: 'permanent' });
  assert.equal(await reader.read('parkedCount'), 0);
});

test('what cannot pass between threads is a bad question', async (t) => {
  const reader = await setUp(t);
  const value = (() => {}) as unknown as string;
  const filter = { kind: 'compare', field: 'name', op: 'eq', value } as const;
  await assert.rejects(reader.read('samples', { filter }), { code: 'E3013' });
  assert.equal(await reader.read('parkedCount'), 0);
});

test('closing rejects what waits or runs, ends the thread and refuses what comes later', async (t) => {
  const reader = await setUp(t);
  const pending = [reader.read('samples', ENDLESS), reader.read('parkedCount')];
  const outcomes = Promise.allSettled(pending);
  await reader.close();
  for (const outcome of await outcomes) {
    assert.ok(outcome.status === 'rejected');
    assert.equal(outcome.reason.code, 'E3012');
  }
  await assert.rejects(reader.read('parkedCount'), { code: 'E3012', retry: 'transient' });
  await reader.close();
});
