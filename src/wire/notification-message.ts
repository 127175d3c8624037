import { quoted } from '../lib/exact-json.ts';
import { formatUtc } from '../lib/timestamp.ts';
import type { Priority } from '../model/notification.ts';

/** A notification that is to be sent, with its payload as JSON text. */
export interface OutgoingNotification {
  /** UUID text; receivers recognise repeats by it, so the same thing sent again keeps it. */
  readonly messageId: string;
  /** 32 hexadecimal digits, new for each time it is sent. */
  readonly uniqueId: string;
  /** For example `telemetry.publisher.node-1`. */
  readonly publisherId: string;
  readonly eventType: string;
  readonly priority: Priority;
  /** Microseconds since the epoch, UTC. */
  readonly timestampMicros: number;
  /** Compact JSON text, as `meteringMessageText` or `stringifyExact` give it. */
  readonly payloadText: string;
}

/** `2.0`: the message as text inside of an envelope, what `messagingv2` sends; `1.0`: the bare message of `messaging`. */
export type EnvelopeVersion = '1.0' | '2.0';

/** A body and its AMQP properties under the names of the client library. */
export interface EncodedNotification {
  readonly body: Buffer;
  readonly properties: {
    readonly contentType: 'application/json';
    readonly contentEncoding: 'utf-8';
    /** Persistent. */
    readonly deliveryMode: 2;
    readonly priority: 0;
  };
}

const PROPERTIES: EncodedNotification['properties'] = Object.freeze({
  contentType: 'application/json',
  contentEncoding: 'utf-8',
  deliveryMode: 2,
  priority: 0,
});

/**
 * A notification as oslo.messaging sends it, with an empty context. Publish it to the control exchange with
 * `notificationKey(topic, priority)` as routing key. Never throws for what the types allow, but RangeError for a
 * timestamp outside of the years 1 to 9999. Pure.
 *
 * Source: oslo.messaging `notify/notifier.py`, `common.serialize_msg`, kombu's message properties.
 */
export function encodeNotification(
  notification: OutgoingNotification,
  version: EnvelopeVersion = '2.0',
): EncodedNotification {
  const message = messageText(notification);
  const text =
    version === '1.0' ? message : `{"oslo.version":"2.0","oslo.message":${JSON.stringify(message)}}`;
  return { body: Buffer.from(text), properties: PROPERTIES };
}

/** The routing key of a notification, and the name of the queue it is kept in: `metering.sample`. */
export function notificationKey(topic: string, priority: Priority): string {
  return `${topic}.${priority}`;
}

/** The JSON list of texts that are JSON already: the payload of what publishers send. */
export function listPayload(texts: readonly string[]): string {
  return `[${texts.join(',')}]`;
}

function messageText(notification: OutgoingNotification): string {
  return (
    `{"message_id":${quoted(notification.messageId)},"publisher_id":${quoted(notification.publisherId)},` +
    `"event_type":${quoted(notification.eventType)},"priority":"${notification.priority.toUpperCase()}",` +
    `"payload":${notification.payloadText},"timestamp":"${timestampText(notification.timestampMicros)}",` +
    `"_unique_id":${quoted(notification.uniqueId)}}`
  );
}

/** As Python prints a naive datetime: a blank between date and time, a fraction only when it is not zero. */
function timestampText(micros: number): string {
  return formatUtc(micros).replace('T', ' ');
}
