import assert from 'node:assert/strict';
import { suite, type TestContext, test } from 'node:test';
import fc from 'fast-check';
import { type Peer, samplePublisherContract } from '../../test/contract/publisher.ts';
import { httpFaults, startBare } from '../../test/contract/publisher-fixture.ts';
import { sampleNumber } from '../../test/contract/publisher-items.ts';
import { type FakeHttpTarget, httpTargetFor } from '../../test/support/http-target.ts';
import { type Metric, readExportRequest } from '../../test/support/otlp.ts';
import type { Sample } from '../model/sample.ts';
import type { Logger } from '../observe/logger.ts';
import { silentLogger } from '../observe/logger.ts';
import { Metrics } from '../observe/metrics.ts';
import { OPENTELEMETRY_PUBLISHER } from './opentelemetry.ts';
import type { Publisher } from './publisher.ts';

/** Takes only what is OTLP to the letter, and refuses a request with a poisoned point. */
async function openPeer(t: TestContext): Promise<Peer> {
  const target = await httpTargetFor(t);
  const taken: string[] = [];
  target.react(({ body }) => {
    const points = readExportRequest(String(body)).flatMap((metric) => metric.points);
    if (String(body).includes('poison')) return { status: 400, body: '{"code":3,"message":"no poison"}' };
    taken.push(...points.map(({ attributes }) => attributes['resource_id'] ?? ''));
    return { status: 200, body: '{"partialSuccess":{}}' };
  });
  return {
    url: `opentelemetryhttp://127.0.0.1:${target.port}/v1/metrics`,
    arrived: () => taken,
    ...httpFaults(target),
  };
}

suite('the contract of publishers', () => {
  samplePublisherContract({
    definition: OPENTELEMETRY_PUBLISHER,
    open: openPeer,
    identify: ({ resourceId }) => resourceId,
    poison: (index) => sampleNumber(index, { name: 'poison' }),
  });
});

interface Opened {
  readonly target: FakeHttpTarget;
  readonly publisher: Publisher<Sample>;
  readonly metrics: Metrics;
  readonly warnings: unknown[];
}

async function opened(t: TestContext): Promise<Opened> {
  const target = await httpTargetFor(t);
  const warnings: unknown[] = [];
  const metrics = new Metrics();
  const log = { ...silentLogger, warn: (fields: unknown) => warnings.push(fields) } as unknown as Logger;
  const url = `opentelemetryhttp://127.0.0.1:${target.port}/v1/metrics`;
  const publisher = await startBare(t, OPENTELEMETRY_PUBLISHER, 'samples', url, { log, metrics });
  return { target, publisher, metrics, warnings };
}

test('a batch is one request in which each meter is one metric of its kind', async (t) => {
  const { target, publisher } = await opened(t);
  const bare = { userId: null, projectId: null };
  await publisher.publish(
    [
      sampleNumber(0, { timestampMicros: 1_767_323_045_000_006 }),
      sampleNumber(1, { ...bare, name: 'disk.bytes', type: 'cumulative', unit: 'B', volume: 12 }),
      sampleNumber(2, { ...bare, name: 'io', type: 'delta', unit: null, volume: -1, deployment: 'east' }),
      sampleNumber(3, { ...bare, timestampMicros: -5 }),
    ],
    t.signal,
  );
  const [{ path, headers, body } = assert.fail()] = target.requests;
  assert.deepEqual([path, headers['content-type']], ['/v1/metrics', 'application/json']);
  const expected: readonly Metric[] = [
    {
      name: 'cpu_utilization',
      description: 'Meter cpu.utilization',
      unit: '%',
      kind: 'gauge',
      points: [
        {
          attributes: { resource_id: 'resource-0', user_id: 'user-1', project_id: 'project-é' },
          timeUnixNano: 1_767_323_045_000_006_000n,
          value: 0.5,
        },
        { attributes: { resource_id: 'resource-3' }, timeUnixNano: 0n, value: 3.5 },
      ],
    },
    {
      name: 'disk_bytes',
      description: 'Meter disk.bytes',
      unit: 'B',
      kind: 'monotonic cumulative sum',
      points: [{ attributes: { resource_id: 'resource-1' }, timeUnixNano: nanos(1), value: 12 }],
    },
    {
      name: 'io',
      description: 'Meter io',
      unit: '',
      kind: 'delta sum',
      points: [
        { attributes: { resource_id: 'resource-2', deployment: 'east' }, timeUnixNano: nanos(2), value: -1 },
      ],
    },
  ];
  assert.deepEqual(readExportRequest(String(body)), expected);
  assert.deepEqual(JSON.parse(String(body)).resourceMetrics[0].resource, {
    attributes: [{ key: 'service.name', value: { stringValue: 'nephoscope' } }],
  });
});

function nanos(index: number): bigint {
  return BigInt(sampleNumber(index).timestampMicros) * 1_000n;
}

test('any batch is read by a strict reader, point for point', async (t) => {
  const { target, publisher } = await opened(t);
  const text = fc.option(fc.string({ unit: 'grapheme', maxLength: 10 }));
  const change = fc.record({
    name: fc.string({ unit: 'grapheme', minLength: 1, maxLength: 5 }),
    type: fc.constantFrom('gauge', 'delta', 'cumulative'),
    unit: text,
    deployment: text,
    userId: text,
    volume: fc.double({ noNaN: true, noDefaultInfinity: true }),
    timestampMicros: fc.maxSafeInteger(),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 20 }), async (changes) => {
      const samples = changes.map((one, index) => sampleNumber(index, one));
      await publisher.publish(samples, t.signal);
      const metrics = readExportRequest(String(target.requests.at(-1)?.body));
      const arrived = metrics.flatMap(({ name, unit, points }) =>
        points.map(({ value, attributes }) =>
          JSON.stringify([name, unit, value, attributes['user_id'] ?? null]),
        ),
      );
      const wanted = samples.map(({ name, unit, volume, userId }) =>
        JSON.stringify([name.replaceAll('.', '_'), unit ?? '', volume, userId]),
      );
      assert.deepEqual(arrived.toSorted(), wanted.toSorted());
    }),
    { numRuns: 50 },
  );
});

const three = [0, 1, 2].map((index) => sampleNumber(index));
const ALL = { accepted: 3, duplicates: [], rejected: [] };

test('points that the receiver threw away are counted, and its reason is told once', async (t) => {
  const { target, publisher, metrics, warnings } = await opened(t);
  const partial = (rejectedDataPoints: unknown, errorMessage: string): void =>
    target.react(() => ({
      status: 200,
      body: JSON.stringify({ partialSuccess: { rejectedDataPoints, errorMessage } }),
    }));
  partial('2', 'too old');
  assert.deepEqual(await publisher.publish(three, t.signal), ALL);
  assert.deepEqual(await publisher.publish(three, t.signal), ALL);
  partial('0', 'hurry up');
  assert.deepEqual(await publisher.publish(three, t.signal), ALL);
  target.react(() => ({ status: 200, body: '' }));
  assert.deepEqual(await publisher.publish(three, t.signal), ALL);
  partial(1, 'too old');
  assert.deepEqual(await publisher.publish(three, t.signal), ALL);
  assert.deepEqual(warnings, [
    { refused: 2, said: 'too old' },
    { refused: 0, said: 'hurry up' },
    { refused: 1, said: 'too old' },
  ]);
  assert.match(
    metrics.expose(),
    /^nephoscope_opentelemetry_refused_points_total\{publisher="publisher:opentelemetryhttp:1"\} 5$/m,
  );
  assert.equal(target.requests.length, 5, 'what was taken in part is never sent again');
});

test('when all points were thrown away all samples are rejected', async (t) => {
  const { target, publisher } = await opened(t);
  target.react(() => ({
    status: 200,
    body: '{"partialSuccess":{"rejectedDataPoints":"99","errorMessage":"no"}}',
  }));
  const { accepted, rejected } = await publisher.publish(three, t.signal);
  assert.deepEqual(
    [accepted, rejected.map(({ index, error }) => [index, error.code, error.retry])],
    [0, [0, 1, 2].map((index) => [index, 'E8020', 'permanent'])],
  );
  assert.match(rejected[0]?.error.message ?? '', /\/v1\/metrics threw the points away "no"$/);
});

test('an answer of success that is no OTLP is a success', async (t) => {
  const { target, publisher } = await opened(t);
  for (const body of [
    '',
    'OK',
    '[]',
    'null',
    '{"partialSuccess":3}',
    '{"partialSuccess":{"rejectedDataPoints":"x"}}',
  ]) {
    target.react(() => ({ status: 200, body }));
    assert.deepEqual(await publisher.publish(three, t.signal), ALL);
  }
});
