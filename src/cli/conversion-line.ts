import type { ErrorCode } from '../component/error-codes.ts';
import { stringifyExact } from '../lib/exact-json.ts';
import { type Event, TRAIT_TYPE_NAMES } from '../model/event.ts';
import type { JsonObject } from '../model/json.ts';
import type { Priority } from '../model/notification.ts';
import type { Sample } from '../model/sample.ts';
import type { Conversion } from '../notification/converter.ts';
import type { KnownFields } from '../notification/envelope.ts';
import type { DroppedSample } from '../notification/sample-builder.ts';

/** What is said about one notification besides what it was converted to. */
export interface LineHead extends KnownFields {
  readonly priority: Priority | null;
  readonly exchange: string | null;
}

/**
 * One line of `nephoscope convert`: JSON with the events and samples of one notification. Numbers keep the form they
 * had in the notification (`2.0` stays `2.0`). Ends without a line feed. Pure.
 */
export function formatConversion(head: LineHead, conversion: Conversion): string {
  const { events, samples, dropped, problems } = conversion;
  return stringifyExact({
    ...formatHead(head),
    events: events.map(formatEvent),
    samples: samples.map(formatSample),
    errors: problems.map(({ code, message }) => ({ code, message })),
    ...(dropped.length === 0 ? {} : { dropped: dropped.map(formatDropped) }),
  });
}

/** The line of a notification that cannot be converted. Pure. */
export function formatFailure(
  head: LineHead,
  { code, message }: { readonly code: ErrorCode; readonly message: string },
): string {
  return stringifyExact({ ...formatHead(head), events: [], samples: [], errors: [{ code, message }] });
}

function formatHead({ messageId, eventType, priority, exchange }: LineHead): JsonObject {
  return {
    message_id: messageId,
    event_type: eventType,
    priority: priority?.toUpperCase() ?? null,
    exchange,
  };
}

function formatEvent({ eventType, messageId, generated, traits }: Event): JsonObject {
  return {
    event_type: eventType,
    message_id: messageId,
    generated,
    traits: traits.map(([name, type, value]) => [name, TRAIT_TYPE_NAMES[type], value]),
  };
}

function formatSample(sample: Sample | DroppedSample['sample']): JsonObject {
  return {
    name: sample.name,
    type: sample.type,
    unit: sample.unit,
    volume: sample.volume,
    resource_id: sample.resourceId,
    project_id: sample.projectId,
    user_id: sample.userId,
    timestamp: sample.timestamp,
    resource_metadata: sample.resourceMetadata,
  };
}

function formatDropped({ reason, message, sample }: DroppedSample): JsonObject {
  return { ...formatSample(sample), reason, message };
}
