import { setTimeout as sleep } from 'node:timers/promises';
import type { Component, ComponentStatus, Deadline } from '../component/component.ts';
import { toError } from '../component/errors.ts';
import type { Sample } from '../model/sample.ts';
import type { Logger } from '../observe/logger.ts';
import type { Metrics } from '../observe/metrics.ts';
import type { PipelineRunner } from './runner.ts';

export interface HeldSamplesParts {
  readonly runner: Pick<PipelineRunner<Sample>, 'release' | 'held'>;
  readonly intervalMillis: number;
  readonly metrics: Metrics;
  readonly log: Logger;
}

/**
 * Sees to the samples that transformers hold: every `intervalMillis` what has become due by time leaves, and at a stop,
 * after the sources and before the publishers, everything does. What cannot be published then is lost and counted, as it
 * would be with the process. Calls of `stop` share one promise.
 */
export function createHeldSamples(parts: HeldSamplesParts): Component {
  const { runner, log } = parts;
  const held = parts.metrics.gauge('nephoscope_pipeline_held', 'Samples that transformers hold.');
  const lost = parts.metrics.counter(
    'nephoscope_pipeline_held_lost_total',
    'Samples that transformers held at a stop and that nobody took.',
  );
  parts.metrics.onCollect(() => held.child().set(runner.held()));
  let ending = new AbortController();
  let running: Promise<void> | null = null;
  let stopping: Promise<void> | null = null;
  let trouble: Error | null = null;

  async function run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await sleep(parts.intervalMillis, undefined, { signal, ref: false }).catch(() => {});
      if (signal.aborted) return;
      try {
        await runner.release(false, signal);
        trouble = null;
      } catch (thrown) {
        trouble = toError(thrown);
      }
    }
  }

  async function end(deadline: Deadline): Promise<void> {
    ending.abort();
    await running;
    running = null;
    const count = runner.held();
    try {
      await runner.release(true, deadline.signal);
    } catch (thrown) {
      lost.child().add(count);
      log.error({ err: toError(thrown), count }, 'Samples that transformers held are lost');
    }
  }

  return {
    name: 'pipeline:held-samples',
    start: async () => {
      await stopping;
      if (running !== null) return;
      ending = new AbortController();
      running = run(ending.signal);
    },
    stop: (deadline) => {
      stopping ??= end(deadline).finally(() => {
        stopping = null;
      });
      return stopping;
    },
    status: (): ComponentStatus =>
      trouble === null
        ? { state: 'ok' }
        : { state: 'degraded', reason: `held samples are not taken: ${trouble.message}` },
  };
}
