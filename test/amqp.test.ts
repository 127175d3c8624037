import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { suite, test } from 'node:test';
import { deflateSync, gzipSync } from 'node:zlib';
import { createDeadline } from '../src/component/component.ts';
import { NephoscopeError } from '../src/component/errors.ts';
import { Secret } from '../src/config/option.ts';
import type { Intake, MessageOutcome, RawMessage } from '../src/notification/intake.ts';
import { silentLogger } from '../src/observe/logger.ts';
import { Metrics } from '../src/observe/metrics.ts';
import { createNotificationSources } from '../src/sources/deployments-sources.ts';
import type { Source } from '../src/sources/source.ts';
import { configOf } from './support/config.ts';
import {
  consumed,
  createUser,
  createVhost,
  setPermissions,
  suiteVhost,
  unacknowledged,
} from './support/rabbit.ts';
import { rabbitAvailable, skipUnless } from './support/services.ts';
import { createTcpProxy } from './support/tcp-proxy.ts';
import { until } from './support/until.ts';

const skip = skipUnless(await rabbitAvailable());

/** An intake that remembers what it took, and does what a test tells it. */
class TestIntake implements Intake {
  readonly taken: RawMessage[] = [];
  readonly batchSizes: number[] = [];
  calls = 0;
  /** Rejects while it gives an error. */
  refuse: () => Error | null = () => null;
  /** Waited for before a batch is taken. */
  gate: Promise<void> = Promise.resolve();

  async take(messages: readonly RawMessage[]): Promise<readonly MessageOutcome[]> {
    this.calls++;
    await this.gate;
    const error = this.refuse();
    if (error !== null) throw error;
    this.taken.push(...messages);
    this.batchSizes.push(messages.length);
    return messages.map(() => 'accepted');
  }

  bodies(): string[] {
    return this.taken.map((message) => Buffer.from(message.body).toString());
  }

  distinct(): Set<string> {
    return new Set(this.bodies());
  }
}

interface Listening extends AsyncDisposable {
  readonly source: Source;
  readonly intake: TestIntake;
  readonly metrics: Metrics;
  readonly topic: string;
  readonly exchange: string;
  readonly queue: string;
  start(): Promise<void>;
  stop(millis?: number): Promise<void>;
}

/** A source on a topic and exchange of its own. */
function listening(urls: readonly string[], options: Readonly<Record<string, unknown>> = {}): Listening {
  const topic = `t-${randomUUID()}`;
  const exchange = `x-${randomUUID()}`;
  const intake = new TestIntake();
  const metrics = new Metrics();
  const config = configOf({
    'notification/messaging_urls': urls.map((url) => new Secret(url)),
    'notification/notification_control_exchanges': [exchange],
    'oslo_messaging_notifications/topics': [topic],
    'oslo_messaging_rabbit/rabbit_retry_interval': 0.05,
    'oslo_messaging_rabbit/rabbit_interval_max': 0.2,
    ...options,
  });
  const [source] = createNotificationSources({ config, intake, log: silentLogger, metrics });
  assert.ok(source !== undefined);
  const stop = (millis = 5000): Promise<void> => source.stop(createDeadline(millis));
  return {
    source,
    intake,
    metrics,
    topic,
    exchange,
    queue: `${topic}.info`,
    start: () => source.start(new AbortController().signal),
    stop,
    [Symbol.asyncDispose]: () => stop(1000),
  };
}

function numbered(count: number, prefix = 'm'): string[] {
  return Array.from({ length: count }, (_, index) => `${prefix}${index}`);
}

function counted(metrics: Metrics, name: string): number {
  const line = metrics
    .expose()
    .split('\n')
    .find((each) => each.startsWith(`nephoscope_source_${name}{`));
  return Number(line?.split(' ')[1]);
}

suite('notifications over RabbitMQ', { skip, timeout: 120_000 }, () => {
  const { vhost, client } = suiteVhost();

  test('a message is delivered, taken with its origin and acknowledged', async () => {
    await using one = listening([vhost.url()]);
    await one.start();
    assert.deepEqual(one.source.status(), { state: 'ok' });
    await client.publish(one.exchange, one.queue, ['{"a":1}']);
    await client.publish(one.exchange, `${one.topic}.error`, ['not json at all']);
    await until('both are taken', () => one.intake.taken.length === 2);
    const origin = { source: 'amqp', exchange: one.exchange, redelivered: false };
    assert.deepEqual(
      one.intake.taken.map(({ body, origin }) => [Buffer.from(body).toString(), origin]),
      [
        ['{"a":1}', { ...origin, routingKey: one.queue }],
        ['not json at all', { ...origin, routingKey: `${one.topic}.error` }],
      ],
    );
    await one.stop();
    assert.equal(await client.ready(one.queue), 0);
    assert.equal(counted(one.metrics, 'received_total'), 2);
    assert.equal(counted(one.metrics, 'acknowledged_total'), 2);
    assert.equal(counted(one.metrics, 'redelivered_total'), 0);
  });

  test('all seven priorities have a queue, and messages sent before anyone listened are taken', async () => {
    await using one = listening([vhost.url()]);
    await one.start();
    await one.stop();
    const keys = ['audit', 'debug', 'info', 'warn', 'error', 'critical', 'sample'].map(
      (priority) => `${one.topic}.${priority}`,
    );
    for (const key of keys) await client.publish(one.exchange, key, [key]);
    await one.start();
    await until('all are taken', () => one.intake.taken.length === 7);
    assert.deepEqual([...one.intake.distinct()].sort(), [...keys].sort());
  });

  test('while the intake refuses, nothing is acknowledged and the same messages are given again in order', async () => {
    await using one = listening([vhost.url()]);
    one.intake.refuse = () => new NephoscopeError('E2010', 'the store is away', { retry: 'transient' });
    await one.start();
    await client.publish(one.exchange, one.queue, numbered(10));
    await until('it was tried three times', () => one.intake.calls >= 3);
    assert.deepEqual(one.source.status(), {
      state: 'degraded',
      reason: 'messages are not taken: E2010 the store is away',
    });
    assert.equal(counted(one.metrics, 'acknowledged_total'), 0);
    assert.equal(await unacknowledged(vhost.name, one.queue), 10);
    one.intake.refuse = () => null;
    await until('all are taken', () => one.intake.taken.length === 10);
    assert.deepEqual(one.intake.bodies(), numbered(10));
    await until('all are acknowledged', () => counted(one.metrics, 'acknowledged_total') === 10);
    assert.deepEqual(one.source.status(), { state: 'ok' });
    assert.equal(counted(one.metrics, 'redelivered_total'), 0, 'the broker was not asked to deliver again');
  });

  test('what a stopped source did not get rid of goes back to the broker', async () => {
    await using one = listening([vhost.url()]);
    one.intake.refuse = () => new NephoscopeError('E2010', 'the store is away', { retry: 'transient' });
    await one.start();
    await client.publish(one.exchange, one.queue, numbered(10));
    await until('it was tried', () => one.intake.calls >= 1);
    await one.stop();
    assert.equal(await client.ready(one.queue), 10);
    one.intake.refuse = () => null;
    await one.start();
    await until('all are taken', () => one.intake.taken.length === 10);
    assert.deepEqual(one.intake.bodies(), numbered(10));
    assert.ok(one.intake.taken.every(({ origin }) => origin['redelivered'] === true));
  });

  test('after the broker closed the connection it consumes again within 2 s, and nothing is lost', async () => {
    await using own = await createVhost();
    await using one = listening([own.url()], { 'oslo_messaging_rabbit/rabbit_retry_interval': 1 });
    await one.start();
    await using first = await own.open();
    await first.publish(one.exchange, one.queue, numbered(500, 'before'));
    await until('work is under way', () => one.intake.taken.length > 0);
    await own.closeAllConnections();
    const closed = performance.now();
    await using second = await own.open();
    await second.publish(one.exchange, one.queue, numbered(500, 'after'));
    await until('all are taken', () => one.intake.distinct().size === 1000);
    const tookMillis = performance.now() - closed;
    assert.ok(tookMillis < 2000, `took ${tookMillis} ms`);
    await until('all is well', () => one.source.status().state === 'ok');
    assert.ok(counted(one.metrics, 'reconnects_total') >= 1);
    await one.stop();
    assert.equal(await second.ready(one.queue), 0);
  });

  test('connections closed again and again while messages flow lose nothing', async () => {
    await using proxy = await createTcpProxy(5672);
    await using one = listening([vhost.url(proxy.port)], {
      'oslo_messaging_rabbit/rabbit_qos_prefetch_count': 50,
    });
    await one.start();
    for (let round = 0; round < 20; round++) {
      const open = Promise.withResolvers<void>();
      one.intake.gate = open.promise;
      const calls = one.intake.calls;
      await client.publish(one.exchange, one.queue, numbered(100, `round${round}-`));
      await until('a batch is in work', () => one.intake.calls > calls);
      proxy.cut();
      open.resolve();
    }
    await until('all are taken', () => one.intake.distinct().size === 2000, 20_000);
    await until('the queue is empty', async () => (await client.ready(one.queue)) === 0);
    assert.ok(counted(one.metrics, 'redelivered_total') >= 20, 'else nothing was in flight at a cut');
  });

  test('a broker that is not there at the start is used when it appears', async () => {
    await using proxy = await createTcpProxy(5672, false);
    await using one = listening([vhost.url(proxy.port)]);
    const began = performance.now();
    await one.start();
    assert.ok(performance.now() - began < 1000, 'start does not wait for the broker');
    assert.deepEqual(one.source.status(), {
      state: 'degraded',
      reason: `E2002 Broker 127.0.0.1:${proxy.port} cannot be reached: connect ECONNREFUSED 127.0.0.1:${proxy.port}`,
    });
    await proxy.up();
    await consumed(client, one.queue);
    await client.publish(one.exchange, one.queue, ['x']);
    await until('it is taken', () => one.intake.taken.length === 1);
  });

  test('a dead broker among several does not slow the others', async () => {
    await using proxy = await createTcpProxy(5672, false);
    const config = configOf({
      'notification/messaging_urls': [new Secret(vhost.url(proxy.port)), new Secret(vhost.url())],
      'notification/notification_control_exchanges': ['several'],
      'oslo_messaging_notifications/topics': ['several'],
    });
    const intake = new TestIntake();
    const sources = createNotificationSources({
      config,
      intake,
      log: silentLogger,
      metrics: new Metrics(),
    });
    assert.deepEqual(
      sources.map(({ name }) => name),
      ['source:amqp-1', 'source:amqp-2'],
    );
    await using cleanUp = new AsyncDisposableStack();
    for (const source of sources) cleanUp.defer(() => source.stop(createDeadline(2000)));
    await Promise.all(sources.map((source) => source.start(new AbortController().signal)));
    assert.deepEqual(
      sources.map((source) => source.status().state),
      ['degraded', 'ok'],
    );
    await client.publish('several', 'several.info', ['x']);
    await until('it is taken', () => intake.taken.length === 1);
  });

  test('the next host is used when one is dead', async () => {
    await using proxy = await createTcpProxy(5672, false);
    const url = `rabbit://guest:guest@127.0.0.1:${proxy.port},guest:guest@127.0.0.1:5672/${vhost.name}`;
    await using one = listening([url]);
    await one.start();
    assert.deepEqual(one.source.status(), { state: 'ok' });
  });

  test('a queue that exists with other properties is used as it is, and the difference is shown', async () => {
    await using one = listening([vhost.url()]);
    await client.channel.assertQueue(one.queue, { durable: true, arguments: { 'x-max-length': 7 } });
    await client.channel.assertExchange(one.exchange, 'topic', { durable: true });
    await client.channel.bindQueue(one.queue, one.exchange, one.queue);
    await client.publish(one.exchange, one.queue, ['from before']);
    await one.start();
    await until('it is taken', () => one.intake.taken.length === 1);
    assert.deepEqual(one.source.status(), {
      state: 'ok',
      reason: `E2007 Existing exchange "${one.exchange}" is used as it is: its durable is 'true', we would declare 'false'`,
    });
  });

  test('quorum queues are declared and consumed', async () => {
    await using one = listening([vhost.url(5672, 'rabbit_quorum_queue=true&rabbit_quorum_delivery_limit=3')]);
    await one.start();
    assert.deepEqual(one.source.status(), { state: 'ok' });
    await client.publish(one.exchange, one.queue, numbered(20));
    await until('all are taken', () => one.intake.taken.length === 20);
    assert.deepEqual(one.intake.bodies(), numbered(20));
    await client.channel.assertQueue(one.queue, {
      durable: true,
      arguments: { 'x-queue-type': 'quorum', 'x-delivery-limit': 3 },
    });
  });

  test('a classic queue where a quorum queue was asked for is used all the same', async () => {
    await using one = listening([vhost.url(5672, 'rabbit_quorum_queue=true')]);
    await client.channel.assertQueue(one.queue, { durable: true });
    await one.start();
    await client.publish(one.exchange, one.queue, ['x']);
    await until('it is taken', () => one.intake.taken.length === 1);
    assert.match(one.source.status().reason ?? '', /^E2007 Existing queue .* its x-queue-type is/);
  });

  test('a deleted queue is made and consumed again', async () => {
    await using one = listening([vhost.url()]);
    await one.start();
    await client.channel.deleteQueue(one.queue);
    await consumed(client, one.queue);
    await client.publish(one.exchange, one.queue, ['x']);
    await until('it is taken', () => one.intake.taken.length === 1);
  });

  test('never more than the prefetch of a queue is in hand', async () => {
    await using one = listening([vhost.url()], {
      'oslo_messaging_rabbit/rabbit_qos_prefetch_count': 20,
      'notification/batch_size': 500,
    });
    const open = Promise.withResolvers<void>();
    one.intake.gate = open.promise;
    await one.start();
    await client.publish(one.exchange, one.queue, numbered(100));
    await until('the rest waits at the broker', async () => (await client.ready(one.queue)) === 80);
    await until('the intake has the first batch', () => one.intake.calls === 1);
    assert.equal(counted(one.metrics, 'in_flight'), 20);
    assert.equal(counted(one.metrics, 'received_total'), 20);
    open.resolve();
    await until('all are taken', () => one.intake.taken.length === 100);
    assert.deepEqual(one.intake.bodies(), numbered(100));
    assert.ok(Math.max(...one.intake.batchSizes) <= 10, 'half of the prefetch is a batch');
  });

  test('when messages are so large that too much is held, fewer are asked for and nothing is lost', async () => {
    await using one = listening([vhost.url()], {
      'notification/max_held_bytes': 100_000,
      'oslo_messaging_rabbit/rabbit_qos_prefetch_count': 1_000,
    });
    const open = Promise.withResolvers<void>();
    one.intake.gate = open.promise;
    await one.start();
    const bodies = numbered(500).map((name) => name.padEnd(1000, '.'));
    await client.publish(one.exchange, one.queue, bodies);
    await until('all but sixteen are at the broker', async () => (await client.ready(one.queue)) === 484);
    open.resolve();
    await until('all are taken', () => one.intake.distinct().size === 500);
    await until('all are acknowledged', async () => (await unacknowledged(vhost.name, one.queue)) === 0);
    assert.equal(await client.ready(one.queue), 0);
  });

  test('with a batch timeout a batch waits to fill, without one it does not', async () => {
    await using one = listening([vhost.url()], {
      'notification/batch_size': 5,
      'notification/batch_timeout': 30,
    });
    await one.start();
    await client.publish(one.exchange, one.queue, numbered(4));
    await until('four arrived', () => counted(one.metrics, 'received_total') === 4);
    assert.equal(one.intake.calls, 0);
    await client.publish(one.exchange, one.queue, ['m4']);
    await until('five are taken', () => one.intake.taken.length === 5);
    assert.deepEqual(one.intake.batchSizes, [5]);
    await client.publish(one.exchange, one.queue, ['m5']);
    await until('six arrived', () => counted(one.metrics, 'received_total') === 6);
    await one.stop();
    assert.deepEqual(one.intake.bodies(), numbered(6), 'what waits for company is finished by a stop');
  });

  test('a stop while busy finishes what is in hand and leaves the rest to the broker', async () => {
    await using one = listening([vhost.url()], { 'oslo_messaging_rabbit/rabbit_qos_prefetch_count': 10 });
    const open = Promise.withResolvers<void>();
    one.intake.gate = open.promise;
    await one.start();
    await client.publish(one.exchange, one.queue, numbered(50));
    await until('the intake is at work', () => one.intake.calls === 1);
    const stopped = one.stop();
    assert.equal(one.stop(), stopped, 'callers get the same promise');
    open.resolve();
    await stopped;
    const count = one.intake.taken.length;
    assert.ok(count > 0 && count <= 10, `${count} taken`);
    assert.equal(await client.ready(one.queue), 50 - count);
    assert.equal(one.source.status().state, 'stopped');
  });

  test('a stop ends at its deadline though the intake does not answer', async () => {
    await using one = listening([vhost.url()]);
    one.intake.gate = new Promise(() => {});
    await one.start();
    await client.publish(one.exchange, one.queue, numbered(5));
    await until('the intake is at work', () => one.intake.calls === 1);
    const began = performance.now();
    await one.stop(300);
    assert.ok(performance.now() - began < 1500);
    await until('all are back at the broker', async () => (await client.ready(one.queue)) === 5);
  });

  test('a stop ends at its deadline though the network swallows everything', async () => {
    await using proxy = await createTcpProxy(5672);
    await using one = listening([vhost.url(proxy.port)]);
    await one.start();
    proxy.freeze();
    const began = performance.now();
    await one.stop(300);
    assert.ok(performance.now() - began < 1500);
  });

  test('a connection without a heartbeat is given up', async () => {
    await using proxy = await createTcpProxy(5672);
    await using one = listening([vhost.url(proxy.port, 'heartbeat_timeout_threshold=1')]);
    await one.start();
    proxy.freeze();
    await until('the loss is seen', () => one.source.status().state === 'degraded', 8000);
    assert.match(one.source.status().reason ?? '', /Heartbeat timeout/);
  });

  test('a refused login and a missing virtual host have their own codes and are tried again', async () => {
    const user = `u-${randomUUID()}`;
    await using _ = await createUser(user, 'p/w@1');
    const login = encodeURIComponent('p/w@1');
    await using wrong = listening([`rabbit://${user}:wrong@127.0.0.1/${vhost.name}`]);
    await using closed = listening([`rabbit://${user}:${login}@127.0.0.1/${vhost.name}`]);
    await using missing = listening([`rabbit://guest:guest@127.0.0.1/nope`]);
    await Promise.all([wrong.start(), closed.start(), missing.start()]);
    assert.deepEqual(wrong.source.status(), {
      state: 'degraded',
      reason: `E2003 Broker 127.0.0.1:5672 refused the login of user "${user}"`,
    });
    assert.match(
      closed.source.status().reason ?? '',
      new RegExp(`^E2004 .* refused virtual host "${vhost.name}" to user "${user}"`),
    );
    assert.match(
      missing.source.status().reason ?? '',
      /^E2004 .* refused virtual host "nope" to user "guest"/,
    );
    await setPermissions(user, vhost.name, '.*', '.*', '.*');
    await until('it is let in', () => closed.source.status().state === 'ok');
  });

  test('a queue the user may not read is named, the others are consumed, and it follows when it may be read', async () => {
    const user = `u-${randomUUID()}`;
    await using _ = await createUser(user, 'pw');
    await using one = listening([`rabbit://${user}:pw@127.0.0.1/${vhost.name}`]);
    await setPermissions(user, vhost.name, '.*', '.*', `^(${one.topic}\\.(info|warn)|${one.exchange})$`);
    await one.start();
    assert.match(one.source.status().reason ?? '', /^E2008 Broker refused access to queue/);
    assert.equal(one.source.status().state, 'degraded');
    await client.publish(one.exchange, one.queue, ['may']);
    await until('the readable one is taken', () => one.intake.taken.length === 1);
    await client.publish(one.exchange, `${one.topic}.error`, ['may not yet']);
    await setPermissions(user, vhost.name, '.*', '.*', '.*');
    await until('the other is taken', () => one.intake.taken.length === 2);
    await until('all is well', () => one.source.status().state === 'ok');
  });

  test('compressed bodies are read, others are handed on as they are with the reason', async () => {
    await using one = listening([vhost.url()]);
    await one.start();
    const send = async (body: Buffer, compression: string): Promise<void> => {
      client.channel.publish(one.exchange, one.queue, body, { headers: { compression } });
      await client.publish(one.exchange, `${one.topic}.debug`, []);
    };
    await send(deflateSync('zlib'), 'application/x-gzip');
    await send(gzipSync('gzip'), 'application/x-gzip');
    await send(Buffer.from('BZh9'), 'application/x-bz2');
    await send(Buffer.from('no gzip'), 'application/x-gzip');
    await until('all are taken', () => one.intake.taken.length === 4);
    assert.deepEqual(one.intake.bodies(), ['zlib', 'gzip', 'BZh9', 'no gzip']);
    assert.deepEqual(
      one.intake.taken.map(({ origin }) => origin['problem']),
      [
        undefined,
        undefined,
        'E2011 the body is compressed as "application/x-bz2", which is not understood',
        'E2011 the body cannot be decompressed as application/x-gzip: incorrect header check',
      ],
    );
  });
});
