import { isUtf8 } from 'node:buffer';
import type { Options } from 'amqplib';
import { type InputLine, MAX_LINE_BYTES, readLines } from './input-lines.ts';

/** A notification as it is to be sent: the text of its body, where to, and its AMQP properties. */
export interface RecordedMessage {
  readonly exchange: string;
  readonly routingKey: string;
  readonly properties: Options.Publish;
  readonly body: string;
}

/** A line that holds no notification. Lines count from 1. */
export interface BadLine {
  readonly line: number;
  readonly reason: string;
}

/** Where messages go that do not say it themselves. */
export interface DefaultRoute {
  readonly exchange: string;
  readonly topic: string;
}

/**
 * The notifications of a file (plain or gzip, `-` is `stdin`), one a line: recording lines
 * `{exchange, routing_key, properties, body}`, envelopes or bare messages. A bad line is given as such and the rest goes
 * on. Holds no more than one piece of the file. Rejects when the file cannot be read.
 */
export async function* readRecording(
  file: string,
  stdin: NodeJS.ReadableStream,
  route: DefaultRoute,
): AsyncGenerator<RecordedMessage | BadLine> {
  let line = 0;
  for await (const lines of readLines(file, stdin)) {
    for (const bytes of lines) {
      line++;
      const message = parseLine(bytes, route);
      if (message === null) continue;
      yield typeof message === 'string' ? { line, reason: message } : message;
    }
  }
}

/** A message, why there is none, or null for a blank line. */
function parseLine(bytes: InputLine, route: DefaultRoute): RecordedMessage | string | null {
  if (bytes === null) return `the line has more than ${MAX_LINE_BYTES} bytes`;
  if (!isUtf8(bytes)) return 'the line is not UTF-8';
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString().trim();
  if (text === '') return null;
  const fields = tryParseObject(text);
  if (fields === null) return 'the line is not a JSON object';
  if ('body' in fields && !('event_type' in fields)) return fromRecording(fields, route);
  if (typeof fields['oslo.message'] === 'string') {
    return toMessage(text, tryParseObject(fields['oslo.message'])?.['priority'], route);
  }
  if (typeof fields['event_type'] === 'string') return toMessage(text, fields['priority'], route);
  return 'the line is neither a recording line, an envelope nor a message with an event_type';
}

function fromRecording(fields: Fields, route: DefaultRoute): RecordedMessage | string {
  const { body, exchange, routing_key: routingKey, properties } = fields;
  if (typeof body !== 'string') return 'the body of the recording line is not text';
  return {
    exchange: typeof exchange === 'string' ? exchange : route.exchange,
    routingKey: typeof routingKey === 'string' ? routingKey : `${route.topic}.info`,
    properties: isObject(properties) ? toPublishOptions(properties) : OSLO_PROPERTIES,
    body,
  };
}

function toMessage(body: string, priority: unknown, route: DefaultRoute): RecordedMessage {
  const key = typeof priority === 'string' && /^\w{1,20}$/.test(priority) ? priority.toLowerCase() : 'info';
  return { exchange: route.exchange, routingKey: `${route.topic}.${key}`, properties: OSLO_PROPERTIES, body };
}

/** What oslo.messaging gives every notification. */
const OSLO_PROPERTIES: Options.Publish = {
  contentType: 'application/json',
  contentEncoding: 'utf-8',
  deliveryMode: 2,
  headers: {},
};

/**
 * AMQP names of recorded properties and those of the library. `user_id` and `cluster_id` are left out: the broker
 * refuses a message whose user is not the one that is logged in.
 */
const PROPERTY_NAMES: Readonly<Record<string, keyof Options.Publish>> = {
  content_type: 'contentType',
  content_encoding: 'contentEncoding',
  application_headers: 'headers',
  headers: 'headers',
  delivery_mode: 'deliveryMode',
  priority: 'priority',
  correlation_id: 'correlationId',
  reply_to: 'replyTo',
  expiration: 'expiration',
  message_id: 'messageId',
  timestamp: 'timestamp',
  type: 'type',
  app_id: 'appId',
};

function toPublishOptions(properties: Fields): Options.Publish {
  const pairs = Object.entries(properties)
    .filter(([name, value]) => Object.hasOwn(PROPERTY_NAMES, name) && value !== null)
    .map(([name, value]) => [PROPERTY_NAMES[name], value]);
  return Object.fromEntries(pairs);
}

type Fields = Readonly<Record<string, unknown>>;

function tryParseObject(text: string): Fields | null {
  try {
    const value: unknown = JSON.parse(text);
    return isObject(value) ? value : null;
  } catch {
    return null;
  }
}

function isObject(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
