import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { type OracleRun, startOracleRun } from '../support/oracle.ts';
import { createSmallDisk, mountAvailable } from '../support/oracle-disk.ts';
import { eachOnce, getJson, storedSamples } from '../support/oracle-store.ts';
import { Tally } from '../support/oracle-tally.ts';
import { rabbitAvailable, skipUnless } from '../support/services.ts';
import { until } from '../support/until.ts';

const skip = skipUnless(await rabbitAvailable(), await mountAvailable());

const DISK_MEBIBYTES = 192;
const ROUNDS = 3;
const SLICE = 25_000;
const PAGE = 25_000;

test('on a disk that fills up and gets room again the embedded store has each of 100,000 notifications exactly once, and a queue beside it loses none', {
  skip,
  timeout: 60_000,
}, async (t) => {
  await using disk = await createSmallDisk(DISK_MEBIBYTES);
  await using run = await startOracleRun({
    stateDir: join(disk.path, 'state'),
    pipelines: ({ directory }) => ({
      samples: ['store://', `file://${join(directory, 'lines')}?json&policy=queue&max_queue_length=0`],
      events: ['store://'],
    }),
  });
  const taken = (): Promise<number> => run.server.metric('nephoscope_source_acknowledged_total');
  const allStored = (): Promise<true> =>
    until('all is stored', async () => (await taken()) === run.sent(), 20_000);
  await run.send(SLICE);
  await allStored();
  for (let round = 0; round < ROUNDS; round++) {
    const sending = run.send(SLICE);
    await until('it goes on', async () => (await taken()) > (round + 1) * SLICE);
    disk.fill(round * 500_000);
    // Whichever of the two wrote first when there was no room.
    await run.showsTrouble('', /database or disk is full|ENOSPC/);
    await sending;
    assert.ok((await taken()) < run.sent(), 'It took everything while its disk was full');
    disk.free();
    await allStored();
    // The whole disk is smaller than what the store wants to have free.
    await run.isWell('MiB are free');
  }
  await until(
    'the queue is empty',
    async () => (await run.count('nephoscope_publisher_queued_batches')) === 0,
  );
  const queued = new Tally();
  for (const line of readFileSync(join(run.directory, 'lines'), 'utf8').trimEnd().split('\n'))
    queued.add(JSON.parse(line));
  queued.assertAll(run.sent());
  assert.ok((await run.count('nephoscope_store_failures_total', 'code="E3006"')) > 0);
  const events = await storedEvents(run);
  const samples = await storedSamples(run.server.url, 'oracle.tick');
  t.diagnostic(JSON.stringify({ events: events.assertExactlyOnce(run.sent()), memory: await run.finish() }));
  assert.deepEqual(samples, eachOnce(run.sent()));
});

/** All events, page by page of numbers. */
async function storedEvents(run: OracleRun): Promise<Tally> {
  const tally = new Tally();
  for (let first = 0; first < run.sent(); first += PAGE) {
    const query = new URLSearchParams({ limit: String(2 * PAGE) });
    for (const [op, value] of [
      ['ge', first],
      ['lt', first + PAGE],
    ] as const) {
      query.append('q.field', 'number');
      query.append('q.op', op);
      query.append('q.type', 'integer');
      query.append('q.value', String(value));
    }
    for (const event of await getJson<readonly unknown[]>(`${run.server.url}/v2/events?${query}`))
      tally.add(event);
  }
  return tally;
}
