import { pythonFloat } from '../lib/python-text.ts';
import { sampleId } from '../lib/sample-id.ts';
import { formatUtc, toZonedText, tryParseTimestamp } from '../lib/timestamp.ts';
import type { JsonObject, JsonValue } from '../model/json.ts';
import type { Notification } from '../model/notification.ts';
import { SAMPLE_TYPES, type Sample, type SampleType } from '../model/sample.ts';
import { show, toText } from './trait-coercion.ts';

/** Why a sample was not made, from a short list: a label of metrics. */
export type DropReason =
  | 'no-name'
  | 'bad-type'
  | 'no-volume'
  | 'bad-volume'
  | 'no-resource'
  | 'bad-timestamp';

/** What a sample would have been made of. */
export interface SampleDraft {
  readonly name: JsonValue;
  readonly type: JsonValue;
  readonly unit: JsonValue;
  readonly volume: JsonValue;
  readonly userId: JsonValue;
  readonly userName?: JsonValue;
  readonly projectId: JsonValue;
  readonly projectName?: JsonValue;
  readonly resourceId: JsonValue;
  /** Null: the time of the notification. */
  readonly timestamp: JsonValue;
  readonly resourceMetadata: JsonObject;
  readonly source: string;
  /** What the sender says; the deployment of the notification unless given. */
  readonly deployment?: string;
  /** The sender's own id, if it has one. */
  readonly id?: string;
}

/** A sample that was defined but cannot be made of this notification. */
export interface DroppedSample {
  readonly reason: DropReason;
  /** For the operator: what is wrong with it. */
  readonly message: string;
  readonly sample: SampleDraft;
}

/** Collects the samples of one notification. */
export class SampleCollector {
  readonly samples: Sample[] = [];
  readonly dropped: DroppedSample[] = [];
  readonly #notification: Notification;
  #zonedTimestamp: string | undefined;

  constructor(notification: Notification) {
    this.#notification = notification;
  }

  /**
   * Makes a sample of `draft`, or puts it with the dropped ones. `origin` names what defined it and `index` counts
   * within that: together they make ids differ that have all else in common, whatever other definitions there are.
   */
  add(draft: SampleDraft, origin: string, index = 0): void {
    const sample = this.#make(draft, origin, index);
    if (sample !== null) this.samples.push(sample);
  }

  #make(draft: SampleDraft, origin: string, index: number): Sample | null {
    const name = textOrNull(draft.name);
    if (name === null || name === '') return this.#drop(draft, 'no-name', 'it has no name');
    const { type, volume } = draft;
    if (!isSampleType(type)) return this.#drop(draft, 'bad-type', `${show(type)} is no sample type`);
    if (volume === null) return this.#drop(draft, 'no-volume', 'it has no volume');
    const number = pythonFloat(volume);
    if (number === undefined || !Number.isFinite(number)) {
      return this.#drop(draft, 'bad-volume', `the volume ${show(volume)} is no finite number`);
    }
    const resourceId = textOrNull(draft.resourceId);
    if (resourceId === null) return this.#drop(draft, 'no-resource', 'it has no resource');
    const time = this.#timeOf(draft.timestamp);
    if (time === null) {
      return this.#drop(draft, 'bad-timestamp', `${show(draft.timestamp)} is no date and time`);
    }
    return {
      id: draft.id ?? this.#makeId(time.micros, origin, resourceId, index),
      name,
      type,
      unit: textOrNull(draft.unit),
      volume: number,
      userId: textOrNull(draft.userId),
      userName: textOrNull(draft.userName ?? null),
      projectId: textOrNull(draft.projectId),
      projectName: textOrNull(draft.projectName ?? null),
      resourceId,
      timestamp: time.text,
      timestampMicros: time.micros,
      resourceMetadata: draft.resourceMetadata,
      source: draft.source,
      deployment: draft.deployment ?? this.#notification.deployment,
      monotonicTime: null,
    };
  }

  #drop(sample: SampleDraft, reason: DropReason, why: string): null {
    const message = `sample ${show(sample.name)} of ${show(sample.resourceId)} is left out: ${why}`;
    const timestamp = this.#timeOf(sample.timestamp)?.text ?? sample.timestamp;
    this.dropped.push({ reason, message, sample: { ...sample, timestamp } });
    return null;
  }

  /** The same notification gives the same ids whenever it is converted. */
  #makeId(timestampMicros: number, origin: string, resourceId: string, index: number): string {
    return sampleId(timestampMicros, this.#notification.messageId, origin, resourceId, `${index}`);
  }

  #timeOf(timestamp: JsonValue): { readonly text: string; readonly micros: number } | null {
    // As in the original an empty text or a zero is no timestamp, so the notification's own counts.
    if (timestamp === null || timestamp === '' || timestamp === 0 || timestamp === false) {
      const micros = this.#notification.timestampMicros;
      this.#zonedTimestamp ??= zonedText(this.#notification.timestamp, micros);
      return { text: this.#zonedTimestamp, micros };
    }
    if (typeof timestamp !== 'string') return null;
    const micros = tryParseTimestamp(timestamp);
    return micros === undefined ? null : { text: zonedText(timestamp, micros), micros };
  }
}

/** As `toZonedText`, for a text whose instant is known; cheap for the form without an offset. */
function zonedText(text: string, micros: number): string {
  const hasOffset = text.includes('+') || text.lastIndexOf('-') > 7;
  return (hasOffset ? toZonedText(text) : undefined) ?? `${formatUtc(micros)}+00:00`;
}

function isSampleType(value: JsonValue): value is SampleType {
  return SAMPLE_TYPES.some((type) => type === value);
}

function textOrNull(value: JsonValue): string | null {
  return value === null || typeof value === 'string' ? value : toText(value);
}
