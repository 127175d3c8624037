import { FloatToken, isJsonObject, type JsonValue } from '../model/json.ts';

/** A number with the text it is to have in JSON; only `JSON.stringify` can read it. */
export interface JsonNumber {
  readonly rawJSON: string;
}

// The standard library types of TypeScript do not know `JSON.rawJSON` yet; every supported Node has it.
const { rawJSON } = JSON as unknown as { rawJSON(text: string): JsonNumber };

/**
 * A float that stays one in JSON: `20` is sent as `20.0`. Clients written in Python take `20` for an integer, and
 * those written in Python 2 then divide as integers.
 */
export function jsonFloat(value: number): number | JsonNumber {
  if (!Number.isInteger(value)) return value;
  const text = Object.is(value, -0) ? '-0' : String(value);
  return text.includes('e') ? value : rawJSON(`${text}.0`);
}

/** An exactly parsed document in a form that `JSON.stringify` writes exactly. Shares what needs no change. */
export function sendableJson(value: JsonValue): unknown {
  if (typeof value === 'bigint') return rawJSON(String(value));
  if (value instanceof FloatToken) return jsonFloat(value.value);
  if (Array.isArray(value)) return value.map(sendableJson);
  if (!isJsonObject(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, sendableJson(member)]));
}
