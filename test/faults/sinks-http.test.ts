import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startFaultTarget, type TargetFault } from '../support/fault-target.ts';
import { startOracleRun } from '../support/oracle.ts';
import { rabbitAvailable, skipUnless } from '../support/services.ts';
import { until } from '../support/until.ts';

const skip = skipUnless(await rabbitAvailable());

const FAULTS: Readonly<Record<TargetFault, string>> = {
  'refusing connections': 'E8010',
  hanging: 'E8011',
  'answering 500': 'E8012',
  'answering 429': 'E8012',
  'answering garbage': 'E8015',
  'closing in the middle of its answer': 'E8010',
  'closing in the middle of a request': 'E8010',
  'answering a byte at a time': 'E8011',
};
/** For each fault, and the one before the first. */
const SLICE = 11_500;

test('an http:// target that fails in every way loses nothing of 100,000 notifications, and each fault is named while it lasts', {
  skip,
  timeout: 120_000,
}, async (t) => {
  await using target = await startFaultTarget();
  const to = (path: string): readonly string[] => [`http://127.0.0.1:${target.port}/${path}?timeout=1`];
  await using run = await startOracleRun({
    pipelines: () => ({ samples: to('samples'), events: to('events') }),
  });
  const allHere = (): Promise<true> =>
    until(
      `all ${run.sent()} are here`,
      () => target.samples.arrived >= run.sent() && target.events.arrived >= run.sent(),
      30_000,
    );
  await run.send(SLICE);
  await allHere();
  const seconds: Record<string, number> = {};
  for (const [fault, code] of Object.entries(FAULTS) as [TargetFault, string][]) {
    const begin = performance.now();
    // Half of what comes is taken, so that it breaks with batches on the way.
    target.breaks(fault, SLICE);
    const sending = run.send(SLICE);
    await until(`it is ${fault}`, () => target.isBroken(), 20_000);
    await run.showsTrouble('publisher:http:', new RegExp(`^${code} `));
    assert.ok((await run.count('nephoscope_publisher_failures_total', `code="${code}"`)) > 0);
    await sending;
    assert.ok(target.samples.arrived < run.sent(), 'It took everything while it failed');
    await target.heals();
    await allHere();
    await run.isWell();
    seconds[fault] = Math.round((performance.now() - begin) / 100) / 10;
  }
  const memory = await run.finish();
  const verdicts = [target.samples.assertAll(run.sent()), target.events.assertAll(run.sent())];
  t.diagnostic(JSON.stringify({ verdicts, memory, givenAgain: target.refused(), seconds }));
  assert.ok(target.refused() > 0, 'else nothing was on the way when it broke');
});
