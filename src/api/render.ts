import { pythonStr } from '../lib/python-text.ts';
import { formatUtc } from '../lib/timestamp.ts';
import { type Event, TRAIT_TYPE, TRAIT_TYPE_NAMES, type Trait } from '../model/event.ts';
import { FloatToken } from '../model/json.ts';
import type { StoredMeter, StoredResource, StoredSample } from '../store/query.ts';
import type { FlatMetadata } from './flatten-metadata.ts';
import { type JsonNumber, jsonFloat, sendableJson } from './json-numbers.ts';

/**
 * Stored things as the JSON of API v2: its key names in its order, times as naive ISO 8601 text in UTC, floats as
 * floats. All pure.
 */

/** A meter of one resource. */
export function renderMeter(meter: StoredMeter) {
  return {
    name: meter.name,
    type: meter.type,
    unit: meter.unit,
    resource_id: meter.resourceId,
    project_id: meter.projectId,
    user_id: meter.userId,
    source: meter.source,
    meter_id: meterId(meter.resourceId, meter.name),
  };
}

/** A meter with `unique`: whatever resources have it. */
export function renderUniqueMeter(meter: StoredMeter) {
  return {
    name: meter.name,
    type: meter.type,
    unit: meter.unit,
    resource_id: null,
    project_id: null,
    user_id: null,
    source: null,
    // The original prints the absent resource as Python does.
    meter_id: meterId('None', meter.name),
  };
}

function meterId(resourceId: string, name: string): string {
  return Buffer.from(`${resourceId}+${name}`).toString('base64');
}

/** A sample as `/v2/meters/{name}` gives it. */
export function renderOldSample(sample: StoredSample, metadata: FlatMetadata) {
  return {
    source: sample.source,
    counter_name: sample.name,
    counter_type: sample.type,
    counter_unit: sample.unit,
    counter_volume: jsonFloat(sample.volume),
    user_id: sample.userId,
    project_id: sample.projectId,
    resource_id: sample.resourceId,
    timestamp: formatUtc(sample.timestampMicros),
    recorded_at: formatUtc(sample.recordedMicros),
    resource_metadata: metadata,
    message_id: sample.id,
    ...deploymentOf(sample),
  };
}

/** A sample as `/v2/samples` gives it. */
export function renderSample(sample: StoredSample, metadata: FlatMetadata) {
  return {
    id: sample.id,
    meter: sample.name,
    type: sample.type,
    unit: sample.unit,
    volume: jsonFloat(sample.volume),
    user_id: sample.userId,
    project_id: sample.projectId,
    resource_id: sample.resourceId,
    source: sample.source,
    timestamp: formatUtc(sample.timestampMicros),
    recorded_at: formatUtc(sample.recordedMicros),
    metadata,
    ...deploymentOf(sample),
  };
}

/** A resource with links to itself and, if wanted, to its meters. `baseUrl` has no slash at its end. */
export function renderResource(
  resource: StoredResource,
  metadata: FlatMetadata,
  links: { readonly baseUrl: string; readonly meters: boolean },
) {
  const id = encodeURIComponent(resource.resourceId);
  const meterLinks = resource.meters.map((meter) => ({
    href: `${links.baseUrl}/v2/meters/${encodeURIComponent(meter)}?q.field=resource_id&q.value=${id}`,
    rel: meter,
  }));
  return {
    resource_id: resource.resourceId,
    project_id: resource.projectId,
    user_id: resource.userId,
    first_sample_timestamp: formatUtc(resource.firstSampleMicros),
    last_sample_timestamp: formatUtc(resource.lastSampleMicros),
    metadata,
    links: [
      { href: `${links.baseUrl}/v2/resources/${id}`, rel: 'self' },
      ...(links.meters ? meterLinks : []),
    ],
    source: resource.source,
  };
}

/** An event with its traits in order of their names. */
export function renderEvent(event: Event) {
  return {
    message_id: event.messageId,
    event_type: event.eventType,
    generated: event.generated,
    ...deploymentOf(event),
    traits: [...event.traits].sort(byName).map(renderTrait),
    raw: event.raw === null ? {} : sendableJson(event.raw),
  };
}

/** Ours; the answers of one cloud are those of the original. */
function deploymentOf({ deployment }: { readonly deployment: string | null }) {
  return deployment === null ? {} : { deployment };
}

function byName([first]: Trait, [second]: Trait): number {
  if (first === second) return 0;
  return first < second ? -1 : 1;
}

/** A trait; its value is always text, numbers as Python prints them. */
export function renderTrait([name, type, value]: Trait) {
  return { name, value: traitText(type, value), type: TRAIT_TYPE_NAMES[type] };
}

function traitText(type: Trait[1], value: Trait[2]): string {
  const integralFloat = type === TRAIT_TYPE.float && typeof value === 'number' && Number.isInteger(value);
  return pythonStr(integralFloat ? new FloatToken(value) : value);
}

/** Seconds between two instants in microseconds, as a float. */
export function renderSeconds(startMicros: number, endMicros: number): number | JsonNumber {
  return jsonFloat((endMicros - startMicros) / 1_000_000);
}
