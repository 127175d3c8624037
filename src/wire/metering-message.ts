import type { JsonObject, JsonValue } from '../model/json.ts';
import type { Sample } from '../model/sample.ts';

/** STUB: being written. The wire form (counter_* keys), unsigned. */
export function toMeteringMessage(_sample: Sample): JsonObject {
  throw new Error('being written');
}

/** STUB: being written. Throws NephoscopeError. */
export function parseMeteringMessage(_message: JsonValue): Sample {
  throw new Error('being written');
}
