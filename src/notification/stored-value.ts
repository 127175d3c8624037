import { isJsonObject, type JsonObject, type JsonValue } from '../model/json.ts';
import type { Notification } from '../model/notification.ts';
import { NotificationError } from './notification-error.ts';
import { isSecretKey, withoutSecrets } from './secrets.ts';

/** What has to be known of a value before it is stored as it is. */
interface ValueFacts {
  /** The plain parse may have lost what one of its numbers said: `2.0`, or an integer beyond 2^53. */
  mayLoseNumbers: boolean;
  hasInfinity: boolean;
  hasSecrets: boolean;
}

/**
 * A value of a notification ready to be stored: numbers exactly as their tokens say, secrets left out. `select` finds
 * the value in the notification; it is called again with the exact one when a number may have lost something.
 *
 * Throws `NotificationError` (E5009) for a number beyond the range of a float: no store could give it back. Pure.
 */
export function storedValue<Value extends JsonValue>(
  notification: Notification,
  select: (notification: Notification) => Value,
): Value {
  const plain = select(notification);
  const facts: ValueFacts = { mayLoseNumbers: false, hasInfinity: false, hasSecrets: false };
  inspect(plain, facts);
  if (facts.hasInfinity) {
    throw new NotificationError(
      'E5009',
      'the notification holds a number that no 64-bit float can hold',
      notification,
    );
  }
  const value = facts.mayLoseNumbers ? select(notification.exact()) : plain;
  return facts.hasSecrets ? (withoutSecrets(value) as Value) : value;
}

/** The whole internal notification, as `[event] store_raw` wants it: secrets left out, numbers exact. Pure. */
export function rawDocument(notification: Notification): JsonObject {
  return storedValue(notification, ({ context, publisherId, eventType, payload, messageId, timestamp }) => ({
    ctxt: context,
    publisher_id: publisherId,
    event_type: eventType,
    payload,
    metadata: { message_id: messageId, timestamp },
  }));
}

function inspect(value: JsonValue, facts: ValueFacts): void {
  if (typeof value === 'number') {
    if (Number.isInteger(value)) facts.mayLoseNumbers = true;
    else if (!Number.isFinite(value)) facts.hasInfinity = true;
  } else if (Array.isArray(value)) {
    for (const item of value) inspect(item, facts);
  } else if (isJsonObject(value)) {
    for (const key of Object.keys(value)) {
      if (isSecretKey(key)) facts.hasSecrets = true;
      inspect(value[key] ?? null, facts);
    }
  }
}
