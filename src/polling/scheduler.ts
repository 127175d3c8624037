import type { Component, ComponentStatus, Deadline } from '../component/component.ts';
import { createPollsterRunner, type RunnerParts } from './pollster-runner.ts';
import type { Pollster } from './pollsters/pollster.ts';

export interface PollingSourceParts extends Omit<RunnerParts, 'timeoutMillis'> {
  readonly pollsters: readonly Pollster[];
  /** From one run to the next. */
  readonly intervalSeconds: number;
  /** How long one poll may take; default: the interval, but at least 5 seconds. */
  readonly timeoutSeconds?: number;
}

const SHORTEST_LIMIT_SECONDS = 5;
const NOT_RUNNING: ComponentStatus = { state: 'stopped', reason: 'It was not started, or was stopped' };

/**
 * The source that measures by itself: runs all pollsters at once right at the start and then at every interval.
 *
 * The times of the runs are multiples of the interval from the start on, so they do not drift. A pollster that has
 * not ended when it is due again is skipped and counted while the others go on; runs that were missed because the
 * whole process stood still are counted as well and not made up for. Timers do not keep the process alive.
 * `start` does not wait for the first run; a source that was stopped can be started again.
 */
export function createPollingSource(parts: PollingSourceParts): Component {
  const { clock, pollsters } = parts;
  const intervalMillis = parts.intervalSeconds * 1_000;
  const timeoutMillis =
    1_000 * (parts.timeoutSeconds ?? Math.max(SHORTEST_LIMIT_SECONDS, parts.intervalSeconds));
  const runners = pollsters.map((pollster) => createPollsterRunner(pollster, { ...parts, timeoutMillis }));
  let scope: AbortController | null = null;
  let timer: NodeJS.Timeout | undefined;
  let stopping: Promise<void> | null = null;

  function runAll(signal: AbortSignal): void {
    for (const runner of runners) runner.trigger(signal);
  }

  /** Run number `due`, counted from the start, is the next one. */
  function schedule(startMillis: number, due: number, signal: AbortSignal): void {
    const delay = startMillis + due * intervalMillis - clock.monotonicMillis();
    timer = setTimeout(
      () => {
        const reached = Math.max(due, Math.floor((clock.monotonicMillis() - startMillis) / intervalMillis));
        if (reached > due) for (const runner of runners) runner.countSkipped(reached - due);
        schedule(startMillis, reached + 1, signal);
        runAll(signal);
      },
      Math.max(0, delay),
    ).unref();
  }

  async function end(current: AbortController, deadline: Deadline): Promise<void> {
    clearTimeout(timer);
    await Promise.race([Promise.all(runners.map((runner) => runner.idle())), fired(deadline.signal)]);
    current.abort(new Error('the polling source was stopped'));
    scope = null;
    stopping = null;
  }

  return {
    name: 'source:polling',
    start: async () => {
      await stopping;
      if (scope !== null) return;
      scope = new AbortController();
      schedule(clock.monotonicMillis(), 1, scope.signal);
      runAll(scope.signal);
    },
    stop: (deadline) => {
      if (scope === null) return Promise.resolve();
      stopping ??= end(scope, deadline);
      return stopping;
    },
    status: () => {
      if (scope === null) return NOT_RUNNING;
      const failures = runners.flatMap((runner) => runner.failure()?.message ?? []);
      return failures.length === 0 ? { state: 'ok' } : { state: 'degraded', reason: failures.join('; ') };
    },
  };
}

function fired(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
