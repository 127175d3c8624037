/**
 * Numbers of a line of /proc: null unless all `fields` are. Counters beyond 2^53 lose their last digits, as any
 * volume does. Pure.
 */
export function tryParseCounts(fields: readonly string[]): readonly number[] | null {
  return fields.every((field) => /^\d{1,20}$/.test(field)) ? fields.map(Number) : null;
}
