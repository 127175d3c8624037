import type { StatisticsQuery } from '../query.ts';
import type { ReadContext } from './read-context.ts';
import { rangeSource, type ScanPlan } from './scan-plan.ts';

/** How time is cut, by numbers from 0. */
export interface Buckets {
  readonly count: number;
  readonly periodMicros: number;
  /** First instant of a bucket. */
  start(bucket: number): number;
  /** First and last instant that belong to a bucket. */
  bounds(bucket: number): readonly [from: number, to: number];
  /** The bucket of an instant, or -1. */
  of(micros: number): number;
}

/**
 * Buckets [start + k·period, start + (k+1)·period) as long as they begin before the end, at least one; a sample exactly
 * at the end belongs to the last. Null without a period.
 */
export function createBuckets(context: ReadContext, plan: ScanPlan, query: StatisticsQuery): Buckets | null {
  const periodMicros = Math.round((query.periodSeconds ?? 0) * 1_000_000);
  if (periodMicros <= 0) return null;
  const start = query.startMicros ?? edgeSample(context, plan, 'ASC') ?? 0;
  const end = query.endMicros ?? edgeSample(context, plan, 'DESC') ?? start;
  const count = Math.max(1, Math.ceil((end - start) / periodMicros));
  const startOf = (bucket: number): number => start + bucket * periodMicros;
  return {
    count,
    periodMicros,
    start: startOf,
    bounds: (bucket) => {
      const next = startOf(bucket + 1);
      return [startOf(bucket), bucket === count - 1 && end === next ? next : next - 1];
    },
    of: (micros) => {
      const bucket = Math.floor((micros - start) / periodMicros);
      if (bucket < count) return bucket < 0 ? -1 : bucket;
      return micros === end ? count - 1 : -1;
    },
  };
}

function edgeSample(context: ReadContext, plan: ScanPlan, order: 'ASC' | 'DESC'): number | undefined {
  let edge: number | undefined;
  for (const range of plan.ranges) {
    const source = rangeSource(context, plan, range, true);
    const row = context.first(
      `SELECT s.ts FROM ${source.sql} ORDER BY s.ts ${order} LIMIT 1`,
      source.parameters,
    );
    if (row === undefined) continue;
    const micros = Number(row[0]);
    if (edge === undefined || (order === 'ASC' ? micros < edge : micros > edge)) edge = micros;
  }
  return edge;
}
