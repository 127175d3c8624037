import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type OracleRun, startOracleRun } from '../support/oracle.ts';
import { readTopic } from '../support/oracle-reader.ts';
import type { Tally } from '../support/oracle-tally.ts';
import { rabbitAvailable, skipUnless } from '../support/services.ts';
import { createTcpProxy } from '../support/tcp-proxy.ts';
import { until } from '../support/until.ts';

const skip = skipUnless(await rabbitAvailable());
const COUNT = 100_000;
const SLICE = COUNT / 4;
const AWAY_MILLIS = 3_000;
/** The most items on their way to the broker at a time. */
const BATCH = 1_000;

interface NotifierRun extends AsyncDisposable {
  readonly run: OracleRun;
  readonly samples: Tally;
  readonly events: Tally;
  /** The broker of the sink is away for some seconds in the middle of what this sends. */
  sendWithoutBroker(count: number, meanwhile?: () => Promise<unknown>): Promise<void>;
}

/** A run whose sink is a broker behind a proxy; what arrives there is read all the time. */
async function startRun(policy: string): Promise<NotifierRun> {
  const proxy = await createTcpProxy(5672);
  const to = (topic: string, vhost: string): readonly string[] => [
    `notifier://guest:guest@127.0.0.1:${proxy.port}/${vhost}?topic=${topic}&policy=${policy}&max_queue_length=0&rabbit_retry_interval=0.1&rabbit_interval_max=0.5`,
  ];
  const run = await startOracleRun({
    pipelines: ({ vhost }) => ({ samples: to('samples', vhost.name), events: to('events', vhost.name) }),
  });
  const [samples, events] = [await readTopic(run.client, 'samples'), await readTopic(run.client, 'events')];
  return {
    run,
    samples,
    events,
    sendWithoutBroker: async (count, meanwhile = async () => {}) => {
      const before = samples.arrived;
      const sending = run.send(count);
      await until('it goes on', () => samples.arrived > before);
      await proxy.down();
      const back = new Promise((resolve) => setTimeout(resolve, AWAY_MILLIS));
      await run.showsTrouble('publisher:notifier:', /^E8061 /);
      await Promise.all([back, sending]);
      await meanwhile();
      await proxy.up();
    },
    [Symbol.asyncDispose]: async () => {
      await run[Symbol.asyncDispose]();
      await proxy[Symbol.asyncDispose]();
    },
  };
}

for (const policy of ['default', 'queue']) {
  test(`notifier:// with policy=${policy} loses nothing of 100,000 notifications while its broker is away`, {
    skip,
    timeout: 60_000,
  }, async (t) => {
    await using it = await startRun(policy);
    const { run, samples, events } = it;
    await run.send(SLICE);
    await it.sendWithoutBroker(2 * SLICE);
    const taken = await run.server.metric('nephoscope_source_acknowledged_total');
    if (policy === 'default') assert.ok(taken < run.sent(), 'It acknowledged what had not arrived');
    await run.isWell();
    await run.send(SLICE);
    await until('all arrive', () => samples.arrived >= COUNT && events.arrived >= COUNT, 30_000);
    assert.equal(await run.count('nephoscope_publisher_queued_batches'), 0);
    const memory = await run.finish();
    t.diagnostic(JSON.stringify({ verdicts: [samples.assertAll(COUNT), events.assertAll(COUNT)], memory }));
  });
}

test('notifier:// with policy=drop goes on while its broker is away and counts all that it threw away', {
  skip,
  timeout: 60_000,
}, async (t) => {
  await using it = await startRun('drop');
  const { run, samples, events } = it;
  await run.send(SLICE);
  const taken = (): Promise<true> =>
    until(
      'all are taken',
      async () => (await run.server.metric('nephoscope_source_acknowledged_total')) === run.sent(),
      20_000,
    );
  await it.sendWithoutBroker(2 * SLICE, taken);
  await run.send(SLICE);
  await taken();
  await run.isWell();
  for (const [kind, tally] of Object.entries({ samples, events })) {
    const dropped = await run.count('nephoscope_publisher_dropped_total', `:${kind}"`, 'reason="policy"');
    await until(`the other ${kind} arrive`, () => tally.arrived + dropped >= COUNT);
    const verdict = tally.verdict(COUNT);
    t.diagnostic(JSON.stringify({ kind, dropped, ...verdict }));
    assert.ok(verdict.lost > 0, 'else nothing was dropped');
    // A batch that was cut off before its confirmation counts as thrown away, though the broker may have it.
    assert.ok(verdict.lost <= dropped && dropped <= verdict.lost + BATCH, 'It counted wrongly');
    assert.equal(verdict.unexpected, 0);
  }
  t.diagnostic(JSON.stringify(await run.finish()));
});
