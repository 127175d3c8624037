import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startFaultTarget } from '../support/fault-target.ts';
import { startOracleRun } from '../support/oracle.ts';
import { rabbitAvailable, skipUnless } from '../support/services.ts';
import { until } from '../support/until.ts';

const skip = skipUnless(await rabbitAvailable());

const PACED = 4_000;
const PER_SECOND = 2_000;
const BURST = 92_000;
/** What any delay may be on a busy machine, in milliseconds. */
const FAST_MILLIS = 250;

test('a dead sink with a queue on disk does not delay the one beside it, and kill -9 with the queue full loses nothing for either', {
  skip,
  timeout: 60_000,
}, async (t) => {
  const arrivals = new Map<number, number>();
  await using healthy = await startFaultTarget((item) => {
    const { volume } = item as { readonly volume?: number };
    if (volume !== undefined && !arrivals.has(volume)) arrivals.set(volume, performance.now());
  });
  await using mortal = await startFaultTarget();
  const to = (path: string): readonly string[] => [
    `http://127.0.0.1:${healthy.port}/${path}`,
    `http://127.0.0.1:${mortal.port}/${path}?policy=queue&max_queue_length=0`,
  ];
  await using run = await startOracleRun({
    pipelines: () => ({ samples: to('samples'), events: to('events') }),
  });
  /** The delay that 99 of 100 do not exceed, from the confirmation of the broker to the arrival, in milliseconds. */
  const delay = async (): Promise<number> => {
    const first = run.sent();
    const begin = performance.now();
    await run.send(PACED, PER_SECOND);
    await until('they arrive', () => healthy.samples.arrived >= run.sent());
    const delays = Array.from(
      { length: PACED },
      (_, at) => (arrivals.get(first + at) ?? Number.NaN) - begin - (at / PER_SECOND) * 1_000,
    );
    return Math.round(delays.sort((a, b) => a - b)[Math.floor(PACED * 0.99)] ?? Number.NaN);
  };
  const delays = [await delay()];
  mortal.breaks('refusing connections');
  delays.push(await delay());
  await run.showsTrouble('publisher:http:samples-2', /^E8010 /);

  const sending = run.send(BURST);
  await until(
    'a part of it has passed',
    () => healthy.samples.arrived > run.sent() / 2 + PACED && healthy.samples.arrived > BURST / 2,
  );
  const queued = await run.count('nephoscope_publisher_queued_batches');
  await run.restart('SIGKILL');
  const redelivered = await until(
    'it goes on',
    async () =>
      (await run.count('nephoscope_source_received_total')) > 0 &&
      run.count('nephoscope_source_redelivered_total'),
  );
  await sending;
  await until(
    'the healthy one has all',
    () => healthy.samples.arrived >= run.sent() && healthy.events.arrived >= run.sent(),
    20_000,
  );
  const withoutMortal = mortal.samples.arrived;
  await mortal.heals();
  await until(
    'the other one has all',
    () => mortal.samples.arrived >= run.sent() && mortal.events.arrived >= run.sent(),
    30_000,
  );
  await run.isWell();
  await until(
    'the queue is empty',
    async () => (await run.count('nephoscope_publisher_queued_batches')) === 0,
  );
  const memory = await run.finish();
  const verdicts = [healthy, mortal].flatMap(({ samples, events }) =>
    [samples, events].map((tally) => tally.assertAll(run.sent())),
  );
  t.diagnostic(JSON.stringify({ delays, queued, redelivered, memory, verdicts }));
  assert.equal(withoutMortal, PACED);
  assert.ok(queued > 0, 'else the kill proves nothing for the queue');
  assert.ok((delays[1] ?? Number.NaN) <= Math.max(2 * (delays[0] ?? 0), FAST_MILLIS), `p99 ${delays} ms`);
});
