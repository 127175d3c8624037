import { NephoscopeError } from '../../component/errors.ts';
import { losesNumbers, parseExact } from '../../lib/exact-json.ts';
import { FloatToken, type JsonScalar, type JsonValue } from '../../model/json.ts';
import type { ComparisonOperator, SampleField, SampleFilter } from '../query.ts';
import { readMetadata, testMetadata } from './metadata-match.ts';
import type { Predicate, ReadContext, SqlText } from './read-context.ts';

/**
 * What a condition speaks about: only the meter (`meter m`), only what repeats from sample to sample
 * (`descriptor d`), or the single sample (`sample s`). Conditions of the first two are decided once per meter or
 * descriptor, not per sample.
 */
export type Level = 'meter' | 'descriptor' | 'sample';

/** A condition as SQL over the table alias of its level. Never null: what cannot be compared is false. */
export interface CompiledFilter extends SqlText {
  readonly level: Level;
}

type Compare = Extract<SampleFilter, { kind: 'compare' }>;
type Match = Extract<SampleFilter, { kind: 'match' }>;
type LabelColumn = 'd.user' | 'd.project' | 'd.source' | 'd.deployment';

const OPERATORS: Readonly<Record<ComparisonOperator, string>> = {
  lt: '<',
  le: '<=',
  eq: '=',
  ne: '<>',
  ge: '>=',
  gt: '>',
};

/** SQLite takes 32,766 parameters in a statement. */
const MAX_MEMBERS = 8_192;
const METER_COLUMNS = { name: 'm.name', type: 'm.type', unit: 'm.unit' } as const;
const LABEL_COLUMNS = {
  userId: 'd.user',
  projectId: 'd.project',
  source: 'd.source',
  deployment: 'd.deployment',
} as const;
const NUMBER_COLUMNS = { volume: 's.volume', timestamp: 's.ts', recordedAt: 's.recorded' } as const;
const RESOURCE_TEXT = '(SELECT resource_id FROM resource WHERE id = d.resource)';
const SAMPLE_ID = 'sample_id(s.id, s.ts, s.disc)';

/** Translates a condition; predicates of metadata and patterns are registered in `context` for the query. */
export function compileFilter(context: ReadContext, filter: SampleFilter): CompiledFilter {
  switch (filter.kind) {
    case 'and':
    case 'or':
      return combine(
        context,
        filter.kind,
        filter.members.map((member) => compileFilter(context, member)),
      );
    case 'not': {
      const inner = compileFilter(context, filter.member);
      return { ...inner, sql: `NOT (${inner.sql})` };
    }
    case 'compare':
      return compileCompare(context, filter);
    case 'match':
      return compileMatch(context, filter);
    default:
      return filter satisfies never;
  }
}

/** Members joined at the narrowest level that all of them have. */
export function combine(
  context: ReadContext,
  kind: 'and' | 'or',
  members: readonly CompiledFilter[],
): CompiledFilter {
  const [first] = members;
  if (first === undefined) return constant(kind === 'and');
  const same = members.every(({ level }) => level === first.level);
  const lifted = same ? members : members.map((member) => liftToSample(context, member));
  return {
    level: same ? first.level : 'sample',
    sql: joinBalanced(
      lifted.map(({ sql }) => sql),
      kind === 'and' ? ' AND ' : ' OR ',
    ),
    parameters: lifted.flatMap(({ parameters }) => parameters),
  };
}

/** In halves, because SQLite bounds how deep an expression may be nested, and a plain row of ORs nests to the left. */
function joinBalanced(members: readonly string[], operator: string): string {
  if (members.length > MAX_MEMBERS) {
    throw new NephoscopeError('E3013', `A condition has ${members.length} members, more than ${MAX_MEMBERS}`);
  }
  if (members.length <= 2) return `(${members.join(operator)})`;
  const half = members.length >> 1;
  return `(${joinBalanced(members.slice(0, half), operator)}${operator}${joinBalanced(members.slice(half), operator)})`;
}

/** The same condition over `sample s`. */
export function liftToSample(context: ReadContext, filter: CompiledFilter): CompiledFilter {
  switch (filter.level) {
    case 'sample':
      return filter;
    case 'meter':
      return { ...filter, level: 'sample', sql: `s.meter IN (SELECT m.id FROM meter m WHERE ${filter.sql})` };
    case 'descriptor': {
      const slot = context.addPredicate(descriptorPredicate(context, filter));
      return { level: 'sample', sql: 'holds(?, s.descriptor)', parameters: [slot] };
    }
    default:
      return filter.level satisfies never;
  }
}

/** Decides a descriptor condition by the descriptor's number, each number once per query. */
export function descriptorPredicate(context: ReadContext, filter: SqlText): Predicate {
  const known = new Map<unknown, boolean>();
  const sql = `SELECT 1 FROM descriptor d WHERE d.id = ? AND ${filter.sql}`;
  return (descriptor) => {
    const decided = known.get(descriptor);
    if (decided !== undefined) return decided;
    const holds = context.first(sql, [descriptor as number, ...filter.parameters]) !== undefined;
    known.set(descriptor, holds);
    return holds;
  };
}

function compileCompare(context: ReadContext, { field, op, value }: Compare): CompiledFilter {
  switch (field) {
    case 'name':
    case 'type':
    case 'unit':
      return compareText('meter', METER_COLUMNS[field], op, value);
    case 'userId':
    case 'projectId':
    case 'source':
    case 'deployment':
      return compareLabel(context, LABEL_COLUMNS[field], op, value);
    case 'resourceId':
      return compareResource(context, op, value);
    case 'volume':
    case 'timestamp':
    case 'recordedAt':
      return compareNumber(NUMBER_COLUMNS[field], op, value);
    case 'id':
      return compareText('sample', SAMPLE_ID, op, value);
    default:
      return compareMetadata(context, metadataKey(field), op, value);
  }
}

function compareText(
  level: Level,
  column: string,
  op: ComparisonOperator,
  value: JsonScalar,
): CompiledFilter {
  if (value === null) return isSet(level, `${column} IS NOT NULL`, op);
  if (typeof value !== 'string') return constant(false, level);
  return { level, sql: `coalesce(${column} ${OPERATORS[op]} ?, 0)`, parameters: [value] };
}

function compareNumber(column: string, op: ComparisonOperator, value: JsonScalar): CompiledFilter {
  if (value === null) return isSet('sample', '1', op);
  const number = toSqlNumber(value);
  if (number === undefined) return constant(false);
  return { level: 'sample', sql: `${column} ${OPERATORS[op]} ?`, parameters: [number] };
}

/** Equality is decided on the label's number, which has an index for projects. */
function compareLabel(
  context: ReadContext,
  column: LabelColumn,
  op: ComparisonOperator,
  value: JsonScalar,
): CompiledFilter {
  const level = 'descriptor';
  if (value === null) return isSet(level, `${column} <> 0`, op);
  if (typeof value !== 'string') return constant(false, level);
  if (op === 'eq' || op === 'ne') {
    const label = Number(context.first('SELECT id FROM label WHERE text = ?', [value])?.[0] ?? -1);
    if (op === 'eq') return { level, sql: `${column} = ?`, parameters: [label] };
    return { level, sql: `(${column} <> 0 AND ${column} <> ?)`, parameters: [label] };
  }
  const text = labelText(column);
  return { level, sql: `coalesce(${text} ${OPERATORS[op]} ?, 0)`, parameters: [value] };
}

function compareResource(context: ReadContext, op: ComparisonOperator, value: JsonScalar): CompiledFilter {
  const level = 'descriptor';
  if (value === null) return isSet(level, '1', op);
  if (typeof value !== 'string') return constant(false, level);
  if (op === 'eq' || op === 'ne') {
    return { level, sql: `d.resource ${OPERATORS[op]} ?`, parameters: [resourceNumber(context, value)] };
  }
  return { level, sql: `coalesce(${RESOURCE_TEXT} ${OPERATORS[op]} ?, 0)`, parameters: [value] };
}

/** The row number of a resource, -1 when there is none. */
export function resourceNumber(context: ReadContext, resourceId: string): number {
  return Number(context.first('SELECT id FROM resource WHERE resource_id = ?', [resourceId])?.[0] ?? -1);
}

function compareMetadata(
  context: ReadContext,
  key: string,
  op: ComparisonOperator,
  value: JsonScalar,
): CompiledFilter {
  return onMetadata(context, (metadata) => testMetadata(metadata, key, op, value));
}

function onMetadata(context: ReadContext, test: (metadata: JsonValue) => boolean): CompiledFilter {
  const slot = context.addPredicate((descriptor) => test(metadataOf(context, Number(descriptor))));
  return { level: 'descriptor', sql: 'holds(?, d.id)', parameters: [slot] };
}

/** The metadata of a descriptor, numbers exact. */
export function metadataOf(context: ReadContext, descriptor: number): JsonValue {
  const text = String(
    context.first('SELECT text FROM metadata WHERE descriptor = ?', [descriptor])?.[0] ?? '{}',
  );
  return losesNumbers(text) ? parseExact(text) : (JSON.parse(text) as JsonValue);
}

function compileMatch(context: ReadContext, { field, pattern }: Match): CompiledFilter {
  const expression = toPattern(pattern);
  const test: Predicate = (value) => typeof value === 'string' && expression.test(value);
  const level = levelOf(field);
  const text = textOf(field);
  if (text !== undefined) {
    return { level, sql: `holds(?, ${text})`, parameters: [context.addPredicate(test)] };
  }
  if (level === 'sample') return constant(false);
  const key = metadataKey(field);
  return onMetadata(context, (metadata) => readMetadata(metadata, key).some(test));
}

function toPattern(pattern: string): RegExp {
  try {
    return new RegExp(pattern, 'u');
  } catch (thrown) {
    throw new NephoscopeError('E3013', `Bad regular expression ${JSON.stringify(pattern)}`, {
      cause: thrown,
    });
  }
}

function levelOf(field: SampleField): Level {
  if (field in METER_COLUMNS) return 'meter';
  return field in NUMBER_COLUMNS || field === 'id' ? 'sample' : 'descriptor';
}

/** SQL for the text of a text field over the alias of its level; undefined for numbers and metadata. */
export function textOf(field: SampleField): string | undefined {
  if (field in METER_COLUMNS) return METER_COLUMNS[field as keyof typeof METER_COLUMNS];
  if (field in LABEL_COLUMNS) return labelText(LABEL_COLUMNS[field as keyof typeof LABEL_COLUMNS]);
  if (field === 'resourceId') return RESOURCE_TEXT;
  return field === 'id' ? SAMPLE_ID : undefined;
}

function labelText(column: LabelColumn): string {
  return `(SELECT text FROM label WHERE id = ${column})`;
}

function metadataKey(field: SampleField): string {
  if (field.startsWith('metadata.')) return field.slice('metadata.'.length);
  throw new NephoscopeError('E3013', `There is no field ${JSON.stringify(field)}`);
}

function isSet(level: Level, sql: string, op: ComparisonOperator): CompiledFilter {
  if (op === 'eq') return { level, sql: `NOT (${sql})`, parameters: [] };
  return op === 'ne' ? { level, sql, parameters: [] } : constant(false, level);
}

function constant(value: boolean, level: Level = 'sample'): CompiledFilter {
  return { level, sql: value ? '1' : '0', parameters: [] };
}

/** A number SQLite compares exactly, or undefined for what is none. */
function toSqlNumber(value: JsonScalar): number | bigint | undefined {
  const number = value instanceof FloatToken ? value.value : value;
  if (typeof number === 'bigint') return BigInt.asIntN(64, number) === number ? number : Number(number);
  return typeof number === 'number' ? number : undefined;
}
