import type { SampleType } from '../../model/sample.ts';
import type { SampleFilter, StoredMeter } from '../query.ts';
import { createDescriptorReader } from './descriptor-texts.ts';
import type { ReadContext } from './read-context.ts';
import {
  EARLIEST,
  LATEST,
  type MeterRange,
  planPredicate,
  planScan,
  rangeSource,
  type ScanPlan,
} from './scan-plan.ts';

/** The descriptor of the sample stored last, by meter, of one resource. */
type LatestByMeter = Map<number, { descriptor: number; stored: number }>;

/** One item per meter and resource, resources in the order they were first seen. */
export function readMeters(
  context: ReadContext,
  filter: SampleFilter | undefined,
  limit: number | undefined,
): readonly StoredMeter[] {
  const plan = planScan(context, filter);
  const meters = new Map(plan.ranges.map((range) => [range.meter, range]));
  const describe = createDescriptorReader(context);
  const found: StoredMeter[] = [];
  const resources = isAnsweredBySeries(plan)
    ? latestFromSeries(context, plan)
    : latestFromSamples(context, plan);
  for (const latest of resources) {
    for (const [meter, { descriptor }] of [...latest].sort(([a], [b]) => a - b)) {
      const range = meters.get(meter);
      if (range === undefined) continue;
      if (found.length === limit) return found;
      found.push(toStoredMeter(range, describe(descriptor)));
    }
  }
  return found;
}

function toStoredMeter(
  { name, type, unit }: MeterRange,
  texts: Omit<StoredMeter, 'name' | 'type' | 'unit'>,
): StoredMeter {
  return { name, type: type as SampleType, unit, ...texts };
}

/** True when `series` alone decides: nothing is asked of single samples. */
function isAnsweredBySeries({ sample, from, to }: ScanPlan): boolean {
  return sample === null && from === EARLIEST && to === LATEST;
}

function* latestFromSeries(context: ReadContext, plan: ScanPlan): Generator<LatestByMeter> {
  const where = plan.descriptor ?? { sql: '1', parameters: [] };
  const rows = context.iterate(
    `SELECT d.resource, q.meter, q.descriptor, q.stored FROM descriptor d CROSS JOIN series q ON q.descriptor = d.id
     WHERE ${where.sql} ORDER BY d.resource`,
    where.parameters,
  );
  let current = 0;
  let latest: LatestByMeter = new Map();
  for (const row of rows) {
    const [resource = 0, meter = 0, descriptor = 0, stored = 0] = row.map(Number);
    if (resource !== current) {
      yield latest;
      latest = new Map();
      current = resource;
    }
    keepLatest(latest, meter, descriptor, stored);
  }
  yield latest;
}

function latestFromSamples(context: ReadContext, plan: ScanPlan): readonly LatestByMeter[] {
  const accepts = planPredicate(context, plan);
  const byResource = new Map<number, LatestByMeter>();
  for (const range of plan.ranges) {
    context.scan(
      ['s.resource', 's.descriptor', 's.recorded', 's.meter'],
      rangeSource(context, plan, range),
      (resource, descriptor, recorded, meter) => {
        if (accepts !== null && !accepts(descriptor)) return;
        let latest = byResource.get(resource);
        if (latest === undefined) {
          latest = new Map();
          byResource.set(resource, latest);
        }
        keepLatest(latest, meter, descriptor, recorded);
      },
    );
  }
  return [...byResource].sort(([a], [b]) => a - b).map(([, latest]) => latest);
}

function keepLatest(latest: LatestByMeter, meter: number, descriptor: number, stored: number): void {
  const kept = latest.get(meter);
  if (kept === undefined) latest.set(meter, { descriptor, stored });
  else if (stored > kept.stored) Object.assign(kept, { descriptor, stored });
}
