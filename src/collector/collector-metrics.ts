import type { Metrics, Series } from '../observe/metrics.ts';

/** Where data come from: a bounded set, a label of metrics. */
export type CollectorInput = 'samples' | 'events' | 'udp';

/** Why a datum is not taken and not parked. */
export type DropReason = 'bad-signature' | 'replayed' | 'stale' | 'unreadable' | 'overflow' | 'not-taken';

/** What one input of the collector counts. */
export interface CollectorMetrics {
  /** Samples or events that arrived. */
  readonly received: Series;
  /** Those every dispatcher has. */
  readonly recorded: Series;
  readonly parked: Series;
  /** Tries after the first one. */
  readonly retries: Series;
  readonly dropped: (reason: DropReason) => Series;
}

/** The series of one input. The same arguments give the same series. */
export function collectorMetrics(metrics: Metrics, input: CollectorInput): CollectorMetrics {
  const counter = (name: string, help: string): Series =>
    metrics.counter(`nephoscope_collector_${name}_total`, help, ['input']).child(input);
  const dropped = metrics.counter(
    'nephoscope_collector_dropped_total',
    'Samples and events the collector threw away, by reason.',
    ['input', 'reason'],
  );
  return {
    received: counter('received', 'Samples and events that arrived at the collector.'),
    recorded: counter('recorded', 'Samples and events that every dispatcher has taken.'),
    parked: counter('parked', 'Samples, events and whole messages the collector put aside.'),
    retries: counter('retries', 'Tries after the first one to hand a batch to the dispatchers.'),
    dropped: (reason) => dropped.child(input, reason),
  };
}
