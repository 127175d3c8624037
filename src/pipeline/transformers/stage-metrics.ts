import type { Metrics, Series } from '../../observe/metrics.ts';
import type { DropReason, EvictReason } from './transformer.ts';

/** The counters of one transformer of one sink. Several transforms of one sink (shards) share them. */
export interface StageMetrics {
  readonly taken: Series;
  readonly emitted: Series;
  drop(reason: DropReason): void;
  evict(reason: EvictReason): void;
  /** What is held and known now; the gauges are the sums over all transforms of the sink. */
  measure(held: number, series: number): void;
}

/** Makes the metrics of all transformers known, so that they are on the metrics page before there is anything to count. */
export function registerStageMetrics(metrics: Metrics) {
  const labels = ['sink', 'transformer'];
  const counter = (name: string, help: string, more: readonly string[] = []) =>
    metrics.counter(`nephoscope_transformer_${name}_total`, help, [...labels, ...more]);
  const gauge = (name: string, help: string) => metrics.gauge(`nephoscope_transformer_${name}`, help, labels);
  return {
    taken: counter('taken', 'Samples that came to a transformer.'),
    emitted: counter('emitted', 'Samples that came out of a transformer.'),
    dropped: counter('dropped', 'Samples that ended in a transformer, by reason.', ['reason']),
    evicted: counter(
      'evicted',
      'Series or windows a transformer gave up: unused for a day, or beyond its limit.',
      ['reason'],
    ),
    held: gauge('held', 'Samples a transformer holds in memory.'),
    series: gauge('series', 'Series or windows a transformer knows.'),
  };
}

export function createStageMetrics(metrics: Metrics, sink: string, transformer: string): StageMetrics {
  const families = registerStageMetrics(metrics);
  const setHeld = addingGauge(families.held.child(sink, transformer));
  const setSeries = addingGauge(families.series.child(sink, transformer));
  return {
    taken: families.taken.child(sink, transformer),
    emitted: families.emitted.child(sink, transformer),
    drop: (reason) => families.dropped.child(sink, transformer, reason).add(),
    evict: (reason) => families.evicted.child(sink, transformer, reason).add(),
    measure: (held, series) => {
      setHeld(held);
      setSeries(series);
    },
  };
}

/** Adds what changed, so that several owners of one gauge make a sum. */
function addingGauge(series: Series): (value: number) => void {
  let before = 0;
  return (value) => {
    series.add(value - before);
    before = value;
  };
}
