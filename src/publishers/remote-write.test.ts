import assert from 'node:assert/strict';
import { suite, type TestContext, test } from 'node:test';
import fc from 'fast-check';
import { type Peer, samplePublisherContract } from '../../test/contract/publisher.ts';
import { httpFaults, startBare } from '../../test/contract/publisher-fixture.ts';
import { sampleNumber } from '../../test/contract/publisher-items.ts';
import { type FakeHttpTarget, httpTargetFor, type ReceivedRequest } from '../../test/support/http-target.ts';
import { decodeWriteRequest, snappyDecompress, type WrittenSeries } from '../../test/support/remote-write.ts';
import type { Sample } from '../model/sample.ts';
import type { Publisher } from './publisher.ts';
import { REMOTE_WRITE_PUBLISHER } from './remote-write.ts';

function seriesOf({ body }: ReceivedRequest): readonly WrittenSeries[] {
  return decodeWriteRequest(snappyDecompress(body));
}

const labelOf = (series: WrittenSeries, wanted: string): string | undefined =>
  series.labels.find(([name]) => name === wanted)?.[1];

/** As Prometheus: refuses a whole request for one sample that is not after the last of its series. */
async function openReceiver(t: TestContext): Promise<Peer & { readonly target: FakeHttpTarget }> {
  const target = await httpTargetFor(t);
  const last = new Map<string, readonly [value: number, millis: number]>();
  const taken: string[] = [];
  target.react((request) => {
    const before = new Map(last);
    const names: string[] = [];
    for (const series of seriesOf(request)) {
      const key = JSON.stringify(series.labels);
      for (const [value, millis] of series.samples) {
        const known = last.get(key);
        const isRepeat = known?.[0] === value && known[1] === millis;
        if (known !== undefined && known[1] >= millis && !isRepeat) {
          last.clear();
          for (const entry of before) last.set(...entry);
          return { status: 400, body: 'out of order sample' };
        }
        last.set(key, [value, millis]);
        names.push(labelOf(series, 'resource_id') ?? '');
      }
    }
    taken.push(...names);
    return { status: 204 };
  });
  return {
    target,
    url: `prometheus-remote-write://127.0.0.1:${target.port}/api/v1/write`,
    arrived: () => taken,
    ...httpFaults(target),
  };
}

suite('the contract of publishers', () => {
  samplePublisherContract({
    definition: REMOTE_WRITE_PUBLISHER,
    open: openReceiver,
    identify: ({ resourceId }) => resourceId,
    ordered: false,
  });
});

async function opened(
  t: TestContext,
): Promise<{ readonly target: FakeHttpTarget; readonly publisher: Publisher<Sample> }> {
  const { target, url } = await openReceiver(t);
  return { target, publisher: await startBare(t, REMOTE_WRITE_PUBLISHER, 'samples', url) };
}

const START = sampleNumber(0).timestampMicros / 1_000;

function of(resourceId: string, second: number, volume: number, more: Partial<Sample> = {}): Sample {
  return sampleNumber(second, { resourceId, volume, userId: null, projectId: null, ...more });
}

test('series are sorted with sorted labels, samples go in order of time to the millisecond', async (t) => {
  const { target, publisher } = await opened(t);
  const samples = [
    of('b', 2, 22),
    of('a', 3, 3, { name: 'zzz', deployment: 'dc', projectId: 'p', userId: 'u' }),
    of('b', 1, 11),
    of('a', 1, -0.25, { timestampMicros: -1_500 }),
    of('', 4, 4),
  ];
  assert.deepEqual(await publisher.publish(samples, t.signal), { accepted: 5, duplicates: [], rejected: [] });
  const [request = assert.fail()] = target.requests;
  assert.deepEqual(
    ['content-type', 'content-encoding', 'x-prometheus-remote-write-version'].map(
      (name) => request.headers[name],
    ),
    ['application/x-protobuf', 'snappy', '0.1.0'],
  );
  const cpu = ['__name__', 'cpu_utilization'];
  assert.deepEqual(seriesOf(request), [
    { labels: [cpu], samples: [[4, START + 4_000]] },
    { labels: [cpu, ['resource_id', 'a']], samples: [[-0.25, -2]] },
    {
      labels: [cpu, ['resource_id', 'b']],
      samples: [
        [11, START + 1_000],
        [22, START + 2_000],
      ],
    },
    {
      labels: [
        ['__name__', 'zzz'],
        ['deployment', 'dc'],
        ['project_id', 'p'],
        ['resource_id', 'a'],
        ['user_id', 'u'],
      ],
      samples: [[3, START + 3_000]],
    },
  ]);
});

test('samples that come too late are rejected alone, whatever else is in their request', async (t) => {
  const { publisher } = await opened(t);
  await publisher.publish([of('a', 10, 1), of('b', 10, 1)], t.signal);
  const mixed = [
    of('a', 11, 2),
    of('b', 5, 0),
    of('c', 1, 1),
    of('a', 9, 0),
    of('d', 2, 2),
    of('d', 1, 1),
    of('b', 12, 2),
    of('a', 10, 1),
  ];
  const { rejected, ...rest } = await publisher.publish(mixed, t.signal);
  assert.deepEqual(
    rejected.map(({ index, error }) => [index, error.code, error.retry]),
    [
      [1, 'E8013', 'permanent'],
      [3, 'E8013', 'permanent'],
    ],
  );
  assert.match(rejected[0]?.error.message ?? '', /answers 400 Bad Request "out of order sample"$/);
  assert.deepEqual(rest, { accepted: 6, duplicates: [] });
});

test('one instant of a series has one value: equal ones go once, others are rejected', async (t) => {
  const { target, publisher } = await opened(t);
  const result = await publisher.publish([of('a', 1, 5), of('a', 1, 5), of('a', 1, 6)], t.signal);
  assert.deepEqual([result.accepted, result.rejected.map(({ index }) => index)], [2, [2]]);
  const { code, message } = result.rejected[0]?.error ?? assert.fail();
  assert.equal(code, 'E8018');
  assert.equal(
    message,
    'cpu_utilization{resource_id="a"} has another value for 2026-01-02T03:04:06+00:00 already',
  );
  assert.deepEqual(seriesOf(target.requests[0] ?? assert.fail())[0]?.samples, [[5, START + 1_000]]);
});

test('a failure in the middle of singling out postpones what is not settled', async (t) => {
  const { target, publisher } = await opened(t);
  const samples = Array.from({ length: 8 }, (_, index) => of(`r${index}`, index, index));
  const statuses = [400, 204, 400, 400, 204, 503];
  target.react(() => ({ status: statuses[target.requests.length - 1] ?? 500 }));
  const { accepted, rejected, postponed } = await publisher.publish(samples, t.signal);
  assert.deepEqual([accepted, rejected, postponed?.indexes], [5, [], [5, 6, 7]]);
  assert.equal(postponed?.error.code, 'E8012');
  assert.equal(target.requests.length, 6);
});

test('any batch arrives as the series, times and values that it holds', async (t) => {
  const { target, publisher } = await opened(t);
  target.react(() => ({ status: 204 }));
  const text = fc.option(fc.string({ unit: 'grapheme', maxLength: 12 }));
  const sample = fc.record({
    name: fc.constantFrom('cpu', 'disk.read', 'disk-read', 'é'),
    resourceId: fc.constantFrom('a', 'b', 'c/"\\\n', ''),
    userId: text,
    projectId: text,
    deployment: text,
    volume: fc.double({ noNaN: true, noDefaultInfinity: true }),
    timestampMicros: fc.integer({ min: -5_000, max: 20_000 }),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(sample, { minLength: 1, maxLength: 30 }), async (changes) => {
      const samples = changes.map((change, index) => sampleNumber(index, change));
      const { rejected } = await publisher.publish(samples, t.signal);
      const gone = new Set(rejected.map(({ index }) => index));
      const wanted = samples.filter((_, index) => !gone.has(index)).map(flat);
      const series = seriesOf(target.requests.at(-1) ?? assert.fail());
      const arrived = series.flatMap(({ labels, samples: points }) =>
        points.map(([value, millis]) => JSON.stringify([labels, millis, value])),
      );
      assert.deepEqual([...new Set(wanted)].toSorted(), arrived.toSorted());
      for (const { samples: points } of series) {
        const times = points.map(([, millis]) => millis);
        assert.deepEqual(
          times,
          [...new Set(times)].toSorted((a, b) => a - b),
        );
      }
    }),
    { numRuns: 60 },
  );
});

function flat({ name, deployment, projectId, resourceId, userId, volume, timestampMicros }: Sample): string {
  const labels = [
    ['__name__', name.replace(/[^a-z]/g, '_')],
    ['deployment', deployment],
    ['project_id', projectId],
    ['resource_id', resourceId],
    ['user_id', userId],
  ].filter(([, value]) => value !== null && value !== '');
  return JSON.stringify([labels, Math.floor(timestampMicros / 1_000), volume]);
}
