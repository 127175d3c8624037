import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, suite, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { pipelineOf } from '../support/oracle.ts';
import { getJson } from '../support/oracle-store.ts';
import { consumed, suiteVhost, unacknowledged } from '../support/rabbit.ts';
import { type Server, startServer } from '../support/server.ts';
import { rabbitAvailable, skipUnless } from '../support/services.ts';
import { until } from '../support/until.ts';

const skip = skipUnless(await rabbitAvailable());
const DEPLOYMENT = 'cloud-1';
const EXCHANGE = 'nova';
const QUEUES = ['metering.sample', 'event.sample'];
const NOTIFICATIONS = 5_000;

type Records = readonly Readonly<Record<string, unknown>>[];

suite('our notification agent and our collector, with RabbitMQ and signatures between them', {
  skip,
  timeout: 90_000,
}, () => {
  const directory = mkdtempSync(join(tmpdir(), 'nephoscope-mixed-'));
  const { vhost: cloud, client: cloudClient } = suiteVhost();
  const { vhost: telemetry, client: telemetryClient } = suiteVhost();
  after(() => rmSync(directory, { recursive: true, force: true }));

  /** Takes notifications of a cloud, keeps what it makes of them, and sends it on. */
  function startAgent(): Promise<Server> {
    const write = (name: string, text: string): string => {
      writeFileSync(join(directory, name), text);
      return join(directory, name);
    };
    const publishers = ['store://', 'notifier://'];
    const deployment = {
      name: DEPLOYMENT,
      url: cloud.url(),
      exchanges: [EXCHANGE],
      topics: ['notifications'],
    };
    return startServer({
      env: {
        OS_DEFAULT__TRANSPORT_URL: telemetry.url(),
        OS_NOTIFICATION__DEPLOYMENTS_FILE: write(
          'deployments.yaml',
          JSON.stringify({ deployments: [deployment] }),
        ),
        OS_DEFAULT__PIPELINE_CFG_FILE: write('pipeline.yaml', pipelineOf('meters', publishers)),
        OS_DEFAULT__EVENT_PIPELINE_CFG_FILE: write('event_pipeline.yaml', pipelineOf('events', publishers)),
        OS_EVENT__STORE_RAW: 'info',
        OS_PUBLISHER__TELEMETRY_SECRET: 'known to both',
      },
    });
  }

  async function startCollector(secret: string): Promise<Server> {
    const server = await startServer({
      env: {
        OS_DEFAULT__TRANSPORT_URL: telemetry.url(),
        OS_COLLECTOR__ENABLED: 'true',
        OS_PUBLISHER__TELEMETRY_SECRET: secret,
      },
    });
    for (const queue of QUEUES) await consumed(telemetryClient, queue);
    return server;
  }

  async function queuesAreEmpty(): Promise<void> {
    for (const [vhost, client, queues] of [
      [cloud, cloudClient, ['notifications.info']],
      [telemetry, telemetryClient, QUEUES],
    ] as const) {
      for (const queue of queues) {
        await until(`${queue} is empty`, async () => (await client.ready(queue)) === 0, 20_000);
        await until(
          `${queue} is acknowledged`,
          async () => (await unacknowledged(vhost.name, queue)) === 0,
          20_000,
        );
      }
    }
  }

  test('everything of the agent arrives at the collector exactly once and equal in every field; with another secret nothing is taken', async (t) => {
    await using agent = await startAgent();
    await using collector = await startCollector('known to both');
    const bodies = recordedBodies();
    const send = (first: number, count: number): Promise<void> =>
      cloudClient.publish(
        EXCHANGE,
        'notifications.info',
        Array.from({ length: count }, (_, at) => numbered(bodies, first + at)),
      );
    await send(0, NOTIFICATIONS);
    await until(
      'the agent has all',
      async () => (await agent.metric('nephoscope_source_acknowledged_total')) === NOTIFICATIONS,
      30_000,
    );
    await queuesAreEmpty();

    const samples = await allOf(agent, 'samples');
    const events = await allOf(agent, 'events');
    assert.deepEqual(await allOf(collector, 'samples'), samples);
    assert.deepEqual(await allOf(collector, 'events'), events);
    assert.ok(samples.length > NOTIFICATIONS / 2 && events.length === NOTIFICATIONS);
    assert.ok([...samples, ...events].every(({ deployment }) => deployment === DEPLOYMENT));
    assert.equal(await agent.metric('nephoscope_parked_total'), Number.NaN);
    const { recorded, dropped } = await collected(collector);
    assert.deepEqual({ recorded, dropped }, { recorded: samples.length + events.length, dropped: 0 });
    assert.equal(await collector.end('SIGTERM'), 0, collector.stderr());

    await using stranger = await startCollector('known to nobody else');
    await send(NOTIFICATIONS, 1_000);
    await until(
      'the agent has these',
      async () => (await agent.metric('nephoscope_source_acknowledged_total')) === NOTIFICATIONS + 1_000,
      20_000,
    );
    await queuesAreEmpty();
    const more = (await allOf(agent, 'samples')).length + (await allOf(agent, 'events')).length - recorded;
    assert.ok(more > 1_000);
    assert.deepEqual(await collected(stranger), { received: more, recorded: 0, dropped: more });
    assert.deepEqual([await allOf(stranger, 'samples'), await allOf(stranger, 'events')], [[], []]);
    t.diagnostic(JSON.stringify({ samples: samples.length, events: events.length, strange: more }));
  });
});

/** Everything the API has of a kind but the moment of its storing, in the order of the ids. */
async function allOf({ url }: Server, kind: 'samples' | 'events'): Promise<Records> {
  const records = await getJson<Records>(`${url}/v2/${kind}?limit=100000`);
  const idOf = (record: Records[number]): string => String(record['id'] ?? record['message_id']);
  return records.map(({ recorded_at: _, ...rest }) => rest).toSorted((a, b) => (idOf(a) < idOf(b) ? -1 : 1));
}

/** What a collector counted, samples and events together. */
async function collected(server: Server) {
  const sum = async (name: string): Promise<number> =>
    (await server.metric(`nephoscope_collector_${name}_total`)) || 0;
  return { received: await sum('received'), recorded: await sum('recorded'), dropped: await sum('dropped') };
}

/** The real notifications of the golden folders, each once. */
function recordedBodies(): readonly string[] {
  const root = fileURLToPath(new URL('../golden', import.meta.url));
  const files = readdirSync(root, { recursive: true, encoding: 'utf8' }).filter((name) =>
    name.endsWith('notifications.jsonl'),
  );
  const lines = files.sort().flatMap((name) => readFileSync(join(root, name), 'utf8').trim().split('\n'));
  const bodies = lines.map((line): string => JSON.parse(line).body);
  return [...new Map(bodies.map((body) => [ID.exec(body)?.[2], body])).values()];
}

const ID = /(message_id\\?": \\?")([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f-]+)/;

/** One of the real notifications with a message_id of its own. */
function numbered(bodies: readonly string[], index: number): string {
  const round = Math.floor(index / bodies.length).toString(16);
  return (bodies[index % bodies.length] ?? '').replace(
    ID,
    (_, before: string, id: string) => `${before}${id.slice(0, 9)}${round.padStart(4, '0')}${id.slice(13)}`,
  );
}
