import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { suiteVhost } from '../support/rabbit.ts';
import { type Server, spawnServer, startServer } from '../support/server.ts';
import { rabbitAvailable, skipUnless } from '../support/services.ts';
import { until } from '../support/until.ts';

const skip = skipUnless(await rabbitAvailable());

/** A notification of which an event and a sample are made; every tenth has a number token. */
function notification(index: number): string {
  return JSON.stringify({
    message_id: `00000000-0000-4000-8000-${String(index).padStart(12, '0')}`,
    event_type: 'image.update',
    publisher_id: 'image.host-1',
    priority: 'INFO',
    timestamp: '2026-01-02 03:04:05.000006',
    payload: { id: `image-${index % 50}`, size: index, status: 'active', owner: 'p', ratio: 'RATIO' },
  }).replace('"RATIO"', index % 10 === 0 ? '1.0' : '0.5');
}

function workerPids(server: Server): readonly number[] {
  return server
    .stderr()
    .split('\n')
    .filter((line) => line.includes('Worker runs'))
    .map((line) =>
      Number(/"pid":(\d+)[^}]*Worker runs|Worker runs.*pid=(\d+)/.exec(line)?.slice(1).find(Boolean)),
    );
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

async function storedEvents(server: Server): Promise<ReadonlySet<string>> {
  const query = 'q.field=event_type&q.op=eq&q.value=image.update&limit=100000';
  const answer = await fetch(`${server.url}/v2/events?${query}`);
  const events = (await answer.json()) as { readonly message_id: string }[];
  const ids = events.map(({ message_id: id }) => id);
  assert.equal(new Set(ids).size, ids.length, 'an event is stored once');
  return new Set(ids);
}

interface Ready {
  readonly state: string;
  readonly components: readonly { readonly name: string; readonly state: string; readonly reason?: string }[];
}

async function readiness(server: Server): Promise<Ready> {
  return (await (await fetch(`${server.url}/readyz`)).json()) as Ready;
}

suite('serve with several workers', { skip, timeout: 120_000 }, () => {
  const { vhost, client } = suiteVhost();

  /** A server with two workers on a topic of its own. */
  function settings(topic: string, more: Readonly<Record<string, string>> = {}) {
    return {
      args: ['--workers', '2'],
      env: {
        OS_DEFAULT__TRANSPORT_URL: vhost.url(),
        OS_OSLO_MESSAGING_NOTIFICATIONS__TOPICS: topic,
        OS_OSLO_MESSAGING_RABBIT__RABBIT_QOS_PREFETCH_COUNT: '200',
        ...more,
      },
    };
  }

  test('the workers share the queues, one process stores and shows the figures of all, and nobody is left behind', async () => {
    const topic = `t-${randomUUID()}`;
    await using server = await startServer(settings(topic));
    const { components, state } = await readiness(server);
    assert.equal(state, 'ok');
    assert.deepEqual(
      components.map(({ name }) => name).filter((name) => /^worker/.test(name)),
      ['workers', 'worker-1:parent', 'worker-1:source:amqp', 'worker-2:parent', 'worker-2:source:amqp'],
    );
    const messages = Array.from({ length: 5000 }, (_, index) => notification(index));
    await client.publish('nova', `${topic}.info`, messages);
    await client.publish('nova', `${topic}.info`, ['{"not": "a notification"}']);
    await until(
      'all are taken',
      async () => (await server.metric('nephoscope_notifications_total')) === 5001,
      30_000,
    );
    assert.equal((await storedEvents(server)).size, 5000);
    assert.equal(await server.metric('nephoscope_source_acknowledged_total'), 5001);
    assert.equal(await server.metric('nephoscope_workers_running'), 2);
    const parked = (await (await fetch(`${server.url}/v1/parked`)).json()) as unknown[];
    assert.equal(parked.length, 1);
    const pids = workerPids(server);
    assert.equal(pids.length, 2);
    assert.equal(await server.end('SIGTERM'), 0, server.stderr());
    assert.deepEqual(pids.filter(isAlive), []);
    assert.equal(await client.ready(`${topic}.info`), 0);
  });

  test('a worker that is killed is started again, and what it held is taken by the others', async () => {
    const topic = `t-${randomUUID()}`;
    await using server = await startServer(settings(topic));
    const [first = 0] = workerPids(server);
    const messages = Array.from({ length: 4000 }, (_, index) => notification(index));
    const sent = client.publish('nova', `${topic}.info`, messages);
    const counted = await until('work is under way', async () => {
      const count = await server.metric('nephoscope_notifications_total');
      return count > 0 ? count : null;
    });
    process.kill(first, 'SIGKILL');
    await sent;
    await until('all are stored', async () => (await storedEvents(server)).size === 4000, 30_000);
    await until(
      'both run again',
      async () => (await server.metric('nephoscope_workers_running')) === 2,
      15_000,
    );
    assert.equal(await server.metric('nephoscope_workers_ended_total'), 1);
    const after = await server.metric('nephoscope_notifications_total');
    assert.ok(after >= counted, 'what it had counted stays counted');
    assert.equal(await client.ready(`${topic}.info`), 0);
  });

  test('no worker outlives a serving process that is killed', async () => {
    const topic = `t-${randomUUID()}`;
    const server = await startServer(settings(topic));
    const pids = workerPids(server);
    assert.equal(pids.filter(isAlive).length, 2);
    process.kill(server.child.pid ?? 0, 'SIGKILL');
    await until('they are gone', () => !pids.some(isAlive), 5000);
    await server[Symbol.asyncDispose]();
    await until('the broker has its queue back', async () => (await client.consumers(`${topic}.info`)) === 0);
  });

  test('a signal to all processes at once, as from a terminal or systemd, ends them in order', async () => {
    const topic = `t-${randomUUID()}`;
    await using server = await startServer(settings(topic));
    for (const pid of workerPids(server)) process.kill(pid, 'SIGTERM');
    assert.equal((await readiness(server)).state, 'ok');
    assert.equal(await server.end('SIGTERM'), 0, server.stderr());
    assert.doesNotMatch(server.stderr(), /E2020/);
  });

  test('why workers may not start is why the program does not start', async () => {
    const topic = `t-${randomUUID()}`;
    await client.channel.assertQueue(`${topic}.info`, { durable: false });
    const { consumerTag } = await client.channel.consume(`${topic}.info`, () => {});
    await using server = await spawnServer(settings(topic));
    await assert.rejects(server.ready(), /E2016 Queues of broker 127\.0\.0\.1:5672 already have consumers/);
    assert.equal(server.child.exitCode, 1);
    await client.channel.cancel(consumerTag);
  });

  test('sinks of which there can be but one are fed by all workers, the others by each of them', async () => {
    const topic = `t-${randomUUID()}`;
    const directory = mkdtempSync(join(tmpdir(), 'nephoscope-workers-'));
    try {
      const pipeline = join(directory, 'event_pipeline.yaml');
      const own = join(directory, 'events.json');
      const sinks = `[{name: k, publishers: ['store://', 'file://${own}?json']}]`;
      writeFileSync(pipeline, `{sources: [{name: s, events: ['*'], sinks: [k]}], sinks: ${sinks}}\n`);
      const more = { OS_DEFAULT__EVENT_PIPELINE_CFG_FILE: pipeline };
      await using server = await startServer(settings(topic, more));
      const messages = Array.from({ length: 1000 }, (_, index) => notification(index));
      await client.publish('nova', `${topic}.info`, messages);
      await until('all are stored', async () => (await storedEvents(server)).size === 1000);
      const { components } = await readiness(server);
      assert.deepEqual(
        components.map(({ name }) => name).filter((name) => name.includes('publisher:file')),
        ['publisher:file:events', 'worker-1:publisher:file:events', 'worker-2:publisher:file:events'],
      );
    } finally {
      rmSync(directory, { recursive: true });
    }
  });
});
