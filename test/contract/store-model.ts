import { parseExact } from '../../src/lib/exact-json.ts';
import type { Event, Trait } from '../../src/model/event.ts';
import { FloatToken, type JsonScalar, type JsonValue } from '../../src/model/json.ts';
import type { Sample } from '../../src/model/sample.ts';
import type {
  Aggregate,
  ComparisonOperator,
  EventQuery,
  SampleFilter,
  StatisticsQuery,
  StatisticsRow,
} from '../../src/store/query.ts';

/*
 * What a store must answer, computed in the plainest way from all that was recorded. Shares no code with any store:
 * text is compared as arrays of code points, metadata are flattened, statistics are sums over filtered lists.
 */

/** A recorded sample, and its place in the order of recording. */
export interface ModelSample extends Sample {
  readonly order: number;
}

/** Whether a sample matches; `recordedAt` is unknown to the model and must not be asked. */
export function matches(sample: ModelSample, filter: SampleFilter | undefined): boolean {
  if (filter === undefined) return true;
  switch (filter.kind) {
    case 'and':
      return filter.members.every((member) => matches(sample, member));
    case 'or':
      return filter.members.some((member) => matches(sample, member));
    case 'not':
      return !matches(sample, filter.member);
    case 'match':
      return valuesOf(sample, filter.field).some(
        (value) => typeof value === 'string' && new RegExp(filter.pattern, 'u').test(value),
      );
    case 'compare': {
      const values = valuesOf(sample, filter.field).filter((value) => value !== null);
      if (filter.value === null)
        return filter.op === 'eq' ? values.length === 0 : filter.op === 'ne' && values.length > 0;
      return values.some((value) => compares(value, filter.op, filter.value));
    }
    default:
      return filter satisfies never;
  }
}

function valuesOf(sample: ModelSample, field: string): readonly JsonScalar[] {
  if (field.startsWith('metadata.')) {
    const wanted = field.slice('metadata.'.length).replaceAll(':', '.');
    return flatten(sample.resourceMetadata).flatMap(([path, value]) => (path === wanted ? [value] : []));
  }
  const plain = field === 'timestamp' ? 'timestampMicros' : field;
  return [(sample as unknown as Record<string, JsonScalar>)[plain] ?? null];
}

function flatten(value: JsonValue, path = ''): readonly (readonly [path: string, value: JsonScalar])[] {
  if (typeof value !== 'object' || value === null || value instanceof FloatToken) return [[path, value]];
  if (Array.isArray(value)) return value.flatMap((item, index) => flatten(item, `${path}[${index}]`));
  return Object.entries(value).flatMap(([key, item]) => {
    const name = key.replaceAll(':', '.');
    return flatten(item, path === '' ? name : `${path}.${name}`);
  });
}

export function compares(left: JsonScalar, op: ComparisonOperator, right: JsonScalar): boolean {
  const [a, b] = [left, right].map((value) => (value instanceof FloatToken ? value.value : value));
  const kind = (value: unknown): string => (typeof value === 'bigint' ? 'number' : typeof value);
  if (a === undefined || b === undefined || a === null || b === null || kind(a) !== kind(b)) return false;
  const order = typeof a === 'string' ? compareTexts(a, String(b)) : a < b ? -1 : a > b ? 1 : 0;
  return { lt: order < 0, le: order <= 0, eq: order === 0, ne: order !== 0, ge: order >= 0, gt: order > 0 }[
    op
  ];
}

export function compareTexts(left: string, right: string): number {
  const [a, b] = [left, right].map((text) => Array.from(text, (character) => character.codePointAt(0) ?? 0));
  for (let index = 0; ; index += 1) {
    const [x, y] = [a?.[index], b?.[index]];
    if (x === undefined || y === undefined) return Number(x !== undefined) - Number(y !== undefined);
    if (x !== y) return x - y;
  }
}

/** Statistics rows by bucket, then in no particular order; sums as plain as can be. */
export function statisticsOf(
  samples: readonly ModelSample[],
  query: StatisticsQuery,
): readonly StatisticsRow[] {
  const matching = samples.filter((sample) => sample.name === query.meter && matches(sample, query.filter));
  if (matching.length === 0) return [];
  const times = matching.map(({ timestampMicros }) => timestampMicros);
  const period = (query.periodSeconds ?? 0) * 1_000_000;
  const start = query.startMicros ?? Math.min(...times);
  const end = query.endMicros ?? Math.max(...times);
  const last = period === 0 ? 0 : Math.max(1, Math.ceil((end - start) / period)) - 1;
  const bucketOf = (micros: number): number => {
    if (period === 0) return 0;
    const bucket = Math.floor((micros - start) / period);
    return micros === end ? Math.min(bucket, last) : bucket;
  };
  const groups = Map.groupBy(
    matching.filter(
      ({ timestampMicros }) => bucketOf(timestampMicros) >= 0 && bucketOf(timestampMicros) <= last,
    ),
    (sample) => JSON.stringify([bucketOf(sample.timestampMicros), sample.unit, groupOf(sample, query)]),
  );
  return [...groups].map(([key, members]) => {
    const [bucket, unit, group] = JSON.parse(key);
    const own = members.map(({ timestampMicros }) => timestampMicros);
    return {
      unit,
      group,
      periodStartMicros: period === 0 ? Math.min(...own) : start + bucket * period,
      periodEndMicros: period === 0 ? Math.max(...own) : start + (bucket + 1) * period,
      firstSampleMicros: Math.min(...own),
      lastSampleMicros: Math.max(...own),
      values: query.aggregates.map((aggregate) => aggregateOf(members, aggregate)),
    };
  });
}

function groupOf(sample: ModelSample, { groupBy = [] }: StatisticsQuery): readonly (string | null)[] {
  return groupBy.map((field) => {
    const [value = null] = valuesOf(sample, field);
    return value === null ? null : String(value);
  });
}

function aggregateOf(samples: readonly ModelSample[], aggregate: Aggregate): number {
  const values = samples.map(({ volume }) => volume);
  const sum = values.reduce((total, value) => total + value, 0);
  const mean = sum / values.length;
  switch (aggregate.func) {
    case 'min':
      return Math.min(...values);
    case 'max':
      return Math.max(...values);
    case 'sum':
      return sum;
    case 'avg':
      return mean;
    case 'count':
      return values.length;
    case 'stddev':
      return Math.sqrt(values.reduce((total, value) => total + (value - mean) ** 2, 0) / values.length);
    case 'cardinality':
      return new Set(samples.map((sample) => sample[aggregate.field]).filter((value) => value !== null)).size;
    default:
      return aggregate satisfies never;
  }
}

/** Events that match, in the order asked for; the limit is not applied. */
export function eventsOf(events: readonly Event[], query: EventQuery): readonly Event[] {
  const found = events.filter(
    (event) =>
      (query.eventType === undefined || event.eventType === query.eventType) &&
      (query.messageId === undefined || event.messageId === query.messageId) &&
      (query.startMicros === undefined || event.generatedMicros >= query.startMicros) &&
      (query.endMicros === undefined || event.generatedMicros <= query.endMicros) &&
      (query.traits ?? []).every((condition) =>
        event.traits.some(
          ([name, type, value]) =>
            name === condition.name &&
            type === condition.type &&
            compares(value, condition.op, condition.value),
        ),
      ) &&
      (query.projectOrNone === undefined || ownedBy(event.traits, query.projectOrNone)),
  );
  const sign = query.order === 'desc' ? -1 : 1;
  const indexed = found.map((event, index) => ({ event, index }));
  indexed.sort((a, b) => sign * (a.event.generatedMicros - b.event.generatedMicros || a.index - b.index));
  return indexed.map(({ event }) => event);
}

function ownedBy(traits: readonly Trait[], project: string): boolean {
  const own = traits.filter(([name, type]) => name === 'project_id' && type === 1);
  return own.length === 0 || own.some(([, , value]) => value === project);
}

/** Metadata as a plain value for comparing whole; number tokens stay. */
export function parsedMetadata(text: string): JsonValue {
  return parseExact(text);
}
