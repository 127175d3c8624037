import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Sample } from '../../src/model/sample.ts';
import { openTemporaryStore } from './open-store.ts';
import { runApi } from './running-api.ts';

/* Whatever is asked, the API over the embedded store answers or refuses; it never fails. */

const MICROS = 1_772_323_200_000_000;

const SAMPLES: readonly Sample[] = [1, 2, 3].map((number) => ({
  id: `s${number}`,
  name: 'cpu',
  type: 'gauge',
  unit: null,
  volume: number,
  userId: null,
  userName: null,
  projectId: 'p',
  projectName: null,
  resourceId: `r${number}`,
  timestamp: '2026-03-01T00:00:00',
  timestampMicros: MICROS + number,
  resourceMetadata: { a: { b: [number, '__proto__'] }, instance_type: `m${number}`, x: null },
  source: 'openstack',
  deployment: null,
  monotonicTime: null,
}));

const PATHS = [
  '/v2/meters',
  '/v2/meters/cpu',
  '/v2/meters/cpu/statistics',
  '/v2/samples',
  '/v2/resources',
  '/v2/events',
];

const FIELDS = fc.oneof(
  fc.constantFrom(
    'meter',
    'user',
    'project_id',
    'resource',
    'source',
    'message_id',
    'timestamp',
    'search_offset',
  ),
  fc.constantFrom('event_type', 'start_timestamp', 'end_timestamp', 'trait', '__proto__', 'constructor'),
  fc.constantFrom('metadata.a.b[0]', 'metadata.a.b', 'metadata.x', "metadata.'; drop table sample; --"),
  fc.string({ unit: 'binary' }).map((text) => `metadata.${text}`),
  fc.string({ unit: 'binary' }),
);
const OPS = fc.constantFrom('eq', 'ne', 'lt', 'le', 'gt', 'ge', 'like', '');
const TYPES = fc.constantFrom('', 'integer', 'float', 'string', 'boolean', 'datetime', 'blob');
const VALUES = fc.oneof(
  fc.constantFrom(
    'None',
    'True',
    '1',
    '1.0',
    '1e308',
    '-1e-320',
    '99999999999999999999999',
    '0x7fffffffffffffff',
  ),
  fc.constantFrom('2026-03-01', '0001-01-01', '9999-12-31T23:59:59.999999', '2026-03-01T00:00:00+14:00', ''),
  fc.constantFrom("' or 1=1 --", '%', '_', '[', '\u{10ffff}', 'x'.repeat(5_000)),
  fc.string({ unit: 'binary' }),
);
const CONDITIONS = fc.array(fc.tuple(FIELDS, OPS, TYPES, VALUES), { maxLength: 4 }).map((rows) =>
  rows.flatMap(([field, op, type, value]): [string, string][] => [
    ['q.field', field],
    ['q.op', op],
    ['q.type', type],
    ['q.value', value],
  ]),
);
const OTHERS = fc.subarray<[string, string]>([
  ['limit', '99999999999999999999999'],
  ['limit', '-1'],
  ['period', '1'],
  ['period', '253402300799'],
  ['groupby', 'resource_metadata.instance_type'],
  ['groupby', 'source'],
  ['aggregate.func', 'stddev'],
  ['unique', '1'],
]);
const HOSTILE_PATHS = fc
  .tuple(
    fc.constantFrom(
      '/v2/meters/',
      '/v2/samples/',
      '/v2/resources/',
      '/v2/events/',
      '/v2/event_types/',
      '/v1/parked/',
    ),
    fc.string({ unit: 'binary' }),
    fc.constantFrom('', '/traits', '/traits/x', '/statistics'),
  )
  .map(([start, part, end]) => start + encodeURIComponent(part.toWellFormed()) + end);

test('random questions are answered or refused, never failed on', async () => {
  await using opened = await openTemporaryStore();
  await opened.store.recordSamples(SAMPLES);
  await opened.store.recordEvents([
    {
      messageId: 'm',
      eventType: 'e',
      generated: '2026-03-01T00:00:00',
      generatedMicros: MICROS,
      priority: null,
      deployment: null,
      traits: [['trait', 2, 5]],
      raw: null,
    },
  ]);
  await using api = await runApi(opened.store);
  const urls = fc.oneof(
    fc
      .tuple(fc.constantFrom(...PATHS), CONDITIONS, OTHERS)
      .map(([path, conditions, others]) => `${path}?${new URLSearchParams([...conditions, ...others])}`),
    HOSTILE_PATHS,
  );
  await fc.assert(
    fc.asyncProperty(urls, async (url) => {
      const response = await fetch(api.address + url);
      const text = await response.text();
      assert.ok([200, 400, 404].includes(response.status), `${response.status} ${text}`);
      JSON.parse(text);
    }),
    { numRuns: 600 },
  );
});
