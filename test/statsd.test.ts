import assert from 'node:assert/strict';
import { createSocket, type Socket } from 'node:dgram';
import { type TestContext, test } from 'node:test';
import type { Worker } from 'node:worker_threads';
import { createDeadline } from '../src/component/component.ts';
import { NephoscopeError } from '../src/component/errors.ts';
import type { Sample } from '../src/model/sample.ts';
import { silentLogger } from '../src/observe/logger.ts';
import { Metrics } from '../src/observe/metrics.ts';
import type { DeliverSamples } from '../src/polling/pollster-runner.ts';
import type { Source } from '../src/sources/source.ts';
import { createStatsdSources } from '../src/sources/statsd.ts';
import { configOf } from './support/config.ts';
import { sumMetric } from './support/server.ts';
import { until } from './support/until.ts';

interface Listening {
  readonly source: Source;
  readonly port: number;
  readonly samples: Sample[];
  /** Sends one datagram and resolves when the kernel has it. */
  send(text: string): Promise<void>;
  /** Sum of the volumes of one meter so far. */
  sum(meter: string): number;
  metric(name: string): number;
}

interface Options {
  readonly values?: Readonly<Record<string, unknown>>;
  readonly deliver?: DeliverSamples;
  readonly address?: string;
}

/** A statsd source from configuration, on a free port; stopped when the test ends. */
async function create(t: TestContext, options: Options = {}): Promise<Listening> {
  const address = options.address ?? '127.0.0.1';
  const sender = createSocket(address.includes(':') ? 'udp6' : 'udp4');
  t.after(() => sender.close());
  const port = await freePort(address);
  const samples: Sample[] = [];
  const metrics = new Metrics();
  const values = {
    'statsd/enabled': true,
    'statsd/address': address,
    'statsd/port': port,
    'statsd/flush_interval': 0.1,
    // What every kernel gives.
    'statsd/receive_buffer_bytes': 65_536,
    ...options.values,
  };
  const [source] = createStatsdSources({
    config: configOf(values),
    deliverSamples: async (batch, signal) => {
      await options.deliver?.(batch, signal);
      samples.push(...batch);
    },
    log: silentLogger,
    metrics,
  });
  assert.ok(source !== undefined);
  t.after(() => source.stop(createDeadline(1000)));
  return {
    source,
    port,
    samples,
    send: (text) =>
      new Promise((resolve, reject) => {
        sender.send(text, port, address, (error) => (error === null ? resolve() : reject(error)));
      }),
    sum: (meter) => samples.reduce((sum, { name, volume }) => sum + (name === meter ? volume : 0), 0),
    metric: (name) => sumMetric(metrics.expose(), `nephoscope_statsd_${name}`),
  };
}

async function start(t: TestContext, options?: Options): Promise<Listening> {
  const listening = await create(t, options);
  await listening.source.start(t.signal);
  return listening;
}

async function bound(address: string, port: number): Promise<Socket> {
  const socket = createSocket(address.includes(':') ? 'udp6' : 'udp4');
  await new Promise<void>((resolve) => socket.bind({ address, port, exclusive: true }, resolve));
  return socket;
}

async function freePort(address: string): Promise<number> {
  const socket = await bound(address, 0);
  const { port } = socket.address();
  await new Promise<void>((resolve) => socket.close(() => resolve()));
  return port;
}

test('it is off unless it is asked for, and options that cannot be right are refused', () => {
  const made = (values: Readonly<Record<string, unknown>>) =>
    createStatsdSources({
      config: configOf(values),
      deliverSamples: async () => {},
      log: silentLogger,
      metrics: new Metrics(),
    }).length;
  assert.equal(made({}), 0);
  assert.equal(made({ 'statsd/enabled': true }), 1);
  const wrong = (name: string, value: unknown, code: string) =>
    assert.throws(() => made({ 'statsd/enabled': true, [`statsd/${name}`]: value }), { code });
  wrong('address', 'localhost', 'E5040');
  wrong('allowed_sources', ['10.0.0.0/33'], 'E5040');
  wrong('percentiles', ['90', '101'], 'E5045');
  wrong('percentiles', ['p90'], 'E5045');
});

for (const address of ['127.0.0.1', '::1']) {
  test(`what is sent to ${address} becomes samples at the next flush`, async (t) => {
    const { source, send, samples, sum } = await start(t, { address });
    assert.deepEqual(source.status(), { state: 'ok' });
    await send('api.calls:1|c|#service:nova\napi.calls:2|c|#service:nova');
    await send('api.time:10:30|ms');
    await until('the samples are there', () => sum('api.calls') === 3 && sum('api.time.count') === 2);
    const figures = samples.map(({ name, type, unit, volume }) => [name, type, unit, volume]);
    assert.deepEqual(
      figures.toSorted(([a], [b]) => (String(a) < String(b) ? -1 : 1)),
      [
        ['api.calls', 'delta', null, 3],
        ['api.time.count', 'delta', null, 2],
        ['api.time.max', 'gauge', 'ms', 30],
        ['api.time.mean', 'gauge', 'ms', 20],
        ['api.time.p90', 'gauge', 'ms', 30],
      ],
    );
    const [sample] = samples;
    assert.ok(Math.abs((sample?.timestampMicros ?? 0) / 1000 - Date.now()) < 5000);
    assert.equal(sample?.resourceMetadata['sender'], address);
  });
}

test('a stop hands on what has arrived, and another start goes on', async (t) => {
  const { source, send, sum, metric } = await start(t, { values: { 'statsd/flush_interval': 3600 } });
  for (let index = 0; index < 100; index++) await send('a:1|c');
  await Promise.all([source.stop(createDeadline(2000)), source.stop(createDeadline(2000))]);
  assert.equal(sum('a'), 100);
  assert.equal(source.status().state, 'stopped');
  await source.start(t.signal);
  await send('a:1|c');
  await source.stop(createDeadline(2000));
  assert.equal(sum('a'), 101);
  assert.equal(metric('lost_samples_total'), 0);
});

test('it can be stopped before it was started and while it starts', async (t) => {
  const { source } = await create(t);
  await source.stop(createDeadline(1000));
  const starting = source.start(t.signal);
  await source.stop(createDeadline(1000));
  await starting;
  assert.equal(source.status().state, 'stopped');
});

test('while nobody takes the samples flushes are put off, and nothing is lost', async (t) => {
  let isDown = true;
  const deliver = async (): Promise<void> => {
    if (isDown) throw new NephoscopeError('E3010', 'the store is away', { retry: 'transient' });
  };
  const { source, send, sum, metric } = await start(t, { deliver });
  for (let index = 0; index < 10; index++) await send('a:1|c');
  await until('the status says so', () => source.status().state === 'degraded');
  assert.match(source.status().reason ?? '', /^samples are not taken: .*the store is away$/);
  for (let index = 0; index < 10; index++) await send('a:1|c');
  await until('two flushes were put off', () => metric('postponed_flushes_total') >= 2);
  isDown = false;
  await until('all is there', () => sum('a') === 20);
  assert.deepEqual(source.status(), { state: 'ok' });
  assert.equal(metric('lost_samples_total'), 0);
});

test('samples that are refused for good are counted, and the next ones are taken', async (t) => {
  let isRefusing = true;
  const deliver = async (): Promise<void> => {
    if (isRefusing) throw new NephoscopeError('E3010', 'never');
  };
  const { send, sum, metric } = await start(t, { deliver });
  await send('a:1|c');
  await until('it was counted', () => metric('lost_samples_total') === 1);
  isRefusing = false;
  await send('a:1|c');
  await until('the next one is there', () => sum('a') === 1);
});

test('a stop whose deadline passes counts what nobody took', async (t) => {
  const deliver = async (): Promise<void> => {
    throw new NephoscopeError('E3010', 'away', { retry: 'transient' });
  };
  const { source, send, metric } = await start(t, { deliver });
  await send('a:1|c\nb:1|c');
  await until('the status says so', () => source.status().state === 'degraded');
  await source.stop(createDeadline(100));
  assert.equal(metric('lost_samples_total'), metric('samples_total'));
  assert.ok(metric('lost_samples_total') >= 2);
});

test('a port that is taken is tried again until it is free', async (t) => {
  const { source, port, send, sum } = await create(t);
  const holder = await bound('127.0.0.1', port);
  await source.start(t.signal);
  assert.equal(source.status().state, 'degraded');
  assert.match(
    source.status().reason ?? '',
    /^E5041 UDP 127\.0\.0\.1:\d+ cannot be listened to: .*EADDRINUSE/,
  );
  await new Promise<void>((resolve) => holder.close(() => resolve()));
  await until('it listens', () => source.status().state === 'ok');
  await send('a:1|c');
  await until('the sample is there', () => sum('a') === 1);
});

test('senders that may not send are counted and not heard', async (t) => {
  const { send, metric, samples } = await start(t, { values: { 'statsd/allowed_sources': ['10.0.0.0/8'] } });
  await send('a:1|c');
  await until('it was counted', () => metric('dropped_datagrams_total') === 1);
  assert.deepEqual(samples, []);
});

test('what the kernel had no room for is counted', async (t) => {
  const { send, metric, sum } = await start(t, {
    values: { 'statsd/receive_buffer_bytes': 4096, 'statsd/flush_interval': 0.3 },
  });
  const rounds = 200;
  for (let round = 0; round < rounds; round++)
    await Promise.all(Array.from({ length: 100 }, () => send('a:1|c')));
  const sent = rounds * 100;
  await until(
    'every datagram is accounted for',
    () => metric('datagrams_total') + metric('dropped_datagrams_total') === sent,
  );
  await until('all that came is in the samples', () => sum('a') === metric('datagrams_total'));
});

test('a receive buffer that the kernel makes smaller is shown', async (t) => {
  const { source } = await start(t, { values: { 'statsd/receive_buffer_bytes': 1_000_000_000 } });
  const { state, reason } = source.status();
  assert.equal(state, 'ok');
  assert.match(reason ?? '', /^E5044 the receive buffer is \d+ bytes, asked for were 1000000000$/);
});

test('a receiving thread that ends is started again', async (t) => {
  const workers: Worker[] = [];
  const remember = (worker: Worker): void => void workers.push(worker);
  process.on('worker', remember);
  t.after(() => process.off('worker', remember));
  const { source, send, sum, metric } = await start(t);
  await send('a:1|c');
  await until('the first sample is there', () => sum('a') === 1);
  await workers[0]?.terminate();
  await until('the status says so', () => source.status().state === 'degraded');
  assert.match(source.status().reason ?? '', /^E5042 /);
  await until('it listens again', () => source.status().state === 'ok');
  await send('a:1|c');
  await until('the second sample is there', () => sum('a') === 2);
  assert.equal(metric('receiver_restarts_total'), 1);
});
