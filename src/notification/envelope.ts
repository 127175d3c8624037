import { isAscii } from 'node:buffer';
import type { ErrorCode } from '../component/error-codes.ts';
import { type ErrorDetails, NephoscopeError } from '../component/errors.ts';
import { ExactJsonError, hasLoneSurrogateEscape, losesNumbers, parseExact } from '../lib/exact-json.ts';
import { tryParseTimestamp } from '../lib/timestamp.ts';
import { isJsonObject, type JsonObject, type JsonValue } from '../model/json.ts';
import type { Notification, Priority } from '../model/notification.ts';
import { PRIORITIES } from '../model/notification.ts';
import { isNestedTooDeeply, NESTING_LIMIT } from './nesting.ts';
import { dropContextSecrets, isSecretContextKey } from './secrets.ts';

/** What a body may have in bytes unless another limit is given: real notifications have some kilobytes. */
export const DEFAULT_MAX_BODY_BYTES = 1_048_576;

/**
 * A notification that cannot be read (E5001 to E5014); trying again never helps, so it is parked. What could be
 * read of it nevertheless is carried along.
 */
export class NotificationError extends NephoscopeError {
  readonly messageId: string | null;
  readonly eventType: string | null;

  constructor(code: ErrorCode, message: string, known: KnownFields, details: ErrorDetails = {}) {
    super(code, message, { ...details, retry: 'permanent' });
    this.name = 'NotificationError';
    this.messageId = known.messageId;
    this.eventType = known.eventType;
  }
}

/** What is known of a notification that cannot be read. */
export interface KnownFields {
  readonly messageId: string | null;
  readonly eventType: string | null;
}

/**
 * Reads a notification as it lies in a queue: the envelope of oslo.messaging (any 2.x), the bare message of the old
 * driver, or the form with one `_context` mapping that oslo.messaging's Kafka driver sends.
 *
 * Throws `NotificationError`, and nothing else, for everything that cannot be a notification. A missing payload is
 * null and a missing publisher_id the empty text; unknown fields are kept. Pure; the body is not changed.
 *
 * Source: oslo.messaging `serializer`, `common.deserialize_msg` and `notify/messaging.py`.
 */
export function decodeNotification(
  body: Uint8Array | string,
  options: { readonly maxBodyBytes?: number } = {},
): DecodedNotification {
  const maximum = options.maxBodyBytes ?? DEFAULT_MAX_BODY_BYTES;
  const text = decodeText(body, maximum);
  const outer = parseBody(text);
  const version = outer['oslo.version'];
  const inner = outer['oslo.message'];
  if (version === undefined || inner === undefined) {
    if (text.length <= CAREFREE_LENGTH) checkNesting(text, 'the body');
    return createNotification(outer, text);
  }
  checkVersion(version, text);
  if (typeof inner !== 'string') {
    throw refuse('E5006', `oslo.message is ${describe(inner)}, not text`, knownFromText(text));
  }
  return createNotification(parseInner(inner), inner);
}

/** A decoded notification, with the parsed message itself for paths that need no other view of it. */
export class DecodedNotification implements Notification {
  readonly messageId: string;
  readonly eventType: string;
  readonly priority: Priority;
  readonly publisherId: string;
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
    const exact = new DecodedNotification(flatten(message), this.#text, this);
    exact.#exact = exact;
    return exact;
  }
}

type CheckedFields = Pick<
  Notification,
  'messageId' | 'eventType' | 'priority' | 'publisherId' | 'timestamp' | 'timestampMicros'
>;

const strictUtf8 = new TextDecoder('utf-8', { fatal: true });

function decodeText(body: Uint8Array | string, maxBodyBytes: number): string {
  const bytes = typeof body === 'string' ? Buffer.byteLength(body) : body.byteLength;
  if (bytes > maxBodyBytes) {
    const known = knownFromText(
      typeof body === 'string' ? body.slice(0, 4096) : latin1(body.subarray(0, 4096)),
    );
    throw refuse('E5011', `the body has ${bytes} bytes; at most ${maxBodyBytes} are read`, known);
  }
  if (typeof body === 'string') return body;
  // Python writes nothing but ASCII, and bytes that are ASCII are copied, not decoded.
  if (isAscii(body)) return latin1(body);
  try {
    return strictUtf8.decode(body);
  } catch (cause) {
    throw refuse('E5001', 'the body is not valid UTF-8', knownFromText(latin1(body)), { cause });
  }
}

function latin1(bytes: Uint8Array): string {
  const buffer = Buffer.isBuffer(bytes)
    ? bytes
    : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return buffer.toString('latin1');
}

/** Up to this length even a text of nothing but brackets is parsed within milliseconds. */
const CAREFREE_LENGTH = 65_536;

/** An envelope is flat, whatever its inner text holds: its nesting matters beforehand for monsters only. */
function parseBody(text: string): JsonObject {
  if (text.length > CAREFREE_LENGTH) checkNesting(text, 'the body');
  return parseMapping(text, 'E5002', 'the body');
}

function parseInner(text: string): JsonObject {
  checkNesting(text, 'oslo.message');
  return parseMapping(text, 'E5003', 'oslo.message');
}

function checkNesting(text: string, what: string): void {
  if (!isNestedTooDeeply(text)) return;
  const message = `${what} is nested more than ${NESTING_LIMIT} levels deep`;
  throw refuse('E5012', message, knownFromText(text));
}

function parseMapping(text: string, code: 'E5002' | 'E5003', what: string): JsonObject {
  const value = parseJson(text, code, what);
  if (!isJsonObject(value)) {
    throw refuse('E5006', `${what} is ${describe(value)}, not a mapping`, noneKnown);
  }
  return value;
}

function parseJson(text: string, code: 'E5002' | 'E5003', what: string): JsonValue {
  try {
    return JSON.parse(text) as JsonValue;
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw refuse(code, `${what} is not JSON: ${reason}`, knownFromText(text), { cause });
  }
}

/** The same text was parsed before, so only a number beyond the range of floats can be wrong with it. */
function parseExactMessage(text: string, known: KnownFields): JsonObject {
  try {
    return parseExact(text) as JsonObject;
  } catch (cause) {
    if (!(cause instanceof ExactJsonError)) throw cause;
    throw refuse('E5009', `the message cannot be kept exactly: ${cause.message}`, known, { cause });
  }
}

function checkVersion(version: JsonValue, text: string): void {
  if (version === '2.0') return;
  const isText = typeof version === 'string' || typeof version === 'number';
  const shown = isText ? `${version}`.slice(0, 40) : describe(version);
  if (!isText || shown.split('.')[0] !== '2') {
    throw refuse('E5004', `oslo.version is ${shown}, not 2.x`, knownFromText(text));
  }
}

function createNotification(parsed: JsonObject, text: string): DecodedNotification {
  const message = flatten(parsed);
  if (!text.isWellFormed() || (text.includes('\\u') && hasLoneSurrogateEscape(text))) {
    throw refuse('E5010', 'the message holds half of a surrogate pair', knownFrom(message));
  }
  return new DecodedNotification(message, text, checkFields(message));
}

function checkFields(message: JsonObject): CheckedFields {
  const eventType = message.event_type;
  if (eventType === undefined || eventType === null || eventType === '') {
    throw refuse('E5005', 'the message has no event_type', knownFrom(message));
  }
  const messageId = message.message_id;
  if (messageId === undefined || messageId === null || messageId === '') {
    throw refuse('E5014', 'the message has no message_id', knownFrom(message));
  }
  const timestamp = textField(message, 'timestamp', message.timestamp, 'E5008');
  return {
    eventType: textField(message, 'event_type', eventType),
    messageId: textField(message, 'message_id', messageId),
    priority: checkPriority(message),
    publisherId: textField(message, 'publisher_id', message.publisher_id ?? ''),
    timestamp,
    timestampMicros: checkTimestamp(message, timestamp),
  };
}

function textField(
  message: JsonObject,
  name: string,
  value: JsonValue | undefined,
  code: 'E5006' | 'E5008' = 'E5006',
): string {
  if (typeof value === 'string') return value;
  throw refuse(code, `${name} is ${describe(value)}, not text`, knownFrom(message));
}

const priorityByText: ReadonlyMap<JsonValue | undefined, Priority> = new Map(
  PRIORITIES.flatMap((priority) => [
    [priority.toUpperCase(), priority],
    [priority, priority],
  ]),
);

function checkPriority(message: JsonObject): Priority {
  const text = message.priority;
  const priority = priorityByText.get(text);
  if (priority !== undefined) return priority;
  const shown = typeof text === 'string' ? JSON.stringify(text.slice(0, 40)) : describe(text);
  throw refuse('E5007', `the priority is ${shown}`, knownFrom(message));
}

function checkTimestamp(message: JsonObject, text: string): number {
  const micros = tryParseTimestamp(text);
  if (micros !== undefined) return micros;
  throw refuse(
    'E5008',
    `the timestamp ${JSON.stringify(text.slice(0, 60))} cannot be read`,
    knownFrom(message),
  );
}

/** The message with `_context_*` keys where it had one `_context` mapping, and without secrets. Changes `message`. */
function flatten(message: JsonObject): JsonObject {
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

const noneKnown: KnownFields = { messageId: null, eventType: null };

function knownFrom(message: JsonObject): KnownFields {
  return { messageId: textOrNull(message.message_id), eventType: textOrNull(message.event_type) };
}

function textOrNull(value: JsonValue | undefined): string | null {
  return typeof value === 'string' && value !== '' ? value.slice(0, 255).toWellFormed() : null;
}

/** Looks for the two names in a text that cannot be parsed, in an envelope or outside. */
function knownFromText(text: string): KnownFields {
  const find = (name: string) =>
    new RegExp(`"${name}\\\\*": ?\\\\*"([^"\\\\]{1,255})`).exec(text)?.[1] ?? null;
  return { messageId: find('message_id'), eventType: find('event_type') };
}

function describe(value: JsonValue | undefined): string {
  if (value === undefined) return 'missing';
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'a list';
  return isJsonObject(value) ? 'a mapping' : `a ${typeof value}`;
}

function refuse(
  code: ErrorCode,
  message: string,
  known: KnownFields,
  details: ErrorDetails = {},
): NotificationError {
  return new NotificationError(code, message, known, details);
}
