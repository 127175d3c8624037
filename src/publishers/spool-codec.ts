import { createHash } from 'node:crypto';
import type { NephoscopeError } from '../component/errors.ts';
import { parseExact, stringifyExact } from '../lib/exact-json.ts';
import { tryParseTimestamp } from '../lib/timestamp.ts';
import type { Event } from '../model/event.ts';
import { isJsonObject, type JsonObject } from '../model/json.ts';
import type { Sample } from '../model/sample.ts';
import type { ParkedItem } from '../store/store.ts';
import { parseEventMessage, toEventMessage } from '../wire/event-message.ts';
import { toMeteringMessage } from '../wire/metering-message.ts';
import { encodeNotification } from '../wire/notification-message.ts';
import { parseSampleMapping, sampleMappingText } from '../wire/sample-mapping.ts';

/** Why something is parked, and by whom. */
export interface ParkingReason {
  /** Name of the publisher. */
  readonly source: string;
  readonly error: NephoscopeError;
  readonly nowMicros: number;
}

/**
 * How items lie in the queue on disk, and in the parking. A line is the JSON that `file://` writes for samples and that travels on
 * the bus for events, so other releases and people can read it.
 */
export interface SpoolCodec<Item> {
  readonly kind: 'samples' | 'events';
  /** One line without line feed; throws for an item that cannot be written (metadata nested too deeply). */
  encode(item: Item): string;
  /** `decode(encode(item))` is the item. Throws for a line that is none. */
  decode(line: string): Item;
  /** What is parked for items that were not delivered. */
  toParked(items: readonly Item[], reason: ParkingReason): readonly ParkedItem[];
}

/** Half of what a notification may have, so that what is parked can be given to the intake again. */
const MAX_PARKED_BYTES = 512 * 1_024;

/** Parked samples are a notification as polling agents send it: `parked replay` takes it. */
export const SAMPLE_CODEC: SpoolCodec<Sample> = {
  kind: 'samples',
  encode: sampleMappingText,
  decode: (line) => parseSampleMapping(parseExact(line)),
  toParked: (samples, reason) => parkSamples(samples, reason),
};

/**
 * A parked event is its notification where the event holds it (`[event] store_raw`), which `parked replay` takes; else
 * the event as it travels on the bus.
 */
export const EVENT_CODEC: SpoolCodec<Event> = {
  kind: 'events',
  encode: (event) => stringifyExact(toEventMessage(event)),
  decode: (line) => parseEventMessage(parseExact(line)),
  toParked: (events, reason) => events.map((event) => parkEvent(event, reason)),
};

function parkSamples(samples: readonly Sample[], reason: ParkingReason): readonly ParkedItem[] {
  const parked: ParkedItem[] = [];
  let texts: string[] = [];
  let first = 0;
  let bytes = 0;
  for (const [index, sample] of samples.entries()) {
    const text = stringifyExact(toMeteringMessage(sample));
    if (texts.length > 0 && bytes + text.length > MAX_PARKED_BYTES) {
      parked.push(parkTogether(samples.slice(first, index), texts, reason));
      [texts, first, bytes] = [[], index, 0];
    }
    texts.push(text);
    bytes += Buffer.byteLength(text);
  }
  if (texts.length > 0) parked.push(parkTogether(samples.slice(first), texts, reason));
  return parked;
}

function parkTogether(
  samples: readonly Sample[],
  texts: readonly string[],
  reason: ParkingReason,
): ParkedItem {
  // Made of what it holds: the same samples parked again are the same item.
  const digest = createHash('sha256')
    .update(samples.map(({ id }) => id).join())
    .digest('hex');
  const messageId = digest.slice(0, 32).replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
  const { body } = encodeNotification(
    {
      messageId,
      uniqueId: digest.slice(32),
      publisherId: 'ceilometer.polling',
      eventType: 'telemetry.polling',
      priority: 'sample',
      timestampMicros: samples[0]?.timestampMicros ?? 0,
      payloadText: `{"samples":[${texts.join(',')}]}`,
    },
    '1.0',
  );
  return { ...describe(reason), body, messageId, eventType: 'telemetry.polling' };
}

function parkEvent(event: Event, reason: ParkingReason): ParkedItem {
  const document = (event.raw === null ? null : notificationOf(event.raw, event)) ?? toEventMessage(event);
  const { messageId, eventType } = event;
  return { ...describe(reason), body: Buffer.from(stringifyExact(document)), messageId, eventType };
}

/** The message of a raw document; null when it does not look like one. */
function notificationOf(raw: JsonObject, { priority }: Event): JsonObject | null {
  const { metadata, publisher_id = '', event_type = null, payload = null } = raw;
  if (!isJsonObject(metadata) || typeof metadata.timestamp !== 'string') return null;
  if (tryParseTimestamp(metadata.timestamp) === undefined) return null;
  const { message_id = null, timestamp } = metadata;
  return {
    message_id,
    publisher_id,
    event_type,
    priority: (priority ?? 'info').toUpperCase(),
    payload,
    timestamp,
  };
}

function describe({ source, error, nowMicros }: ParkingReason) {
  return { code: error.code, reason: error.message, origin: { source }, parkedMicros: nowMicros };
}
