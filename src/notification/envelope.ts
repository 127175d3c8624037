import { isAscii } from 'node:buffer';
import { hasLoneSurrogateEscape } from '../lib/exact-json.ts';
import { tryParseTimestamp } from '../lib/timestamp.ts';
import { isJsonObject, type JsonObject, type JsonValue } from '../model/json.ts';
import { PRIORITIES, type Priority } from '../model/notification.ts';
import { type CheckedFields, DecodedNotification, flattenMessage } from './decoded-notification.ts';
import { isNestedTooDeeply, NESTING_LIMIT } from './nesting.ts';
import { knownFrom, knownFromText, NONE_KNOWN, NotificationError } from './notification-error.ts';

export { DecodedNotification } from './decoded-notification.ts';
export { type KnownFields, NotificationError } from './notification-error.ts';

/** What a body may have in bytes unless another limit is given: real notifications have some kilobytes. */
export const DEFAULT_MAX_BODY_BYTES = 1_048_576;

/** What is known of a body from elsewhere. */
export interface DecodeOptions {
  readonly maxBodyBytes?: number;
  /** The cloud or cell it came from. */
  readonly deployment?: string | null;
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
  options: DecodeOptions = {},
): DecodedNotification {
  const maximum = options.maxBodyBytes ?? DEFAULT_MAX_BODY_BYTES;
  const deployment = options.deployment ?? null;
  const text = decodeText(body, maximum);
  const outer = parseBody(text);
  const version = outer['oslo.version'];
  const inner = outer['oslo.message'];
  if (version === undefined || inner === undefined) {
    // A longer one was looked at before it was parsed.
    if (text.length <= CAREFREE_LENGTH) checkNesting(text, 'the body');
    return createNotification(outer, text, deployment);
  }
  checkVersion(version, text);
  if (typeof inner !== 'string') {
    throw new NotificationError('E5006', `oslo.message is ${describe(inner)}, not text`, knownFromText(text));
  }
  return createNotification(parseInner(inner), inner, deployment);
}

const strictUtf8 = new TextDecoder('utf-8', { fatal: true });

function decodeText(body: Uint8Array | string, maxBodyBytes: number): string {
  const bytes = typeof body === 'string' ? Buffer.byteLength(body) : body.byteLength;
  if (bytes > maxBodyBytes) {
    const known = knownFromText(
      typeof body === 'string' ? body.slice(0, 4096) : latin1(body.subarray(0, 4096)),
    );
    throw new NotificationError(
      'E5011',
      `the body has ${bytes} bytes; at most ${maxBodyBytes} are read`,
      known,
    );
  }
  if (typeof body === 'string') return body;
  // Python writes nothing but ASCII, and bytes that are ASCII are copied, not decoded.
  if (isAscii(body)) return latin1(body);
  try {
    return strictUtf8.decode(body);
  } catch (cause) {
    throw new NotificationError('E5001', 'the body is not valid UTF-8', knownFromText(latin1(body)), {
      cause,
    });
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
  throw new NotificationError('E5012', message, knownFromText(text));
}

function parseMapping(text: string, code: 'E5002' | 'E5003', what: string): JsonObject {
  const value = parseJson(text, code, what);
  if (!isJsonObject(value)) {
    throw new NotificationError('E5006', `${what} is ${describe(value)}, not a mapping`, NONE_KNOWN);
  }
  return value;
}

function parseJson(text: string, code: 'E5002' | 'E5003', what: string): JsonValue {
  try {
    return JSON.parse(text) as JsonValue;
  } catch (cause) {
    throw new NotificationError(code, `${what} is not JSON: ${reasonOf(cause)}`, knownFromText(text));
  }
}

/** What the parser says, without the piece of the text that it shows: that may be part of a token. */
function reasonOf(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).replace(/, (?:\.{3})?".*$/s, '');
}

function checkVersion(version: JsonValue, text: string): void {
  if (version === '2.0') return;
  const isText = typeof version === 'string' || typeof version === 'number';
  const shown = isText ? `${version}`.slice(0, 40) : describe(version);
  if (!isText || shown.split('.')[0] !== '2') {
    throw new NotificationError('E5004', `oslo.version is ${shown}, not 2.x`, knownFromText(text));
  }
}

function createNotification(
  parsed: JsonObject,
  text: string,
  deployment: string | null,
): DecodedNotification {
  const message = flattenMessage(parsed);
  if (!text.isWellFormed() || hasLoneSurrogateEscape(text)) {
    throw new NotificationError('E5010', 'the message holds half of a surrogate pair', knownFrom(message));
  }
  return new DecodedNotification(message, text, checkFields(message, deployment));
}

function checkFields(message: JsonObject, deployment: string | null): CheckedFields {
  const eventType = message.event_type;
  if (eventType === undefined || eventType === null || eventType === '') {
    throw new NotificationError('E5005', 'the message has no event_type', knownFrom(message));
  }
  const messageId = message.message_id;
  if (messageId === undefined || messageId === null || messageId === '') {
    throw new NotificationError('E5014', 'the message has no message_id', knownFrom(message));
  }
  const timestamp = textField(message, 'timestamp', message.timestamp, 'E5008');
  return {
    eventType: textField(message, 'event_type', eventType),
    messageId: textField(message, 'message_id', messageId),
    priority: checkPriority(message),
    publisherId: textField(message, 'publisher_id', message.publisher_id ?? ''),
    deployment,
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
  throw new NotificationError(code, `${name} is ${describe(value)}, not text`, knownFrom(message));
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
  throw new NotificationError('E5007', `the priority is ${shown}`, knownFrom(message));
}

function checkTimestamp(message: JsonObject, text: string): number {
  const micros = tryParseTimestamp(text);
  if (micros !== undefined) return micros;
  throw new NotificationError(
    'E5008',
    `the timestamp ${JSON.stringify(text.slice(0, 60))} cannot be read`,
    knownFrom(message),
  );
}

function describe(value: JsonValue | undefined): string {
  if (value === undefined) return 'missing';
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'a list';
  return isJsonObject(value) ? 'a mapping' : `a ${typeof value}`;
}
