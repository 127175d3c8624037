import { type TSchema, Type } from '@sinclair/typebox';
import { badValue, invalidInput, unknownArgument } from './errors.ts';
import { parseInteger, TRUE_WORDS } from './python-values.ts';
import type { QueryParameters } from './query-parameters.ts';

/** One query parameter as the OpenAPI document shows it. */
export interface ParameterDoc {
  readonly name: string;
  readonly doc: string;
  readonly schema: TSchema;
}

/**
 * A query parameter, or a family of parallel ones: how it is read and how it is described, in one place.
 * `read` throws an `ApiError` (400).
 */
export interface Parameter<Value> {
  readonly docs: readonly ParameterDoc[];
  read(query: QueryParameters): Value;
}

/** The parameters of one route, by the name its handler uses. */
export type ParameterSet = Readonly<Record<string, Parameter<unknown>>>;

/** What a handler gets for a parameter set. */
export type ParameterValues<Params extends ParameterSet> = {
  readonly [Name in keyof Params]: Params[Name] extends Parameter<infer Value> ? Value : never;
};

/** Reads all parameters of a route. Throws an `ApiError` (400) for a bad one, or one the route does not have. */
export function readParameters<Params extends ParameterSet>(
  params: Params,
  query: QueryParameters,
): ParameterValues<Params> {
  const known = new Set(Object.values(params).flatMap((parameter) => parameter.docs.map((doc) => doc.name)));
  for (const name of query.keys()) {
    if (!known.has(name)) throw unknownArgument(name);
  }
  const values = Object.entries(params).map(([name, parameter]) => [name, parameter.read(query)] as const);
  return Object.fromEntries(values) as ParameterValues<Params>;
}

/** A text that may be given once. */
export function textParameter(name: string, doc: string): Parameter<string | null> {
  return { docs: [{ name, doc, schema: Type.String() }], read: (query) => single(name, query) };
}

/** An integer that may be given once; the texts of the errors are WSME's. */
export function integerParameter(
  name: string,
  doc: string,
  schema: TSchema = Type.Integer(),
): Parameter<number | null> {
  return {
    docs: [{ name, doc, schema }],
    read: (query) => {
      const text = single(name, query);
      if (text === null) return null;
      const value = parseInteger(text);
      if (value === undefined) throw notAnInteger(name, text);
      // Beyond 2^53 the exact value matters to nobody; only that it is large.
      return Number(value);
    },
  };
}

/** `limit` of API v2: absent, or a positive integer without upper bound. */
export const LIMIT: Parameter<number | null> = positiveLimit(
  integerParameter('limit', 'How many items to give at most.', Type.Integer({ minimum: 1 })),
);

function positiveLimit(parameter: Parameter<number | null>): Parameter<number | null> {
  return {
    docs: parameter.docs,
    read: (query) => {
      const limit = parameter.read(query);
      if (limit !== null && limit <= 0) throw badValue('Limit must be positive');
      return limit;
    },
  };
}

/** True for the texts the original takes as true in any case; everything else, and absence, is false. */
export function flagParameter(name: string, doc: string): Parameter<boolean> {
  return {
    docs: [{ name, doc, schema: Type.Boolean() }],
    read: (query) => TRUE_WORDS.has((single(name, query) ?? '').trim().toLowerCase()),
  };
}

/** A text that may be given several times. */
export function repeatedParameter(name: string, doc: string, schema: TSchema): Parameter<readonly string[]> {
  return { docs: [{ name, doc, schema: Type.Array(schema) }], read: (query) => query.get(name) ?? [] };
}

function single(name: string, query: QueryParameters): string | null {
  const values = query.get(name);
  if (values === undefined) return null;
  const [value, ...others] = values;
  if (others.length > 0) throw invalidInput(name, values.join(', '), 'It may be given only once.');
  return value ?? null;
}

function notAnInteger(name: string, text: string): Error {
  return invalidInput(name, text, 'unable to convert to int. It is not a whole number.');
}
