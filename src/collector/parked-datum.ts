import type { NephoscopeError } from '../component/errors.ts';
import { stringifyExact } from '../lib/exact-json.ts';
import type { JsonValue } from '../model/json.ts';
import { isJsonObject } from '../model/json.ts';
import type { ParkedItem, ParkedOrigin } from '../store/store.ts';
import { encodeNotification, listPayload } from '../wire/notification-message.ts';

/** One datum that was not taken, and where it came from. */
export interface RefusedDatum {
  /** As it came, signature included. */
  readonly datum: JsonValue;
  readonly eventType: 'metering' | 'event';
  readonly error: NephoscopeError;
  readonly origin: ParkedOrigin;
  /** Id and time of the message that held it; its own where it came alone. */
  readonly messageId: string;
  readonly timestampMicros: number;
  readonly publisherId: string;
}

/**
 * What is parked of a message of which only this datum was refused: a message of the same kind with nothing but it, which
 * the collector takes when it is replayed. The same datum makes the same bytes each time. Pure.
 */
export function parkedDatum(refused: RefusedDatum, parkedMicros: number): ParkedItem {
  const { datum, eventType, error, origin, timestampMicros, publisherId } = refused;
  const own = isJsonObject(datum) ? datum.message_id : undefined;
  const messageId = typeof own === 'string' && own !== '' ? own : refused.messageId;
  const { body } = encodeNotification({
    messageId,
    // It was never sent, so nobody compares it.
    uniqueId: '0'.repeat(32),
    publisherId,
    eventType,
    priority: 'sample',
    timestampMicros,
    payloadText: listPayload([stringifyExact(datum)]),
  });
  return { code: error.code, reason: error.message, origin, body, parkedMicros, messageId, eventType };
}
