import { STATSD_PROBLEMS } from '../lib/statsd-line.ts';

/** Values that were well written and yet not counted, and why. */
export const STATSD_DROPS = [
  'source_not_allowed',
  'too_many_sources',
  'too_many_series',
  'type_conflict',
  'set_full',
  'not_finite',
] as const;

const FIGURES = [
  'datagrams',
  'lines',
  'ignoredSections',
  'flushes',
  'postponedFlushes',
  'samples',
  'sources',
  'series',
  'flushMicros',
] as const;

type Counted = (typeof FIGURES)[number] | (typeof STATSD_PROBLEMS)[number] | (typeof STATSD_DROPS)[number];

const ALL: readonly Counted[] = [...FIGURES, ...STATSD_PROBLEMS, ...STATSD_DROPS];

/** The place of each figure in the counts. */
export const COUNT = Object.fromEntries(ALL.map((name, place) => [name, place])) as Readonly<
  Record<Counted, number>
>;

/**
 * What a receiver counts, in memory that its thread writes and the main thread reads: a scrape costs the receiver
 * nothing. One writer; a number that is read is whole, as it lies in one machine word.
 */
export type StatsdCounts = Float64Array<SharedArrayBuffer>;

/** All zero. */
export function createStatsdCounts(): StatsdCounts {
  return new Float64Array(new SharedArrayBuffer(ALL.length * Float64Array.BYTES_PER_ELEMENT));
}

/** Adds to one figure. */
export function countUp(counts: StatsdCounts, place: number, amount = 1): void {
  counts[place] = (counts[place] as number) + amount;
}
