import type { ReadContext } from './read-context.ts';
import { EARLIEST, LATEST, type MeterRange, type ScanPlan } from './scan-plan.ts';

/** Times of the first and the last sample, microseconds since the epoch. */
export interface Span {
  readonly first: number;
  readonly last: number;
}

/** A row of `series`: bounds as far as samples are folded; see series-fold.ts. */
export interface FoldedSeries extends Span {
  readonly range: MeterRange;
  readonly descriptor: number;
}

type SpanByDescriptor = Map<number, { first: number; last: number }>;
type Edge = 'first' | 'last';

/**
 * Finds first and last sample of series within the range of a plan; series without a sample there are left out.
 *
 * `series` has both for what is folded; samples behind the fold line are looked at once per meter. Where the range cuts
 * through a series, and where expiry took its first samples, the edge is searched from the end of the range inwards
 * in growing steps, for all series of a meter at once: live series turn up within one polling interval.
 */
export function createSpanFinder(
  context: ReadContext,
  plan: ScanPlan,
): <Series extends FoldedSeries>(series: readonly Series[]) => ReadonlyMap<Series, Span> {
  const expiredBefore = Number(
    context.first("SELECT value FROM state WHERE key = 'samples_expired_before'")?.[0] ?? EARLIEST,
  );
  const unfolded = new Map<number, SpanByDescriptor>();
  const unfoldedOf = (range: MeterRange): SpanByDescriptor => {
    const known = unfolded.get(range.meter) ?? readUnfolded(context, plan, range);
    unfolded.set(range.meter, known);
    return known;
  };
  return (series) => {
    const spans = new Map<(typeof series)[number], { first: number; last: number }>();
    const searches: Search<(typeof series)[number]>[] = [];
    for (const row of series) {
      const recent = unfoldedOf(row.range).get(row.descriptor);
      const first = Math.min(row.first, recent?.first ?? LATEST);
      const last = Math.max(row.last, recent?.last ?? EARLIEST);
      if (last < plan.from || first > plan.to) continue;
      spans.set(row, { first, last });
      const from = Math.max(first, plan.from);
      const to = Math.min(last, plan.to);
      if (first < plan.from || first < expiredBefore) searches.push({ row, edge: 'first', from, to });
      if (last > plan.to) searches.push({ row, edge: 'last', from, to });
    }
    for (const group of Map.groupBy(searches, ({ row, edge }) => `${row.range.meter} ${edge}`).values()) {
      searchEdges(context, group, spans);
    }
    return spans;
  };
}

interface Search<Series> {
  readonly row: Series;
  readonly edge: Edge;
  readonly from: number;
  readonly to: number;
}

/** Descriptors with samples behind the fold line, and their times. */
function readUnfolded(context: ReadContext, plan: ScanPlan, range: MeterRange): SpanByDescriptor {
  const found: SpanByDescriptor = new Map();
  const [resource] = plan.resources;
  const sql = `sample s WHERE s.meter = ? AND s.ts >= ?${resource === undefined ? '' : ' AND s.resource = ?'}`;
  const parameters = [range.meter, range.foldedBefore, ...(resource === undefined ? [] : [resource])];
  context.scan(['s.descriptor', 's.ts'], { sql, parameters }, (descriptor, micros) => {
    const span = found.get(descriptor);
    if (span === undefined) found.set(descriptor, { first: micros, last: micros });
    else span.last = micros;
  });
  return found;
}

const FIRST_STEP_MICROS = 60_000_000;

/** Sets one edge of the spans of one meter; removes those that turn out to be empty. */
function searchEdges<Series extends FoldedSeries>(
  context: ReadContext,
  searches: readonly Search<Series>[],
  spans: Map<Series, { first: number; last: number }>,
): void {
  const edge = searches[0]?.edge ?? 'first';
  const meter = searches[0]?.row.range.meter ?? 0;
  const pending = new Map(searches.map((search) => [search.row.descriptor, search]));
  let from = searches.reduce((least, search) => Math.min(least, search.from), LATEST);
  let to = searches.reduce((most, search) => Math.max(most, search.to), EARLIEST);
  for (let step = FIRST_STEP_MICROS; pending.size > 0 && from <= to; step *= 2) {
    const start = nearestSample(context, meter, edge, from, to);
    if (start === undefined) break;
    const window =
      edge === 'first' ? [start, Math.min(start + step, to)] : [Math.max(start - step, from), start];
    const [low = 0, high = 0] = window;
    const source = {
      sql: 'sample s WHERE s.meter = ? AND s.ts BETWEEN ? AND ?',
      parameters: [meter, low, high],
    };
    const lasts = new Map<number, number>();
    context.scan(['s.descriptor', 's.ts'], source, (descriptor, micros) => {
      const search = pending.get(descriptor);
      if (search === undefined || micros < search.from || micros > search.to) return;
      if (edge === 'first') settle(spans, search, micros, pending);
      else lasts.set(descriptor, micros);
    });
    for (const [descriptor, micros] of lasts) {
      const search = pending.get(descriptor);
      if (search !== undefined) settle(spans, search, micros, pending);
    }
    if (edge === 'first') from = high + 1;
    else to = low - 1;
  }
  for (const { row } of pending.values()) spans.delete(row);
}

function settle<Series extends FoldedSeries>(
  spans: Map<Series, { first: number; last: number }>,
  { row, edge }: Search<Series>,
  micros: number,
  pending: Map<number, Search<Series>>,
): void {
  const span = spans.get(row);
  if (span !== undefined) span[edge] = micros;
  pending.delete(row.descriptor);
}

/** The sample nearest to the end that is searched from, so that empty stretches cost one seek. */
function nearestSample(
  context: ReadContext,
  meter: number,
  edge: Edge,
  from: number,
  to: number,
): number | undefined {
  const order = edge === 'first' ? 'ASC' : 'DESC';
  const row = context.first(
    `SELECT ts FROM sample WHERE meter = ? AND ts BETWEEN ? AND ? ORDER BY ts ${order} LIMIT 1`,
    [meter, from, to],
  );
  return row === undefined ? undefined : Number(row[0]);
}
