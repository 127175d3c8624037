import { hash, randomUUID } from 'node:crypto';
import type { OutgoingMessage } from '../bus/producer.ts';
import { NephoscopeError } from '../component/errors.ts';
import {
  type EnvelopeVersion,
  encodeNotification,
  listPayload,
  notificationKey,
} from '../wire/notification-message.ts';
import type { Rejection } from './publisher.ts';

/** How items become messages. */
export interface MessageForm<Item> {
  readonly exchange: string;
  /** Each message goes to all of them. */
  readonly topics: readonly string[];
  /** `metering` or `event`. */
  readonly eventType: string;
  /** `telemetry.publisher.<host>`. */
  readonly publisherId: string;
  readonly envelope: EnvelopeVersion;
  /** The most bytes of a payload; an item that is larger travels alone. */
  readonly maxPayloadBytes: number;
  /** The signed JSON text of one item; throws a permanent `NephoscopeError` for one that cannot be sent. */
  readonly toText: (item: Item) => string;
  readonly idOf: (item: Item) => string;
  /** When given: a further message for the items of each such name, with the event type `<eventType>.<name>`. */
  readonly nameOf: ((item: Item) => string) | null;
}

/** The messages of one batch. */
export interface MessageBatch {
  readonly messages: readonly OutgoingMessage[];
  /** Indexes of the items in each message. */
  readonly contents: readonly (readonly number[])[];
  /** Items that are in no message. */
  readonly rejected: readonly Rejection[];
}

/**
 * The messages that carry `items`, in order: for each topic lists of as many as fit, then, where names are asked for, the
 * lists of each name. The same items always get the same message ids, so that a repeat is known for one; `_unique_id` is
 * new each time, as it is for a resend of the original. `timestampMicros`: microseconds since the epoch, UTC.
 */
export function toMessages<Item>(
  items: readonly Item[],
  form: MessageForm<Item>,
  timestampMicros: number,
): MessageBatch {
  const { texts, rejected } = toTexts(items, form);
  const parts = [...split(texts, form.eventType, form.maxPayloadBytes), ...byName(items, texts, form)];
  const messages: OutgoingMessage[] = [];
  const contents: (readonly number[])[] = [];
  for (const part of parts) {
    const ids = part.texts.map(({ index }) => form.idOf(items[index] as Item));
    const payloadText = listPayload(part.texts.map(({ text }) => text));
    const indexes = part.texts.map(({ index }) => index);
    for (const topic of form.topics) {
      const routingKey = notificationKey(topic, 'sample');
      const { body, properties } = encodeNotification(
        {
          messageId: uuidOf([part.eventType, routingKey, ...ids]),
          uniqueId: randomUUID().replaceAll('-', ''),
          publisherId: form.publisherId,
          eventType: part.eventType,
          priority: 'sample',
          timestampMicros,
          payloadText,
        },
        form.envelope,
      );
      // Without a queue behind the exchange the broker would take the message, and throw it away.
      messages.push({
        exchange: form.exchange,
        routingKey,
        body,
        properties: { ...properties, mandatory: true },
      });
      contents.push(indexes);
    }
  }
  return { messages, contents, rejected };
}

interface ItemText {
  readonly index: number;
  readonly text: string;
}

/** What travels in one message. */
interface Part {
  readonly eventType: string;
  readonly texts: readonly ItemText[];
}

function toTexts<Item>(items: readonly Item[], { toText }: MessageForm<Item>) {
  const texts: ItemText[] = [];
  const rejected: Rejection[] = [];
  for (const [index, item] of items.entries()) {
    try {
      texts.push({ index, text: toText(item) });
    } catch (thrown) {
      if (!(thrown instanceof NephoscopeError)) throw thrown;
      rejected.push({ index, error: thrown });
    }
  }
  return { texts, rejected };
}

function split(texts: readonly ItemText[], eventType: string, maxBytes: number): readonly Part[] {
  const parts: Part[] = [];
  let begin = 0;
  let bytes = 0;
  for (const [at, { text }] of texts.entries()) {
    const more = Buffer.byteLength(text) + 1;
    if (at > begin && bytes + more > maxBytes) {
      parts.push({ eventType, texts: texts.slice(begin, at) });
      begin = at;
      bytes = 0;
    }
    bytes += more;
  }
  if (begin < texts.length) parts.push({ eventType, texts: texts.slice(begin) });
  return parts;
}

function byName<Item>(
  items: readonly Item[],
  texts: readonly ItemText[],
  { nameOf, eventType, maxPayloadBytes }: MessageForm<Item>,
): readonly Part[] {
  if (nameOf === null) return [];
  const names = Map.groupBy(texts, ({ index }) => nameOf(items[index] as Item));
  return [...names].flatMap(([name, some]) => split(some, `${eventType}.${name}`, maxPayloadBytes));
}

/** UUID text of version 8 (RFC 9562) that says nothing but "the same again". */
function uuidOf(parts: readonly string[]): string {
  const digits = hash('sha256', parts.join('\n'));
  return `${digits.slice(0, 8)}-${digits.slice(8, 12)}-8${digits.slice(13, 16)}-a${digits.slice(17, 20)}-${digits.slice(20, 32)}`;
}
