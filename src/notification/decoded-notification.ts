import { ExactJsonError, losesNumbers, parseExact } from '../lib/exact-json.ts';
import { isJsonObject, type JsonObject, type JsonValue } from '../model/json.ts';
import type { Notification, Priority } from '../model/notification.ts';
import { NotificationError } from './notification-error.ts';
import { dropContextSecrets, isSecretContextKey } from './secrets.ts';

/** A decoded notification, with the parsed message itself for paths that need no other view of it. */
export class DecodedNotification implements Notification {
  readonly messageId: string;
  readonly eventType: string;
  readonly priority: Priority;
  readonly publisherId: string;
  readonly deployment: string | null;
  readonly timestamp: string;
  readonly timestampMicros: number;
  readonly payload: JsonValue;
  /** The message as it came, flat, without the secrets of its context. */
  readonly message: JsonObject;
  readonly #text: string;
  #context: JsonObject | undefined;
  #document: JsonObject | undefined;
  #exact: DecodedNotification | undefined;

  constructor(message: JsonObject, text: string, fields: CheckedFields) {
    this.messageId = fields.messageId;
    this.eventType = fields.eventType;
    this.priority = fields.priority;
    this.publisherId = fields.publisherId;
    this.deployment = fields.deployment;
    this.timestamp = fields.timestamp;
    this.timestampMicros = fields.timestampMicros;
    this.payload = message.payload ?? null;
    this.message = message;
    this.#text = text;
    this.#context = undefined;
    this.#document = undefined;
    this.#exact = undefined;
  }

  // The nested views cost as much as the rest of decoding together and most definitions need none: made when asked.
  get context(): JsonObject {
    this.#context ??= contextOf(this.message);
    return this.#context;
  }

  get document(): JsonObject {
    this.#document ??= {
      ...this.message,
      ctxt: this.context,
      metadata: { message_id: this.messageId, timestamp: this.timestamp },
    };
    return this.#document;
  }

  exact(): DecodedNotification {
    this.#exact ??= losesNumbers(this.#text) ? this.#parseExactly() : this;
    return this.#exact;
  }

  #parseExactly(): DecodedNotification {
    const message = parseExactMessage(this.#text, this);
    const exact = new DecodedNotification(flattenMessage(message), this.#text, this);
    exact.#exact = exact;
    return exact;
  }
}

/** What every notification has, checked. */
export type CheckedFields = Pick<
  Notification,
  'messageId' | 'eventType' | 'priority' | 'publisherId' | 'deployment' | 'timestamp' | 'timestampMicros'
>;

/** The message with `_context_*` keys where it had one `_context` mapping, and without secrets. Changes `message`. */
export function flattenMessage(message: JsonObject): JsonObject {
  const flat = message as Record<string, JsonValue>;
  const context = message._context;
  if (isJsonObject(context)) {
    for (const [key, value] of Object.entries(context)) flat[`_context_${key}`] ??= value;
    delete flat._context;
  }
  dropContextSecrets(flat);
  return flat;
}

const contextPrefix = '_context_';

function contextOf(message: JsonObject): JsonObject {
  const entries: [string, JsonValue][] = [];
  for (const key of Object.keys(message)) {
    if (!key.startsWith(contextPrefix)) continue;
    const name = key.slice(contextPrefix.length);
    if (!isSecretContextKey(name)) entries.push([name, message[key] ?? null]);
  }
  return Object.fromEntries(entries);
}

/** The same text was parsed before, so only a number beyond the range of floats can be wrong with it. */
function parseExactMessage(text: string, known: Notification): JsonObject {
  try {
    return parseExact(text) as JsonObject;
  } catch (cause) {
    if (!(cause instanceof ExactJsonError)) throw cause;
    throw new NotificationError('E5009', `the message cannot be kept exactly: ${cause.message}`, known, {
      cause,
    });
  }
}
