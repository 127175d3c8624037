import { nearestWord } from '../lib/nearest.ts';
import { tryParseTimestamp } from '../lib/timestamp.ts';
import { parseWhere, type WhereCondition, whereError } from './where.ts';

/** One condition as the API takes it. */
export interface ApiCondition {
  readonly field: string;
  readonly op: string;
  readonly type: string;
  readonly value: string;
}

/** Which fields a question has, and how they compare. */
export interface WhereFields {
  /** Names the API has, with how they compare. */
  readonly names: Readonly<Record<string, 'equal' | 'time'>>;
  /** What every other name is: a key of the metadata has a prefix, a trait has none. */
  readonly others: 'metadata' | 'trait';
}

const PERSONAL = { project: 'equal', user: 'equal', resource: 'equal', source: 'equal' } as const;

/** Fields of each question. */
export const WHERE_FIELDS = {
  meters: { names: PERSONAL, others: 'metadata' },
  samples: {
    names: { ...PERSONAL, meter: 'equal', message_id: 'equal', deployment: 'equal', timestamp: 'time' },
    others: 'metadata',
  },
  statistics: {
    names: { ...PERSONAL, message_id: 'equal', deployment: 'equal', timestamp: 'time' },
    others: 'metadata',
  },
  resources: { names: { ...PERSONAL, timestamp: 'time' }, others: 'metadata' },
  events: {
    names: {
      event_type: 'equal',
      message_id: 'equal',
      deployment: 'equal',
      priority: 'equal',
      timestamp: 'time',
    },
    others: 'trait',
  },
} as const satisfies Record<string, WhereFields>;

/** Other spellings that are understood. */
const ALIASES: Readonly<Record<string, string>> = {
  project_id: 'project',
  user_id: 'user',
  resource_id: 'resource',
  id: 'message_id',
};

/**
 * Reads a `--where` text and checks it against the fields of a question. Throws a `NephoscopeError` (E4030) with the
 * place, and what is known there. Pure.
 */
export function whereConditions(text: string, fields: WhereFields): readonly ApiCondition[] {
  return parseWhere(text).map((condition) => translate(condition, fields, text));
}

function translate(condition: WhereCondition, fields: WhereFields, text: string): ApiCondition {
  const alias = Object.hasOwn(ALIASES, condition.field) ? ALIASES[condition.field] : undefined;
  const field = alias !== undefined && Object.hasOwn(fields.names, alias) ? alias : condition.field;
  const kind = Object.hasOwn(fields.names, field) ? fields.names[field] : undefined;
  if (kind === 'time') return timeCondition(condition, fields, text);
  if (kind === 'equal') return equalCondition({ ...condition, field }, '', text);
  if (fields.others === 'trait') return traitCondition(condition);
  if (!/^(?:resource_)?metadata\../.test(field)) throw unknownField(condition, fields, text);
  return equalCondition(condition, condition.quoted ? 'string' : '', text);
}

function equalCondition(condition: WhereCondition, type: string, text: string): ApiCondition {
  const { field, op, value, position } = condition;
  if (op === 'eq') return { field, op, type, value };
  throw whereError(text, position, `${field} can only be compared with =`);
}

function timeCondition(condition: WhereCondition, fields: WhereFields, text: string): ApiCondition {
  const { op, value, position } = condition;
  if (tryParseTimestamp(value) === undefined) {
    throw whereError(
      text,
      position,
      `${value} is no time`,
      'Write it like 2026-03-01 or 2026-03-01T10:00:00+01:00.',
    );
  }
  if (op === 'eq' || op === 'ne') throw whereError(text, position, 'timestamp is compared with < <= > >=');
  if (fields.others !== 'trait') return { field: 'timestamp', op, type: '', value };
  if (op === 'ge') return { field: 'start_timestamp', op, type: '', value };
  if (op === 'le') return { field: 'end_timestamp', op, type: '', value };
  throw whereError(text, position, 'The timestamp of events is compared with >= and <=');
}

function traitCondition({ field, op, value, quoted }: WhereCondition): ApiCondition {
  return { field, op, type: quoted ? 'string' : traitType(value), value };
}

/** Traits compare only with values of their own type: what a bare value looks like is what it is. */
function traitType(value: string): string {
  if (/^[+-]?\d+$/.test(value)) return 'integer';
  if (/^[+-]?(?:\d+\.\d*|\.\d+|\d+(?:\.\d*)?[eE][+-]?\d+)$/.test(value)) return 'float';
  return /^\d{4}-\d\d-\d\d/.test(value) && tryParseTimestamp(value) !== undefined ? 'datetime' : 'string';
}

function unknownField({ field, position }: WhereCondition, fields: WhereFields, text: string): Error {
  const known = [...Object.keys(fields.names), 'metadata.KEY'];
  const near = nearestWord(field, Object.keys(fields.names));
  const hint = `${near === undefined ? '' : `Did you mean ${near}? `}Known: ${known.join(', ')}.`;
  return whereError(text, position, `There is no field ${field} here`, hint);
}
