import type { JsonArray, JsonValue } from '../model/json.ts';

/** True for a list; `Array.isArray` alone does not narrow a readonly list. */
export function isList(value: JsonValue | undefined): value is JsonArray {
  return Array.isArray(value);
}
