import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite, type TestContext, test } from 'node:test';
import { createCollectorRole } from '../src/app/collector.ts';
import { createPublisher } from '../src/app/publishers.ts';
import { createReplayIntake } from '../src/collector/replay-intake.ts';
import { type Component, createDeadline } from '../src/component/component.ts';
import { NephoscopeError } from '../src/component/errors.ts';
import { type Config, Secret } from '../src/config/option.ts';
import { parseExact, stringifyExact } from '../src/lib/exact-json.ts';
import { FloatToken, type JsonObject } from '../src/model/json.ts';
import type { Sample } from '../src/model/sample.ts';
import { silentLogger } from '../src/observe/logger.ts';
import { Metrics } from '../src/observe/metrics.ts';
import { SqliteStore } from '../src/store/sqlite/sqlite-store.ts';
import { signMessage } from '../src/wire/message-signature.ts';
import { toMeteringMessage } from '../src/wire/metering-message.ts';
import { encodeNotification } from '../src/wire/notification-message.ts';
import { range } from './contract/publisher-fixture.ts';
import { eventNumber, sampleNumber } from './contract/publisher-items.ts';
import { configOf } from './support/config.ts';
import { consumed, suiteVhost, type TestVhost, unacknowledged } from './support/rabbit.ts';
import { rabbitAvailable, skipUnless } from './support/services.ts';
import { until } from './support/until.ts';

const skip = skipUnless(await rabbitAvailable());
const SECRET = 'not-so-secret';
const EXCHANGE = 'ceilometer';

/** Refuses samples while it is told to. */
class TestStore extends SqliteStore {
  refuse: () => NephoscopeError | null = () => null;
  tries = 0;

  override recordSamples(samples: readonly Sample[]): ReturnType<SqliteStore['recordSamples']> {
    this.tries++;
    const error = this.refuse();
    return error === null ? super.recordSamples(samples) : Promise.reject(error);
  }
}

interface Running {
  readonly store: TestStore;
  readonly metrics: Metrics;
  readonly role: ReturnType<typeof createCollectorRole>;
  readonly config: Config;
  readonly stateDir: string;
  stop(): Promise<void>;
}

/** The collector role with the embedded store, as the program runs it. */
async function collecting(
  t: TestContext,
  vhost: TestVhost,
  options: Readonly<Record<string, unknown>> = {},
): Promise<Running> {
  const stateDir = mkdtempSync(join(tmpdir(), 'nephoscope-collector-'));
  const store = new TestStore({ path: join(stateDir, 'telemetry.sqlite'), exclusive: true });
  const metrics = new Metrics();
  const config = configOf({
    'collector/enabled': true,
    'DEFAULT/transport_url': new Secret(vhost.url()),
    'publisher/telemetry_secret': new Secret(SECRET),
    'publisher/previous_telemetry_secrets': [new Secret('old-secret')],
    'oslo_messaging_rabbit/rabbit_retry_interval': 0.05,
    ...options,
  });
  const context = { config, store, log: silentLogger, metrics, stateDir };
  const role = createCollectorRole(context, () => Date.now() * 1_000);
  const parts: readonly Component[] = [store, ...role.dispatchers, ...role.components];
  for (const part of parts) await part.start(t.signal);
  const stop = async (): Promise<void> => {
    for (const part of role.components) await part.stop(createDeadline(3_000));
  };
  t.after(async () => {
    for (const part of parts.toReversed()) await part.stop(createDeadline(2_000));
    rmSync(stateDir, { recursive: true, force: true });
  });
  return { store, metrics, role, config, stateDir, stop };
}

/** Counters of the collector that are not zero, by name without prefix and suffix. */
function counts(metrics: Metrics): Readonly<Record<string, number>> {
  const lines = metrics.expose().matchAll(/^nephoscope_collector_(\w+)_total(\{[^}]*\})? (\d+)$/gm);
  const all = Array.from(
    lines,
    ([, name = '', labels = '', value]) => [`${name}${labels}`, Number(value)] as const,
  );
  return Object.fromEntries(all.filter(([, value]) => value > 0).sort());
}

function signed(message: JsonObject, secret = SECRET): JsonObject {
  return { ...message, message_signature: signMessage(message, secret) };
}

/** A message as a publisher of the original sends it. */
function notificationOf(payload: string, eventType = 'metering', version: '1.0' | '2.0' = '2.0'): string {
  return encodeNotification(
    {
      messageId: 'ba7c0000-0000-4000-8000-000000000000',
      uniqueId: 'f'.repeat(32),
      publisherId: 'telemetry.publisher.node-1',
      eventType,
      priority: 'sample',
      timestampMicros: Date.UTC(2026, 0, 2, 3, 4, 5) * 1_000,
      payloadText: payload,
    },
    version,
  ).body.toString();
}

function listOf(...messages: readonly JsonObject[]): string {
  return `[${messages.map((message) => stringifyExact(message)).join(',')}]`;
}

suite('the collector on RabbitMQ', { skip, timeout: 120_000 }, () => {
  const { vhost, client, reopen } = suiteVhost();

  async function emptied(...queues: readonly string[]): Promise<void> {
    for (const queue of queues) {
      await until(`${queue} is empty`, async () => (await client.ready(queue)) === 0);
      await until(
        `${queue} is acknowledged`,
        async () => (await unacknowledged(vhost.name, queue)) === 0,
        20_000,
      );
    }
  }

  function publishMetering(...bodies: readonly string[]): Promise<void> {
    return client.publish(EXCHANGE, 'metering.sample', bodies, { contentType: 'application/json' });
  }

  test('what our agent signs and what others sign is stored, what is forged is not, and the counts are exact', async (t) => {
    const running = await collecting(t, vhost);
    const { store, metrics, config, stateDir } = running;
    const shared = { config, store, log: silentLogger, metrics: new Metrics(), stateDir };
    const samplePublisher = createPublisher('sample', 'notifier://', 'publisher:notifier:samples', shared);
    const eventPublisher = createPublisher('event', 'notifier://', 'publisher:notifier:events', shared);
    for (const publisher of [samplePublisher, eventPublisher]) {
      await publisher.start(t.signal);
      t.after(() => publisher.stop(createDeadline(1_000)));
    }
    const samples = range(0, 2_000).map((index) =>
      sampleNumber(index, {
        resourceMetadata: { f: new FloatToken(index), big: 2n ** 60n, list: ['é', 1.5, { a: [] }] },
      }),
    );
    const events = range(0, 500).map((index) => eventNumber(index));
    await Promise.all([samplePublisher.publish(samples, t.signal), eventPublisher.publish(events, t.signal)]);

    const message = (index: number): JsonObject => toMeteringMessage(sampleNumber(index));
    const { user_name: _u, project_name: _p, monotonic_time: _m, ...mitaka } = message(3_000);
    const forged = range(0, 100).map((index) => ({ ...signed(message(4_000 + index)), counter_volume: -1 }));
    const { message_signature: _s, ...unsigned } = signed(message(3_900));
    const mixed = listOf(signed(mitaka, 'old-secret'), ...forged, signed(message(3_001)), unsigned);
    await publishMetering(
      notificationOf(mixed, 'metering', '1.0'),
      notificationOf(mixed),
      '{"oslo.version": "2.0"',
    );
    const noSample = signed({ ...message(3_002), counter_name: null });
    await publishMetering(notificationOf(listOf(noSample, signed(message(3_003)))), notificationOf('"text"'));
    await emptied('metering.sample', 'event.sample');

    const stored = await store.samples({ limit: 10_000 });
    const wanted = [...samples, ...[3_000, 3_001, 3_003].map((index) => sampleNumber(index))];
    assert.deepEqual(stored.map(({ id }) => id).toSorted(), wanted.map(({ id }) => id).toSorted());
    const first = stored.find(({ id }) => id === samples[7]?.id);
    assert.deepEqual(parseExact(first?.metadataJson ?? ''), samples[7]?.resourceMetadata);
    assert.equal((await store.events({ limit: 10_000 })).length, 500);
    assert.deepEqual(counts(metrics), {
      'dropped{input="samples",reason="bad-signature"}': 2 * 101,
      'parked{input="samples"}': 3,
      'received{input="events"}': 500,
      'received{input="samples"}': 2_000 + 2 * 103 + 2,
      'recorded{input="events"}': 500,
      'recorded{input="samples"}': 2_000 + 2 * 2 + 1,
    });
    const parked = (await store.parked({})).map(({ code, eventType, origin }) => [
      code,
      eventType,
      origin.source,
    ]);
    assert.deepEqual(parked.toSorted(), [
      ['E5002', null, 'collector:samples'],
      ['E5020', 'metering', 'collector:samples'],
      ['E5029', null, 'collector:samples'],
    ]);
  });

  test('a store that is away is tried again, and nothing is lost', async (t) => {
    const { store, metrics } = await collecting(t, vhost);
    store.refuse = () =>
      store.tries < 3 ? new NephoscopeError('E3016', 'Busy', { retry: 'transient' }) : null;
    await publishMetering(notificationOf(listOf(signed(toMeteringMessage(sampleNumber(0))))));
    await emptied('metering.sample');
    assert.equal((await store.samples({})).length, 1);
    assert.equal(counts(metrics)['retries{input="samples"}'], 2);
  });

  test('what the store refuses for good is parked alone, and stored when it is replayed after all', async (t) => {
    const { store, role } = await collecting(t, vhost);
    const bad = sampleNumber(11).id;
    let isPicky = true;
    const record = store.recordSamples.bind(store);
    store.recordSamples = async (samples) => {
      const index = isPicky ? samples.findIndex(({ id }) => id === bad) : -1;
      if (index < 0) return await record(samples);
      const rejected = [{ index, error: new NephoscopeError('E3004', 'Not this one') }];
      return { ...(await record(samples.toSpliced(index, 1))), rejected };
    };
    const messages = range(0, 20).map((index) => signed(toMeteringMessage(sampleNumber(index))));
    await publishMetering(notificationOf(listOf(...messages)));
    await emptied('metering.sample');
    assert.equal((await store.samples({ limit: 100 })).length, 19);
    const [parked] = await store.parked({});
    assert.deepEqual([parked?.code, parked?.messageId, parked?.reason], ['E3004', bad, 'Not this one']);
    isPicky = false;
    const nowhere = { take: () => Promise.reject(new Error('no notification')) };
    const replay = createReplayIntake(nowhere, role.intakes);
    assert.ok(parked !== undefined);
    assert.deepEqual(await replay.take([parked], t.signal), ['accepted']);
    assert.deepEqual(await replay.take([parked, parked], t.signal), ['duplicate', 'duplicate']);
    assert.equal((await store.samples({ limit: 100 })).length, 20);
  });

  test('a stop while the store is away gives the messages back to the broker, and the next start stores them', async (t) => {
    const first = await collecting(t, vhost);
    first.store.refuse = () => new NephoscopeError('E3016', 'Busy', { retry: 'transient' });
    await publishMetering(notificationOf(listOf(signed(toMeteringMessage(sampleNumber(0))))));
    await until('it was tried', () => first.store.tries > 0);
    const [samples] = first.role.components;
    await until('the status says so', () => samples?.status().state === 'degraded');
    assert.equal(samples?.status().reason, 'messages are not taken: E3016 Busy');
    const begin = performance.now();
    await first.stop();
    assert.ok(performance.now() - begin < 2_000);
    await until('the broker has it', async () => (await client.ready('metering.sample')) === 1);
    const second = await collecting(t, vhost);
    await emptied('metering.sample');
    assert.equal((await second.store.samples({})).length, 1);
  });

  test('after its connection was closed it takes up where it was', async (t) => {
    const { store } = await collecting(t, vhost);
    await consumed(client, 'metering.sample');
    await publishMetering(notificationOf(listOf(signed(toMeteringMessage(sampleNumber(0))))));
    await until('the first is stored', async () => (await store.samples({})).length === 1);
    await vhost.closeAllConnections();
    await reopen();
    await publishMetering(notificationOf(listOf(signed(toMeteringMessage(sampleNumber(1))))));
    await until('the second is stored', async () => (await store.samples({})).length === 2);
  });

  test('events that nobody wants are left in their queue, and without a secret everyone is believed', async (t) => {
    const { store, role } = await collecting(t, vhost, {
      'DEFAULT/event_dispatchers': [''],
      'publisher/telemetry_secret': new Secret(''),
    });
    assert.deepEqual(
      role.components.map(({ name }) => name),
      ['collector:samples'],
    );
    await publishMetering(notificationOf(listOf(toMeteringMessage(sampleNumber(0)))));
    await until('it is stored', async () => (await store.samples({})).length === 1);
  });
});
