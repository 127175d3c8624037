import { MAX_JSON_DEPTH, quoted, stringifyExact } from '../lib/exact-json.ts';
import { isJsonObject, type JsonObject } from '../model/json.ts';
import { keyOrder } from './key-order.ts';

/** JSON text of a text or null. */
export function quotedOrNull(text: string | null): string {
  return text === null ? 'null' : quoted(text);
}

/** What `stringifyExact` makes of a mapping, faster for mappings whose keys were just seen. Throws RangeError as it. */
export function mappingText(mapping: JsonObject, depth = 1): string {
  if (depth >= MAX_JSON_DEPTH) throw new RangeError(`Nested deeper than ${MAX_JSON_DEPTH} levels`);
  const { given, givenJson } = keyOrder(mapping);
  let text = '{';
  for (let index = 0; index < given.length; index += 1) {
    const value = mapping[given[index] as string];
    if (value === undefined) continue;
    const begin = text.length === 1 ? givenJson[index] : `,${givenJson[index]}`;
    if (typeof value === 'string') text += begin + quoted(value);
    else text += begin + (isJsonObject(value) ? mappingText(value, depth + 1) : stringifyExact(value));
  }
  return `${text}}`;
}
