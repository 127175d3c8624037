import { NephoscopeError } from '../../component/errors.ts';
import { compareCodePoints } from '../../lib/code-points.ts';
import type { SampleType } from '../../model/sample.ts';
import type { SampleField, SampleQuery, StoredSample } from '../query.ts';
import type { Row, SqlValue } from './database.ts';
import { createDescriptorReader, metadataText } from './descriptor-texts.ts';
import { textOf } from './filter-compile.ts';
import type { ReadContext } from './read-context.ts';
import { storedSampleId } from './sample-identity.ts';
import { type MeterRange, planScan, rangeSource, type ScanPlan } from './scan-plan.ts';

interface OrderTerm {
  readonly sql: string;
  readonly sign: 1 | -1;
}

interface Found {
  readonly range: MeterRange;
  readonly row: Row;
  /** Values of the order terms. */
  readonly keys: Row;
}

const COLUMNS = 's.id, s.ts, s.disc, s.volume, s.recorded, s.descriptor';
const COLUMN_COUNT = 6;

/** Samples of a query, in its order; ties are ordered by time, then by recording, the last first. */
export function readSamples(context: ReadContext, query: SampleQuery): readonly StoredSample[] {
  const terms = orderTerms(query);
  const plan = planScan(context, query.filter);
  return toStoredSamples(context, findFirst(context, plan, terms, query.limit ?? Number.POSITIVE_INFINITY));
}

/** The sample with this id, or null. */
export function readSample(context: ReadContext, id: string): StoredSample | null {
  const filter = { kind: 'compare', field: 'id', op: 'eq', value: id } as const;
  return readSamples(context, { filter, limit: 1 })[0] ?? null;
}

/**
 * Takes the first of each meter and of these the first over all. Once enough are found, a time order lets later meters
 * be read only as far as they can still matter.
 */
function findFirst(
  context: ReadContext,
  plan: ScanPlan,
  terms: readonly OrderTerm[],
  limit: number,
): readonly Found[] {
  const byTime = terms[0]?.sql === 's.ts' ? terms[0].sign : 0;
  const inOrder = (a: Found, b: Found): number => compareKeys(a.keys, b.keys, terms);
  let found: Found[] = [];
  let sources = 0;
  for (const range of plan.ranges) {
    const last = found.length >= limit ? found.at(-1)?.keys[0] : undefined;
    const narrowed = typeof last === 'number' ? cutRange(range, last, byTime) : range;
    const rows = readRange(context, plan, narrowed, terms, limit);
    if (rows.length === 0) continue;
    sources += 1;
    found = found.concat(rows);
    if (sources > 1 && found.length >= limit) found = found.sort(inOrder).slice(0, limit);
  }
  return sources > 1 ? found.sort(inOrder) : found;
}

function cutRange(range: MeterRange, last: number, byTime: number): MeterRange {
  if (byTime < 0) return { ...range, from: Math.max(range.from, last) };
  return byTime > 0 ? { ...range, to: Math.min(range.to, last) } : range;
}

function readRange(
  context: ReadContext,
  plan: ScanPlan,
  range: MeterRange,
  terms: readonly OrderTerm[],
  limit: number,
): readonly Found[] {
  const source = rangeSource(context, plan, range, true);
  const keys = terms.map(({ sql }) => sql).join(', ');
  const order = terms
    .map(({ sign }, index) => `${COLUMN_COUNT + 1 + index} ${sign > 0 ? 'ASC' : 'DESC'}`)
    .join(', ');
  const rows = context.all(`SELECT ${COLUMNS}, ${keys} FROM ${source.sql} ORDER BY ${order} LIMIT ?`, [
    ...source.parameters,
    Number.isFinite(limit) ? limit : -1,
  ]);
  return rows.map((row) => ({ range, row, keys: row.slice(COLUMN_COUNT) }));
}

function orderTerms(query: SampleQuery): readonly OrderTerm[] {
  const asked = query.orderBy ?? [];
  const terms = asked.map(
    ({ field, direction }): OrderTerm => ({ sql: orderSql(field), sign: direction === 'asc' ? 1 : -1 }),
  );
  const given = new Set(terms.map(({ sql }) => sql));
  for (const sql of ['s.ts', 's.recorded']) if (!given.has(sql)) terms.push({ sql, sign: -1 });
  return terms;
}

function orderSql(field: SampleField): string {
  switch (field) {
    case 'timestamp':
      return 's.ts';
    case 'recordedAt':
      return 's.recorded';
    case 'volume':
      return 's.volume';
    case 'name':
    case 'type':
    case 'unit':
      return `(SELECT ${textOf(field)} FROM meter m WHERE m.id = s.meter)`;
    case 'userId':
    case 'projectId':
    case 'source':
    case 'deployment':
    case 'resourceId':
      return `(SELECT ${textOf(field)} FROM descriptor d WHERE d.id = s.descriptor)`;
    case 'id':
      return 'sample_id(s.id, s.ts, s.disc)';
    default:
      throw new NephoscopeError('E3013', `Samples cannot be ordered by ${field}`);
  }
}

function compareKeys(left: Row, right: Row, terms: readonly OrderTerm[]): number {
  for (const [index, { sign }] of terms.entries()) {
    const order = compareValues(left[index] ?? null, right[index] ?? null);
    if (order !== 0) return order * sign;
  }
  return 0;
}

/** As SQLite orders: null before all. The values of one term are of one kind. */
function compareValues(left: SqlValue, right: SqlValue): number {
  if (left === null || right === null) return Number(left !== null) - Number(right !== null);
  if (typeof left === 'string' && typeof right === 'string') return compareCodePoints(left, right);
  return Number(left) - Number(right);
}

function toStoredSamples(context: ReadContext, found: readonly Found[]): readonly StoredSample[] {
  const describe = createDescriptorReader(context);
  const metadata = new Map<number, string>();
  return found.map(({ range, row }) => {
    const [id, micros, disc, volume, recorded, descriptorNumber] = row;
    const descriptor = Number(descriptorNumber);
    const metadataJson = metadata.get(descriptor) ?? metadataText(context, descriptor);
    metadata.set(descriptor, metadataJson);
    return {
      id: storedSampleId(id as string | null, Number(micros), Number(disc)),
      name: range.name,
      type: range.type as SampleType,
      unit: range.unit,
      volume: Number(volume),
      ...describe(descriptor),
      timestampMicros: Number(micros),
      recordedMicros: Number(recorded),
      metadataJson,
    };
  });
}
