import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { convertFiles } from '../../src/cli/convert.ts';
import { captured } from '../support/captured.ts';
import { createVhost, type TestClient } from '../support/rabbit.ts';
import { type Server, spawnServer, startServer } from '../support/server.ts';
import { rabbitAvailable, skipUnless } from '../support/services.ts';

const MESSAGES = 50_000;
const KILLS = 20;
/** Confirmed in steps of this size, spread over the time of the kills. */
const STEP = 500;

const skip = skipUnless(await rabbitAvailable());

test('notifications are stored exactly once though serve is killed at random instants', {
  skip,
  timeout: 300_000,
}, async (t) => {
  const seed = Number(process.env['NEPHOSCOPE_SEED'] ?? Date.now() % 1_000_000);
  const random = createRandom(seed);
  const stateDir = mkdtempSync(join(tmpdir(), 'nephoscope-kill-'));
  t.after(() => rmSync(stateDir, { recursive: true, force: true }));
  await using vhost = await createVhost();
  await using client = await vhost.open();
  const bodies = goldenBodies();
  const oracle = { attempted: 0, redelivered: 0, kills: 0 };
  const stopped = new AbortController();
  t.after(() => stopped.abort());
  const flowing = feed(client, bodies, oracle, stopped.signal);
  flowing.catch(() => {});

  const settings = { stateDir, env: { OS_DEFAULT__TRANSPORT_URL: vhost.url() } };
  while (oracle.kills < KILLS) {
    const server = await spawnServer(settings);
    // Half of the kills fall anywhere, from the start of the process on; the others while a batch is in hand.
    if (oracle.kills % 2 === 0) await sleep(150 + random() * 1_600);
    else await sleepUntilBusy(server, random() * 60);
    oracle.redelivered += await redelivered(server);
    assert.equal(await server.end('SIGKILL'), 'SIGKILL', server.stderr());
    oracle.kills++;
  }
  await flowing;
  await using server = await startServer(settings);
  const stored = await storedEventsOnceAllAreIn(server, bodies);
  oracle.redelivered += await redelivered(server);

  const attempted = new Set(Array.from({ length: MESSAGES }, (_, index) => messageId(bodies, index)));
  const lost = [...attempted].filter((id) => !stored.has(id)).length;
  const duplicated = [...stored.values()].filter((count) => count > 1).length;
  const unexpected = [...stored.keys()].filter((id) => !attempted.has(id)).length;
  const parked = await server.metric('nephoscope_parked_total');
  t.diagnostic(JSON.stringify({ seed, ...oracle, stored: stored.size, lost, duplicated, unexpected }));
  assert.deepEqual(
    { lost, duplicated, unexpected, parked: Number.isNaN(parked) ? 0 : parked },
    { lost: 0, duplicated: 0, unexpected: 0, parked: 0 },
  );
  assert.ok(oracle.redelivered > 0, 'no kill hit a delivery in flight: the run proves nothing');
  assert.deepEqual(await storedSamples(server), await expectedSamples(bodies));
});

/** Waits until the server has taken something, if that comes soon, and a little longer. */
async function sleepUntilBusy(server: Server, moreMillis: number): Promise<void> {
  const end = performance.now() + 3_000;
  while (performance.now() < end && !((await server.metric('nephoscope_notifications_total')) > 0))
    await sleep(5);
  await sleep(moreMillis);
}

/** Publishes everything with confirms while the kills go on: the last step is sent after the last kill began. */
async function feed(
  client: TestClient,
  bodies: readonly string[],
  oracle: { attempted: number; readonly kills: number },
  signal: AbortSignal,
): Promise<void> {
  await client.channel.assertExchange('nova', 'topic', { durable: false });
  await client.channel.assertQueue('notifications.info', { durable: false });
  await client.channel.bindQueue('notifications.info', 'nova', 'notifications.info');
  while (oracle.attempted < MESSAGES) {
    const step = Array.from({ length: STEP }, (_, offset) => numbered(bodies, oracle.attempted + offset));
    await client.publish('nova', 'notifications.info', step);
    oracle.attempted += STEP;
    while (oracle.attempted / MESSAGES > (oracle.kills + 1) / (KILLS + 1))
      await sleep(20, undefined, { signal });
  }
}

/** The real notifications of the golden folders, each once. */
function goldenBodies(): readonly string[] {
  const root = fileURLToPath(new URL('../golden', import.meta.url));
  const files = readdirSync(root, { recursive: true, encoding: 'utf8' }).filter((name) =>
    name.endsWith('notifications.jsonl'),
  );
  const lines = files.sort().flatMap((name) => readFileSync(join(root, name), 'utf8').trim().split('\n'));
  const bodies = lines.map((line): string => JSON.parse(line).body);
  return [...new Map(bodies.map((body) => [ID.exec(body)?.[2], body])).values()];
}

const ID = /(message_id\\?": \\?")([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f-]+)/;

/** The notification number `index` of the flow: a real one with a message_id of its own. */
function numbered(bodies: readonly string[], index: number): string {
  return (bodies[index % bodies.length] ?? '').replace(ID, `$1${messageId(bodies, index)}`);
}

function messageId(bodies: readonly string[], index: number): string {
  const original = ID.exec(bodies[index % bodies.length] ?? '')?.[2] ?? '';
  const round = Math.floor(index / bodies.length)
    .toString(16)
    .padStart(4, '0');
  return `${original.slice(0, 9)}${round}${original.slice(13)}`;
}

async function redelivered(server: Server): Promise<number> {
  const value = await server.metric('nephoscope_source_redelivered_total');
  return Number.isNaN(value) ? 0 : value;
}

/** How often each message_id is stored, through the API, once the flow has come to rest. */
async function storedEventsOnceAllAreIn(
  server: Server,
  bodies: readonly string[],
): Promise<ReadonlyMap<string, number>> {
  let before = -1;
  for (let taken = 0; taken !== before; await sleep(2_000)) {
    before = taken;
    taken = await server.metric('nephoscope_notifications_total');
  }
  assert.ok(bodies.length > 0);
  const counts = new Map<string, number>();
  const types: string[] = await getJson(`${server.url}/v2/event_types`);
  for (const type of types) {
    const query = `q.field=event_type&q.op=eq&q.value=${encodeURIComponent(type)}&limit=100000`;
    const events: { message_id: string }[] = await getJson(`${server.url}/v2/events?${query}`);
    for (const { message_id: id } of events) counts.set(id, (counts.get(id) ?? 0) + 1);
  }
  return counts;
}

/** Samples per meter as the API counts them. */
async function storedSamples(server: Server): Promise<Record<string, number>> {
  const meters: { name: string }[] = await getJson(`${server.url}/v2/meters?unique=1&limit=100000`);
  const counts: Record<string, number> = {};
  for (const { name } of meters) {
    const rows: { count: number }[] = await getJson(
      `${server.url}/v2/meters/${encodeURIComponent(name)}/statistics`,
    );
    counts[name] = rows.reduce((sum, { count }) => sum + count, 0);
  }
  return counts;
}

/** Samples per meter that the definitions make of the whole flow. */
async function expectedSamples(bodies: readonly string[]): Promise<Record<string, number>> {
  const io = captured(bodies.join('\n'));
  assert.equal(await convertFiles({ files: ['-'], anyPriority: false }, io), 0);
  const counts: Record<string, number> = {};
  for (const [position, line] of io.stdoutText().trim().split('\n').entries()) {
    const repeats = Math.ceil((MESSAGES - position) / bodies.length);
    for (const { name } of JSON.parse(line).samples) counts[name] = (counts[name] ?? 0) + repeats;
  }
  return counts;
}

async function getJson<Value>(url: string): Promise<Value> {
  const response = await fetch(url);
  assert.equal(response.status, 200, `${url} answered ${response.status}`);
  return (await response.json()) as Value;
}

/** A small generator with a seed, so that a failing run can be repeated. */
function createRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}
