import assert from 'node:assert/strict';
import { suite, type TestContext, test } from 'node:test';
import fc from 'fast-check';
import { type Peer, samplePublisherContract } from '../../test/contract/publisher.ts';
import { createBare } from '../../test/contract/publisher-fixture.ts';
import { sampleNumber } from '../../test/contract/publisher-items.ts';
import type { Sample } from '../model/sample.ts';
import { Metrics } from '../observe/metrics.ts';
import { LatestSamples, latestSamplesOf } from './prometheus-latest.ts';
import { PROMETHEUS_SCRAPE_PUBLISHER } from './prometheus-scrape.ts';

suite('the contract of publishers', () => {
  samplePublisherContract({
    definition: PROMETHEUS_SCRAPE_PUBLISHER,
    without: ['breakDown', 'hang'],
    open: async (): Promise<Peer> => {
      const metrics = new Metrics();
      return {
        url: 'prometheus-scrape://',
        context: { metrics },
        arrived: async () => {
          const text = await latestSamplesOf(metrics).expose(performance.now());
          return Array.from(text.matchAll(/resource_id="([^"]*)"/g), ([, id = '']) => id);
        },
      };
    },
    identify: ({ resourceId }) => resourceId,
    ordered: false,
  });
});

const SETTINGS = { maxSeries: 100, expiryMillis: 1_000, showsTime: false };

function of(resourceId: string, second: number, volume: number, more: Partial<Sample> = {}): Sample {
  return sampleNumber(second, { resourceId, volume, userId: null, projectId: null, ...more });
}

test('each series shows its latest value by time of measurement, under its name, type and help', async () => {
  const latest = new LatestSamples();
  latest.record([of('a', 2, 20), of('b', 1, 5), of('a', 1, 10)], SETTINGS, 0);
  latest.record([of('a', 1, 11), of('b', 1, 6)], SETTINGS, 1);
  const net = { name: 'net.bytes', type: 'cumulative', unit: 'B\\s\nx' } as const;
  latest.record(
    [of('c', 1, 1e21, net), of('c', 1, -0.5, { name: 'io', type: 'delta', unit: null })],
    SETTINGS,
    2,
  );
  assert.equal(
    await latest.expose(3),
    '# HELP cpu_utilization Meter cpu.utilization in %\n# TYPE cpu_utilization gauge\n' +
      'cpu_utilization{resource_id="a"} 20\ncpu_utilization{resource_id="b"} 6\n' +
      '# HELP net_bytes Meter net.bytes in B\\\\s\\nx\n# TYPE net_bytes counter\n' +
      'net_bytes{resource_id="c"} 1e+21\n' +
      '# HELP io Meter io\n# TYPE io untyped\nio{resource_id="c"} -0.5\n',
  );
});

test('the time of measurement is shown where it is wanted', async () => {
  const latest = new LatestSamples();
  latest.record([of('a', 2, 20)], { ...SETTINGS, showsTime: true }, 0);
  const [line] = (await latest.expose(1)).split('\n').slice(2);
  assert.equal(line, `cpu_utilization{resource_id="a"} 20 ${sampleNumber(2).timestampMicros / 1_000}`);
});

test('a series goes when no sample has come for a while, and its name with the last of them', async () => {
  const latest = new LatestSamples();
  latest.record([of('a', 1, 1), of('b', 1, 2)], SETTINGS, 0);
  latest.record([of('b', 1, 2)], SETTINGS, 600);
  assert.match(await latest.expose(999), /"a".*\n.*"b"/);
  assert.equal((await latest.expose(1_000)).includes('"a"'), false);
  assert.equal(latest.size, 1);
  assert.equal(await latest.expose(1_600), '');
  assert.equal(latest.size, 0);
});

test('there is room for so many series and no more, until some have gone', async () => {
  const latest = new LatestSamples();
  const settings = { ...SETTINGS, maxSeries: 2 };
  const batch = [of('a', 1, 1), of('b', 1, 1), of('c', 1, 1), of('a', 2, 2), of('c', 2, 2)];
  assert.deepEqual(latest.record(batch, settings, 0), [2, 4]);
  assert.deepEqual(latest.record([of('a', 3, 3)], settings, 500), []);
  assert.deepEqual(latest.record([of('c', 3, 3)], settings, 999), [0]);
  assert.deepEqual(latest.record([of('c', 3, 3)], settings, 1_000), []);
  assert.equal(latest.size, 2);
});

test('meters of several types under one name have none', async () => {
  const latest = new LatestSamples();
  latest.record(
    [of('a', 1, 1, { name: 'a.b' }), of('b', 1, 2, { name: 'a-b', type: 'cumulative' })],
    SETTINGS,
    0,
  );
  assert.match(await latest.expose(1), /^# HELP a_b Meter a\.b in %\n# TYPE a_b untyped\n/);
});

test('the size is the number of series shown, whatever comes and goes', async () => {
  const step = fc.record({
    resource: fc.integer({ min: 0, max: 9 }),
    meter: fc.constantFrom('a.b', 'a-b', 'c'),
    passed: fc.integer({ min: 0, max: 500 }),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
      const latest = new LatestSamples();
      let now = 0;
      for (const { resource, meter, passed } of steps) {
        now += passed;
        latest.record([of(`r${resource}`, now, now, { name: meter })], { ...SETTINGS, maxSeries: 5 }, now);
        assert.ok(latest.size <= 5);
      }
      const lines = (await latest.expose(now)).split('\n').filter((line) => /^\w/.test(line));
      assert.equal(lines.length, latest.size);
    }),
  );
});

test('many series are shown in turns with other work', async () => {
  const latest = new LatestSamples();
  const count = 12_000;
  const samples = Array.from({ length: count }, (_, index) => of(`r${index}`, 1, index));
  latest.record(samples, { ...SETTINGS, maxSeries: count }, 0);
  let turns = 0;
  let exposed = false;
  const other = (): void => {
    turns++;
    if (!exposed) setImmediate(other);
  };
  setImmediate(other);
  const text = await latest.expose(1);
  exposed = true;
  assert.equal(text.split('\n').length, count + 3);
  assert.ok(turns >= 2, `${turns} turns`);
});

test('a full sink says so, counts what it leaves out and rejects nothing', async (t: TestContext) => {
  const metrics = new Metrics();
  const url = 'prometheus-scrape://?max_series=1&expiry=60';
  const publisher = createBare(t, PROMETHEUS_SCRAPE_PUBLISHER, 'samples', url, { metrics });
  assert.equal(publisher.status().state, 'stopped');
  await publisher.start(t.signal);
  // What is rejected is parked, and a view without room would fill the store with what other sinks have.
  assert.deepEqual(await publisher.publish([of('a', 1, 1), of('b', 1, 1)], t.signal), {
    accepted: 2,
    duplicates: [],
    rejected: [],
  });
  assert.deepEqual(publisher.status(), {
    state: 'degraded',
    reason: 'E8019 1 series are kept, no more are taken',
  });
  await publisher.publish([of('a', 2, 2)], t.signal);
  assert.deepEqual(publisher.status(), { state: 'ok' });
  assert.match(metrics.expose(), /^nephoscope_prometheus_scrape_series 1$/m);
  assert.match(metrics.expose(), /^nephoscope_prometheus_scrape_left_out_total\{[^}]*\} 1$/m);
});
