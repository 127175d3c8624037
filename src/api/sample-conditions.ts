import { tryParseTimestamp } from '../lib/timestamp.ts';
import type { JsonScalar } from '../model/json.ts';
import type { SampleField, SampleFilter } from '../store/query.ts';
import type { Condition } from './conditions.ts';
import { badValue, invalidInput, unknownArgument } from './errors.ts';
import { parseInteger } from './python-values.ts';
import { metadataValue } from './typed-value.ts';

/** One end of a time range, in microseconds since the epoch. */
export interface TimeBound {
  readonly micros: number;
  readonly op: 'lt' | 'le' | 'gt' | 'ge';
}

/** What a simple query on samples asks for. */
export interface SampleConditions {
  /** All conditions together, times included; absent where there is none. */
  readonly filter: SampleFilter | undefined;
  /** The range samples are taken from, `search_offset` applied. */
  readonly start: TimeBound | null;
  readonly end: TimeBound | null;
  /** The range as it was asked, without `search_offset`; durations are cut to it. */
  readonly askedStartMicros: number | null;
  readonly askedEndMicros: number | null;
}

/** Which fields a path offers. */
export interface SampleFields {
  /** Names without `_id`, as error texts list them. */
  readonly keys: readonly string[];
  readonly times: boolean;
}

const FIELDS: ReadonlyMap<string, SampleField> = new Map<string, SampleField>([
  ['meter', 'name'],
  ['message_id', 'id'],
  ['source', 'source'],
  ['user', 'userId'],
  ['project', 'projectId'],
  ['resource', 'resourceId'],
]);

/** Fields of samples and statistics. */
export const SAMPLE_FIELDS: SampleFields = { keys: [...FIELDS.keys()], times: true };
/** Fields of the list of meters. */
export const METER_FIELDS: SampleFields = { keys: ['source', 'user', 'project', 'resource'], times: false };
/** Fields of the list of resources. */
export const RESOURCE_FIELDS: SampleFields = { keys: ['source', 'user', 'project', 'resource'], times: true };

const ALIASES: ReadonlyMap<string, string> = new Map([
  ['user_id', 'user'],
  ['project_id', 'project'],
  ['resource_id', 'resource'],
]);

/**
 * Translates a simple query on samples. Throws an `ApiError` (400) with the texts of the original. Pure.
 *
 * Of several conditions on one field the last counts, and of several times the last start and the last end, as in
 * the original. Unlike there a zone offset in a time is applied, and every operator is checked.
 */
export function sampleConditions(conditions: readonly Condition[], fields: SampleFields): SampleConditions {
  const asked = askedRange(conditions, fields);
  const range = shifted(asked, searchOffsetMicros(conditions, fields));
  const members = new Map<SampleField, SampleFilter>();
  for (const condition of conditions) {
    if (isTime(condition.field)) continue;
    const filter = fieldFilter(condition, fields, conditions);
    members.set(filter.field, filter);
  }
  const filters = [...members.values(), ...bounds(range.start), ...bounds(range.end)];
  return {
    filter: all(filters),
    ...range,
    askedStartMicros: asked.start?.micros ?? null,
    askedEndMicros: asked.end?.micros ?? null,
  };
}

/**
 * The conditions on paths that name the meter themselves: there one on the meter is overridden, but one that is
 * wrong in itself still refused.
 */
export function withoutMeter(conditions: readonly Condition[]): readonly Condition[] {
  return conditions.filter(({ field, op }) => field !== 'meter' || op !== 'eq');
}

/** The filter, and the meter has this name. */
export function withMeter(filter: SampleFilter | undefined, meter: string): SampleFilter {
  const name: SampleFilter = { kind: 'compare', field: 'name', op: 'eq', value: meter };
  return filter === undefined ? name : { kind: 'and', members: [name, filter] };
}

function all(filters: readonly SampleFilter[]): SampleFilter | undefined {
  return filters.length > 1 ? { kind: 'and', members: filters } : filters[0];
}

function isTime(field: string): boolean {
  return field === 'timestamp' || field === 'search_offset';
}

interface TimeRange {
  readonly start: TimeBound | null;
  readonly end: TimeBound | null;
}

function askedRange(conditions: readonly Condition[], fields: SampleFields): TimeRange {
  let start: TimeBound | null = null;
  let end: TimeBound | null = null;
  for (const condition of conditions) {
    if (condition.field !== 'timestamp') continue;
    if (!fields.times) throw unknownArgument('timestamp', 'not valid for this resource');
    const bound = timeBound(condition);
    if (bound === null) continue;
    if (bound.op === 'gt' || bound.op === 'ge') start = bound;
    else end = bound;
  }
  return { start, end };
}

/** Null for an empty text, which the original takes as no bound. */
function timeBound({ op, value }: Condition): TimeBound | null {
  if (op !== 'lt' && op !== 'le' && op !== 'gt' && op !== 'ge') throw unimplementedOperator(op, 'timestamp');
  if (value === '') return null;
  const micros = tryParseTimestamp(value);
  if (micros === undefined) throw invalidInput('timestamp', value, 'invalid timestamp format');
  return { micros, op };
}

/** Minutes the range grows by at each end; no more than the calendar has. */
const MAXIMUM_OFFSET_MINUTES = 10_000 * 366 * 24 * 60;

function searchOffsetMicros(conditions: readonly Condition[], fields: SampleFields): number {
  const offset = conditions.findLast((condition) => condition.field === 'search_offset');
  if (offset === undefined) return 0;
  if (!fields.times) throw unknownArgument('search_offset', 'not valid for this resource');
  if (offset.op !== 'eq') throw unimplementedOperator(offset.op, 'search_offset');
  if (!conditions.some((condition) => condition.field === 'timestamp')) {
    throw invalidInput('field', 'search_offset', 'search_offset cannot be used without timestamp');
  }
  const minutes = Number(parseInteger(offset.value) ?? Number.NaN);
  if (!(Math.abs(minutes) <= MAXIMUM_OFFSET_MINUTES)) {
    throw invalidInput('search_offset', offset.value, 'It is not a number of minutes.');
  }
  return minutes * 60_000_000;
}

function shifted({ start, end }: TimeRange, offsetMicros: number): TimeRange {
  return {
    start: start && { micros: start.micros - offsetMicros, op: start.op },
    end: end && { micros: end.micros + offsetMicros, op: end.op },
  };
}

function bounds(bound: TimeBound | null): readonly SampleFilter[] {
  return bound === null ? [] : [{ kind: 'compare', field: 'timestamp', op: bound.op, value: bound.micros }];
}

type Comparison = Extract<SampleFilter, { kind: 'compare' }>;

function fieldFilter(condition: Condition, fields: SampleFields, asked: readonly Condition[]): Comparison {
  const field = fieldOf(condition.field, fields);
  if (field === null) throw unrecognizedField(condition.field, asked, fields);
  if (condition.op !== 'eq') throw unimplementedOperator(condition.op, condition.field);
  return { kind: 'compare', field, op: 'eq', value: fieldValue(field, condition) };
}

function fieldOf(name: string, fields: SampleFields): SampleField | null {
  for (const prefix of ['metadata.', 'resource_metadata.']) {
    if (!name.startsWith(prefix)) continue;
    if (name === prefix) throw badValue(`The condition on ${name} names no metadata key`);
    return `metadata.${name.slice(prefix.length)}`;
  }
  // Ours, and so not among the names that texts of the original list.
  if (name === 'deployment') return name;
  const key = ALIASES.get(name) ?? name;
  return fields.keys.includes(key) ? (FIELDS.get(key) ?? null) : null;
}

function fieldValue(field: SampleField, condition: Condition): JsonScalar {
  if (field.startsWith('metadata.')) return metadataValue(condition);
  // The user and the project of a sample may be unset, which the original spells None.
  const unset = condition.value === 'None' && (field === 'userId' || field === 'projectId');
  return unset ? null : condition.value;
}

function unimplementedOperator(op: string, field: string): Error {
  return invalidInput('op', op, `unimplemented operator for ${field}`);
}

function unrecognizedField(name: string, conditions: readonly Condition[], fields: SampleFields): Error {
  const known = [...fields.keys, ...(fields.times ? ['search_offset', 'timestamp'] : [])];
  const asked = conditions.map(
    ({ field, op, value, type }) => `<Query '${field}' ${op} '${value}' ${type ?? 'Unset'}>`,
  );
  const keys = known.sort().map((name) => `'${name}'`);
  return unknownArgument(
    ALIASES.get(name) ?? name,
    `unrecognized field in query: [${asked.join(', ')}], valid keys: [${keys.join(', ')}]`,
  );
}
