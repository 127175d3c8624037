import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { suite, type TestContext, test } from 'node:test';
import { range, startBare } from '../../test/contract/publisher-fixture.ts';
import { sampleNumber } from '../../test/contract/publisher-items.ts';
import { configOf } from '../../test/support/config.ts';
import { until } from '../../test/support/until.ts';
import { createDeadline } from '../component/component.ts';
import { NephoscopeError } from '../component/errors.ts';
import { Secret } from '../config/option.ts';
import { encodeMsgpack } from '../lib/msgpack.ts';
import type { JsonObject } from '../model/json.ts';
import type { Sample } from '../model/sample.ts';
import { silentLogger } from '../observe/logger.ts';
import { Metrics } from '../observe/metrics.ts';
import type { Publisher, PublishResult } from '../publishers/publisher.ts';
import { UDP_PUBLISHER } from '../publishers/udp.ts';
import type { ParkedItem, ParkingStore } from '../store/store.ts';
import { signMessage } from '../wire/message-signature.ts';
import { toMeteringMessage } from '../wire/metering-message.ts';
import { createCollector } from './collector.ts';
import { DatagramCollector } from './datagram-collector.ts';

const SECRET = 'k';
const TIMING = { tryMillis: 1_000, initialMillis: 1, maxMillis: 2 };
/** The time of the first sample. */
const NOW = sampleNumber(0).timestampMicros;

interface Running {
  readonly port: number;
  readonly taken: Sample[];
  readonly parked: ParkedItem[];
  readonly collector: DatagramCollector;
  counts(): Readonly<Record<string, number>>;
  send(...datagrams: readonly Buffer[]): Promise<void>;
}

function collectorOf(options: Readonly<Record<string, unknown>>, publish: Publisher<Sample>['publish']) {
  const metrics = new Metrics();
  const parked: ParkedItem[] = [];
  const publisher: Publisher<Sample> = {
    name: 'dispatcher:test:samples',
    start: async () => {},
    stop: async () => {},
    status: () => ({ state: 'ok' }),
    publish,
  };
  const { components } = createCollector({
    config: configOf({ 'collector/udp_address': '127.0.0.1', 'collector/udp_port': 0, ...options }),
    log: silentLogger,
    metrics,
    samplePublishers: [publisher],
    eventPublishers: [],
    parking: { park: async (items) => void parked.push(...items) } as Partial<ParkingStore> as ParkingStore,
    nowMicros: () => NOW,
    timing: TIMING,
  });
  return { components, metrics, parked };
}

async function listening(
  t: TestContext,
  answer: (samples: readonly Sample[]) => NephoscopeError | null = () => null,
): Promise<Running> {
  const taken: Sample[] = [];
  const { components, metrics, parked } = collectorOf(
    { 'publisher/telemetry_secret': new Secret(SECRET) },
    async (samples): Promise<PublishResult> => {
      const error = answer(samples);
      if (error !== null) throw error;
      taken.push(...samples);
      return { accepted: samples.length, duplicates: [], rejected: [] };
    },
  );
  const collector = components.find((component) => component instanceof DatagramCollector);
  assert.ok(collector !== undefined);
  await collector.start();
  t.after(() => collector.stop(createDeadline(1_000)));
  const port = collector.port();
  assert.ok(port !== null);
  const socket = createSocket('udp4');
  t.after(() => socket.close());
  return {
    port,
    taken,
    parked,
    collector,
    counts: () => {
      const lines = metrics
        .expose()
        .matchAll(/^nephoscope_collector_(\w+)_total\{input="udp"(?:,reason="([^"]*)")?\} (\d+)$/gm);
      const all = Array.from(
        lines,
        ([, name = '', reason, value]) => [reason ?? name, Number(value)] as const,
      );
      return Object.fromEntries(all.filter(([, value]) => value > 0).sort());
    },
    send: async (...datagrams) => {
      for (const datagram of datagrams) {
        await new Promise((resolve) => socket.send(datagram, port, '127.0.0.1', resolve));
      }
    },
  };
}

function signed(message: JsonObject): Buffer {
  return encodeMsgpack({ ...message, message_signature: signMessage(message, SECRET) });
}

suite('the collector by UDP', () => {
  test('what udp:// sends is taken, all of it', async (t) => {
    const running = await listening(t);
    const url = `udp://127.0.0.1:${running.port}`;
    const config = configOf({ 'publisher/telemetry_secret': new Secret(SECRET) });
    const publisher = await startBare(t, UDP_PUBLISHER, 'samples', url, { config });
    const samples = range(0, 200).map((index) => sampleNumber(index));
    await publisher.publish(samples, t.signal);
    await until('all have arrived', () => running.taken.length === 200);
    assert.deepEqual(running.taken, samples);
    assert.deepEqual(running.counts(), { received: 200, recorded: 200 });
    assert.deepEqual(running.collector.status(), { state: 'ok' });
  });

  test('what is forged, unsigned, played back, of another time or no message is dropped and counted by reason', async (t) => {
    const { send, taken, counts } = await listening(t);
    const message = toMeteringMessage(sampleNumber(0));
    const good = signed(message);
    const forged = encodeMsgpack({
      ...message,
      counter_volume: 9,
      message_signature: signMessage(message, SECRET),
    });
    const other = encodeMsgpack({ ...message, message_signature: signMessage(message, 'another') });
    const old = signed(toMeteringMessage({ ...sampleNumber(1), timestamp: '2026-01-02T02:00:00+00:00' }));
    const noSample = signed({ ...message, counter_name: null });
    await send(good, forged, other, encodeMsgpack(message), good, good, old, noSample);
    await send(
      Buffer.from('garbage'),
      encodeMsgpack([1]),
      Buffer.alloc(0),
      signed(toMeteringMessage(sampleNumber(2))),
    );
    await until('the last has arrived', () => taken.length === 2);
    assert.deepEqual(
      taken.map(({ id }) => id),
      [sampleNumber(0).id, sampleNumber(2).id],
    );
    assert.deepEqual(counts(), {
      'bad-signature': 3,
      received: 12,
      recorded: 2,
      replayed: 2,
      stale: 1,
      unreadable: 4,
    });
  });

  test('a sender of an old release is understood: raw instead of str', async (t) => {
    const { send, taken } = await listening(t);
    const message = { ...toMeteringMessage(sampleNumber(0)), resource_metadata: { long: 'x'.repeat(100) } };
    const bytes = signed(message);
    // The old type has no str 8, so such texts have two bytes of length.
    const old = Buffer.concat(Array.from(splitAtStr8(bytes)));
    assert.ok(old.length > bytes.length);
    await send(old);
    await until('it has arrived', () => taken.length === 1);
    assert.equal(taken[0]?.resourceMetadata.long, 'x'.repeat(100));
  });

  test('what is not taken in five tries is parked as a message that can be replayed', async (t) => {
    const { send, parked, counts, collector } = await listening(
      t,
      () => new NephoscopeError('E3016', 'Busy', { retry: 'transient' }),
    );
    await send(signed(toMeteringMessage(sampleNumber(0))));
    await until('it is parked', () => parked.length === 1);
    const [item] = parked;
    assert.deepEqual(
      [item?.code, item?.reason, item?.origin, item?.eventType, item?.messageId],
      [
        'E5031',
        'Not taken in 5 tries: E3016 Busy',
        { source: 'collector:samples' },
        'metering',
        sampleNumber(0).id,
      ],
    );
    await until('it is counted', () => counts()['parked'] === 1);
    assert.deepEqual(counts(), { parked: 1, received: 1, retries: 4 });
    assert.deepEqual(collector.status(), { state: 'degraded', reason: 'E3016 Busy' });
  });

  test('a port that is taken does not end the program, and is had when it is free', async (t) => {
    const first = await listening(t);
    const { components } = collectorOf(
      { 'publisher/telemetry_secret': new Secret(SECRET), 'collector/udp_port': first.port },
      async (samples) => ({ accepted: samples.length, duplicates: [], rejected: [] }),
    );
    const [second] = components;
    assert.ok(second !== undefined);
    await second.start(t.signal);
    t.after(() => second.stop(createDeadline(1_000)));
    assert.match(second.status().reason ?? '', /^E5026 UDP 127\.0\.0\.1:\d+ cannot be listened to: /);
    await first.collector.stop(createDeadline(1_000));
    await until('it listens', () => second.status().state === 'ok');
  });

  test('it can be stopped before it was started, twice, and started again', async (t) => {
    const { collector } = await listening(t);
    await Promise.all([collector.stop(createDeadline(1_000)), collector.stop(createDeadline(1_000))]);
    assert.deepEqual(collector.status(), { state: 'stopped', reason: 'not started' });
    await collector.start();
    assert.notEqual(collector.port(), null);
  });

  test('without a secret it is refused when it is made, and it is off unless an address is set', () => {
    const publish = async (): Promise<PublishResult> => ({ accepted: 0, duplicates: [], rejected: [] });
    assert.throws(
      () => collectorOf({}, publish),
      (error) => error instanceof NephoscopeError && error.code === 'E5025' && error.retry === 'permanent',
    );
    assert.deepEqual(collectorOf({ 'collector/udp_address': '' }, publish).components, []);
  });
});

/** The same document with each str 8 as the raw type with two bytes of length. */
function* splitAtStr8(bytes: Buffer): Generator<Buffer> {
  let start = 0;
  for (let at = bytes.indexOf(0xd9); at >= 0; at = bytes.indexOf(0xd9, start)) {
    yield bytes.subarray(start, at);
    yield Buffer.from([0xda, 0, bytes[at + 1] ?? 0]);
    start = at + 2;
  }
  yield bytes.subarray(start);
}
