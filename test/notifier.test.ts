import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { connect, createServer, type Socket } from 'node:net';
import { suite, type TestContext, test } from 'node:test';
import { createDeadline } from '../src/component/component.ts';
import { Secret } from '../src/config/option.ts';
import { parseExact } from '../src/lib/exact-json.ts';
import { isJsonObject, type JsonObject, type JsonValue } from '../src/model/json.ts';
import type { Sample } from '../src/model/sample.ts';
import { silentLogger } from '../src/observe/logger.ts';
import { Metrics } from '../src/observe/metrics.ts';
import { urlSyntaxOf } from '../src/publishers/delivery-settings.ts';
import { NOTIFIER_PUBLISHER } from '../src/publishers/notifier.ts';
import { parsePublisherUrl } from '../src/publishers/publisher-url.ts';
import type { Store } from '../src/store/store.ts';
import { parseEventMessage } from '../src/wire/event-message.ts';
import { hasValidSignature } from '../src/wire/message-signature.ts';
import { parseMeteringMessage } from '../src/wire/metering-message.ts';
import {
  eventPublisherContract,
  type FullContract,
  fullEventContract,
  fullSampleContract,
  type Peer,
  samplePublisherContract,
} from './contract/publisher.ts';
import { range, startUnderTest, type UnderTest } from './contract/publisher-fixture.ts';
import { eventNumber, sampleNumber } from './contract/publisher-items.ts';
import { configOf } from './support/config.ts';
import { createUser, setPermissions, suiteVhost } from './support/rabbit.ts';
import { rabbitAvailable, skipUnless } from './support/services.ts';
import { createTcpProxy } from './support/tcp-proxy.ts';
import { until } from './support/until.ts';

const skip = skipUnless(await rabbitAvailable());
const RECONNECT = 'rabbit_retry_interval=0.05&rabbit_interval_max=0.2';
const SECRET = 'not-so-secret';

const { vhost, client } = suiteVhost(skip);

/** A URL for this publisher; an exchange of its own for each test is not needed, a topic is. */
function notifierUrl(
  topics: readonly string[],
  { port = 5672, login = 'guest:guest', query = '' } = {},
): string {
  const to = topics.map((topic) => `topic=${topic}`).join('&');
  const more = query === '' ? '' : `&${query}`;
  return `notifier://${login}@127.0.0.1:${port}/${vhost.name}?${to}&${RECONNECT}${more}`;
}

/** A topic nobody has used. */
function newTopic(): string {
  return `t-${randomUUID()}`;
}

const config = (values: Readonly<Record<string, unknown>> = {}) =>
  configOf({ 'publisher/telemetry_secret': new Secret(SECRET), ...values });

const CONTRACTED = { definition: NOTIFIER_PUBLISHER, open: async () => ({ url: '', arrived: () => [] }) };
const CONTRACT = fullSampleContract(CONTRACTED);
const EVENT_CONTRACT = fullEventContract(CONTRACTED);

/** A started publisher with the runner around it, stopped when the test ends. */
async function startAny<Item>(
  t: TestContext,
  contract: FullContract<Item>,
  peer: Peer,
): Promise<UnderTest<Item>> {
  const under = await startUnderTest(t, contract, peer);
  t.after(() => under.publisher.stop(createDeadline(2000)));
  return under;
}

function start(t: TestContext, url: string, context: Peer['context'] = {}): Promise<UnderTest<Sample>> {
  return startAny(t, CONTRACT, { url, arrived: () => [], context: { config: config(), ...context } });
}

interface Received {
  readonly properties: Record<string, unknown>;
  readonly exchange: string;
  readonly message: JsonObject;
}

/** Takes everything out of a queue, in order. */
async function drain(queue: string): Promise<readonly Received[]> {
  const received: Received[] = [];
  for (;;) {
    const got = await client.channel.get(queue, { noAck: true });
    if (got === false) return received;
    const { contentType, contentEncoding, deliveryMode } = got.properties;
    const properties = { contentType, contentEncoding, deliveryMode };
    received.push({ properties, exchange: got.fields.exchange, message: openEnvelope(got.content) });
  }
}

function openEnvelope(body: Buffer): JsonObject {
  const outer = objectOf(parseExact(body.toString()));
  const inner = outer['oslo.message'];
  return typeof inner === 'string' ? objectOf(parseExact(inner)) : outer;
}

function objectOf(value: JsonValue | undefined): JsonObject {
  assert.ok(isJsonObject(value));
  return value;
}

function payloadOf({ message }: Received): readonly JsonObject[] {
  const { payload } = message;
  assert.ok(Array.isArray(payload));
  return payload.map((one: JsonValue) => objectOf(one));
}

/** Ids of all samples in a queue without taking them out for good: what has arrived so far. */
function collect(queue: string, idKey: string): () => Promise<readonly string[]> {
  const ids: string[] = [];
  return async () => {
    if ((await client.ready(queue)) === null) return ids;
    for (const one of await drain(queue)) for (const item of payloadOf(one)) ids.push(String(item[idKey]));
    return ids;
  };
}

suite('notifier://', { skip, timeout: 60_000 }, () => {
  test('samples travel as one signed list under the names of the original', async (t) => {
    const topic = newTopic();
    const { publisher } = await start(t, notifierUrl([topic]));
    const samples = range(0, 3).map((index) => sampleNumber(index));
    assert.deepEqual(await publisher.publish(samples, t.signal), {
      accepted: 3,
      duplicates: [],
      rejected: [],
    });
    const [one, ...others] = await drain(`${topic}.sample`);
    assert.ok(one !== undefined);
    assert.deepEqual(others, []);
    const { payload, message_id, timestamp, _unique_id, ...rest } = one.message;
    assert.deepEqual(
      { exchange: one.exchange, properties: one.properties, rest },
      {
        exchange: 'ceilometer',
        properties: { contentType: 'application/json', contentEncoding: 'utf-8', deliveryMode: 2 },
        rest: { publisher_id: 'telemetry.publisher.test-host', event_type: 'metering', priority: 'SAMPLE' },
      },
    );
    assert.match(String(message_id), /^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-a[0-9a-f]{3}-[0-9a-f]{12}$/);
    assert.match(String(_unique_id), /^[0-9a-f]{32}$/);
    assert.match(String(timestamp), /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d{6})?$/);
    const messages = payloadOf(one);
    assert.deepEqual(
      messages.map((each) => hasValidSignature(each, [SECRET])),
      [true, true, true],
    );
    assert.deepEqual(messages.map(parseMeteringMessage), samples);
  });

  test('events travel as one signed list with the event type event', async (t) => {
    const topic = newTopic();
    const peer: Peer = { url: notifierUrl([topic]), arrived: () => [], context: { config: config() } };
    const { publisher } = await startAny(t, EVENT_CONTRACT, peer);
    const events = range(0, 2).map((index) => eventNumber(index));
    await publisher.publish(events, t.signal);
    const [one] = await drain(`${topic}.sample`);
    assert.ok(one !== undefined);
    assert.equal(one.message['event_type'], 'event');
    const messages = payloadOf(one);
    assert.deepEqual(
      messages.map((each) => hasValidSignature(each, [SECRET])),
      [true, true],
    );
    assert.deepEqual(messages.map(parseEventMessage), events);
  });

  test('without a topic the configured ones are used, and without a host the transport of the program', async (t) => {
    const [metering, event] = [newTopic(), newTopic()];
    const context = {
      config: config({
        'publisher_notifier/metering_topic': metering,
        'publisher_notifier/event_topic': event,
        'publisher_notifier/telemetry_driver': 'messaging',
        'DEFAULT/control_exchange': 'telemetry',
        'DEFAULT/transport_url': new Secret(vhost.url()),
      }),
    };
    const samples = await startAny(t, CONTRACT, { url: 'notifier://', arrived: () => [], context });
    const events = await startAny(t, EVENT_CONTRACT, {
      url: 'notifier://',
      arrived: () => [],
      context,
    });
    await samples.publisher.publish([sampleNumber(1)], t.signal);
    await events.publisher.publish([eventNumber(1)], t.signal);
    const kinds = await Promise.all(
      [metering, event].map(async (topic) => {
        const got = await client.channel.get(`${topic}.sample`, { noAck: true });
        assert.ok(got !== false);
        return [got.fields.exchange, JSON.parse(got.content.toString()).event_type];
      }),
    );
    assert.deepEqual(kinds, [
      ['telemetry', 'metering'],
      ['telemetry', 'event'],
    ]);
  });

  test('each topic gets everything, and with per_meter_topic each meter has a message of its own', async (t) => {
    const topics = [newTopic(), newTopic()];
    const { publisher } = await start(t, notifierUrl(topics, { query: 'per_meter_topic=1' }));
    const samples = ['cpu', 'memory', 'cpu'].map((name, index) => sampleNumber(index, { name }));
    assert.deepEqual(await publisher.publish(samples, t.signal), {
      accepted: 3,
      duplicates: [],
      rejected: [],
    });
    for (const topic of topics) {
      const received = await drain(`${topic}.sample`);
      assert.deepEqual(
        received.map((one) => [
          one.message['event_type'],
          payloadOf(one).map((each) => each['counter_name']),
        ]),
        [
          ['metering', ['cpu', 'memory', 'cpu']],
          ['metering.cpu', ['cpu', 'cpu']],
          ['metering.memory', ['memory']],
        ],
      );
    }
  });

  test('more than max_message_bytes travels in several messages, and what is larger alone', async (t) => {
    const topic = newTopic();
    const { publisher } = await start(t, notifierUrl([topic], { query: 'max_message_bytes=2000' }));
    const large = { text: 'x'.repeat(3000) };
    const samples = range(0, 7).map((index) =>
      sampleNumber(index, index === 3 ? { resourceMetadata: large } : { resourceMetadata: {} }),
    );
    await publisher.publish(samples, t.signal);
    const received = await drain(`${topic}.sample`);
    assert.deepEqual(
      received.map((one) => payloadOf(one).map((each) => each['message_id'])),
      [[0, 1, 2], [3], [4, 5, 6]].map((indexes) => indexes.map((index) => sampleNumber(index).id)),
    );
  });

  test('the same samples sent again have the same message id', async (t) => {
    const topic = newTopic();
    const { publisher } = await start(t, notifierUrl([topic]));
    for (let round = 0; round < 2; round++) await publisher.publish([sampleNumber(1)], t.signal);
    await publisher.publish([sampleNumber(2)], t.signal);
    const ids = (await drain(`${topic}.sample`)).map(({ message }) => message['message_id']);
    const unique = (await drain(`${topic}.sample`)).map(({ message }) => message['_unique_id']);
    assert.equal(ids[0], ids[1]);
    assert.notEqual(ids[1], ids[2]);
    assert.equal(new Set(unique).size, unique.length);
  });

  test('a sample that cannot be written is rejected alone', async (t) => {
    const topic = newTopic();
    const { publisher } = await start(t, notifierUrl([topic]));
    const samples = [sampleNumber(0), tooDeep(1), sampleNumber(2)];
    const { accepted, rejected } = await publisher.publish(samples, t.signal);
    assert.equal(accepted, 2);
    assert.deepEqual(
      rejected.map(({ index, error }) => [index, error.code]),
      [[1, 'E5023']],
    );
  });

  test('samples and events of one program to one broker share a connection', async (t) => {
    await using proxy = await createTcpProxy(5672);
    const context = { config: config() };
    const url = notifierUrl([newTopic()], { port: proxy.port });
    const samples = await startAny(t, CONTRACT, { url, arrived: () => [], context });
    const events = await startAny(t, EVENT_CONTRACT, {
      url: url.replace('topic=', 'topic=e-'),
      arrived: () => [],
      context,
    });
    await samples.publisher.publish([sampleNumber(1)], t.signal);
    await events.publisher.publish([eventNumber(1)], t.signal);
    assert.equal(proxy.accepted(), 1);
    await samples.publisher.stop(createDeadline(1000));
    await events.publisher.publish([eventNumber(2)], t.signal);
    assert.deepEqual(events.publisher.status(), { state: 'ok' });
    await events.publisher.stop(createDeadline(1000));
    assert.equal(events.publisher.status().state, 'stopped');
  });

  test('a URL without host needs a transport, and options of the broker in the query are checked', () => {
    const create = (url: string): unknown => makeOnly(url);
    assert.throws(() => create('notifier://'), { code: 'E8060' });
    assert.throws(() => create('notifier://127.0.0.1?driver=kafka'), { code: 'E2001' });
    assert.throws(() => create('notifier://127.0.0.1?rabbit_quorum_queues=1'), { code: 'E2001' });
    assert.throws(() => create(`notifier://127.0.0.1?topic=${'t'.repeat(249)}`), { code: 'E1113' });
    assert.doesNotThrow(() => create('notifier://127.0.0.1,[::1]:5673/v?rabbit_quorum_queue=1'));
  });
});

suite('notifier:// when the broker is in trouble', { skip, timeout: 60_000 }, () => {
  test('connections cut again and again lose nothing', async (t) => {
    const topic = newTopic();
    await using proxy = await createTcpProxy(5672);
    const { publisher } = await start(t, notifierUrl([topic], { port: proxy.port, query: 'batch_size=50' }));
    const samples = range(0, 20_000).map((index) => sampleNumber(index, { resourceMetadata: {} }));
    let taken = 0;
    const calls = range(0, 200).map(async (call) => {
      const result = await publisher.publish(samples.slice(call * 100, call * 100 + 100), t.signal);
      assert.deepEqual(result, { accepted: 100, duplicates: [], rejected: [] });
      taken += result.accepted;
    });
    for (let cut = 1; cut <= 5; cut++) {
      await until('some more is taken', () => taken >= cut * 1000);
      proxy.cut();
    }
    await Promise.all(calls);
    const arrived = new Set(await collect(`${topic}.sample`, 'message_id')());
    assert.equal(samples.filter(({ id }) => !arrived.has(id)).length, 0);
    assert.equal(proxy.accepted(), 6);
  });

  test('exchange and queue that somebody declared otherwise are used as they are', async (t) => {
    const topic = newTopic();
    const exchange = `x-${topic}`;
    await client.channel.assertExchange(exchange, 'topic', { durable: true });
    await client.channel.assertQueue(`${topic}.sample`, {
      durable: true,
      arguments: { 'x-max-length': 1000 },
    });
    const { publisher } = await start(t, notifierUrl([topic]), {
      config: config({ 'DEFAULT/control_exchange': exchange }),
    });
    await publisher.publish([sampleNumber(1)], t.signal);
    assert.deepEqual(await collect(`${topic}.sample`, 'message_id')(), [sampleNumber(1).id]);
  });

  test('a queue that is full postpones, and takes again when there is room', async (t) => {
    const topic = newTopic();
    const queue = `${topic}.sample`;
    const limits = { 'x-max-length': 2, 'x-overflow': 'reject-publish' };
    await client.channel.assertQueue(queue, { durable: false, arguments: limits });
    const { publisher } = await start(t, notifierUrl([topic]));
    await publisher.publish([sampleNumber(0)], t.signal);
    await publisher.publish([sampleNumber(1)], t.signal);
    const waiting = publisher.publish([sampleNumber(2)], t.signal);
    await until('the status says so', () => /its queue is full/.test(publisher.status().reason ?? ''));
    const arrived = collect(queue, 'message_id');
    await until('there was room', async () => (await arrived()).length === 3);
    await waiting;
    assert.deepEqual(
      await arrived(),
      range(0, 3).map((index) => sampleNumber(index).id),
    );
  });

  test('a permission that is taken away and given back loses nothing', async (t) => {
    const topic = newTopic();
    const user = `u-${randomUUID()}`;
    await using _ = await createUser(user, 'pw');
    await setPermissions(user, vhost.name, '.*', '.*', '.*');
    await using proxy = await createTcpProxy(5672);
    const { publisher } = await start(t, notifierUrl([topic], { login: `${user}:pw`, port: proxy.port }));
    await publisher.publish([sampleNumber(0)], t.signal);
    await setPermissions(user, vhost.name, '^$', '^$', '^$');
    // The broker looks at permissions again with a new channel.
    proxy.cut();
    const waiting = publisher.publish([sampleNumber(1)], t.signal);
    await until('the status says so', () => /ccess/.test(publisher.status().reason ?? ''));
    await setPermissions(user, vhost.name, '.*', '.*', '.*');
    assert.deepEqual(await waiting, { accepted: 1, duplicates: [], rejected: [] });
    const arrived = new Set(await collect(`${topic}.sample`, 'message_id')());
    assert.deepEqual(arrived, new Set([sampleNumber(0).id, sampleNumber(1).id]));
    assert.deepEqual(publisher.status(), { state: 'ok' });
  });

  test('a queue that somebody deletes is made again, and nothing is lost', async (t) => {
    const topic = newTopic();
    const { publisher } = await start(t, notifierUrl([topic]));
    await publisher.publish([sampleNumber(0)], t.signal);
    await client.channel.deleteQueue(`${topic}.sample`);
    await publisher.publish([sampleNumber(1)], t.signal);
    assert.deepEqual(await collect(`${topic}.sample`, 'message_id')(), [sampleNumber(1).id]);
  });

  test('a broker that holds up publishers is given nothing more until it takes messages again', async (t) => {
    const topic = newTopic();
    const gate = await createGate();
    t.after(() => gate.setOpen(false));
    const { publisher } = await start(t, notifierUrl([topic], { port: gate.port }));
    await publisher.publish([sampleNumber(0)], t.signal);
    gate.say(connectionBlocked('low on memory'));
    await until('the status says so', () => /E2012/.test(publisher.status().reason ?? ''));
    const waiting = publisher.publish([sampleNumber(1)], t.signal);
    await until('an attempt failed', () => /^E8061 .*low on memory/.test(publisher.status().reason ?? ''));
    gate.say(CONNECTION_UNBLOCKED);
    assert.deepEqual(await waiting, { accepted: 1, duplicates: [], rejected: [] });
    assert.deepEqual(
      await collect(`${topic}.sample`, 'message_id')(),
      range(0, 2).map((index) => sampleNumber(index).id),
    );
  });

  test('an exchange that somebody deletes is made again, and nothing is lost', async (t) => {
    const topic = newTopic();
    const exchange = `x-${topic}`;
    const { publisher } = await start(t, notifierUrl([topic]), {
      config: config({ 'DEFAULT/control_exchange': exchange }),
    });
    await publisher.publish([sampleNumber(0)], t.signal);
    await client.channel.deleteExchange(exchange);
    await publisher.publish([sampleNumber(1)], t.signal);
    assert.deepEqual(
      await collect(`${topic}.sample`, 'message_id')(),
      range(0, 2).map((index) => sampleNumber(index).id),
    );
  });
});

/** A sample that has no text. */
function tooDeep(index: number): Sample {
  let deep: JsonObject = {};
  for (let level = 0; level < 600; level++) deep = { deep };
  return sampleNumber(index, { resourceMetadata: deep });
}

/** Between publisher and broker: can refuse, and can hold everything and let it go on. */
async function createGate(): Promise<{
  readonly port: number;
  setOpen(open: boolean): Promise<void>;
  hold(isHeld: boolean): void;
  /** Says something to the publisher in the broker's place, while the broker itself is silent. */
  say(frame: Buffer): void;
}> {
  const sockets = new Set<Socket>();
  const nearSide = new Set<Socket>();
  let isHeld = false;
  const server = createServer((near) => {
    const far = connect({ host: '127.0.0.1', port: 5672 });
    nearSide.add(near);
    near.on('close', () => nearSide.delete(near));
    for (const [from, to] of [[near, far] as const, [far, near] as const]) {
      sockets.add(from);
      from.pipe(to);
      if (isHeld) from.pause();
      from
        .on('error', () => to.destroy())
        .on('close', () => {
          sockets.delete(from);
          to.destroy();
        });
    }
  });
  const listen = (port: number): Promise<void> =>
    new Promise((resolve) => server.listen(port, '127.0.0.1', resolve));
  await listen(0);
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  return {
    port,
    setOpen: async (open) => {
      if (open) return listen(port);
      for (const socket of sockets) socket.destroy();
      if (server.listening) await new Promise((resolve) => server.close(resolve));
    },
    say: (frame) => {
      for (const socket of nearSide) socket.write(frame);
    },
    hold: (held) => {
      isHeld = held;
      for (const socket of sockets) held ? socket.pause() : socket.resume();
    },
  };
}

/** The frame of AMQP 0-9-1 that RabbitMQ sends when its memory or disk alarm is on: the alarm itself is everybody's. */
function connectionBlocked(reason: string): Buffer {
  const text = Buffer.from(reason);
  return methodFrame(60, Buffer.concat([Buffer.from([text.length]), text]));
}

/** A method of the class `connection`, on channel 0. */
function methodFrame(method: number, content: Buffer): Buffer {
  const payload = Buffer.concat([Buffer.from([0, 10, 0, method]), content]);
  const head = Buffer.from([1, 0, 0, 0, 0, 0, payload.length]);
  return Buffer.concat([head, payload, Buffer.from([0xce])]);
}

const CONNECTION_UNBLOCKED = methodFrame(61, Buffer.alloc(0));

async function openPeer(t: TestContext, idKey: string): Promise<Peer> {
  const topic = newTopic();
  const gate = await createGate();
  t.after(() => gate.setOpen(false));
  return {
    url: notifierUrl([topic], { port: gate.port }),
    context: { config: config() },
    arrived: collect(`${topic}.sample`, idKey),
    breakDown: () => gate.setOpen(false),
    repair: () => gate.setOpen(true),
    hang: () => gate.hold(true),
    release: () => gate.hold(false),
  };
}

samplePublisherContract({
  definition: NOTIFIER_PUBLISHER,
  skip,
  poison: tooDeep,
  open: (t) => openPeer(t, 'message_id'),
});

eventPublisherContract({
  definition: NOTIFIER_PUBLISHER,
  skip,
  open: (t) => openPeer(t, 'message_id'),
});

function makeOnly(text: string): unknown {
  const url = parsePublisherUrl(text, urlSyntaxOf(NOTIFIER_PUBLISHER));
  return NOTIFIER_PUBLISHER.samples?.(url, {
    name: 'publisher:notifier',
    config: config(),
    store: {} as Store,
    log: silentLogger,
    metrics: new Metrics(),
    stateDir: '/nonexistent',
    host: 'test-host',
  });
}
