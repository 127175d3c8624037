import { cutCodePoints } from '../lib/code-points.ts';
import { PathEvaluationError } from '../lib/jsonpath.ts';
import { FloatToken, isJsonObject, type JsonObject, type JsonValue } from '../model/json.ts';
import type { Notification } from '../model/notification.ts';
import type { ConversionReport } from './conversion-report.ts';
import type { Field } from './definition-field.ts';
import { storedValue } from './stored-value.ts';

/** Which part of a tenant's own metadata becomes part of a sample: the options `reserved_metadata_*`. */
export interface ReservedMetadata {
  /** Prefixes of keys that are kept, without the prefix. */
  readonly namespaces: readonly string[];
  /** Keys that are kept as they are. */
  readonly keys: readonly string[];
  /** Code points of a text that are kept. */
  readonly length: number;
}

/** What a meter definition says about metadata. Equal specifications are one object: they are compared by identity. */
export interface MetadataSpec {
  readonly fields: readonly (readonly [name: string, field: Field])[];
  /** Where the tenant's own metadata is. */
  readonly userMetadata: Field | null;
  readonly reserved: ReservedMetadata;
}

/** The specification that chooses nothing: the whole payload. */
export const WHOLE_PAYLOAD: MetadataSpec = {
  fields: [],
  userMetadata: null,
  reserved: { namespaces: [], keys: [], length: 0 },
};

/**
 * The metadata of the samples of one notification: one object per specification, so that samples that say the same
 * share it (a store writes it once). `report` gets what could not be found because a path failed.
 *
 * Source: ceilometer `meter/notifications.py` and `sample.py`, Sample.from_notification.
 */
export class SampleMetadata {
  readonly #notification: Notification;
  readonly #report: ConversionReport;
  readonly #made = new Map<MetadataSpec, JsonObject>();

  constructor(notification: Notification, report: ConversionReport) {
    this.#notification = notification;
    this.#report = report;
  }

  /** The metadata that `spec` chooses, or the whole payload when it chooses nothing that is there. */
  of(spec: MetadataSpec): JsonObject {
    let metadata = this.#made.get(spec);
    if (metadata === undefined) {
      metadata = spec === WHOLE_PAYLOAD ? this.#wholePayload() : this.#chosen(spec);
      this.#made.set(spec, metadata);
    }
    return metadata;
  }

  #chosen(spec: MetadataSpec): JsonObject {
    const chosen = storedValue(this.#notification, (notification) => this.#choose(spec, notification));
    return Object.keys(chosen).length === 0 ? this.of(WHOLE_PAYLOAD) : chosen;
  }

  #choose(spec: MetadataSpec, notification: Notification): JsonObject {
    const chosen: Record<string, JsonValue> = {};
    for (const [name, field] of spec.fields) {
      const value = this.#tryValue(name, field, notification);
      if (isTruthy(value)) chosen[name] = value;
    }
    const own =
      spec.userMetadata === null ? null : this.#tryValue('user_metadata', spec.userMetadata, notification);
    const kept = own !== null && isJsonObject(own) ? reservedMetadata(own, chosen, spec.reserved) : null;
    if (kept !== null) chosen.user_metadata = kept;
    return chosen;
  }

  #tryValue(name: string, field: Field, notification: Notification): JsonValue {
    try {
      return field.value(notification);
    } catch (error) {
      if (!(error instanceof PathEvaluationError)) throw error;
      this.#report.add('E5013', `metadata ${name} is left out: ${error.message}`);
      return null;
    }
  }

  #wholePayload(): JsonObject {
    return storedValue(this.#notification, wholePayload);
  }
}

/** The payload, when it is a mapping, with the event's type and the publisher over it. Pure. */
function wholePayload({ payload, eventType, publisherId }: Notification): JsonObject {
  return { ...(isJsonObject(payload) ? payload : {}), event_type: eventType, host: publisherId };
}

/** The part of a tenant's own metadata that is kept, or null when there is none. */
function reservedMetadata(own: JsonObject, taken: JsonObject, reserved: ReservedMetadata): JsonObject | null {
  const kept: [string, JsonValue][] = [];
  const keep = (key: string, value: JsonValue) => {
    const name = key.replaceAll('.', '_');
    if (!Object.hasOwn(taken, name)) kept.push([name, cutValue(value, reserved.length)]);
  };
  const entries = Object.entries(own);
  for (const prefix of reserved.namespaces) {
    for (const [key, value] of entries) if (key.startsWith(prefix)) keep(key.slice(prefix.length), value);
  }
  for (const [key, value] of entries) if (reserved.keys.includes(key)) keep(key, value);
  return kept.length === 0 ? null : Object.fromEntries(kept);
}

function cutValue(value: JsonValue, length: number): JsonValue {
  return typeof value === 'string' ? cutCodePoints(value, length) : value;
}

/** Python's idea of it: chosen metadata that is empty, zero or false is left out. */
function isTruthy(value: JsonValue): boolean {
  if (typeof value !== 'object' || value === null) return Boolean(value);
  if (value instanceof FloatToken) return value.value !== 0;
  return Array.isArray(value) ? value.length > 0 : Object.keys(value).length > 0;
}
