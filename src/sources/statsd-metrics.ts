import { STATSD_PROBLEMS } from '../lib/statsd-line.ts';
import type { Metrics, Series } from '../observe/metrics.ts';
import { COUNT, STATSD_DROPS, type StatsdCounts } from './statsd-counts.ts';

/** What the main thread counts itself. */
export interface StatsdMetrics {
  readonly kernelDropped: Series;
  readonly lostSamples: Series;
  readonly refusedSamples: Series;
  readonly restarts: Series;
}

/** Registers all metrics of statsd; those the receiving thread counts are read when they are asked for. */
export function registerStatsdMetrics(metrics: Metrics, counts: StatsdCounts): StatsdMetrics {
  const shown: [Series, number][] = [];
  const counter = (name: string, help: string): Series =>
    metrics.counter(`nephoscope_statsd_${name}_total`, help).child();
  const gauge = (name: string, help: string): Series =>
    metrics.gauge(`nephoscope_statsd_${name}`, help).child();
  shown.push(
    [counter('datagrams', 'Datagrams that were read and whose sender may send.'), COUNT.datagrams],
    [counter('lines', 'Lines in them, good and bad.'), COUNT.lines],
    [counter('ignored_sections', 'Sections of lines that are of no known kind.'), COUNT.ignoredSections],
    [counter('flushes', 'Intervals that were ended.'), COUNT.flushes],
    [
      counter('postponed_flushes', 'Flushes put off because the samples of the last one were not taken yet.'),
      COUNT.postponedFlushes,
    ],
    [counter('samples', 'Samples made.'), COUNT.samples],
    [gauge('sources', 'Senders known at the moment.'), COUNT.sources],
    [gauge('series', 'Names with their tags known at the moment.'), COUNT.series],
  );
  const bad = metrics.counter('nephoscope_statsd_bad_lines_total', 'Lines refused as a whole.', ['reason']);
  for (const reason of STATSD_PROBLEMS) shown.push([bad.child(reason), COUNT[reason]]);
  const dropped = metrics.counter(
    'nephoscope_statsd_dropped_values_total',
    'Well written values that were not counted; not_finite counts figures.',
    ['reason'],
  );
  const droppedDatagrams = metrics.counter(
    'nephoscope_statsd_dropped_datagrams_total',
    'Datagrams that were not looked at: of a sender that may not send, or thrown away by the kernel because the receive buffer was full.',
    ['reason'],
  );
  for (const reason of STATSD_DROPS) {
    const family = reason === 'source_not_allowed' ? droppedDatagrams : dropped;
    shown.push([family.child(reason), COUNT[reason]]);
  }
  const flushSeconds = gauge('flush_seconds', 'How long the last flush took to make its samples.');
  metrics.onCollect(() => {
    for (const [series, place] of shown) series.set(counts[place] as number);
    flushSeconds.set((counts[COUNT.flushMicros] as number) / 1e6);
  });
  const lost = metrics.counter('nephoscope_statsd_lost_samples_total', 'Samples nobody took.', ['reason']);
  return {
    kernelDropped: droppedDatagrams.child('kernel'),
    lostSamples: lost.child('stop'),
    refusedSamples: lost.child('refused'),
    restarts: counter('receiver_restarts', 'How often the receiving thread ended and was started again.'),
  };
}
