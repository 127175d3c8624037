import { readSampleId } from '../../lib/sample-id.ts';
import type { JsonScalar } from '../../model/json.ts';
import type { ComparisonOperator, SampleFilter } from '../query.ts';
import {
  type CompiledFilter,
  combine,
  compileFilter,
  descriptorPredicate,
  liftToSample,
  resourceNumber,
} from './filter-compile.ts';
import type { Predicate, ReadContext, SqlText } from './read-context.ts';
import { foreignDiscriminator } from './sample-identity.ts';

/** A meter of the plan and the time its samples lie in, both ends included. */
export interface MeterRange {
  readonly meter: number;
  readonly name: string;
  readonly type: string;
  readonly unit: string | null;
  readonly foldedBefore: number;
  readonly from: number;
  readonly to: number;
}

/**
 * Where the samples that match a filter are, and what is left to test on them. Built from the conditions that all must
 * hold; each goes where it saves most.
 */
export interface ScanPlan {
  readonly ranges: readonly MeterRange[];
  /** Earliest and latest time asked for. */
  readonly from: number;
  readonly to: number;
  /** What descriptors must fulfil, as SQL over `descriptor d`; null when any will do. */
  readonly descriptor: SqlText | null;
  /** Row numbers of which each must be the sample's resource; part of `descriptor` too. */
  readonly resources: readonly number[];
  /** What `descriptor` asks beside `resources`; null when nothing. */
  readonly descriptorBeside: SqlText | null;
  /** What single samples must fulfil beside all that, as SQL over `sample s`; null when nothing. */
  readonly sample: SqlText | null;
}

export const EARLIEST = Number.MIN_SAFE_INTEGER;
export const LATEST = Number.MAX_SAFE_INTEGER;

type Compare = Extract<SampleFilter, { kind: 'compare' }>;

/** The plan of a filter. With `ids` in it only meters and times that samples of this id can have are in the plan. */
export function planScan(context: ReadContext, filter: SampleFilter | undefined): ScanPlan {
  const conjuncts = flatten(filter);
  const bounds = { from: EARLIEST, to: LATEST };
  const byLevel: Record<CompiledFilter['level'], CompiledFilter[]> = {
    meter: [],
    descriptor: [],
    sample: [],
  };
  const beside: CompiledFilter[] = [];
  for (const conjunct of conjuncts) {
    if (narrow(bounds, conjunct)) continue;
    const compiled = compileFilter(context, conjunct);
    byLevel[compiled.level].push(compiled);
    if (compiled.level === 'descriptor' && !isEquality('resourceId')(conjunct)) beside.push(compiled);
  }
  const { sql, parameters } = combine(context, 'and', byLevel.meter);
  const meters = context.all(
    `SELECT m.id, m.name, m.type, m.unit, m.folded_before FROM meter m WHERE ${sql} ORDER BY m.id`,
    parameters,
  );
  const descriptor = joined(context, byLevel.descriptor);
  const ranges = meters.map(
    ([id, name, type, unit, foldedBefore]): MeterRange => ({
      meter: Number(id),
      name: String(name),
      type: String(type),
      unit: unit as string | null,
      foldedBefore: Number(foldedBefore),
      ...bounds,
    }),
  );
  return {
    ranges: narrowRanges(context, ranges, conjuncts, descriptor),
    ...bounds,
    descriptor,
    resources: conjuncts
      .filter(isEquality('resourceId'))
      .map(({ value }) => (typeof value === 'string' ? resourceNumber(context, value) : -1)),
    descriptorBeside: joined(context, beside),
    sample: joined(context, byLevel.sample),
  };
}

/** Tests what `rangeSource` leaves out, by the descriptor's number; null when it leaves out nothing. */
export function planPredicate(context: ReadContext, plan: ScanPlan): Predicate | null {
  return plan.descriptorBeside === null ? null : descriptorPredicate(context, plan.descriptorBeside);
}

/**
 * `sample s WHERE …` for one range, without what is asked of the descriptor beside the resource (see `planPredicate`)
 * unless `whole`.
 */
export function rangeSource(
  context: ReadContext,
  plan: ScanPlan,
  range: Pick<MeterRange, 'meter' | 'from' | 'to'>,
  whole = false,
): SqlText {
  const parts: SqlText[] = [
    { sql: 's.meter = ? AND s.ts BETWEEN ? AND ?', parameters: [range.meter, range.from, range.to] },
  ];
  for (const resource of plan.resources) parts.push({ sql: 's.resource = ?', parameters: [resource] });
  if (plan.sample !== null) parts.push(plan.sample);
  if (whole && plan.descriptorBeside !== null) {
    parts.push(liftToSample(context, { ...plan.descriptorBeside, level: 'descriptor' }));
  }
  return {
    sql: `sample s WHERE ${parts.map(({ sql }) => sql).join(' AND ')}`,
    parameters: parts.flatMap(({ parameters }) => parameters),
  };
}

function joined(context: ReadContext, members: readonly CompiledFilter[]): SqlText | null {
  return members.length === 0 ? null : combine(context, 'and', members);
}

/** The conditions that all must hold. */
function flatten(filter: SampleFilter | undefined): readonly SampleFilter[] {
  if (filter === undefined) return [];
  return filter.kind === 'and' ? filter.members.flatMap(flatten) : [filter];
}

/** Takes a condition on the timestamp into the bounds; false when it is another one. */
function narrow(bounds: { from: number; to: number }, filter: SampleFilter): boolean {
  if (filter.kind !== 'compare' || filter.field !== 'timestamp' || typeof filter.value !== 'number')
    return false;
  const { op, value } = filter;
  if (op === 'ne') return false;
  if (op === 'ge' || op === 'eq') bounds.from = Math.max(bounds.from, Math.ceil(value));
  if (op === 'gt') bounds.from = Math.max(bounds.from, Math.floor(value) + 1);
  if (op === 'le' || op === 'eq') bounds.to = Math.min(bounds.to, Math.floor(value));
  if (op === 'lt') bounds.to = Math.min(bounds.to, Math.ceil(value) - 1);
  return true;
}

function narrowRanges(
  context: ReadContext,
  ranges: readonly MeterRange[],
  conjuncts: readonly SampleFilter[],
  descriptor: SqlText | null,
): readonly MeterRange[] {
  const id = conjuncts.find(isEquality('id'));
  if (id !== undefined) return rangesOfId(context, ranges, id.value);
  const selective = conjuncts.some(
    (filter) => isEquality('resourceId')(filter) || isEquality('projectId')(filter),
  );
  return selective && descriptor !== null ? rangesOfSeries(context, ranges, descriptor) : ranges;
}

/** Only meters that such descriptors have samples of, from their first sample on. */
function rangesOfSeries(
  context: ReadContext,
  ranges: readonly MeterRange[],
  descriptor: SqlText,
): readonly MeterRange[] {
  const first = new Map(
    context
      .all(
        `SELECT q.meter, min(q.first_ts) FROM descriptor d CROSS JOIN series q ON q.descriptor = d.id
         WHERE ${descriptor.sql} GROUP BY q.meter`,
        descriptor.parameters,
      )
      .map(([meter, micros]) => [Number(meter), Number(micros)] as const),
  );
  return ranges.flatMap((range) => {
    const micros = first.get(range.meter);
    // Samples behind the fold line may be older than `series` says.
    return micros === undefined
      ? []
      : [{ ...range, from: Math.max(range.from, Math.min(micros, range.foldedBefore)) }];
  });
}

function rangesOfId(
  context: ReadContext,
  ranges: readonly MeterRange[],
  value: JsonScalar,
): readonly MeterRange[] {
  if (typeof value !== 'string') return [];
  const own = readSampleId(value);
  const instants = new Map<number, number[]>();
  for (const [meter, micros] of lookUpId(context, value)) {
    instants.set(meter, [...(instants.get(meter) ?? []), micros]);
  }
  return ranges.flatMap((range) => {
    const micros = [
      ...(own === undefined ? [] : [own.timestampMicros]),
      ...(instants.get(range.meter) ?? []),
    ];
    return [...new Set(micros)]
      .filter((instant) => instant >= range.from && instant <= range.to)
      .map((instant) => ({ ...range, from: instant, to: instant }));
  });
}

/** Meter and time of the samples that may have this foreign id. */
function lookUpId(context: ReadContext, id: string): readonly (readonly [meter: number, micros: number])[] {
  return context
    .all(
      `SELECT l.meter, l.ts FROM segment g CROSS JOIN sample_lookup l ON l.segment = g.id AND l.hash = ?
       WHERE g.kind = 'sample'`,
      [foreignDiscriminator(id)],
    )
    .map(([meter, micros]) => [Number(meter), Number(micros)]);
}

function isEquality(field: Compare['field']): (filter: SampleFilter) => filter is Compare {
  return (filter): filter is Compare =>
    filter.kind === 'compare' && filter.field === field && filter.op === ('eq' satisfies ComparisonOperator);
}
