/** A JSON document as the notification bus carries it. */
export type JsonValue = JsonScalar | JsonArray | JsonObject;

/**
 * A leaf of a JSON document.
 *
 * `bigint` stands for an integer token beyond 2^53 and `FloatToken` for a number token whose value is
 * integral but whose text is not (`1.0`, `1e3`): both appear only in documents that were parsed exactly
 * (`lib/exact-json.ts`), because Python prints and signs them differently from a plain integer.
 */
export type JsonScalar = string | number | boolean | null | bigint | FloatToken;
export type JsonArray = readonly JsonValue[];
export interface JsonObject {
  readonly [key: string]: JsonValue;
}

/** A float whose value is integral: `1.0` is not `1` for the text of a trait or a signature. */
export class FloatToken {
  readonly value: number;
  constructor(value: number) {
    this.value = value;
  }
}

/** True for a mapping: not null, no list, no number token. */
export function isJsonObject(value: JsonValue | undefined): value is JsonObject {
  return (
    typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof FloatToken)
  );
}
