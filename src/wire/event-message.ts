import type { Event } from '../model/event.ts';
import type { JsonObject, JsonValue } from '../model/json.ts';

/** STUB: being written. The serialized form of an event, traits as triples; unsigned. */
export function toEventMessage(_event: Event): JsonObject {
  throw new Error('being written');
}

/** STUB: being written. Throws NephoscopeError. */
export function parseEventMessage(_message: JsonValue): Event {
  throw new Error('being written');
}
