import { isSecretName } from '../config/redact.ts';
import { stringifyExact } from '../lib/exact-json.ts';
import { type Event, TRAIT_TYPE_NAMES, type Trait } from '../model/event.ts';
import type { JsonObject, JsonValue } from '../model/json.ts';
import type { Notification } from '../model/notification.ts';
import type { Sample } from '../model/sample.ts';
import { maskSecrets } from '../notification/mask-secrets.ts';
import { isSecretKey } from '../notification/secrets.ts';
import { maskUrlPasswords } from '../observe/redaction.ts';
import type { DroppedTap, ParkedTap, Tapped, TapRecords, TapStage } from '../observe/taps.ts';
import { kindOf } from './tap-conditions.ts';

/** What of one record is shown at most, in characters. */
const MAX_RECORD_LENGTH = 65_536;
/** What of the bytes of a message that could not be read. */
const MAX_BODY_LENGTH = 4_096;

const MASK = '***';

/**
 * One item of a stage as a line of JSON with its line feed: `{"type":"record","stage","at","record"}`, `at` ISO 8601 with
 * Z. Values of keys that hold credentials and passwords in URLs are overwritten; a record that is too long is given as
 * the beginning of its text. Pure; never throws for what comes out of the pipeline.
 */
export function tapLine<Stage extends TapStage>(stage: Stage, tapped: Tapped<TapRecords[Stage]>): string {
  const record = shortened(maskUrlPasswords(RENDER[stage](tapped.item)));
  const at = new Date(tapped.atMillis).toISOString();
  return `{"type":"record","stage":"${stage}","at":"${at}","record":${record}}\n`;
}

/** `record` is masked already: once cut, it is no JSON that could be. */
function shortened(record: string): string {
  if (record.length <= MAX_RECORD_LENGTH) return record;
  return JSON.stringify({
    is_truncated: true,
    size: record.length,
    text: record.slice(0, MAX_RECORD_LENGTH),
  });
}

const RENDER: { readonly [Stage in TapStage]: (item: TapRecords[Stage]) => string } = {
  received: ({ notification, origin }) =>
    masked({ ...notificationOf(notification), origin: withoutUndefined(origin) }),
  event: (event) => masked(eventOf(event)),
  sample: (sample) => masked(sampleOf(sample)),
  published: ({ publisher, pipeline, item }) =>
    masked({ publisher, pipeline, kind: kindOf(item), item: itemOf(item) }),
  parked: parkedText,
  dropped: (dropped) => masked(droppedOf(dropped)),
};

function masked(record: JsonObject): string {
  return maskSecrets(stringifyExact(record));
}

function notificationOf(notification: Notification): JsonObject {
  const exact = exactly(notification);
  return {
    event_type: exact.eventType,
    priority: exact.priority,
    publisher_id: exact.publisherId,
    message_id: exact.messageId,
    timestamp: exact.timestamp,
    deployment: exact.deployment,
    context: exact.context,
    payload: exact.payload,
  };
}

/** Numbers that cannot be kept exactly are shown as they were read. */
function exactly(notification: Notification): Notification {
  try {
    return notification.exact();
  } catch {
    return notification;
  }
}

function itemOf(item: Sample | Event): JsonObject {
  return 'eventType' in item ? eventOf(item) : sampleOf(item);
}

function eventOf(event: Event): JsonObject {
  return {
    event_type: event.eventType,
    message_id: event.messageId,
    generated: event.generated,
    priority: event.priority,
    deployment: event.deployment,
    traits: event.traits.map(traitOf),
    ...(event.raw === null ? {} : { raw: event.raw }),
  };
}

/** The value of a trait stands under `value`, so its name is looked at here. */
function traitOf([name, type, value]: Trait): JsonObject {
  const isSecret = isSecretKey(name) || isSecretName(name);
  return { name, type: TRAIT_TYPE_NAMES[type], value: isSecret ? MASK : value };
}

function sampleOf(sample: Sample): JsonObject {
  return {
    name: sample.name,
    type: sample.type,
    unit: sample.unit,
    volume: sample.volume,
    resource_id: sample.resourceId,
    project_id: sample.projectId,
    user_id: sample.userId,
    timestamp: sample.timestamp,
    id: sample.id,
    source: sample.source,
    deployment: sample.deployment,
    metadata: sample.resourceMetadata,
  };
}

/** The body is masked as a text of its own before it is cut: a value cut in two could not be found any more. */
function parkedText(parked: ParkedTap): string {
  const head = masked({
    code: parked.code,
    reason: parked.reason,
    event_type: parked.eventType,
    message_id: parked.messageId,
    size_bytes: parked.body.length,
    origin: withoutUndefined(parked.origin),
  });
  const text = maskSecrets(Buffer.from(parked.body.subarray(0, 4 * MAX_BODY_LENGTH)).toString());
  return `${head.slice(0, -1)},"body":${JSON.stringify(text.slice(0, MAX_BODY_LENGTH))}}`;
}

function droppedOf({ kind, reason, name, by, detail }: DroppedTap): JsonObject {
  return { kind, reason, name, by, ...(detail === undefined ? {} : { detail: detailOf(detail) }) };
}

function detailOf(detail: NonNullable<DroppedTap['detail']>): JsonObject {
  if ('eventType' in detail && 'traits' in detail) return eventOf(detail as Event);
  return 'resourceMetadata' in detail ? sampleOf(detail as Sample) : (detail as JsonObject);
}

function withoutUndefined(values: Readonly<Record<string, JsonValue | undefined>>): JsonObject {
  return Object.fromEntries(
    Object.entries(values).filter((pair): pair is [string, JsonValue] => pair[1] !== undefined),
  );
}
