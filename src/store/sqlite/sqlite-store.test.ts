import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import test, { type TestContext } from 'node:test';
import {
  DAY,
  eventOf,
  HOUR,
  MINUTE,
  parkedOf,
  SECOND,
  START,
  sampleOf,
} from '../../../test/contract/store-records.ts';
import { until } from '../../../test/support/until.ts';
import { createDeadline } from '../../component/component.ts';
import { Metrics } from '../../observe/metrics.ts';
import { SqliteStore, type SqliteStoreOptions } from './sqlite-store.ts';

function temporaryDirectory(t: TestContext): string {
  const directory = mkdtempSync(join(tmpdir(), 'nephoscope-sqlite-'));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

/** A store that is stopped when the test ends. */
function makeStore(t: TestContext, path: string, given: Partial<SqliteStoreOptions> = {}): SqliteStore {
  const store = new SqliteStore({ path, exclusive: false, nowMicros: () => START, ...given });
  t.after(() => store.stop(createDeadline(5_000)));
  return store;
}

async function startStore(
  t: TestContext,
  path: string,
  given: Partial<SqliteStoreOptions> = {},
): Promise<SqliteStore> {
  const store = makeStore(t, path, given);
  await store.start(t.signal);
  return store;
}

test('directory and files are for this user only, whatever the umask', async (t) => {
  const path = join(temporaryDirectory(t), 'state', 'x.sqlite');
  const before = process.umask(0o000);
  t.after(() => process.umask(before));
  const store = await startStore(t, path, { exclusive: true });
  await store.recordSamples([sampleOf()]);
  assert.equal(statSync(join(path, '..')).mode & 0o777, 0o700);
  for (const suffix of ['', '-wal', '-shm', '.lock'])
    assert.equal(statSync(path + suffix).mode & 0o777, 0o600, suffix);
});

test('two programs cannot serve from one file, a tool can look in beside', async (t) => {
  const path = join(temporaryDirectory(t), 'x.sqlite');
  const serving = await startStore(t, path, { exclusive: true });
  const second = makeStore(t, path, { exclusive: true });
  await assert.rejects(second.start(t.signal), {
    code: 'E3004',
    message: `Another program serves from ${path}`,
    retry: 'permanent',
  });
  const tool = await startStore(t, path);
  await serving.recordSamples([sampleOf()]);
  assert.equal((await tool.samples({})).length, 1);
  await serving.stop(createDeadline(5_000));
  await second.start(t.signal);
  assert.equal((await second.samples({})).length, 1);
});

test('the lock is freed when its process dies', async (t) => {
  const path = join(temporaryDirectory(t), 'x.sqlite');
  const script = `
    import { takeStateLock } from ${JSON.stringify(new URL('./state-lock.ts', import.meta.url).href)};
    takeStateLock(${JSON.stringify(path)});
    process.kill(process.pid, 'SIGKILL');`;
  const child = spawnSync(process.execPath, ['--input-type=module', '-e', script]);
  assert.equal(child.signal, 'SIGKILL');
  const store = await startStore(t, path, { exclusive: true });
  assert.deepEqual(store.status(), { state: 'ok' });
});

test('start and stop may be repeated in any order', async (t) => {
  const path = join(temporaryDirectory(t), 'x.sqlite');
  const store = makeStore(t, path, { exclusive: true });
  await store.stop(createDeadline(1_000));
  assert.equal(store.status().state, 'stopped');
  await Promise.all([store.start(t.signal), store.start(t.signal)]);
  await store.recordSamples([sampleOf()]);
  await Promise.all([store.stop(createDeadline(1_000)), store.stop(createDeadline(1_000))]);
  await store.start(t.signal);
  assert.equal((await store.samples({})).length, 1);
  const stopping = store.stop(createDeadline(1_000));
  await store.start(t.signal);
  await stopping;
  assert.equal((await store.samples({})).length, 1);
  await assert.rejects(makeStore(t, path).start(AbortSignal.abort()));
});

test('a start that fails can be repeated when the cause is gone, and holds no lock meanwhile', async (t) => {
  const directory = temporaryDirectory(t);
  const path = join(directory, 'x.sqlite');
  writeFileSync(path, 'x'.repeat(5_000));
  const store = makeStore(t, path, { exclusive: true });
  await assert.rejects(store.start(t.signal), { code: 'E3001' });
  await assert.rejects(store.start(t.signal), { code: 'E3001' });
  rmSync(path);
  await store.start(t.signal);
  const blocked = makeStore(t, join(directory, 'x.sqlite', 'below'));
  await assert.rejects(blocked.start(t.signal), { code: 'E3005' });
  mkdirSync(join(directory, 'is-a-directory'));
  await assert.rejects(makeStore(t, join(directory, 'is-a-directory')).start(t.signal), { code: 'E3005' });
});

test('a full disk refuses for now, says so, loses nothing acknowledged, and recovers by itself', async (t) => {
  const path = join(temporaryDirectory(t), 'x.sqlite');
  const metrics = new Metrics();
  const store = await startStore(t, path, { metrics, maxFileBytes: 600_000 });
  const batch = (number: number): ReturnType<typeof sampleOf>[] =>
    Array.from({ length: 200 }, (_, n) =>
      sampleOf({ timestampMicros: START + number * MINUTE + n * SECOND, id: `foreign ${number} ${n}` }),
    );
  const acknowledged: number[] = [];
  let refused = 0;
  for (let number = 0; refused < 3; number += 1) {
    await store.recordSamples(batch(number)).then(
      () => acknowledged.push(number),
      (error) => {
        assert.deepEqual([error.code, error.retry], ['E3006', 'transient']);
        refused += 1;
      },
    );
  }
  assert.ok(acknowledged.length > 3);
  assert.equal(store.status().state, 'degraded');
  assert.match(store.status().reason ?? '', /disk is full/);
  assert.match(metrics.expose(), /nephoscope_store_failures_total\{code="E3006"\} 3\n/);
  assert.equal((await store.samples({})).length, acknowledged.length * 200);

  const policy = { sampleTtlSeconds: 60, eventTtlSeconds: null };
  await store.expire(policy, START + DAY, new AbortController().signal);
  assert.deepEqual(await store.recordSamples(batch(1_000)), { recorded: 200, duplicates: [], rejected: [] });
  assert.deepEqual(store.status(), { state: 'ok' });
  assert.equal((await store.samples({})).length, 200);
});

test('another process may write and expire: nothing remembered here goes wrong by it', async (t) => {
  const path = join(temporaryDirectory(t), 'x.sqlite');
  let now = START;
  const [a, b] = [
    await startStore(t, path, { nowMicros: () => now }),
    await startStore(t, path, { nowMicros: () => now }),
  ];
  const never = new AbortController().signal;
  for (let round = 0; round < 6; round += 1) {
    now = START + round * HOUR;
    const [mine, theirs] = round % 2 === 0 ? [a, b] : [b, a];
    const projectId = `p${round}`;
    await mine.recordSamples([
      sampleOf({ timestampMicros: now, resourceId: 'r1' }),
      sampleOf({ timestampMicros: now, projectId, resourceId: 'r2', id: `x${round}` }),
    ]);
    await mine.recordEvents([
      eventOf({ messageId: `m${round}`, generatedMicros: now, traits: [['request_id', 1, 'req-1']] }),
    ]);
    await theirs.expire({ sampleTtlSeconds: 1_800, eventTtlSeconds: 1_800 }, now, never);
    await theirs.recordSamples([sampleOf({ timestampMicros: now, resourceId: 'r3', id: `y${round}` })]);
    for (const store of [a, b]) {
      const meters = await store.meters(undefined, undefined);
      assert.deepEqual(meters.map((meter) => [meter.resourceId, meter.projectId]).sort(), [
        ['r1', 'p1'],
        ['r2', projectId],
        ['r3', 'p1'],
      ]);
      const resources = await store.resources(undefined, undefined);
      assert.deepEqual(
        resources.map((resource) => resource.firstSampleMicros),
        [now, now, now],
      );
      assert.equal((await store.sample(`x${round}`))?.projectId, projectId);
      assert.equal((await store.sample(`y${round}`))?.resourceId, 'r3');
      const traits = [{ name: 'request_id', type: 1, op: 'eq', value: 'req-1' }] as const;
      assert.deepEqual(
        (await store.events({ traits })).map(({ messageId }) => messageId),
        [`m${round}`],
      );
    }
  }
});

test('two writers at once lose nothing to each other', async (t) => {
  const path = join(temporaryDirectory(t), 'x.sqlite');
  const stores = [await startStore(t, path), await startStore(t, path)];
  const calls = stores.flatMap((store, writer) =>
    Array.from({ length: 20 }, (_, call) =>
      store.recordSamples(
        Array.from({ length: 50 }, (_, n) =>
          sampleOf({
            resourceId: `r${writer} ${n}`,
            name: `m${call % 3}`,
            timestampMicros: START + call * SECOND,
          }),
        ),
      ),
    ),
  );
  await Promise.all(calls);
  const [store] = stores;
  assert.ok(store);
  assert.equal((await store.samples({})).length, 2_000);
  assert.equal((await store.meters(undefined, undefined)).length, 300);
});

test('events and samples are found by identity over many look-up segments', async (t) => {
  const path = join(temporaryDirectory(t), 'x.sqlite');
  const store = await startStore(t, path);
  // Some 48,000 keys of events, 20,000 of samples: more than one segment holds of either.
  for (let batch = 0; batch < 10; batch += 1) {
    const numbers = Array.from({ length: 2_000 }, (_, n) => batch * 2_000 + n);
    await Promise.all([
      store.recordEvents(
        numbers.map((n) =>
          eventOf({
            messageId: `m${n}`,
            generatedMicros: START + n * SECOND,
            traits: [
              ['request_id', 1, `req-${n >> 1}`],
              ...(n % 5 < 2 ? [['project_id', 1, 'p1'] as const] : []),
            ],
          }),
        ),
      ),
      store.recordSamples(
        numbers.map((n) => sampleOf({ id: `foreign-${n}`, timestampMicros: START + n * SECOND })),
      ),
    ]);
  }
  const database = new DatabaseSync(path, { readOnly: true, returnArrays: true });
  const segments = database.prepare('SELECT kind, count(*) FROM segment GROUP BY kind ORDER BY kind').all();
  database.close();
  assert.deepEqual(segments, [
    ['event', 3],
    ['sample', 2],
  ]);
  for (const n of [0, 1, 5_555, 16_384, 19_999]) {
    assert.equal((await store.event(`m${n}`))?.generatedMicros, START + n * SECOND);
    assert.equal((await store.sample(`foreign-${n}`))?.timestampMicros, START + n * SECOND);
    const traits = [{ name: 'request_id', type: 1, op: 'eq', value: `req-${n >> 1}` }] as const;
    const pair = [n & ~1, n | 1].map((number) => `m${number}`);
    assert.deepEqual(
      (await store.events({ traits })).map(({ messageId }) => messageId),
      pair,
    );
  }
  // More hits than are fetched one by one.
  const traits = [{ name: 'project_id', type: 1, op: 'eq', value: 'p1' }] as const;
  assert.equal((await store.events({ traits })).length, 8_000);
  assert.deepEqual(
    (await store.events({ traits, limit: 2, order: 'desc' })).map(({ messageId }) => messageId),
    ['m19996', 'm19995'],
  );
});

test('the queries that must not scan use an index', async (t) => {
  const path = join(temporaryDirectory(t), 'x.sqlite');
  await startStore(t, path);
  const database = new DatabaseSync(path, { readOnly: true });
  t.after(() => database.close());
  const plan = (sql: string): string =>
    database
      .prepare(`EXPLAIN QUERY PLAN ${sql}`)
      .all()
      .map(({ detail }) => String(detail))
      .join('; ');
  const byType = plan(
    'SELECT 1 FROM event e WHERE e.generated BETWEEN 1 AND 2 AND e.event_type = (SELECT 1) ORDER BY e.generated DESC, e.id DESC',
  );
  assert.match(
    byType,
    /USING (?:COVERING )?INDEX event_by_type \(event_type=\? AND generated>\? AND generated<\?\)/,
  );
  assert.doesNotMatch(byType, /TEMP B-TREE/);
  assert.match(
    plan(
      'SELECT s.id FROM sample s WHERE s.meter = ? AND s.ts BETWEEN ? AND ? ORDER BY s.ts DESC, s.recorded DESC LIMIT 5',
    ),
    /^SEARCH s USING PRIMARY KEY \(meter=\? AND ts>\? AND ts<\?\); USE TEMP B-TREE FOR LAST TERM OF ORDER BY$/,
  );
  const lookUp = 'SELECT 1 FROM segment g CROSS JOIN event_lookup l ON l.segment = g.id AND l.hash = ?';
  assert.match(plan(lookUp), /SEARCH l USING PRIMARY KEY \(segment=\? AND hash=\?\)/);
});

test('what the store did can be seen in its metrics', async (t) => {
  const metrics = new Metrics();
  const store = await startStore(t, join(temporaryDirectory(t), 'x.sqlite'), { metrics });
  await Promise.all([
    store.recordSamples([sampleOf(), sampleOf()]),
    store.recordEvents([eventOf()]),
    store.park([parkedOf()]),
  ]);
  await store.expire(
    { sampleTtlSeconds: 1, eventTtlSeconds: null },
    START + DAY,
    new AbortController().signal,
  );
  const page = metrics.expose();
  for (const line of [
    'nephoscope_store_recorded_total{kind="sample"} 1',
    'nephoscope_store_duplicates_total{kind="sample"} 1',
    'nephoscope_store_recorded_total{kind="event"} 1',
    'nephoscope_store_recorded_total{kind="parked"} 1',
    'nephoscope_store_expired_total{kind="sample"} 1',
    'nephoscope_store_waiting_reads 0',
  ]) {
    assert.ok(page.includes(`${line}\n`), line);
  }
});

test('series are brought up to date in the background as the clock goes on', async (t) => {
  const path = join(temporaryDirectory(t), 'x.sqlite');
  let now = START;
  const store = await startStore(t, path, { nowMicros: () => now });
  for (let minute = 0; minute < 10; minute += 1) {
    now = START + minute * MINUTE;
    await store.recordSamples(
      Array.from({ length: 50 }, (_, n) => sampleOf({ timestampMicros: now, resourceId: `r${n}` })),
    );
  }
  const database = new DatabaseSync(path, { readOnly: true, returnArrays: true });
  t.after(() => database.close());
  await until('the fold line has moved and all series with it', () => {
    const [line] = database.prepare('SELECT folded_before FROM meter').all().flat();
    const [last] = database.prepare('SELECT min(last_ts) FROM series').all().flat();
    return Number(line) === START + 5 * MINUTE && Number(last) === START + 4 * MINUTE;
  });
  const resources = await store.resources(undefined, undefined);
  assert.deepEqual(
    [...new Set(resources.map(({ lastSampleMicros }) => lastSampleMicros - START))],
    [9 * MINUTE],
  );
});
