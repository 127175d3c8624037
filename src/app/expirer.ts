import type { Logger } from 'pino';
import type { Component, ComponentStatus } from '../component/component.ts';
import { toError } from '../component/errors.ts';
import type { Metrics } from '../observe/metrics.ts';
import type { RetentionPolicy, Store } from '../store/store.ts';

interface ExpirerParts {
  readonly store: Store;
  readonly policy: RetentionPolicy;
  readonly intervalMillis: number;
  /** Microseconds since the epoch. */
  readonly nowMicros: () => number;
  readonly metrics: Metrics;
  readonly logger: Logger;
}

/**
 * Deletes what is older than the retention policy allows, once soon after the start and then at each interval.
 * Runs do not overlap; a failed run is logged, shown in the status and tried again at the next interval. A stop
 * ends a run between two of its steps.
 */
export function createExpirer(parts: ExpirerParts): Component {
  const { store, policy, metrics, logger } = parts;
  const expired = metrics.counter('nephoscope_expired_total', 'Records deleted for their age.', ['kind']);
  let scope = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  let running: Promise<void> = Promise.resolve();
  let status: ComponentStatus = { state: 'stopped', reason: 'Not started' };

  async function expire(): Promise<void> {
    try {
      const result = await store.expire(policy, parts.nowMicros(), scope.signal);
      expired.child('sample').add(result.samples);
      expired.child('event').add(result.events);
      status = { state: 'ok' };
    } catch (thrown) {
      if (scope.signal.aborted) return;
      status = { state: 'degraded', reason: `Old records could not be deleted: ${toError(thrown).message}` };
      logger.warn({ err: toError(thrown) }, 'Old records could not be deleted');
    }
  }

  function schedule(delayMillis: number): void {
    timer = setTimeout(() => {
      running = expire().then(() => {
        if (!scope.signal.aborted) schedule(parts.intervalMillis);
      });
    }, delayMillis).unref();
  }

  return {
    name: 'expirer',
    start: async () => {
      scope = new AbortController();
      status = { state: 'ok' };
      if (policy.sampleTtlSeconds !== null || policy.eventTtlSeconds !== null) schedule(FIRST_RUN_MILLIS);
    },
    stop: async () => {
      clearTimeout(timer);
      scope.abort();
      await running;
      status = { state: 'stopped', reason: 'Stopped' };
    },
    status: () => status,
  };
}

/** Not at once: a program that restarts in a row must not spend its starts deleting. */
const FIRST_RUN_MILLIS = 10_000;
