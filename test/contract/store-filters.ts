import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { FloatToken, type JsonScalar } from '../../src/model/json.ts';
import type { Sample } from '../../src/model/sample.ts';
import type { ComparisonOperator, SampleField, SampleFilter } from '../../src/store/query.ts';
import type { OpenForTest } from './store.ts';
import { compareTexts, type ModelSample, matches } from './store-model.ts';
import { HOUR, MINUTE, SECOND, START, sampleOf } from './store-records.ts';

const METADATA = [
  { flag: true, num: 5, text: '5', note: null },
  { flag: 'true', num: '5', 'server.host': 'h1', tags: ['web', { k: 'v' }] },
  { flag: 1, num: new FloatToken(5), server: { host: 'h2' }, big: 9007199254740993n },
  { nested: { 'a:b': 'x', a: { b: 'y' } }, 'OS-EXT-STS:vm_state': 'active', big: 9007199254740992 },
  { text: '\u{ffff}', instance_type: 'm1.small' },
  { text: '\u{10000}', instance_type: 'm1.large', flag: false },
  {},
] as const;

const SAMPLES: readonly Sample[] = METADATA.map((resourceMetadata, index) =>
  sampleOf({
    resourceId: `r${index}`,
    name: ['cpu_util', 'memory', 'disk'][index % 3] ?? '',
    type: (['gauge', 'delta', 'cumulative'] as const)[index % 3] ?? 'gauge',
    unit: [null, 'B', ''][index % 3] ?? null,
    userId: index === 1 ? null : `u${index % 3}`,
    projectId: index === 2 ? null : (['Zürich', '\u{ffff}', '\u{10000}'][index % 3] ?? null),
    source: index % 2 === 0 ? 'openstack' : 'hardware',
    deployment: [null, 'east', 'west'][index % 3] ?? null,
    volume: [0, -1.5, 1e300, 9007199254740992, 5, 5, 0.1][index] ?? 0,
    timestampMicros: START + index * MINUTE + 1,
    ...(index === 4 ? { id: 'foreign' } : {}),
    resourceMetadata,
  }),
);

/** Filters and orders of samples. */
export function storeFilterContract(name: string, open: OpenForTest): void {
  const where = (field: SampleField, op: ComparisonOperator, value: JsonScalar): SampleFilter => ({
    kind: 'compare',
    field,
    op,
    value,
  });
  const cases: readonly (readonly [SampleFilter, string])[] = [
    [where('name', 'eq', 'cpu_util'), '036'],
    [where('name', 'ne', 'cpu_util'), '1245'],
    [where('name', 'lt', 'disk'), '036'],
    [where('type', 'eq', 'delta'), '14'],
    [where('unit', 'eq', null), '036'],
    [where('unit', 'ne', null), '1245'],
    [where('unit', 'eq', ''), '25'],
    [where('unit', 'ne', 'B'), '25'],
    [where('volume', 'ge', 5), '2345'],
    [where('volume', 'eq', 9007199254740992n), '3'],
    [where('volume', 'lt', 9007199254740993n), '013456'],
    [where('volume', 'eq', new FloatToken(5)), '45'],
    [where('volume', 'eq', '5'), ''],
    [where('volume', 'ne', null), '0123456'],
    [where('userId', 'eq', null), '1'],
    [where('deployment', 'eq', 'east'), '14'],
    [where('deployment', 'ne', 'east'), '25'],
    [where('deployment', 'eq', null), '036'],
    [where('deployment', 'gt', 'east'), '25'],
    [where('deployment', 'eq', 'nowhere'), ''],
    [where('userId', 'ne', 'u0'), '245'],
    [where('projectId', 'eq', 'Zürich'), '036'],
    [where('projectId', 'ge', '\u{ffff}'), '145'],
    [where('projectId', 'gt', '\u{ffff}'), '5'],
    [where('projectId', 'eq', 'nobody'), ''],
    [where('projectId', 'ne', 'nobody'), '013456'],
    [where('projectId', 'eq', 5), ''],
    [where('resourceId', 'eq', 'r3'), '3'],
    [where('resourceId', 'ne', 'r3'), '012456'],
    [where('resourceId', 'le', 'r1'), '01'],
    [where('resourceId', 'eq', null), ''],
    [where('source', 'eq', 'hardware'), '135'],
    [where('timestamp', 'ge', START + 5 * MINUTE + 1), '56'],
    [where('timestamp', 'gt', START + 5 * MINUTE + 1), '6'],
    [where('timestamp', 'lt', START + MINUTE + 1), '0'],
    [where('timestamp', 'le', START + MINUTE + 1.5), '01'],
    [where('timestamp', 'eq', START + MINUTE + 1), '1'],
    [where('timestamp', 'ne', START + MINUTE + 1), '023456'],
    [where('id', 'eq', 'foreign'), '4'],
    [where('id', 'eq', SAMPLES[3]?.id ?? ''), '3'],
    [where('id', 'ne', 'foreign'), '012356'],
    [where('metadata.flag', 'eq', true), '0'],
    [where('metadata.flag', 'eq', 1), '2'],
    [where('metadata.flag', 'eq', 'true'), '1'],
    [where('metadata.flag', 'ne', true), '5'],
    [where('metadata.num', 'eq', 5), '02'],
    [where('metadata.num', 'eq', '5'), '1'],
    [where('metadata.num', 'gt', 4.5), '02'],
    [where('metadata.num', 'ne', 5), ''],
    [where('metadata.note', 'eq', null), '0123456'],
    [where('metadata.note', 'ne', null), ''],
    [where('metadata.text', 'ne', null), '045'],
    [where('metadata.text', 'ge', '\u{ffff}'), '45'],
    [where('metadata.text', 'gt', '\u{ffff}'), '5'],
    [where('metadata.server.host', 'eq', 'h1'), '1'],
    [where('metadata.server.host', 'eq', 'h2'), '2'],
    [where('metadata.tags[0]', 'eq', 'web'), '1'],
    [where('metadata.tags[1].k', 'eq', 'v'), '1'],
    [where('metadata.tags', 'eq', 'web'), ''],
    [where('metadata.OS-EXT-STS:vm_state', 'eq', 'active'), '3'],
    [where('metadata.OS-EXT-STS.vm_state', 'eq', 'active'), '3'],
    [where('metadata.nested.a:b', 'eq', 'x'), '3'],
    [where('metadata.nested.a.b', 'eq', 'y'), '3'],
    [where('metadata.big', 'eq', 9007199254740993n), '2'],
    [where('metadata.big', 'lt', 9007199254740993n), '3'],
    [{ kind: 'match', field: 'metadata.instance_type', pattern: '^m1\\.[sl]' }, '45'],
    [{ kind: 'match', field: 'projectId', pattern: 'ü' }, '036'],
    [{ kind: 'match', field: 'name', pattern: 'u' }, '036'],
    [{ kind: 'match', field: 'resourceId', pattern: '[12]' }, '12'],
    [{ kind: 'match', field: 'id', pattern: '^fore' }, '4'],
    [{ kind: 'match', field: 'volume', pattern: '5' }, ''],
    [{ kind: 'and', members: [] }, '0123456'],
    [{ kind: 'or', members: [] }, ''],
    [{ kind: 'not', member: where('userId', 'eq', 'u0') }, '1245'],
    [{ kind: 'not', member: where('metadata.num', 'eq', 5) }, '13456'],
    [{ kind: 'or', members: [where('name', 'eq', 'disk'), where('metadata.flag', 'eq', true)] }, '025'],
    [{ kind: 'and', members: [where('timestamp', 'ge', START + MINUTE), where('userId', 'eq', 'u0')] }, '36'],
    [{ kind: 'or', members: [where('timestamp', 'lt', START + MINUTE), where('volume', 'gt', 1e200)] }, '02'],
    [
      {
        kind: 'and',
        members: [
          where('resourceId', 'eq', 'r2'),
          {
            kind: 'not',
            member: { kind: 'and', members: [where('volume', 'lt', 0), where('name', 'eq', 'disk')] },
          },
        ],
      },
      '2',
    ],
  ];

  test(`${name}: samples are filtered by every field, operator and combination`, async (t) => {
    const { store } = await open(t);
    await store.recordSamples(SAMPLES);
    for (const [filter, expected] of cases) {
      const found = await store.samples({ filter, orderBy: [{ field: 'resourceId', direction: 'asc' }] });
      assert.equal(found.map(({ resourceId }) => resourceId.slice(1)).join(''), expected, show(filter));
    }
  });

  test(`${name}: samples are filtered by when they were recorded`, async (t) => {
    const { store, setNow } = await open(t);
    setNow(START + HOUR);
    await store.recordSamples([sampleOf()]);
    setNow(START + 2 * HOUR);
    await store.recordSamples([sampleOf({ resourceId: 'r2' })]);
    const found = await store.samples({ filter: where('recordedAt', 'gt', START + HOUR) });
    assert.deepEqual(
      found.map(({ resourceId, recordedMicros }) => [resourceId, recordedMicros]),
      [['r2', START + 2 * HOUR]],
    );
  });

  test(`${name}: a bad pattern, field or order is a bad question, and the store goes on`, async (t) => {
    const { store } = await open(t);
    await store.recordSamples([sampleOf()]);
    const bad = { code: 'E3013', retry: 'permanent' };
    await assert.rejects(store.samples({ filter: { kind: 'match', field: 'name', pattern: '(' } }), bad);
    await assert.rejects(store.samples({ filter: where('nope' as SampleField, 'eq', 1) }), bad);
    await assert.rejects(store.samples({ orderBy: [{ field: 'metadata.x', direction: 'asc' }] }), bad);
    assert.equal((await store.samples({})).length, 1);
  });

  test(`${name}: a filter may have thousands of members and quotes in every text`, async (t) => {
    const { store } = await open(t);
    const odd = `it's "odd" \\ ; DROP TABLE sample; --`;
    await store.recordSamples([
      sampleOf({ resourceId: odd, name: odd, userId: odd, resourceMetadata: { [odd]: odd } }),
    ]);
    const members = Array.from({ length: 3_000 }, (_, n) =>
      where('resourceId', 'eq', n === 2_999 ? odd : `r${n}`),
    );
    const fields: readonly SampleField[] = ['name', 'userId', `metadata.${odd}`];
    const filter: SampleFilter = {
      kind: 'and',
      members: [{ kind: 'or', members }, ...fields.map((field) => where(field, 'eq', odd))],
    };
    assert.equal((await store.samples({ filter })).length, 1);
  });

  test(`${name}: samples come newest first, last recorded first among equals, and within the limit`, async (t) => {
    const { store } = await open(t);
    const times = [3, 1, 3, 2, 3];
    await store.recordSamples(
      times.map((time, index) =>
        sampleOf({ resourceId: `r${index}`, name: `m${index % 2}`, timestampMicros: START + time * SECOND }),
      ),
    );
    const order = async (limit?: number): Promise<string> =>
      (await store.samples(limit === undefined ? {} : { limit }))
        .map(({ resourceId }) => resourceId.slice(1))
        .join('');
    assert.equal(await order(), '42031');
    assert.equal(await order(3), '420');
    assert.equal(await order(1), '4');
    assert.equal(await order(0), '');
  });

  test(`${name}: samples are ordered by any plain field, text by code point, unset first`, async (t) => {
    const { store } = await open(t);
    await store.recordSamples(SAMPLES);
    const fields: readonly (keyof Sample & SampleField)[] = [
      'name',
      'type',
      'unit',
      'volume',
      'userId',
      'projectId',
      'source',
      'id',
      'resourceId',
    ];
    for (const field of fields) {
      for (const direction of ['asc', 'desc'] as const) {
        const found = await store.samples({ orderBy: [{ field, direction }], limit: 5 });
        const sign = direction === 'asc' ? 1 : -1;
        const expected = SAMPLES.toSorted(
          (a, b) => sign * compareValues(a[field], b[field]) || b.timestampMicros - a.timestampMicros,
        );
        assert.deepEqual(
          found.map(({ resourceId }) => resourceId),
          expected.slice(0, 5).map(({ resourceId }) => resourceId),
          `${field} ${direction}`,
        );
      }
    }
  });

  test(`${name}: random filters find what the model finds`, async (t) => {
    const { store } = await open(t);
    const pool = fc.sample(samples, { numRuns: 150, seed: 20260301 });
    const recorded = new Map<string, ModelSample>();
    for (const [order, sample] of pool.entries()) {
      const { duplicates } = await store.recordSamples([sample]);
      if (duplicates.length === 0) recorded.set(`${order}`, { ...sample, order });
    }
    const all = [...recorded.values()];
    await fc.assert(
      fc.asyncProperty(filters(), async (filter) => {
        const found = await store.samples({ filter });
        const expected = all
          .filter((sample) => matches(sample, filter))
          .sort((a, b) => b.timestampMicros - a.timestampMicros || b.order - a.order);
        assert.deepEqual(
          found.map(({ id }) => id),
          expected.map(({ id }) => id),
        );
      }),
      { numRuns: 300 },
    );
  });
}

function compareValues(a: unknown, b: unknown): number {
  if (a === null || b === null) return Number(a !== null) - Number(b !== null);
  return typeof a === 'string' ? compareTexts(a, String(b)) : Number(a) - Number(b);
}

function show(filter: SampleFilter): string {
  return JSON.stringify(filter, (_, value) => (typeof value === 'bigint' ? `${value}n` : value));
}

const texts = fc.constantFrom('a', 'b', 'B', '', '5', '\u{ffff}', '\u{10000}', "o'x");
const scalars: fc.Arbitrary<JsonScalar> = fc.oneof(
  texts,
  fc.constantFrom(0, 1, 5, -2.5, 9007199254740993n, new FloatToken(1)),
  fc.boolean(),
  fc.constant(null),
);
const keys = fc.constantFrom('a', 'b', 'a.b', 'a:b', 'c');
const metadata = fc.dictionary(
  keys,
  fc.oneof(
    scalars,
    fc.dictionary(keys, scalars, { maxKeys: 2, noNullPrototype: true }),
    fc.array(scalars, { maxLength: 2 }),
  ),
  { maxKeys: 3, noNullPrototype: true },
);
const instants = fc.integer({ min: 0, max: 6 }).map((n) => START + n * SECOND);

/** Few different values of everything, so that conditions often meet and records often collide. */
export const samples: fc.Arbitrary<Sample> = fc
  .record({
    name: fc.constantFrom('cpu', 'mem'),
    type: fc.constantFrom('gauge', 'delta'),
    unit: fc.constantFrom('B', '%', null),
    volume: fc.oneof(
      fc.constantFrom(0, 1, 5, -2.5),
      fc.double({ noNaN: true, noDefaultInfinity: true, min: -1e9, max: 1e9 }),
    ),
    userId: fc.option(texts),
    projectId: fc.option(texts),
    resourceId: fc.constantFrom('r1', 'r2', 'r3'),
    timestampMicros: instants,
    source: fc.constantFrom('openstack', 'hardware'),
    resourceMetadata: metadata,
    own: fc.boolean(),
    number: fc.nat(1_000),
  })
  .map(({ own, number, ...rest }) => sampleOf({ ...rest, ...(own ? {} : { id: `foreign-${number}` }) }));

const operators = fc.constantFrom<ComparisonOperator>('lt', 'le', 'eq', 'ne', 'ge', 'gt');
const leaves: fc.Arbitrary<SampleFilter> = fc.oneof(
  fc.record({
    kind: fc.constant('compare' as const),
    field: fc.oneof(
      fc.constantFrom<SampleField>(
        'name',
        'type',
        'unit',
        'userId',
        'projectId',
        'resourceId',
        'source',
        'volume',
      ),
      keys.map((key): SampleField => `metadata.${key}`),
      fc.constantFrom<SampleField>('metadata.a[0]', 'metadata.a.b', 'metadata.b.a:b'),
    ),
    op: operators,
    value: fc.oneof(scalars, fc.constantFrom('cpu', 'gauge', 'B', 'r2', 'openstack')),
  }),
  fc.record({
    kind: fc.constant('compare' as const),
    field: fc.constant<SampleField>('timestamp'),
    op: operators,
    value: instants,
  }),
  fc.record({
    kind: fc.constant('match' as const),
    field: fc.constantFrom<SampleField>('name', 'userId', 'metadata.a', 'volume'),
    pattern: fc.constantFrom('a|u', '^$', '.', '5'),
  }),
);

/** Filters up to four levels deep. `only` leaves out the fields that speak about single samples. */
export function filters(only?: 'series'): fc.Arbitrary<SampleFilter> {
  const single = new Set<SampleField>(['volume', 'timestamp', 'id', 'recordedAt']);
  const leaf =
    only === undefined ? leaves : leaves.filter((filter) => !('field' in filter && single.has(filter.field)));
  return fc.letrec<{ filter: SampleFilter; group: SampleFilter; not: SampleFilter }>((tie) => ({
    filter: fc.oneof({ maxDepth: 3 }, leaf, tie('group'), tie('not')),
    group: fc.record({
      kind: fc.constantFrom('and' as const, 'or' as const),
      members: fc.array(tie('filter'), { maxLength: 3 }),
    }),
    not: fc.record({ kind: fc.constant('not' as const), member: tie('filter') }),
  })).filter;
}
