import type { Metrics, Series } from '../observe/metrics.ts';

/** What every source counts, under the same names. */
export interface SourceMetrics {
  readonly received: Series;
  readonly redelivered: Series;
  readonly acknowledged: Series;
  /** Batches that the intake did not take, each time. */
  readonly refused: Series;
  readonly inFlight: Series;
  readonly reconnects: Series;
}

/** The series of one source; `source` comes from a bounded set. The same arguments give the same series. */
export function sourceMetrics(metrics: Metrics, source: string): SourceMetrics {
  const counter = (name: string, help: string): Series =>
    metrics.counter(`nephoscope_source_${name}_total`, help, ['source']).child(source);
  return {
    received: counter('received', 'Messages that arrived.'),
    redelivered: counter(
      'redelivered',
      'Messages that arrived with the mark of having been delivered before.',
    ),
    acknowledged: counter('acknowledged', 'Messages whose sender was told to forget them.'),
    refused: counter('refused', 'Batches that could not be taken and are tried again.'),
    inFlight: metrics
      .gauge('nephoscope_source_in_flight', 'Messages that arrived and are not acknowledged yet.', ['source'])
      .child(source),
    reconnects: counter('reconnects', 'Connections made again after one was lost.'),
  };
}
