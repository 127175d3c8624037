import { NephoscopeError, toError } from '../component/errors.ts';
import { formatUtc } from '../lib/timestamp.ts';
import type { Sample } from '../model/sample.ts';
import type { Logger } from '../observe/logger.ts';
import type { Metrics } from '../observe/metrics.ts';
import type { PollContext, Pollster } from './pollsters/pollster.ts';

/** The time, handed in. */
export interface PollingClock {
  /** Microseconds since the epoch, an integer. */
  nowMicros(): number;
  /** Milliseconds since any fixed moment; never steps, whatever happens to the time of day. */
  monotonicMillis(): number;
}

/**
 * Takes the samples of one run; resolves when the next stage has them. Rejects with a `NephoscopeError` when it
 * will not have them: they are then lost. `signal` ends waiting.
 */
export type DeliverSamples = (samples: readonly Sample[], signal: AbortSignal) => Promise<void>;

export interface RunnerParts {
  /** This node's name, for resource ids. */
  readonly host: string;
  /** How long one poll may take. */
  readonly timeoutMillis: number;
  readonly deliver: DeliverSamples;
  readonly clock: PollingClock;
  readonly metrics: Metrics;
  readonly logger: Logger;
}

/** Runs one pollster, one run at a time. */
export interface PollsterRunner {
  /**
   * Begins a run, unless the one before has not ended: then this one is skipped and counted. `signal` ends it.
   * Never throws.
   */
  trigger(signal: AbortSignal): void;
  /** Counts runs that were due while nobody could trigger them. */
  countSkipped(runs: number): void;
  /** Resolves when no run has anything left to hand on. */
  idle(): Promise<void>;
  /** Why the last run failed; null when it did not. */
  failure(): NephoscopeError | null;
}

/**
 * A run: poll within the time limit, then hand the samples on. A failure concerns this run alone; it is logged when
 * it is another one than before, and when it is over. A poll that does not end when its time is over still counts as
 * running, so that it cannot pile up, but nobody waits for it and what it gives is dropped.
 */
export function createPollsterRunner(pollster: Pollster, parts: RunnerParts): PollsterRunner {
  const { clock, logger } = parts;
  const counters = createCounters(parts.metrics, pollster.name);
  let polling = false;
  let work: Promise<void> | null = null;
  let failure: NephoscopeError | null = null;

  async function run(stop: AbortSignal): Promise<void> {
    const startMillis = clock.monotonicMillis();
    try {
      const samples = await poll(stop, startMillis);
      if (samples.length > 0) await handOn(samples, stop);
      counters.outcome('ok');
      counters.samples.add(samples.length);
      report(null);
    } catch (thrown) {
      if (stop.aborted) return;
      const error = thrown instanceof NephoscopeError ? thrown : pollFailed(pollster.name, thrown);
      counters.outcome(error.code === 'E7001' ? 'timeout' : 'error');
      report(error);
    } finally {
      counters.duration.set((clock.monotonicMillis() - startMillis) / 1_000);
    }
  }

  async function poll(stop: AbortSignal, startMillis: number): Promise<readonly Sample[]> {
    const limit = startLimit(pollster.name, parts.timeoutMillis, stop);
    const { signal } = limit;
    const timestampMicros = clock.nowMicros();
    const context: PollContext = {
      host: parts.host,
      timestamp: formatUtc(timestampMicros),
      timestampMicros,
      monotonicSeconds: startMillis / 1_000,
      signal,
      wait: (millis) => waitFor(millis, signal),
    };
    polling = true;
    // In a function of its own so that a pollster which throws instead of rejecting is contained as well.
    const answer = (async () => pollster.poll(context))();
    answer.then(
      (samples) => {
        polling = false;
        if (signal.aborted) counters.dropped('late').add(samples.length);
      },
      () => {
        polling = false;
      },
    );
    try {
      return await unlessAborted(answer, signal);
    } finally {
      limit.end();
    }
  }

  async function handOn(samples: readonly Sample[], stop: AbortSignal): Promise<void> {
    try {
      await parts.deliver(samples, stop);
    } catch (thrown) {
      counters.dropped(stop.aborted ? 'stop' : 'delivery').add(samples.length);
      const text = `${samples.length} samples of ${pollster.name} could not be handed on: ${toError(thrown).message}`;
      throw new NephoscopeError('E7003', text, { retry: 'transient', cause: thrown });
    }
  }

  function report(next: NephoscopeError | null): void {
    const before = failure;
    failure = next;
    if (next === null && before !== null) logger.info({ pollster: pollster.name }, 'Polling works again');
    if (next !== null && next.message !== before?.message) {
      logger.warn({ pollster: pollster.name, err: next }, 'Polling failed');
    }
  }

  return {
    trigger: (signal) => {
      if (polling || work !== null) {
        counters.outcome('skipped');
        // A run that hangs must not look healthy.
        if (failure === null) report(unfinished(pollster.name));
        return;
      }
      work = run(signal).finally(() => {
        work = null;
      });
    },
    countSkipped: (runs) => counters.outcome('skipped', runs),
    idle: async () => void (await work),
    failure: () => failure,
  };
}

function createCounters(metrics: Metrics, pollster: string) {
  const runs = metrics.counter('nephoscope_polling_runs_total', 'Runs of a pollster by outcome.', [
    'pollster',
    'outcome',
  ]);
  const samples = metrics.counter('nephoscope_polling_samples_total', 'Polled samples that were handed on.', [
    'pollster',
  ]);
  const dropped = metrics.counter(
    'nephoscope_polling_dropped_samples_total',
    'Polled samples that were lost: the next stage did not take them, or they came after the time limit or the stop.',
    ['pollster', 'reason'],
  );
  const duration = metrics.gauge('nephoscope_polling_duration_seconds', 'How long the last run took.', [
    'pollster',
  ]);
  return {
    outcome: (outcome: 'ok' | 'error' | 'timeout' | 'skipped', amount = 1) =>
      runs.child(pollster, outcome).add(amount),
    samples: samples.child(pollster),
    dropped: (reason: 'delivery' | 'late' | 'stop') => dropped.child(pollster, reason),
    duration: duration.child(pollster),
  };
}

/** A signal that fires after `millis` or with `stop`. `end` takes both away again. */
function startLimit(
  name: string,
  millis: number,
  stop: AbortSignal,
): { readonly signal: AbortSignal; end(): void } {
  const controller = new AbortController();
  const overdue = `${name} has not ended after ${millis / 1_000} s`;
  const onStop = (): void => controller.abort(stop.reason);
  const timer = setTimeout(
    () => controller.abort(new NephoscopeError('E7001', overdue, { retry: 'transient' })),
    millis,
  ).unref();
  if (stop.aborted) onStop();
  stop.addEventListener('abort', onStop, { once: true });
  const end = (): void => {
    clearTimeout(timer);
    stop.removeEventListener('abort', onStop);
  };
  return { signal: controller.signal, end };
}

function unfinished(name: string): NephoscopeError {
  return new NephoscopeError('E7001', `${name} is due again and its last run has not ended`, {
    retry: 'transient',
  });
}

function pollFailed(name: string, thrown: unknown): NephoscopeError {
  return new NephoscopeError('E7002', `${name}: ${toError(thrown).message}`, {
    retry: 'transient',
    cause: thrown,
  });
}

/** Settles as `promise`, or rejects with the signal's reason as soon as it fires. */
function unlessAborted<Value>(promise: Promise<Value>, signal: AbortSignal): Promise<Value> {
  return new Promise((resolve, reject) => {
    const giveUp = (): void => reject(signal.reason);
    if (signal.aborted) giveUp();
    signal.addEventListener('abort', giveUp, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', giveUp));
  });
}

function waitFor(millis: number, signal: AbortSignal): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const waited = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, millis).unref();
  });
  return unlessAborted(waited, signal).finally(() => clearTimeout(timer));
}
