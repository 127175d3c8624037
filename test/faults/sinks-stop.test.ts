import { test } from 'node:test';
import { startFaultTarget } from '../support/fault-target.ts';
import { startOracleRun } from '../support/oracle.ts';
import { rabbitAvailable, skipUnless } from '../support/services.ts';
import { until } from '../support/until.ts';

const skip = skipUnless(await rabbitAvailable());
const STOPS = 5;
const SLICE = 4_000;

test('SIGTERM in the middle of the flow finishes what is in hand: after five restarts a sink has everything exactly once', {
  skip,
  timeout: 60_000,
}, async () => {
  await using target = await startFaultTarget();
  const to = (path: string): readonly string[] => [`http://127.0.0.1:${target.port}/${path}`];
  await using run = await startOracleRun({
    pipelines: () => ({ samples: to('samples'), events: to('events') }),
  });
  for (let stop = 0; stop < STOPS; stop++) {
    const before = target.samples.arrived;
    const sending = run.send(SLICE);
    await until('it is busy', () => target.samples.arrived > before);
    await run.restart('SIGTERM');
    await sending;
  }
  await until(
    'all is here',
    () => target.samples.arrived >= run.sent() && target.events.arrived >= run.sent(),
  );
  await run.finish();
  target.samples.assertExactlyOnce(run.sent());
  target.events.assertExactlyOnce(run.sent());
});
