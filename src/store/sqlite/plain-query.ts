import { FloatToken } from '../../model/json.ts';
import type { SampleFilter } from '../query.ts';

/**
 * The same filter without number tokens, which would lose their class on the way to another thread; a comparison does
 * not tell `1.0` from `1`.
 */
export function toPlainFilter(filter: SampleFilter): SampleFilter {
  switch (filter.kind) {
    case 'compare': {
      const { value } = filter;
      return value instanceof FloatToken ? { ...filter, value: value.value } : filter;
    }
    case 'and':
    case 'or':
      return { kind: filter.kind, members: filter.members.map(toPlainFilter) };
    case 'not':
      return { kind: 'not', member: toPlainFilter(filter.member) };
    case 'match':
      return filter;
    default:
      return filter satisfies never;
  }
}

/** A query whose filter, if it has one, is plain. */
export function withPlainFilter<Query extends { readonly filter?: SampleFilter }>(query: Query): Query {
  return query.filter === undefined ? query : { ...query, filter: toPlainFilter(query.filter) };
}
