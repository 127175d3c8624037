import type { ErrorCode } from '../component/error-codes.ts';
import { type Metrics, Series } from '../observe/metrics.ts';

/**
 * Why items were thrown away: `policy`: the one attempt of `policy=drop` failed or could not be made; `queue_full`: they were
 * the oldest in a full queue on disk; `unreadable`: their file in the queue was damaged.
 */
export const DROP_REASONS = ['policy', 'queue_full', 'unreadable'] as const;
export type DropReason = (typeof DROP_REASONS)[number];

/** What is counted of one publisher. */
export interface DeliveryMetrics {
  readonly accepted: Series;
  readonly duplicates: Series;
  readonly rejected: Series;
  readonly parked: Series;
  readonly attempts: Series;
  readonly attemptSeconds: Series;
  readonly retries: Series;
  /** Failed attempts, by the code of their error. */
  readonly failures: (code: ErrorCode) => Series;
  readonly inFlight: Series;
  readonly dropped: Readonly<Record<DropReason, Series>>;
  /** Shows what is cheaper to read than to keep, for as long as the publisher runs; gives what ends it. */
  watch(gauges: DeliveryGauges): () => void;
}

/** Read at each collection. */
export interface DeliveryGauges {
  /** Items that no attempt was begun with, in memory. */
  waitingItems(): number;
  /** Batches in the queue on disk. */
  queuedBatches(): number;
  /** How long the oldest item has waited, in memory or on disk; 0 when none waits. */
  oldestSeconds(): number;
}

/** Registers the metrics of the publisher called `name`. The same name gives the same series. */
export function createDeliveryMetrics(metrics: Metrics, name: string): DeliveryMetrics {
  const counter = (what: string, help: string): Series =>
    metrics.counter(`nephoscope_publisher_${what}_total`, help, ['publisher']).child(name);
  // Here, so that the catalogue of metrics has the gauges too.
  watchedIn(metrics);
  const dropped = metrics.counter(
    'nephoscope_publisher_dropped_total',
    'Items thrown away, by reason: the policy says so, the queue on disk was full, or a file of it was damaged.',
    ['publisher', 'reason'],
  );
  const failures = metrics.counter(
    'nephoscope_publisher_failures_total',
    'Calls of the publisher that could not deliver now, by error code.',
    ['publisher', 'code'],
  );
  return {
    accepted: counter('accepted', 'Items the target has taken.'),
    duplicates: counter('duplicates', 'Items among them that the target had already.'),
    rejected: counter('rejected', 'Items the target refused for good.'),
    parked: counter('parked', 'Items of the queue on disk that were parked.'),
    attempts: counter('attempts', 'Calls of the publisher.'),
    attemptSeconds: counter('attempt_seconds', 'Time spent in calls of the publisher.'),
    retries: counter('retries', 'Calls that repeat an earlier one.'),
    failures: (code) => failures.child(name, code),
    inFlight: metrics
      .gauge('nephoscope_publisher_in_flight', 'Items given to the target and not answered yet.', [
        'publisher',
      ])
      .child(name),
    dropped: {
      policy: dropped.child(name, 'policy'),
      queue_full: dropped.child(name, 'queue_full'),
      unreadable: dropped.child(name, 'unreadable'),
    },
    watch: (gauges) => watchGauges(metrics, name, gauges),
  };
}

/** What a sender needs to count. */
export type SenderMetrics = Omit<DeliveryMetrics, 'watch' | 'parked'>;

/** Series that are shown nowhere. */
export function unseenMetrics(): SenderMetrics {
  const series = (): Series => new Series([]);
  return {
    accepted: series(),
    duplicates: series(),
    rejected: series(),
    attempts: series(),
    attemptSeconds: series(),
    retries: series(),
    failures: series,
    inFlight: series(),
    dropped: { policy: series(), queue_full: series(), unreadable: series() },
  };
}

type Watched = Map<DeliveryGauges, string>;

/** One collector for each registry of metrics: publishers come and go with every reload, collectors cannot be removed. */
const watchedBy = new WeakMap<Metrics, Watched>();

function watchGauges(metrics: Metrics, name: string, gauges: DeliveryGauges): () => void {
  const watched = watchedIn(metrics);
  watched.set(gauges, name);
  return () => watched.delete(gauges);
}

function watchedIn(metrics: Metrics): Watched {
  return watchedBy.get(metrics) ?? registerGauges(metrics);
}

function registerGauges(metrics: Metrics): Watched {
  const watched: Watched = new Map();
  watchedBy.set(metrics, watched);
  const gauge = (what: string, help: string) =>
    metrics.gauge(`nephoscope_publisher_${what}`, help, ['publisher']);
  const waiting = gauge('waiting_items', 'Items waiting in memory for the target.');
  const queued = gauge('queued_batches', 'Batches waiting in the queue on disk.');
  const oldest = gauge('oldest_seconds', 'How long the oldest waiting item has waited, in seconds.');
  const seen = new Set<string>();
  metrics.onCollect(() => {
    for (const name of seen) for (const family of [waiting, queued, oldest]) family.child(name).set(0);
    // While one publisher takes the place of another, both bear the name.
    for (const [gauges, name] of watched) {
      seen.add(name);
      waiting.child(name).add(gauges.waitingItems());
      queued.child(name).set(Math.max(queued.child(name).value, gauges.queuedBatches()));
      oldest.child(name).set(Math.max(oldest.child(name).value, gauges.oldestSeconds()));
    }
  });
  return watched;
}
