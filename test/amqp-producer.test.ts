import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { PassThrough, Readable } from 'node:stream';
import { suite, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { createProducer, type OutgoingMessage, type Producer } from '../src/bus/producer.ts';
import { readRabbitSettings } from '../src/bus/rabbit-settings.ts';
import { parseTransportUrl } from '../src/bus/transport-url.ts';
import { replay } from '../src/cli/replay.ts';
import { createDeadline } from '../src/component/component.ts';
import { NephoscopeError } from '../src/component/errors.ts';
import { silentLogger } from '../src/observe/logger.ts';
import { configOf } from './support/config.ts';
import { createUser, createVhost, setPermissions, suiteVhost, type TestClient } from './support/rabbit.ts';
import { rabbitAvailable, skipUnless } from './support/services.ts';
import { createTcpProxy } from './support/tcp-proxy.ts';
import { until } from './support/until.ts';

const skip = skipUnless(await rabbitAvailable());
const FOR_EVER = new AbortController().signal;
const RECORDING = fileURLToPath(new URL('../../shared/data/notifications.jsonl.gz', import.meta.url));

interface Producing extends AsyncDisposable {
  readonly producer: Producer;
  start(): Promise<void>;
}

function producing(url: string, maxUnconfirmed?: number): Producing {
  const parsed = parseTransportUrl(url);
  const config = configOf({
    'oslo_messaging_rabbit/rabbit_retry_interval': 0.05,
    'oslo_messaging_rabbit/rabbit_interval_max': 0.2,
  });
  const producer = createProducer({
    name: 'test',
    url: parsed,
    settings: readRabbitSettings(config, parsed),
    log: silentLogger,
    ...(maxUnconfirmed === undefined ? {} : { maxUnconfirmed }),
  });
  return {
    producer,
    start: () => producer.start(FOR_EVER),
    [Symbol.asyncDispose]: () => producer.stop(createDeadline(500)),
  };
}

function messages(exchange: string, routingKey: string, count: number, prefix = 'm'): OutgoingMessage[] {
  return Array.from({ length: count }, (_, index) => ({
    exchange,
    routingKey,
    body: Buffer.from(`${prefix}${index}`),
    properties: { deliveryMode: 2, contentType: 'application/json' },
  }));
}

/** Takes everything out of a queue, in order. */
async function drain(client: TestClient, queue: string): Promise<string[]> {
  const bodies: string[] = [];
  for (let got = await client.channel.get(queue, { noAck: true }); got !== false; ) {
    bodies.push(got.content.toString());
    got = await client.channel.get(queue, { noAck: true });
  }
  return bodies;
}

suite('producer', { skip, timeout: 60_000 }, () => {
  const { vhost, client } = suiteVhost();
  let exchange: string;
  let key: string;
  const names = (): void => {
    exchange = `x-${randomUUID()}`;
    key = `t-${randomUUID()}.info`;
  };

  test('declares exchange, queue and binding, and resolves when all is confirmed, in order', async () => {
    names();
    await using one = producing(vhost.url(), 10);
    await one.start();
    const sent = messages(exchange, key, 100);
    assert.deepEqual(await one.producer.publish(sent, FOR_EVER), { confirmed: 100, rejected: [] });
    assert.deepEqual(await one.producer.publish([], FOR_EVER), { confirmed: 0, rejected: [] });
    assert.deepEqual(
      await drain(client, key),
      sent.map(({ body }) => body.toString()),
    );
    assert.deepEqual(one.producer.status(), { state: 'ok' });
  });

  test('connections that are cut again and again lose nothing that was confirmed', async () => {
    names();
    await using proxy = await createTcpProxy(5672);
    await using one = producing(vhost.url(proxy.port), 50);
    await one.start();
    const batches = Array.from({ length: 20 }, (_, batch) => messages(exchange, key, 100, `b${batch}-`));
    let confirmed = 0;
    const all = batches.map((batch) =>
      one.producer.publish(batch, FOR_EVER).then((result) => {
        confirmed += result.confirmed;
      }),
    );
    for (let cut = 1; cut <= 5; cut++) {
      // A cut before it is back would not be one more reconnect.
      await until('it is back and some more is confirmed', () => {
        return confirmed >= cut * 200 && one.producer.reconnects() === cut - 1;
      });
      proxy.cut();
    }
    await Promise.all(all);
    assert.equal(confirmed, 2000);
    assert.equal(one.producer.reconnects(), 5);
    const arrived = new Set(await drain(client, key));
    assert.equal(arrived.size, 2000);
  });

  test('a message the broker closes the channel for is found and refused, the others arrive', async () => {
    names();
    await using one = producing(vhost.url());
    await one.start();
    const sent = messages(exchange, key, 30).map((message, index) =>
      index === 7 ? { ...message, properties: { userId: 'somebody else' } } : message,
    );
    const { confirmed, rejected } = await one.producer.publish(sent, FOR_EVER);
    assert.equal(confirmed, 29);
    assert.deepEqual(
      rejected.map(({ index, error }) => [index, error.code, error.retry]),
      [[7, 'E2010', 'permanent']],
    );
    assert.match(rejected[0]?.error.message ?? '', /user_id property set to 'somebody else'/);
    const arrived = new Set(await drain(client, key));
    assert.deepEqual(
      arrived,
      new Set(sent.filter((_, index) => index !== 7).map(({ body }) => body.toString())),
    );
  });

  test('a message that cannot be written as AMQP is refused without harm to the others', async () => {
    names();
    await using one = producing(vhost.url());
    await one.start();
    const sent = messages(exchange, key, 3).map((message, index) =>
      index === 1 ? { ...message, properties: { headers: { long: 'x'.repeat(70_000) } } } : message,
    );
    const { confirmed, rejected } = await one.producer.publish(sent, FOR_EVER);
    assert.deepEqual(
      [confirmed, rejected.map(({ index, error }) => [index, error.code])],
      [2, [[1, 'E2010']]],
    );
  });

  test('a full queue that refuses messages gives transient rejections', async () => {
    names();
    await client.channel.assertQueue(key, {
      durable: false,
      arguments: { 'x-max-length': 2, 'x-overflow': 'reject-publish' },
    });
    await using one = producing(vhost.url());
    await one.start();
    const { confirmed, rejected } = await one.producer.publish(messages(exchange, key, 5), FOR_EVER);
    assert.equal(confirmed, 2);
    assert.deepEqual(
      rejected.map(({ index, error }) => [index, error.code, error.retry]),
      [2, 3, 4].map((index) => [index, 'E2010', 'transient']),
    );
  });

  test('a destination the user may not use is refused, another one works', async () => {
    names();
    const user = `u-${randomUUID()}`;
    await using _ = await createUser(user, 'pw');
    await setPermissions(user, vhost.name, `^${exchange}$|^${key}$`, '.*', '.*');
    await using one = producing(`rabbit://${user}:pw@127.0.0.1/${vhost.name}`);
    await one.start();
    const sent = [...messages(exchange, key, 2), ...messages('forbidden', key, 2)];
    const { confirmed, rejected } = await one.producer.publish(sent, FOR_EVER);
    assert.equal(confirmed, 2);
    assert.deepEqual(
      rejected.map(({ index, error }) => [index, error.code]),
      [
        [2, 'E2008'],
        [3, 'E2008'],
      ],
    );
  });

  test('mandatory messages whose queue was deleted are sent again to the queue made again, equal ones too', async () => {
    names();
    await using one = producing(vhost.url(), 10);
    await one.start();
    const mandatory = (prefix: string): OutgoingMessage[] =>
      messages(exchange, key, 40, prefix).map((message) => ({
        ...message,
        properties: { ...message.properties, mandatory: true },
      }));
    await one.producer.publish(mandatory('before'), FOR_EVER);
    await client.channel.deleteQueue(key);
    const sent = [...mandatory('after'), ...mandatory('after')];
    assert.deepEqual(await one.producer.publish(sent, FOR_EVER), { confirmed: 80, rejected: [] });
    assert.deepEqual((await drain(client, key)).sort(), sent.map(({ body }) => body.toString()).sort());
  });

  test('what was refused for want of permission is tried anew with the next call', async () => {
    names();
    const user = `u-${randomUUID()}`;
    await using _ = await createUser(user, 'pw');
    await setPermissions(user, vhost.name, '^$', '.*', '.*');
    await using one = producing(`rabbit://${user}:pw@127.0.0.1/${vhost.name}`);
    await one.start();
    const { rejected } = await one.producer.publish(messages(exchange, key, 2), FOR_EVER);
    assert.deepEqual(
      rejected.map(({ error }) => [error.code, error.retry]),
      [
        ['E2008', 'transient'],
        ['E2008', 'transient'],
      ],
    );
    await setPermissions(user, vhost.name, '.*', '.*', '.*');
    // The broker remembers for some seconds what a channel may do; a fresh one asks again.
    await until('it is let in', async () => {
      const { confirmed } = await one.producer.publish(messages(exchange, key, 1), FOR_EVER);
      return confirmed === 1;
    });
  });

  test('while the broker is away it waits, until the caller or a stop ends that', async () => {
    names();
    await using proxy = await createTcpProxy(5672, false);
    await using one = producing(vhost.url(proxy.port));
    await one.start();
    assert.equal(one.producer.trouble()?.code, 'E2002');
    const givenUp = { code: 'E2010', retry: 'transient' };
    await assert.rejects(one.producer.publish(messages(exchange, key, 2), AbortSignal.timeout(50)), givenUp);
    const waiting = one.producer.publish(messages(exchange, key, 3, 'late'), FOR_EVER);
    await proxy.up();
    assert.deepEqual(await waiting, { confirmed: 3, rejected: [] });
    assert.deepEqual(await drain(client, key), ['late0', 'late1', 'late2']);
    await proxy.down();
    const stuck = assert.rejects(one.producer.publish(messages(exchange, key, 1), FOR_EVER), givenUp);
    await one.producer.stop(createDeadline(100));
    await stuck;
    await assert.rejects(one.producer.publish(messages(exchange, key, 1), FOR_EVER), NephoscopeError);
  });

  test('a replay brings every recorded message to its exchange and routing key', async (context) => {
    if (!existsSync(RECORDING)) return context.skip('needs ../shared/data/notifications.jsonl.gz');
    await using own = await createVhost();
    const stderr = new PassThrough();
    const io = { stdin: Readable.from([]), stdout: new PassThrough(), stderr, env: {} };
    const options = {
      files: [RECORDING],
      to: own.url(),
      repeat: 1,
      newIds: false,
      exchange: 'openstack',
      topic: 'notifications',
    };
    const code = await replay(
      { ...options, timeoutSeconds: 10, progress: false, limit: 2000 },
      () => configOf({}),
      io,
      FOR_EVER,
    );
    assert.equal(code, 0, String(stderr.read()));
    await using looking = await own.open();
    const queues = [
      'notifications.info',
      'notifications.error',
      'versioned_notifications.info',
      'versioned_notifications.error',
    ];
    const counts = await Promise.all(queues.map((queue) => looking.ready(queue)));
    assert.equal(
      counts.reduce<number>((sum, count) => sum + (count ?? 0), 0),
      2000,
    );
    const got = await looking.channel.get('notifications.info', { noAck: true });
    assert.ok(got !== false);
    assert.equal(got.fields.exchange, 'keystone');
    assert.equal(got.properties.contentType, 'application/json');
    assert.equal(got.properties.deliveryMode, 2);
    assert.equal(JSON.parse(got.content.toString())['oslo.version'], '2.0');
  });
});
