import { Type } from '@sinclair/typebox';
import { badCondition } from './errors.ts';
import type { Parameter } from './parameters.ts';
import type { QueryParameters } from './query-parameters.ts';

/** One condition of a simple query as it was asked: `q.field`, `q.op`, `q.value`, `q.type` of one position. */
export interface Condition {
  readonly field: string;
  /** `eq` where none was given. */
  readonly op: string;
  readonly value: string;
  /** Null where none was given: the value is guessed. */
  readonly type: string | null;
}

/**
 * The simple query of API v2: the i-th of each parallel parameter belong together. Empty `q.op` and `q.type` count
 * as absent, because clients send blanks. The original read `q.field` without `q.value` as no condition at all,
 * and failed on the reverse; both are refused here.
 */
export const CONDITIONS: Parameter<readonly Condition[]> = {
  docs: [
    doc('q.field', 'Field of a condition; repeat for several, all must hold.'),
    doc('q.op', 'Comparison of a condition: lt, le, eq, ne, ge, gt; eq where absent.'),
    doc('q.type', 'Type of the value: integer, float, string, boolean, datetime; guessed where absent.'),
    doc('q.value', 'Value of a condition.'),
  ],
  read: readConditions,
};

function doc(name: string, text: string) {
  return { name, doc: text, schema: Type.Array(Type.String()) };
}

function readConditions(query: QueryParameters): readonly Condition[] {
  const fields = query.get('q.field') ?? [];
  const values = parallel('q.value', fields, query, 'required');
  const ops = parallel('q.op', fields, query, 'optional');
  const types = parallel('q.type', fields, query, 'optional');
  return fields.map((field, index) => ({
    field,
    op: ops[index] || 'eq',
    value: values[index] ?? '',
    type: types[index] || null,
  }));
}

function parallel(
  name: string,
  fields: readonly string[],
  query: QueryParameters,
  presence: 'required' | 'optional',
): readonly string[] {
  const values = query.get(name) ?? [];
  if (values.length === fields.length || (presence === 'optional' && values.length === 0)) return values;
  throw badCondition(`${values.length} ${name} for ${fields.length} q.field: give one for each condition`);
}
