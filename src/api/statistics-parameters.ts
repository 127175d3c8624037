import { Type } from '@sinclair/typebox';
import { type Aggregate, GROUP_FIELDS, type GroupField } from '../store/query.ts';
import { type ApiError, badValue, invalidInput, unknownArgument } from './errors.ts';
import { integerParameter, type Parameter, repeatedParameter } from './parameters.ts';

/** The range of years a calendar has, in seconds: no bucket can be longer. */
const MAXIMUM_PERIOD_SECONDS = 10_000 * 366 * 86_400;

const PERIOD_INTEGER = integerParameter(
  'period',
  'Length of the buckets in seconds; absent or 0: one bucket over the whole range.',
  Type.Integer({ minimum: 0 }),
);

/** Bucket length in seconds, 0 for one bucket over all. */
export const PERIOD: Parameter<number> = {
  docs: PERIOD_INTEGER.docs,
  read: (query) => {
    const period = PERIOD_INTEGER.read(query) ?? 0;
    if (period < 0) throw badValue('Period must be positive.');
    if (period > MAXIMUM_PERIOD_SECONDS) throw outOfRange(period);
    return period;
  },
};

/** 400: with buckets of this length a time would lie outside of the calendar. */
export function outOfRange(periodSeconds: number): ApiError {
  return badValue(`Invalid period ${periodSeconds}: date value out of range`);
}

/** How the group fields are called in requests and answers. */
export const GROUP_NAMES: Readonly<Record<GroupField, string>> = {
  userId: 'user_id',
  resourceId: 'resource_id',
  projectId: 'project_id',
  source: 'source',
  'metadata.instance_type': 'resource_metadata.instance_type',
};

const GROUP_TEXTS = repeatedParameter(
  'groupby',
  'Field to group by; repeat for several.',
  Type.Union(GROUP_FIELDS.map((field) => Type.Literal(GROUP_NAMES[field]))),
);

/** The fields to group by, each once, in the order asked. */
export const GROUP_BY: Parameter<readonly GroupField[]> = {
  docs: GROUP_TEXTS.docs,
  read: (query) => {
    const names = [...new Set(GROUP_TEXTS.read(query))];
    const unknown = names.filter((name) => groupField(name) === undefined);
    if (unknown.length > 0) {
      const set = unknown.map((name) => `'${name}'`).join(', ');
      throw unknownArgument(`{${set}}`, 'Invalid groupby fields');
    }
    return names.map(groupField).filter((field) => field !== undefined);
  },
};

function groupField(name: string): GroupField | undefined {
  return GROUP_FIELDS.find((field) => GROUP_NAMES[field] === name);
}

const PLAIN_FUNCTIONS = ['max', 'min', 'avg', 'sum', 'count', 'stddev'] as const;
const CARDINALITY_FIELDS = ['resourceId', 'userId', 'projectId', 'source'] as const;

/** An aggregate as it was asked for: `name` is its key in answers, e.g. `cardinality/resource_id`. */
export interface NamedAggregate {
  readonly name: string;
  readonly aggregate: Aggregate;
}

/** The aggregates an answer has when none is asked for. */
export const STANDARD_AGGREGATES: readonly NamedAggregate[] = (
  ['min', 'max', 'avg', 'sum', 'count'] as const
).map((func) => ({ name: func, aggregate: { func } }));

/** The aggregates asked for, equal ones once; empty when there are none. Parameters belong to functions by position. */
export const AGGREGATES: Parameter<readonly NamedAggregate[]> = {
  docs: [
    {
      name: 'aggregate.func',
      doc: 'Function to compute instead of the standard ones; repeat for several, those with a parameter first.',
      schema: Type.Array(Type.Union([...PLAIN_FUNCTIONS, 'cardinality'].map((func) => Type.Literal(func)))),
    },
    {
      name: 'aggregate.param',
      doc: 'Parameter of the function at the same position: the field cardinality counts.',
      schema: Type.Array(Type.Union(CARDINALITY_FIELDS.map((field) => Type.Literal(GROUP_NAMES[field])))),
    },
  ],
  read: (query) => {
    const funcs = query.get('aggregate.func') ?? [];
    const params = query.get('aggregate.param') ?? [];
    if (params.length > funcs.length) {
      throw invalidInput(
        'aggregate.param',
        params.join(', '),
        'There are more of them than of aggregate.func.',
      );
    }
    const named = funcs.map((func, index) => namedAggregate(func, params[index] || null));
    return [...new Map(named.map((item) => [item.name, item])).values()];
  },
};

function namedAggregate(func: string, param: string | null): NamedAggregate {
  if (func === 'cardinality') {
    const field = CARDINALITY_FIELDS.find((known) => GROUP_NAMES[known] === param);
    if (field === undefined) throw badValue(`Bad aggregate: cardinality.${param ?? ''}`);
    return { name: `cardinality/${param}`, aggregate: { func, field } };
  }
  const plain = PLAIN_FUNCTIONS.find((known) => known === func);
  if (plain === undefined) throw badValue(`Invalid aggregation function: ${func}`);
  if (param !== null) throw badValue(`Bad aggregate: ${func}.${param}`);
  return { name: plain, aggregate: { func: plain } };
}
