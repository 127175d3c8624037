import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import {
  type Aggregate,
  GROUP_FIELDS,
  type StatisticsQuery,
  type StatisticsRow,
} from '../../src/store/query.ts';
import type { OpenForTest } from './store.ts';
import { filters, samples } from './store-filters.ts';
import { type ModelSample, statisticsOf } from './store-model.ts';
import { MINUTE, SECOND, START, sampleOf } from './store-records.ts';

const STANDARD: readonly Aggregate[] = [
  { func: 'min' },
  { func: 'max' },
  { func: 'avg' },
  { func: 'sum' },
  { func: 'count' },
  { func: 'stddev' },
];
const CARDINALITIES: readonly Aggregate[] = [
  { func: 'cardinality', field: 'resourceId' },
  { func: 'cardinality', field: 'userId' },
  { func: 'cardinality', field: 'projectId' },
  { func: 'cardinality', field: 'source' },
];

/** Statistics. */
export function storeStatisticsContract(name: string, open: OpenForTest): void {
  test(`${name}: all aggregates over a whole range`, async (t) => {
    const { store } = await open(t);
    await store.recordSamples([
      sampleOf({ volume: 10 }),
      sampleOf({ volume: 20, timestampMicros: START + MINUTE, resourceId: 'r2', userId: null }),
      sampleOf({ volume: 30, timestampMicros: START + 65 * MINUTE + 1, projectId: 'p2', source: 'x' }),
    ]);
    const rows = await store.statistics({ meter: 'cpu_util', aggregates: [...CARDINALITIES, ...STANDARD] });
    assert.deepEqual(rows, [
      {
        unit: '%',
        group: [],
        periodStartMicros: START,
        periodEndMicros: START + 65 * MINUTE + 1,
        firstSampleMicros: START,
        lastSampleMicros: START + 65 * MINUTE + 1,
        values: [2, 1, 2, 2, 10, 30, 20, 60, 3, Math.sqrt(200 / 3)],
      },
    ]);
    assert.deepEqual(await store.statistics({ meter: 'nope', aggregates: STANDARD }), []);
    assert.deepEqual(await store.statistics({ meter: 'cpu_util', aggregates: [] }), [
      { ...rows[0], values: [] },
    ]);
  });

  test(`${name}: buckets are half open but for the last, which has the sample on its end`, async (t) => {
    const { store } = await open(t);
    const times = [0, 60, 119, 120, 300];
    await store.recordSamples(
      times.map((time) => sampleOf({ timestampMicros: START + time * SECOND, volume: time })),
    );
    const buckets = async (query: Partial<StatisticsQuery>): Promise<unknown> => {
      const rows = await store.statistics({
        meter: 'cpu_util',
        periodSeconds: 60,
        aggregates: [{ func: 'count' }],
        ...query,
      });
      return rows.map((row) => [
        (row.periodStartMicros - START) / SECOND,
        (row.periodEndMicros - START) / SECOND,
        (row.firstSampleMicros - START) / SECOND,
        row.values[0],
      ]);
    };
    // T-04 of the original: the sample at 300 is on the final bound and belongs to the last bucket.
    assert.deepEqual(await buckets({}), [
      [0, 60, 0, 1],
      [60, 120, 60, 2],
      [120, 180, 120, 1],
      [240, 300, 300, 1],
    ]);
    assert.deepEqual(await buckets({ startMicros: START + 30 * SECOND, endMicros: START + 120 * SECOND }), [
      [30, 90, 60, 1],
      [90, 150, 119, 2],
    ]);
    assert.deepEqual(await buckets({ startMicros: START, endMicros: START + 120 * SECOND }), [
      [0, 60, 0, 1],
      [60, 120, 60, 3],
    ]);
    assert.deepEqual(await buckets({ periodSeconds: 1_000 }), [[0, 1_000, 0, 5]]);
    assert.deepEqual(await buckets({ periodSeconds: 300 }), [[0, 300, 0, 5]]);
  });

  test(`${name}: a single sample makes one bucket`, async (t) => {
    const { store } = await open(t);
    await store.recordSamples([sampleOf({ volume: 7 })]);
    const query = { meter: 'cpu_util', periodSeconds: 60, aggregates: [{ func: 'avg' }] } as const;
    const row = { unit: '%', group: [], firstSampleMicros: START, lastSampleMicros: START, values: [7] };
    const rows = [{ ...row, periodStartMicros: START, periodEndMicros: START + MINUTE }];
    assert.deepEqual(await store.statistics(query), rows);
    assert.deepEqual(await store.statistics({ ...query, startMicros: START, endMicros: START }), rows);
    assert.deepEqual(await store.statistics({ ...query, startMicros: START + 1 }), []);
  });

  test(`${name}: rows are told apart by group and unit, meters of one unit and name count together`, async (t) => {
    const { store } = await open(t);
    await store.recordSamples([
      sampleOf({ volume: 1, resourceMetadata: { instance_type: 'm1.small' } }),
      sampleOf({
        volume: 2,
        type: 'delta',
        timestampMicros: START + 1,
        resourceMetadata: { instance_type: 'm1.small' },
      }),
      sampleOf({ volume: 4, unit: 'B', timestampMicros: START + 2 }),
      sampleOf({
        volume: 8,
        resourceId: 'r2',
        userId: null,
        resourceMetadata: { instance_type: 'm1.large' },
      }),
    ]);
    const groups = async (groupBy: StatisticsQuery['groupBy'] & {}): Promise<unknown> => {
      const rows = await store.statistics({
        meter: 'cpu_util',
        groupBy,
        aggregates: [{ func: 'sum' }, { func: 'stddev' }],
      });
      return rows.map(({ group, unit, values }) => [...group, unit, ...values]);
    };
    assert.deepEqual(await groups(['resourceId']), [
      ['r1', '%', 3, 0.5],
      ['r1', 'B', 4, 0],
      ['r2', '%', 8, 0],
    ]);
    assert.deepEqual(await groups(['userId']), [
      [null, '%', 8, 0],
      ['u1', '%', 3, 0.5],
      ['u1', 'B', 4, 0],
    ]);
    assert.deepEqual(await groups(['metadata.instance_type', 'source']), [
      [null, 'openstack', 'B', 4, 0],
      ['m1.large', 'openstack', '%', 8, 0],
      ['m1.small', 'openstack', '%', 3, 0.5],
    ]);
  });

  test(`${name}: large counters lose no digits to the sum or the deviation`, async (t) => {
    const { store } = await open(t);
    const base = 1e15;
    await store.recordSamples(
      [0, 1, 2].map((n) => sampleOf({ volume: base + n, type: 'cumulative', timestampMicros: START + n })),
    );
    await store.recordSamples(
      [1e16, 1, -1e16].map((volume, n) => sampleOf({ name: 'x', volume, timestampMicros: START + n })),
    );
    const [row] = await store.statistics({
      meter: 'cpu_util',
      aggregates: [{ func: 'stddev' }, { func: 'avg' }],
    });
    assert.deepEqual(row?.values, [Math.sqrt(2 / 3), base + 1]);
    const [small] = await store.statistics({ meter: 'x', aggregates: [{ func: 'sum' }] });
    assert.deepEqual(small?.values, [1]);
  });

  test(`${name}: random statistics are what the model computes`, async (t) => {
    const { store } = await open(t);
    const pool = fc.sample(samples, { numRuns: 200, seed: 20260303 });
    const { duplicates } = await store.recordSamples(pool);
    const recorded: ModelSample[] = pool
      .map((sample, order) => ({ ...sample, order }))
      .filter(({ order }) => !duplicates.includes(order));
    await fc.assert(
      fc.asyncProperty(queries, async (query) => {
        const found = await store.statistics(query);
        assertSameRows(found, statisticsOf(recorded, query));
        const starts = found.map(({ periodStartMicros }) => periodStartMicros);
        if ((query.periodSeconds ?? 0) > 0)
          assert.deepEqual(
            starts,
            starts.toSorted((a, b) => a - b),
          );
      }),
      { numRuns: 300 },
    );
  });
}

const instants = fc.integer({ min: -1, max: 8 }).map((n) => START + n * SECOND);
const queries: fc.Arbitrary<StatisticsQuery> = fc.record(
  {
    meter: fc.constantFrom('cpu', 'mem'),
    filter: filters(),
    periodSeconds: fc.constantFrom(0, 1, 2, 4, 60),
    startMicros: instants,
    endMicros: instants,
    groupBy: fc.subarray([...GROUP_FIELDS]),
    aggregates: fc.subarray([...STANDARD, ...CARDINALITIES]),
  },
  { requiredKeys: ['meter', 'aggregates'] },
);

/** The same rows in any order; numbers within rounding. */
function assertSameRows(found: readonly StatisticsRow[], expected: readonly StatisticsRow[]): void {
  const key = (row: StatisticsRow): string => JSON.stringify([row.periodStartMicros, row.group, row.unit]);
  const byKey = new Map(expected.map((row) => [key(row), row]));
  assert.equal(found.length, expected.length);
  for (const row of found) {
    const wanted = byKey.get(key(row));
    assert.ok(wanted, `no row ${key(row)} expected`);
    assert.deepEqual({ ...row, values: [] }, { ...wanted, values: [] });
    row.values.forEach((value, index) => {
      const other = wanted.values[index] ?? Number.NaN;
      assert.ok(
        Math.abs(value - other) <= 1e-6 + Math.abs(other) * 1e-9,
        `${value} is not ${other} in ${key(row)}`,
      );
    });
  }
}
