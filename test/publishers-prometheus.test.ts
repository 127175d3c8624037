import assert from 'node:assert/strict';
import { suite, type TestContext, test } from 'node:test';
import { PROMETHEUS_SAMPLE_ROUTES } from '../src/api/prometheus-samples.ts';
import type { ApiContext, ApiRequest } from '../src/api/route.ts';
import { createDeadline } from '../src/component/component.ts';
import type { Sample } from '../src/model/sample.ts';
import { Metrics } from '../src/observe/metrics.ts';
import { deliver } from '../src/publishers/delivery.ts';
import { readDeliverySettings, urlSyntaxOf } from '../src/publishers/delivery-settings.ts';
import { PROMETHEUS_PUBLISHER } from '../src/publishers/prometheus.ts';
import { PROMETHEUS_SCRAPE_PUBLISHER } from '../src/publishers/prometheus-scrape.ts';
import type { Publisher, PublisherDefinition } from '../src/publishers/publisher.ts';
import { parsePublisherUrl } from '../src/publishers/publisher-url.ts';
import { REMOTE_WRITE_PUBLISHER } from '../src/publishers/remote-write.ts';
import { publisherContext } from './contract/publisher-fixture.ts';
import { sampleNumber } from './contract/publisher-items.ts';
import { startHttpTarget } from './support/http-target.ts';
import {
  checkMetrics,
  prometheusAvailable,
  promtoolAvailable,
  pushgatewayAvailable,
  queryPrometheus,
  type RunningService,
  startPrometheus,
  startPushgateway,
} from './support/prometheus.ts';
import { skipUnless } from './support/services.ts';
import { until } from './support/until.ts';

/** As the program makes it: with the runner around it. */
async function started(
  t: TestContext,
  definition: PublisherDefinition,
  text: string,
  metrics = new Metrics(),
): Promise<Publisher<Sample>> {
  const context = publisherContext(t, { name: 'publisher:real', metrics });
  const url = parsePublisherUrl(text, urlSyntaxOf(definition));
  const inner = definition.samples?.(url, context) ?? assert.fail();
  const retry = { initialMillis: 10, maxMillis: 100 };
  const parts = { name: context.name, log: context.log, metrics, retry };
  const publisher = deliver(inner, readDeliverySettings(definition, url), parts);
  await publisher.start(t.signal);
  t.after(() => publisher.stop(createDeadline(1_000)));
  return publisher;
}

const bare = { userId: null, projectId: null };

suite('a real Pushgateway', { skip: skipUnless(await pushgatewayAvailable()) }, () => {
  async function open(t: TestContext, path: string): Promise<readonly [RunningService, Publisher<Sample>]> {
    const gateway = await startPushgateway();
    t.after(() => gateway[Symbol.asyncDispose]());
    return [gateway, await started(t, PROMETHEUS_PUBLISHER, `prometheus://127.0.0.1:${gateway.port}${path}`)];
  }

  /** The pushed series, sorted, without what the gateway adds. */
  async function seriesOf({ url }: RunningService): Promise<readonly string[]> {
    const text = await fetch(`${url}/metrics`).then((response) => response.text());
    return text
      .split('\n')
      .filter((line) => line.includes('job="openstack"') && !line.startsWith('push_'))
      .map((line) => line.replace('instance="",', '').replace('job="openstack",', ''))
      .toSorted();
  }

  test('keeps each resource in a group of its own, whatever its id, through many batches', async (t) => {
    const [gateway, publisher] = await open(t, '/metrics/job/openstack');
    const ids = ['vm-1', 'a/b', 'it\'s "odd"\\', 'é ü', '..'];
    await publisher.publish(
      ids.map((resourceId, index) => sampleNumber(index, { ...bare, resourceId, name: 'cpu' })),
      t.signal,
    );
    const memory = { ...bare, name: 'memory.usage', type: 'cumulative', volume: 9 } as const;
    await publisher.publish([sampleNumber(8, { ...memory, resourceId: 'a/b', projectId: 'p' })], t.signal);
    await publisher.publish([sampleNumber(9, { ...bare, resourceId: 'vm-1', name: 'cpu' })], t.signal);
    assert.deepEqual(await seriesOf(gateway), [
      'cpu{resource_id=".."} 4.5',
      'cpu{resource_id="a/b"} 1.5',
      'cpu{resource_id="it\'s \\"odd\\"\\\\"} 2.5',
      'cpu{resource_id="vm-1"} 9.5',
      'cpu{resource_id="é ü"} 3.5',
      'memory_usage{project_id="p",resource_id="a/b"} 9',
    ]);
  });

  test('takes one push for all with grouping labels', async (t) => {
    const [gateway, publisher] = await open(t, '/metrics/job/openstack/cloud/east');
    await publisher.publish(
      [0, 1].map((index) => sampleNumber(index, { ...bare, name: 'cpu' })),
      t.signal,
    );
    assert.deepEqual(await seriesOf(gateway), [
      'cpu{cloud="east",resource_id="resource-0"} 0.5',
      'cpu{cloud="east",resource_id="resource-1"} 1.5',
    ]);
  });

  test('refuses a name whose type has changed, and only that', async (t) => {
    const [gateway, publisher] = await open(t, '/metrics/job/openstack');
    await publisher.publish([sampleNumber(0, { ...bare, name: 'a.b', resourceId: 'r' })], t.signal);
    const changed = { ...bare, type: 'cumulative', resourceId: 's' } as const;
    const batch = ['x', 'a.b', 'y'].map((name, index) => sampleNumber(index, { ...changed, name }));
    const { accepted, rejected } = await publisher.publish(batch, t.signal);
    assert.deepEqual([accepted, rejected.map(({ index }) => index)], [2, [1]]);
    assert.match(rejected[0]?.error.message ?? '', /answers 400 Bad Request "pushed metrics are invalid/);
    assert.deepEqual(await seriesOf(gateway), [
      'a_b{resource_id="r"} 0.5',
      'x{resource_id="s"} 0.5',
      'y{resource_id="s"} 2.5',
    ]);
  });

  test('gets everything after it was away', async (t) => {
    const [gateway, publisher] = await open(t, '/metrics/job/openstack');
    await gateway.kill();
    const waiting = publisher.publish([sampleNumber(0, { ...bare, name: 'cpu' })], t.signal);
    await until('the status says so', () => publisher.status().state === 'degraded');
    await gateway.restart();
    await waiting;
    assert.deepEqual(await seriesOf(gateway), ['cpu{resource_id="resource-0"} 0.5']);
  });
});

const prometheus = [await prometheusAvailable(), await promtoolAvailable()];

suite('a real Prometheus', { skip: skipUnless(...prometheus) }, () => {
  const now = Math.floor(Date.now() / 1_000);

  /** `secondsAgo` before this test file began. */
  function at(secondsAgo: number, resourceId: string, volume: number, more: Partial<Sample> = {}): Sample {
    const timestampMicros = (now - secondsAgo) * 1_000_000;
    return sampleNumber(0, { ...bare, resourceId, volume, timestampMicros, ...more });
  }

  async function open(t: TestContext, query = ''): Promise<readonly [RunningService, Publisher<Sample>]> {
    const prometheus = await startPrometheus();
    t.after(() => prometheus[Symbol.asyncDispose]());
    const url = `prometheus-remote-write://127.0.0.1:${prometheus.port}/api/v1/write${query}`;
    return [prometheus, await started(t, REMOTE_WRITE_PUBLISHER, url)];
  }

  async function valuesOf({ url }: RunningService): Promise<Readonly<Record<string, readonly number[]>>> {
    const found = await queryPrometheus(url, 'cpu_utilization[1h]', now);
    const entries = found.map(({ labels, values }) => [
      labels['resource_id'] ?? '',
      values.map(([, value]) => value),
    ]);
    return Object.fromEntries(entries.toSorted());
  }

  test('takes by remote write every sample with its labels, time and value', async (t) => {
    const [prometheus, publisher] = await open(t);
    const owner = { userId: 'u"1', projectId: 'é', deployment: 'east' };
    const samples = Array.from({ length: 2_000 }, (_, index) =>
      at(1_000 - Math.floor(index / 2), `vm-${index % 2}`, index + 0.25, owner),
    );
    const batches = [samples.slice(0, 700).toReversed(), samples.slice(700)];
    for (const batch of batches) {
      const result = await publisher.publish(batch, t.signal);
      assert.deepEqual(result, { accepted: batch.length, duplicates: [], rejected: [] });
    }
    const found = await queryPrometheus(prometheus.url, 'cpu_utilization[1h]', now);
    assert.deepEqual(
      found.toSorted((a, b) => ((a.labels['resource_id'] ?? '') < (b.labels['resource_id'] ?? '') ? -1 : 1)),
      [0, 1].map((vm) => ({
        labels: {
          __name__: 'cpu_utilization',
          deployment: 'east',
          project_id: 'é',
          resource_id: `vm-${vm}`,
          user_id: 'u"1',
        },
        values: samples
          .filter(({ resourceId }) => resourceId === `vm-${vm}`)
          .map(({ timestampMicros, volume }) => [timestampMicros / 1_000_000, volume]),
      })),
    );
  });

  test('refuses by remote write what is older than it has, and only that', async (t) => {
    const [prometheus, publisher] = await open(t);
    await publisher.publish([at(100, 'a', 1), at(100, 'b', 1)], t.signal);
    const batch = [
      at(90, 'a', 2),
      at(110, 'b', 0),
      at(80, 'c', 1),
      at(100, 'a', 1),
      at(100, 'b', 7),
      at(80, 'b', 2),
    ];
    const { accepted, rejected } = await publisher.publish(batch, t.signal);
    assert.deepEqual(
      rejected.map(({ index, error }) => [index, error.code, /"(.*)"$/.exec(error.message)?.[1]]),
      [
        [1, 'E8013', 'out of order sample'],
        [4, 'E8013', 'duplicate sample for timestamp'],
      ],
    );
    assert.equal(accepted, 4);
    assert.deepEqual(await valuesOf(prometheus), { a: [1, 2], b: [1, 2], c: [1] });
  });

  test('has by remote write everything that was taken, after it was killed in between', async (t) => {
    const [prometheus, publisher] = await open(t, '?batch_size=10');
    const volumes = Array.from({ length: 400 }, (_, index) => index);
    const waiting = volumes.map((volume) => publisher.publish([at(1_000 - volume, 'vm', volume)], t.signal));
    await waiting[30];
    await prometheus.kill();
    await until('the status says so', () => publisher.status().state === 'degraded');
    await prometheus.restart();
    await Promise.all(waiting);
    assert.deepEqual(await valuesOf(prometheus), { vm: volumes });
  });

  test('fetches the latest samples from the page of the API', async (t) => {
    const metrics = new Metrics();
    const publisher = await started(t, PROMETHEUS_SCRAPE_PUBLISHER, 'prometheus-scrape://', metrics);
    await using page = await startHttpTarget();
    let text = '';
    page.react(async () => {
      const [route = assert.fail()] = PROMETHEUS_SAMPLE_ROUTES;
      const answer = await route.handle(
        { metrics } as ApiContext,
        { query: new Map() } as never as ApiRequest<never>,
      );
      text = String(answer.body);
      return { status: 200, headers: { 'content-type': answer.type ?? '' }, body: text };
    });
    const ids = ['vm-1', 'it\'s "odd"\\\n/é'];
    const volumes = [1e21, -0.5];
    await publisher.publish(
      ids.flatMap((resourceId, index) => [
        at(20, resourceId, 7, { name: 'net.in', type: 'cumulative' }),
        at(10, resourceId, volumes[index] ?? 0, { name: 'net.in', type: 'cumulative', projectId: 'p' }),
        at(10, resourceId, 3, { name: 'net-delta', type: 'delta', unit: null }),
      ]),
      t.signal,
    );
    await using prometheus = await startPrometheus([`127.0.0.1:${page.port}/v1/prometheus`]);
    const found = await until('it was there', async () => {
      const series = await queryPrometheus(prometheus.url, '{job="job0",__name__=~"net_.*"}');
      return series.length === 6 && series;
    });
    const shown = found.map(({ labels, values }) =>
      [labels['__name__'], labels['resource_id'], labels['project_id'] ?? '-', values[0]?.[1]].join(' '),
    );
    assert.deepEqual(
      shown.toSorted(),
      ids
        .flatMap((id, index) => [
          `net_in ${id} - 7`,
          `net_in ${id} p ${volumes[index]}`,
          `net_delta ${id} - 3`,
        ])
        .toSorted(),
    );
    assert.equal(await checkMetrics(text), '');
    assert.equal(page.requests[0]?.path, '/v1/prometheus');
  });
});
