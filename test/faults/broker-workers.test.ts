import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { createVhost } from '../support/rabbit.ts';
import { type Server, startServer } from '../support/server.ts';
import { rabbitAvailable, skipUnless } from '../support/services.ts';
import { until } from '../support/until.ts';

const MESSAGES = 100_000;
const STEP = 2_000;
const KILLS = 10;
const skip = skipUnless(await rabbitAvailable());

test('workers are killed one after another while notifications flow, and each is stored exactly once', {
  skip,
  timeout: 240_000,
}, async (t) => {
  await using vhost = await createVhost();
  await using client = await vhost.open();
  const env = { OS_DEFAULT__TRANSPORT_URL: vhost.url() };
  await using server = await startServer({ env, args: ['--workers', '2'] });
  let sent = 0;
  let kills = 0;
  const sending = (async () => {
    for (; sent < MESSAGES; sent += STEP) {
      const bodies = Array.from({ length: STEP }, (_, at) => notification(sent + at));
      await client.publish('nova', 'notifications.info', bodies);
      // The last step is sent after the last kill.
      while (sent / MESSAGES > (kills + 1) / (KILLS + 1)) await sleep(20);
    }
  })();
  for (; kills < KILLS; kills++) {
    const taken = await server.metric('nephoscope_store_recorded_total');
    await until(
      'work goes on',
      async () => (await recorded(server)) > (Number.isNaN(taken) ? 0 : taken),
      20_000,
    );
    await until('both run', () => runningPids(server).length === 2, 20_000);
    process.kill(runningPids(server)[kills % 2] ?? 0, 'SIGKILL');
    await until('it is seen', () => endings(server) === kills + 1);
  }
  await sending;
  await until('all are stored', async () => (await recorded(server)) >= MESSAGES, 60_000);
  await until('the queue is empty', async () => (await client.ready('notifications.info')) === 0);
  const redelivered = await server.metric('nephoscope_source_redelivered_total');
  t.diagnostic(JSON.stringify({ sent, kills, stored: await recorded(server), redelivered }));
  assert.equal(await recorded(server), MESSAGES);
  assert.ok(redelivered > 0, 'else no kill hit anything in hand');
});

function notification(index: number): string {
  return JSON.stringify({
    message_id: `00000000-0000-4000-8000-${String(index).padStart(12, '0')}`,
    event_type: 'something.happened',
    publisher_id: 'service.host-1',
    priority: 'INFO',
    timestamp: '2026-01-02 03:04:05.000006',
    payload: { id: index, ratio: 0.5 },
  });
}

/** Different events in the store; no samples are made of these notifications. */
async function recorded(server: Server): Promise<number> {
  const count = await server.metric('nephoscope_store_recorded_total');
  return Number.isNaN(count) ? 0 : count;
}

function endings(server: Server): number {
  return server.stderr().split('Worker ended, it is started again').length - 1;
}

/** From the log: the last process of each worker, unless it has ended since. */
function runningPids(server: Server): readonly number[] {
  const running = new Map<number, number>();
  for (const line of server.stderr().split('\n')) {
    const worker = Number(/"worker":(\d+)/.exec(line)?.[1]);
    if (line.includes('Worker runs')) running.set(worker, Number(/"pid":(\d+)/.exec(line)?.[1]));
    if (line.includes('Worker ended')) running.delete(worker);
  }
  return [...running.values()];
}
