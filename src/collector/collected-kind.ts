import type { Event } from '../model/event.ts';
import { isJsonObject, type JsonObject, type JsonValue } from '../model/json.ts';
import type { Sample } from '../model/sample.ts';
import { isSecretKey, withoutSecrets } from '../notification/secrets.ts';
import { parseEventMessage } from '../wire/event-message.ts';
import { parseMeteringMessage } from '../wire/metering-message.ts';

/** What tells samples and events apart for the collector. */
export interface CollectedKind<Item> {
  readonly name: 'samples' | 'events';
  /** The event type of the notifications they come in. */
  readonly eventType: 'metering' | 'event';
  /**
   * The sample or event of a message, without the secrets of whoever made the request: agents of old releases send
   * contexts with live tokens. Throws a permanent `NephoscopeError` (E5020, E5021).
   */
  readonly parse: (message: JsonValue) => Item;
}

export const SAMPLES: CollectedKind<Sample> = {
  name: 'samples',
  eventType: 'metering',
  parse: (message) => {
    const sample = parseMeteringMessage(message);
    return holdsSecrets(sample.resourceMetadata)
      ? { ...sample, resourceMetadata: stripped(sample.resourceMetadata) }
      : sample;
  },
};

export const EVENTS: CollectedKind<Event> = {
  name: 'events',
  eventType: 'event',
  parse: (message) => {
    const event = parseEventMessage(message);
    const { raw } = event;
    return raw !== null && holdsSecrets(raw) ? { ...event, raw: stripped(raw) } : event;
  },
};

function holdsSecrets(value: JsonValue): boolean {
  if (Array.isArray(value)) return value.some(holdsSecrets);
  if (!isJsonObject(value)) return false;
  for (const key of Object.keys(value)) {
    if (isSecretKey(key) || holdsSecrets(value[key] ?? null)) return true;
  }
  return false;
}

function stripped(mapping: JsonObject): JsonObject {
  return withoutSecrets(mapping) as JsonObject;
}
