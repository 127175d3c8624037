import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { membersQueueName } from '../src/bus/queue-members.ts';
import { notificationTopology } from '../src/bus/topology.ts';
import { createDeadline } from '../src/component/component.ts';
import { ConfigurationError } from '../src/component/errors.ts';
import type { Config } from '../src/config/option.ts';
import { Secret } from '../src/config/option.ts';
import { PRIORITIES } from '../src/model/notification.ts';
import type { RawMessage } from '../src/notification/intake.ts';
import { silentLogger } from '../src/observe/logger.ts';
import { Metrics } from '../src/observe/metrics.ts';
import { createNotificationSources } from '../src/sources/deployments-sources.ts';
import type { Source } from '../src/sources/source.ts';
import { configOf } from './support/config.ts';
import { consumed, createUser, createVhost, setPermissions, suiteVhost } from './support/rabbit.ts';
import { sumMetric } from './support/server.ts';
import { rabbitAvailable, skipUnless } from './support/services.ts';
import { createTcpProxy } from './support/tcp-proxy.ts';
import { until } from './support/until.ts';

const skip = skipUnless(await rabbitAvailable());

interface Fleet extends AsyncDisposable {
  readonly sources: readonly Source[];
  readonly taken: RawMessage[];
  readonly metrics: Metrics;
  start(): Promise<void>;
}

/** The sources of a configuration, started one after another as the program does, and what they took. */
function fleet(config: Config): Fleet {
  const taken: RawMessage[] = [];
  const intake = {
    take: async (messages: readonly RawMessage[]) => {
      taken.push(...messages);
      return messages.map(() => 'accepted' as const);
    },
  };
  const metrics = new Metrics();
  const sources = createNotificationSources({ config, intake, log: silentLogger, metrics });
  return {
    sources,
    taken,
    metrics,
    start: async () => {
      for (const source of sources) await source.start(new AbortController().signal);
    },
    [Symbol.asyncDispose]: async () => {
      await Promise.all(sources.map((source) => source.stop(createDeadline(2000))));
    },
  };
}

function bodies({ taken }: Fleet): string[] {
  return taken.map(({ body }) => Buffer.from(body).toString());
}

/** A configuration that reads the deployments file with this text; the file goes with the returned disposable. */
function fileConfig(text: string, options: Readonly<Record<string, unknown>> = {}): Config & Disposable {
  const directory = mkdtempSync(join(tmpdir(), 'nephoscope-deployments-'));
  const file = join(directory, 'deployments.yaml');
  writeFileSync(file, text);
  const config = configOf({ 'notification/deployments_file': file, ...QUICK, ...options });
  return {
    ...config,
    findFile: (name) => name,
    [Symbol.dispose]: () => rmSync(directory, { recursive: true }),
  };
}

const QUICK = {
  'oslo_messaging_rabbit/rabbit_retry_interval': 0.05,
  'oslo_messaging_rabbit/rabbit_interval_max': 0.2,
};

suite('deployments', { skip, timeout: 120_000 }, () => {
  const { vhost, client } = suiteVhost();

  /** Options for a topic and an exchange of their own. */
  function own(options: Readonly<Record<string, unknown>> = {}) {
    const topic = `t-${randomUUID()}`;
    const exchange = `x-${randomUUID()}`;
    const config = configOf({
      'notification/messaging_urls': [new Secret(vhost.url())],
      'notification/notification_control_exchanges': [exchange],
      'oslo_messaging_notifications/topics': [topic],
      ...QUICK,
      ...options,
    });
    return { topic, exchange, queue: `${topic}.info`, config, options };
  }

  /** What a running Ceilometer is to us: all queues, declared and consumed. Gives what it got. */
  async function ceilometer(topic: string, exchange: string) {
    const other = await vhost.open();
    const got: string[] = [];
    await other.channel.assertExchange(exchange, 'topic', { durable: false });
    for (const priority of ['info', 'error']) {
      const key = `${topic}.${priority}`;
      await other.channel.assertQueue(key, { durable: false });
      await other.channel.bindQueue(key, exchange, key);
      await other.channel.consume(key, (message) => {
        if (message === null) return;
        got.push(message.content.toString());
        other.channel.ack(message);
      });
    }
    return { got, [Symbol.asyncDispose]: () => other[Symbol.asyncDispose]() };
  }

  test('each deployment is a source of its own, and its name comes with its messages', async () => {
    await using second = await createVhost();
    await using dead = await createTcpProxy(5672, false);
    using config = fileConfig(`
deployments:
  - {name: east, url: '${vhost.url()}', exchanges: [nova], topics: [many], priorities: [info]}
  - {name: west, url: '${second.url()}', exchanges: [nova], topics: [many], priorities: [info]}
  - {name: gone, url: '${vhost.url(dead.port)}', topics: [elsewhere]}
  - {name: unused, enabled: false, url: '${vhost.url()}', topics: [unused]}
`);
    await using all = fleet(config);
    const began = performance.now();
    await all.start();
    assert.ok(performance.now() - began < 2500, 'the dead one holds up nobody');
    assert.deepEqual(
      all.sources.map((source) => [source.name, source.status().state]),
      [
        ['source:east', 'ok'],
        ['source:west', 'ok'],
        ['source:gone', 'degraded'],
      ],
    );
    await using elsewhere = await second.open();
    await client.publish('nova', 'many.info', ['from east']);
    await elsewhere.publish('nova', 'many.info', ['from west']);
    await until('both are taken', () => all.taken.length === 2);
    assert.deepEqual(Object.fromEntries(all.taken.map(({ body, origin }) => [String(body), origin])), {
      'from east': {
        source: 'east',
        deployment: 'east',
        exchange: 'nova',
        routingKey: 'many.info',
        redelivered: false,
      },
      'from west': {
        source: 'west',
        deployment: 'west',
        exchange: 'nova',
        routingKey: 'many.info',
        redelivered: false,
      },
    });
    const text = all.metrics.expose();
    assert.match(text, /nephoscope_source_connected\{source="east"\} 1/);
    assert.match(text, /nephoscope_source_connected\{source="gone"\} 0/);
    assert.match(text, /nephoscope_source_trouble_total\{source="gone",code="E2002"\} [1-9]/);
  });

  test('several brokers that swallow everything hold up the start together, not one after another', async () => {
    await using proxy = await createTcpProxy(5672);
    proxy.freeze();
    const urls = Array.from({ length: 4 }, () => new Secret(vhost.url(proxy.port)));
    const { config } = own({ 'notification/messaging_urls': [...urls, new Secret(vhost.url())] });
    await using all = fleet(config);
    const began = performance.now();
    await all.start();
    const took = performance.now() - began;
    assert.ok(took < 4500, `took ${took} ms`);
    assert.equal(all.sources.at(-1)?.status().state, 'ok');
  });

  test('mistakes of the file end the start with all of them', () => {
    using config = fileConfig(`
deployments:
  - {name: a, url: 'kafka://h/'}
  - {name: b, url: 'rabbit://g/?prefetch=1'}
  - {name: c}
`);
    assert.throws(
      () => fleet(config),
      (error: unknown) => {
        assert.ok(error instanceof ConfigurationError);
        assert.deepEqual(
          error.problems.map(({ code, message }) => `${code} ${message.replace(/ \([^)]*\)/, '')}`),
          [
            'E1018 A deployment has neither url nor rabbit_host',
            'E2001 deployment a: Bad transport URL: there is no driver kafka; only rabbit:// is known',
            'E2001 deployment b: Bad transport URL: "prefetch" in its query is no option of [oslo_messaging_rabbit]',
          ],
        );
        return true;
      },
    );
  });

  test('a queue that somebody else reads is left alone: the start ends with a named error', async () => {
    const { topic, exchange, queue, config } = own();
    await using other = await ceilometer(topic, exchange);
    await using all = fleet(config);
    await assert.rejects(all.start(), {
      code: 'E2016',
      retry: 'permanent',
      message: `Queues of broker 127.0.0.1:5672 already have consumers: ${topic}.info (1), ${topic}.error (1) ([notification] messaging_urls 1 (test.conf:1))`,
    });
    assert.equal(all.sources[0]?.status().state, 'failed');
    assert.match(all.metrics.expose(), /nephoscope_source_trouble_total\{source="amqp",code="E2016"\} 1/);
    await client.publish(exchange, queue, ['a', 'b', 'c']);
    await until('the other has all', () => other.got.length === 3);
    assert.deepEqual(all.taken, []);
    assert.equal(await client.consumers(queue), 1);
    assert.equal(await client.ready(`${topic}.debug`), null, 'nothing was declared');
  });

  test('once the other one has gone the same source starts', async () => {
    const { topic, exchange, queue, config } = own();
    await using all = fleet(config);
    {
      await using _other = await ceilometer(topic, exchange);
      await assert.rejects(all.start(), { code: 'E2016' });
    }
    await all.start();
    assert.deepEqual(all.sources[0]?.status(), { state: 'ok' });
    await client.publish(exchange, queue, ['a']);
    await until('it is taken', () => all.taken.length === 1);
  });

  test('with takeover both read the queue, and that is shown', async () => {
    const { topic, exchange, queue, config } = own({ 'notification/takeover': true });
    await using other = await ceilometer(topic, exchange);
    await using all = fleet(config);
    await all.start();
    assert.deepEqual(all.sources[0]?.status(), {
      state: 'ok',
      reason: `E2017 Others read the same queues: ${topic}.info (1), ${topic}.error (1)`,
    });
    assert.equal(sumMetric(all.metrics.expose(), 'nephoscope_source_foreign_consumers'), 1);
    await client.publish(
      exchange,
      queue,
      Array.from({ length: 100 }, (_, index) => `m${index}`),
    );
    await until('all are taken by one of the two', () => all.taken.length + other.got.length === 100);
    assert.ok(all.taken.length > 0 && other.got.length > 0);
  });

  test('processes of one group share a queue without being asked, those of another do not', async () => {
    const first = own();
    const again = configOf(first.config === undefined ? {} : optionsOf(first));
    const stranger = configOf({ ...optionsOf(first), 'notification/consumer_group': 'somewhere-else' });
    await using one = fleet(first.config);
    await using two = fleet(again);
    await using three = fleet(stranger);
    await Promise.all([one.start(), two.start()]);
    assert.deepEqual(
      [...one.sources, ...two.sources].map((source) => source.status()),
      [{ state: 'ok' }, { state: 'ok' }],
    );
    await assert.rejects(three.start(), { code: 'E2016' });
    assert.equal(await client.consumers(first.queue), 2);
  });

  function optionsOf({ exchange, topic, options }: ReturnType<typeof own>) {
    return {
      'notification/messaging_urls': [new Secret(vhost.url())],
      'notification/notification_control_exchanges': [exchange],
      'oslo_messaging_notifications/topics': [topic],
      ...QUICK,
      ...options,
    };
  }

  test('a source that has read a queue comes back to it, whoever joined meanwhile and whatever is half dead', async () => {
    await using proxy = await createTcpProxy(5672);
    const { topic, exchange, queue, config } = own({
      'notification/messaging_urls': [new Secret(vhost.url(proxy.port))],
    });
    await using all = fleet(config);
    await all.start();
    await using _other = await ceilometer(topic, exchange);
    proxy.cut();
    await until('it is back', () => all.sources[0]?.status().reason?.startsWith('E2017') === true);
    await client.publish(exchange, queue, ['a', 'b', 'c', 'd']);
    await until('it takes its share', () => all.taken.length === 2);
  });

  test('a process that died without a word is no stranger to the next one of its group', async () => {
    await using proxy = await createTcpProxy(5672);
    const first = own({ 'notification/messaging_urls': [new Secret(vhost.url(proxy.port))] });
    await using dying = fleet(first.config);
    await dying.start();
    // The broker goes on counting its consumers until the heartbeat runs out.
    proxy.freeze();
    await using next = fleet(
      configOf({ ...optionsOf(first), 'notification/messaging_urls': [new Secret(vhost.url())] }),
    );
    await next.start();
    assert.deepEqual(next.sources[0]?.status(), { state: 'ok' });
    assert.equal(await client.consumers(first.queue), 2);
  });

  test('a deleted queue of members is made again, so that siblings stay siblings', async () => {
    const first = own();
    await using one = fleet(first.config);
    await one.start();
    const topology = notificationTopology([first.exchange], [first.topic], PRIORITIES);
    const name = membersQueueName(hostname(), topology);
    assert.equal(await client.consumers(name), 1);
    await client.channel.deleteQueue(name);
    await until('it is there again', async () => (await client.consumers(name)) === 1);
    await using two = fleet(configOf(optionsOf(first)));
    await two.start();
    assert.deepEqual(two.sources[0]?.status(), { state: 'ok' });
  });

  test('a user who may not show itself as a member reads all the same', async () => {
    const user = `u-${randomUUID()}`;
    await using _ = await createUser(user, 'pw');
    const { topic, exchange, queue, config } = own({
      'notification/messaging_urls': [new Secret(`rabbit://${user}:pw@127.0.0.1/${vhost.name}`)],
    });
    const names = `^(${topic}|${exchange})`;
    await setPermissions(user, vhost.name, names, names, names);
    await using all = fleet(config);
    await all.start();
    await client.publish(exchange, queue, ['a']);
    await until('it is taken', () => all.taken.length === 1);
    assert.deepEqual(all.sources[0]?.status(), { state: 'ok' });
  });

  test('in the shadow of a running consumer both get every message', async () => {
    const { topic, exchange, config } = own({
      'notification/shadow': true,
      'notification/shadow_queue': `shadow-${randomUUID()}`,
    });
    await using other = await ceilometer(topic, exchange);
    await using all = fleet(config);
    await all.start();
    assert.deepEqual(all.sources[0]?.status(), { state: 'ok' });
    const messages = Array.from({ length: 2000 }, (_, index) => `m${index}`);
    await client.publish(exchange, `${topic}.info`, messages.slice(0, 1000));
    await client.publish(exchange, `${topic}.error`, messages.slice(1000));
    await until('the other has all', () => other.got.length === 2000);
    await until('the shadow has all', () => all.taken.length === 2000);
    assert.deepEqual(other.got.sort(), [...messages].sort());
    assert.deepEqual(bodies(all).sort(), [...messages].sort());
    assert.equal(await client.consumers(`${topic}.info`), 1, 'its queues have no reader but itself');
    assert.equal(await client.ready(`${topic}.debug`), null, 'and no queue of theirs was made');
  });

  test('a shadow queue is bounded in length, bytes, age and life', async () => {
    const queue = `shadow-${randomUUID()}`;
    const { exchange, topic, config } = own({
      'notification/shadow': true,
      'notification/shadow_queue': queue,
      'notification/shadow_max_length': 10,
      'notification/shadow_max_bytes': 1_000_000,
      'notification/shadow_message_ttl': 60,
      'notification/shadow_expires': 120,
    });
    {
      await using all = fleet(config);
      await all.start();
    }
    await client.channel.assertQueue(queue, {
      durable: false,
      arguments: {
        'x-max-length': 10,
        'x-max-length-bytes': 1_000_000,
        'x-message-ttl': 60_000,
        'x-expires': 120_000,
        'x-overflow': 'drop-head',
      },
    });
    await client.publish(
      exchange,
      `${topic}.warn`,
      Array.from({ length: 30 }, (_, index) => `m${index}`),
    );
    await until('only the newest are kept', async () => (await client.ready(queue)) === 10);
    await using again = fleet(config);
    await again.start();
    await until('they are taken', () => again.taken.length === 10);
    assert.deepEqual(bodies(again)[0], 'm20');
  });

  test('a shadow queue that another nephoscope reads is left alone too', async () => {
    const options = { 'notification/shadow': true, 'notification/shadow_queue': `shadow-${randomUUID()}` };
    const first = own(options);
    await using one = fleet(first.config);
    await one.start();
    await using two = fleet(configOf({ ...optionsOf(first), 'notification/consumer_group': 'laptop' }));
    await assert.rejects(two.start(), { code: 'E2016', hint: /shadow_queue to another name/ });
  });

  test('an exchange that is deleted is made and bound again, and that is counted', async () => {
    const { exchange, queue, config } = own();
    await using all = fleet(config);
    await all.start();
    await client.channel.deleteExchange(exchange);
    await until('it was repaired', () =>
      all.metrics.expose().includes('nephoscope_source_trouble_total{source="amqp",code="E2019"} 1'),
    );
    await client.publish(exchange, queue, ['after']);
    await until('it is taken', () => all.taken.length === 1);
    assert.deepEqual(all.sources[0]?.status(), { state: 'ok' });
  });

  test('the queue arguments of a deployment are declared, and a queue declared otherwise is used as it is', async () => {
    using config = fileConfig(`
deployments:
  - {name: args, url: '${vhost.url()}', exchanges: [args], topics: [args], priorities: [info], durable_queue: true,
     queue_arguments: {x-max-length: 77}}
`);
    {
      await using all = fleet(config);
      await all.start();
      assert.deepEqual(all.sources[0]?.status(), { state: 'ok' });
    }
    await client.channel.assertQueue('args.info', { durable: true, arguments: { 'x-max-length': 77 } });
    await client.channel.deleteQueue('args.info');
    await client.channel.assertQueue('args.info', { durable: true, arguments: { 'x-max-length': 5 } });
    await using all = fleet(config);
    await all.start();
    await consumed(client, 'args.info');
    assert.match(
      all.sources[0]?.status().reason ?? '',
      /^E2007 Existing queue "args.info" is used as it is: its x-max-length is .*5.*, we would declare .*77/,
    );
    assert.match(all.metrics.expose(), /nephoscope_source_problems\{source="args",code="E2007"\} 1/);
  });
});
