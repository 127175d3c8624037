import { formatUtc } from '../lib/timestamp.ts';
import type { GroupField, StatisticsRow } from '../store/query.ts';
import { type JsonNumber, jsonFloat } from './json-numbers.ts';
import { renderSeconds } from './render.ts';
import type { SampleConditions } from './sample-conditions.ts';
import { GROUP_NAMES, type NamedAggregate } from './statistics-parameters.ts';

/** What of a question shapes its answer. */
export interface StatisticsShape {
  readonly groupBy: readonly GroupField[];
  readonly periodSeconds: number;
  /** The aggregates that were computed, in the order of the row's values. */
  readonly aggregates: readonly NamedAggregate[];
  /** Whether the request named them: then they are shown under `aggregate` too. */
  readonly selected: boolean;
  readonly range: Pick<SampleConditions, 'askedStartMicros' | 'askedEndMicros'>;
}

/** One bucket × group × unit as the JSON of API v2. Pure. */
export function renderStatistics(row: StatisticsRow, shape: StatisticsShape) {
  return {
    groupby: shape.groupBy.length === 0 ? null : groupValues(row, shape.groupBy),
    unit: row.unit,
    ...standardValues(row, shape.aggregates),
    ...(shape.selected ? { aggregate: selectedValues(row, shape.aggregates) } : {}),
    ...duration(row, shape.range),
    period: shape.periodSeconds,
    period_start: formatUtc(row.periodStartMicros),
    period_end: formatUtc(row.periodEndMicros),
  };
}

function groupValues(row: StatisticsRow, groupBy: readonly GroupField[]): Record<string, string | null> {
  return Object.fromEntries(groupBy.map((field, index) => [GROUP_NAMES[field], row.group[index] ?? null]));
}

const STANDARD = ['min', 'max', 'avg', 'sum', 'count'];

/** The standard aggregates among those computed; the count is an integer here. */
function standardValues(
  row: StatisticsRow,
  aggregates: readonly NamedAggregate[],
): Record<string, number | JsonNumber> {
  const computed = new Map(aggregates.map(({ name }, index) => [name, row.values[index] ?? 0]));
  const values = STANDARD.filter((name) => computed.has(name)).map((name) => {
    const value = computed.get(name) ?? 0;
    return [name, name === 'count' ? value : jsonFloat(value)] as const;
  });
  return Object.fromEntries(values);
}

function selectedValues(
  row: StatisticsRow,
  aggregates: readonly NamedAggregate[],
): Record<string, number | JsonNumber> {
  return Object.fromEntries(aggregates.map(({ name }, index) => [name, jsonFloat(row.values[index] ?? 0)]));
}

/** From the first to the last sample, cut to the range that was asked for; nulls when nothing of it is left. */
function duration(row: StatisticsRow, range: StatisticsShape['range']) {
  const start = Math.max(row.firstSampleMicros, range.askedStartMicros ?? Number.NEGATIVE_INFINITY);
  const end = Math.min(row.lastSampleMicros, range.askedEndMicros ?? Number.POSITIVE_INFINITY);
  if (start > end) return { duration: null, duration_start: null, duration_end: null };
  return {
    duration: renderSeconds(start, end),
    duration_start: formatUtc(start),
    duration_end: formatUtc(end),
  };
}
