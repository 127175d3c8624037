import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { until } from '../../test/support/until.ts';
import { createDeadline } from '../component/component.ts';
import { NephoscopeError } from '../component/errors.ts';
import { silentLogger } from '../observe/logger.ts';
import { Metrics } from '../observe/metrics.ts';
import { createHeldSamples } from './held-samples.ts';

/** A runner that holds `held` samples and gives them as told. */
function fixture(release: (all: boolean) => Promise<number>, held = 3) {
  const metrics = new Metrics();
  const part = createHeldSamples({
    runner: { held: () => held, release: (all) => release(all) },
    intervalMillis: 1,
    metrics,
    log: silentLogger,
  });
  return { part, metrics };
}

suite('held samples', () => {
  test('leave when they are due, and all of them at the stop', async () => {
    const calls: boolean[] = [];
    const { part, metrics } = fixture(async (all) => calls.push(all));
    await part.start(new AbortController().signal);
    await until('two rounds went by', () => calls.length >= 2);
    assert.match(metrics.expose(), /^nephoscope_pipeline_held 3$/m);
    await Promise.all([part.stop(createDeadline(1_000)), part.stop(createDeadline(1_000))]);
    assert.deepEqual([calls.at(-1), calls.filter(Boolean).length], [true, 1]);
  });

  test('that are not taken now are shown, and counted when they are lost', async () => {
    const { part, metrics } = fixture(() =>
      Promise.reject(new NephoscopeError('E2010', 'gone', { retry: 'transient' })),
    );
    await part.start(new AbortController().signal);
    await until('it is shown', () => part.status().state === 'degraded');
    assert.equal(part.status().reason, 'held samples are not taken: gone');
    await part.stop(createDeadline(1_000));
    assert.match(metrics.expose(), /^nephoscope_pipeline_held_lost_total 3$/m);
  });
});
