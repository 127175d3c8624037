import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { suite, test } from 'node:test';
import { suiteVhost } from './support/rabbit.ts';
import { spawnServer, startServer } from './support/server.ts';
import { rabbitAvailable, skipUnless } from './support/services.ts';
import { until } from './support/until.ts';

const skip = skipUnless(await rabbitAvailable());

suite('serve where somebody else reads the queues', { skip, timeout: 60_000 }, () => {
  const { vhost, client } = suiteVhost();

  /** A queue with a reader, and a server that would read it too. */
  async function shared(flags: readonly string[]) {
    const topic = `t-${randomUUID()}`;
    const queue = `${topic}.info`;
    const got: string[] = [];
    await client.channel.assertExchange('nova', 'topic', { durable: false });
    await client.channel.assertQueue(queue, { durable: false });
    await client.channel.bindQueue(queue, 'nova', queue);
    await client.channel.consume(queue, (message) => void got.push(String(message?.content)), {
      noAck: true,
    });
    const env = {
      OS_DEFAULT__TRANSPORT_URL: vhost.url(),
      OS_OSLO_MESSAGING_NOTIFICATIONS__TOPICS: topic,
    };
    return { queue, got, settings: { env, args: flags } };
  }

  const MESSAGES = Array.from({ length: 20 }, (_, index) =>
    JSON.stringify({
      message_id: `m-${index}`,
      event_type: 'image.update',
      publisher_id: 'image.host',
      priority: 'INFO',
      timestamp: '2026-01-02 03:04:05',
      payload: {},
    }),
  );

  test('without a flag it does not start and says what can be done', async () => {
    const { queue, settings } = await shared([]);
    await using server = await spawnServer(settings);
    await assert.rejects(server.ready());
    assert.equal(server.child.exitCode, 1);
    const [error, help] = server.stderr().split('\n').slice(-3);
    assert.equal(
      error,
      `E2016 Queues of broker 127.0.0.1:5672 already have consumers: ${queue} (1) ([DEFAULT] transport_url (environment OS_DEFAULT__TRANSPORT_URL))`,
    );
    assert.match(help ?? '', /--shadow .* --takeover/);
    assert.equal(await client.consumers(queue), 1);
  });

  test('with --shadow both get everything', async () => {
    const { queue, got, settings } = await shared(['--shadow']);
    await using server = await startServer(settings);
    await client.publish('nova', queue, MESSAGES);
    await until('it has all', async () => (await server.metric('nephoscope_notifications_total')) === 20);
    assert.equal(got.length, 20);
  });

  test('with --takeover each message reaches one of the two', async () => {
    const { queue, got, settings } = await shared(['--takeover']);
    await using server = await startServer(settings);
    await client.publish('nova', queue, MESSAGES);
    await until('all are taken by one of the two', async () => {
      return (await server.metric('nephoscope_notifications_total')) + got.length === 20;
    });
    assert.ok(got.length > 0 && got.length < 20);
  });
});
