import type { JsonObject, JsonValue } from '../model/json.ts';
import type { Sample } from '../model/sample.ts';

/** STUB: being written. The internal mapping: name, type, unit, volume …, id, monotonic_time (http, file, zaqar). */
export function toSampleMapping(_sample: Sample): JsonObject {
  throw new Error('being written');
}

/** STUB: being written. Throws NephoscopeError. */
export function parseSampleMapping(_mapping: JsonValue): Sample {
  throw new Error('being written');
}
