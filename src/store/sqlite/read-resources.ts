import type { SampleFilter, StoredResource } from '../query.ts';
import { createDescriptorReader, metadataText } from './descriptor-texts.ts';
import type { ReadContext } from './read-context.ts';
import { type MeterRange, planPredicate, planScan, rangeSource, type ScanPlan } from './scan-plan.ts';
import { createSpanFinder, type Span } from './series-spans.ts';

/** First and last sample of one descriptor in one meter, within the asked range. */
interface Stretch extends Span {
  readonly meter: number;
  readonly descriptor: number;
  /** Decides between descriptors whose last samples have the same time. */
  readonly stored: number;
}

type StretchesByResource = Iterable<readonly Stretch[]>;

/** Resources in the order they were first seen, each as its newest sample in the range describes it. */
export function readResources(
  context: ReadContext,
  filter: SampleFilter | undefined,
  limit: number | undefined,
): readonly StoredResource[] {
  const plan = planScan(context, filter);
  const names = new Map(plan.ranges.map(({ meter, name }) => [meter, name]));
  const describe = createDescriptorReader(context);
  const found: StoredResource[] = [];
  const resources =
    plan.sample === null ? stretchesFromSeries(context, plan) : stretchesFromSamples(context, plan);
  for (const stretches of resources) {
    if (found.length === limit) break;
    const newest = newestOf(stretches);
    if (newest === undefined) continue;
    found.push({
      ...describe(newest.descriptor),
      firstSampleMicros: Math.min(...stretches.map(({ first }) => first)),
      lastSampleMicros: newest.last,
      metadataJson: metadataText(context, newest.descriptor),
      meters: meterNames(stretches, names),
    });
  }
  return found;
}

function newestOf(stretches: readonly Stretch[]): Stretch | undefined {
  let newest = stretches[0];
  for (const stretch of stretches) {
    if (newest === undefined || stretch.last > newest.last) newest = stretch;
    else if (stretch.last === newest.last && stretch.stored > newest.stored) newest = stretch;
  }
  return newest;
}

/** In order of first appearance; a name once, though units may make several meters of it. */
function meterNames(stretches: readonly Stretch[], names: ReadonlyMap<number, string>): readonly string[] {
  const sorted = stretches.toSorted((a, b) => a.first - b.first || a.meter - b.meter);
  return [...new Set(sorted.flatMap(({ meter }) => names.get(meter) ?? []))];
}

/** Series of so many resources are looked at together, so that one pass over recent samples serves them all. */
const RESOURCES_AT_ONCE = 5_000;

function* stretchesFromSeries(context: ReadContext, plan: ScanPlan): Generator<readonly Stretch[]> {
  const findSpans = createSpanFinder(context, plan);
  let batch = new Map<number, SeriesRow[]>();
  for (const row of seriesRows(context, plan)) {
    if (batch.size === RESOURCES_AT_ONCE && !batch.has(row.resource)) {
      yield* stretchesOf(batch, findSpans([...batch.values()].flat()));
      batch = new Map();
    }
    const rows = batch.get(row.resource);
    if (rows === undefined) batch.set(row.resource, [row]);
    else rows.push(row);
  }
  yield* stretchesOf(batch, findSpans([...batch.values()].flat()));
}

interface SeriesRow {
  readonly resource: number;
  readonly range: MeterRange;
  readonly descriptor: number;
  readonly first: number;
  readonly last: number;
  readonly stored: number;
}

function* seriesRows(context: ReadContext, plan: ScanPlan): Generator<SeriesRow> {
  const ranges = new Map(plan.ranges.map((range) => [range.meter, range]));
  const where = plan.descriptor ?? { sql: '1', parameters: [] };
  const rows = context.iterate(
    `SELECT d.resource, q.meter, q.descriptor, q.first_ts, q.last_ts, q.stored
     FROM descriptor d CROSS JOIN series q ON q.descriptor = d.id WHERE ${where.sql} ORDER BY d.resource`,
    where.parameters,
  );
  for (const row of rows) {
    const [resource = 0, meter = 0, descriptor = 0, first = 0, last = 0, stored = 0] = row.map(Number);
    const range = ranges.get(meter);
    if (range !== undefined) yield { resource, range, descriptor, first, last, stored };
  }
}

function* stretchesOf(
  batch: ReadonlyMap<number, readonly SeriesRow[]>,
  spans: ReadonlyMap<SeriesRow, Span>,
): Generator<readonly Stretch[]> {
  for (const rows of batch.values()) {
    yield rows.flatMap((row) => {
      const span = spans.get(row);
      return span === undefined
        ? []
        : [{ ...span, meter: row.range.meter, descriptor: row.descriptor, stored: row.stored }];
    });
  }
}

/** When single samples are asked about, all of them are looked at. */
function stretchesFromSamples(context: ReadContext, plan: ScanPlan): StretchesByResource {
  const accepts = planPredicate(context, plan);
  const byResource = new Map<number, Map<string, { -readonly [Key in keyof Stretch]: Stretch[Key] }>>();
  for (const range of plan.ranges) {
    const { meter } = range;
    context.scan(
      ['s.resource', 's.descriptor', 's.ts', 's.recorded'],
      rangeSource(context, plan, range),
      (resource, descriptor, micros, recorded) => {
        if (accepts !== null && !accepts(descriptor)) return;
        let stretches = byResource.get(resource);
        if (stretches === undefined) {
          stretches = new Map();
          byResource.set(resource, stretches);
        }
        const key = `${meter} ${descriptor}`;
        const stretch = stretches.get(key);
        if (stretch === undefined) {
          stretches.set(key, { meter, descriptor, first: micros, last: micros, stored: recorded });
        } else {
          // Rows of a meter come in order of time.
          stretch.last = micros;
          stretch.stored = recorded;
        }
      },
    );
  }
  return [...byResource].sort(([a], [b]) => a - b).map(([, stretches]) => [...stretches.values()]);
}
