import type { NephoscopeError } from '../../component/errors.ts';
import type { Metrics } from '../../observe/metrics.ts';
import type { RecordResult } from '../store.ts';

export type RecordKind = 'sample' | 'event' | 'parked';

/** Counts what the store does; does nothing without `metrics`. */
export interface StoreMetrics {
  recorded(kind: RecordKind, result: Pick<RecordResult, 'recorded'> & { readonly duplicates: number }): void;
  committed(): void;
  failed(error: NephoscopeError): void;
  expired(kind: 'sample' | 'event', count: number): void;
}

export interface StoreGauges {
  waitingReads(): number;
  freeBytes(): number | null;
}

const NOTHING: StoreMetrics = {
  recorded: () => {},
  committed: () => {},
  failed: () => {},
  expired: () => {},
};

/** Registers the metrics of the store. Call once per `Metrics`. */
export function registerStoreMetrics(metrics: Metrics | undefined, gauges: StoreGauges): StoreMetrics {
  if (metrics === undefined) return NOTHING;
  const recorded = metrics.counter(
    'nephoscope_store_recorded_total',
    'New records that are safe on the disk.',
    ['kind'],
  );
  const duplicates = metrics.counter(
    'nephoscope_store_duplicates_total',
    'Records that were there already.',
    ['kind'],
  );
  const expired = metrics.counter('nephoscope_store_expired_total', 'Records deleted because of their age.', [
    'kind',
  ]);
  const commits = metrics
    .counter('nephoscope_store_commits_total', 'Transactions flushed to the disk.')
    .child();
  const failures = metrics.counter('nephoscope_store_failures_total', 'Writes that failed, by error code.', [
    'code',
  ]);
  const waiting = metrics.gauge('nephoscope_store_waiting_reads', 'Reads that wait or run.').child();
  const free = metrics.gauge('nephoscope_store_free_bytes', 'Free space on the disk of the store.').child();
  metrics.onCollect(() => {
    waiting.set(gauges.waitingReads());
    free.set(gauges.freeBytes() ?? Number.NaN);
  });
  return {
    recorded(kind, result) {
      recorded.child(kind).add(result.recorded);
      duplicates.child(kind).add(result.duplicates);
    },
    committed: () => commits.add(),
    failed: ({ code }) => failures.child(code).add(),
    expired: (kind, count) => expired.child(kind).add(count),
  };
}
