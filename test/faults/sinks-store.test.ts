import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { type OracleRun, startOracleRun } from '../support/oracle.ts';
import { createSmallDisk, mountAvailable } from '../support/oracle-disk.ts';
import { Tally } from '../support/oracle-tally.ts';
import { rabbitAvailable, skipUnless } from '../support/services.ts';
import { until } from '../support/until.ts';

const skip = skipUnless(await rabbitAvailable(), await mountAvailable());

const DISK_MEBIBYTES = 192;
const ROUNDS = 3;
const SLICE = 25_000;
const PAGE = 20_000;

test('the embedded store on a disk that fills up and gets room again has each of 100,000 notifications exactly once', {
  skip,
  timeout: 60_000,
}, async (t) => {
  await using disk = await createSmallDisk(DISK_MEBIBYTES);
  await using run = await startOracleRun({
    stateDir: join(disk.path, 'state'),
    pipelines: () => ({ samples: ['store://'], events: ['store://'] }),
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
    await run.showsTrouble('store', 'E3006');
    assert.ok((await run.count('nephoscope_store_failures_total', 'code="E3006"')) > 0);
    await sending;
    assert.ok((await taken()) < run.sent(), 'It took everything while its disk was full');
    disk.free();
    await allStored();
    await run.isWell();
  }
  const events = await storedEvents(run);
  const samples = await storedSamples(run);
  t.diagnostic(JSON.stringify({ events: events.assertExactlyOnce(run.sent()), memory: await run.finish() }));
  const sum = (run.sent() * (run.sent() - 1)) / 2;
  assert.deepEqual(samples, { count: run.sent(), resources: run.sent(), min: 0, max: run.sent() - 1, sum });
});

/** All events, page by page of numbers. */
async function storedEvents({ server, sent }: OracleRun): Promise<Tally> {
  const tally = new Tally();
  for (let first = 0; first < sent(); first += PAGE) {
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
    const response = await fetch(`${server.url}/v2/events?${query}`);
    const body = await response.text();
    assert.equal(response.status, 200, body);
    for (const event of JSON.parse(body)) tally.add(event);
  }
  return tally;
}

/** Each resource has one sample and each number is one of them, when all of these agree. */
async function storedSamples({ server }: OracleRun): Promise<unknown> {
  const query =
    'aggregate.func=cardinality&aggregate.param=resource_id&aggregate.func=count&aggregate.func=min&aggregate.func=max&aggregate.func=sum';
  const response = await fetch(`${server.url}/v2/meters/oracle.tick/statistics?${query}`);
  const [found] = JSON.parse(await response.text());
  const { count, min, max, sum, aggregate } = found;
  return { count, resources: aggregate['cardinality/resource_id'], min, max, sum };
}
