import { parsePythonFloat } from '../lib/python-text.ts';
import { isJsonObject, type JsonObject, type JsonValue } from '../model/json.ts';
import type { Notification } from '../model/notification.ts';
import type { BuiltInConverter } from './built-in-converter.ts';
import type { MeterContext } from './meter-samples.ts';
import { storedValue } from './stored-value.ts';
import { show } from './trait-coercion.ts';

/** Groups of sensors whose every reading is metered, as `hardware.ipmi.<group>`. */
const meteredGroups = ['Temperature', 'Current', 'Fan', 'Voltage'];

/** Groups in which some sensors read in Watts; those are metered as `hardware.ipmi.power`, the others are states. */
const powerGroups = ['Power', 'Other'];

/** Of what Ironic calls them to the symbols that other meters use. */
const unitSymbols: ReadonlyMap<string, string> = new Map([
  ['Watts', 'W'],
  ['Volts', 'V'],
]);

/**
 * Readings of the sensors of bare metal machines, as Ironic reports them: a gauge per sensor, of the resource
 * `<node>-<sensor id>`. Unlike the original power is metered too, which lies in the groups Power and Other.
 *
 * Source: ceilometer `ipmi/notifications/ironic.py`.
 */
export const ironicSensors: BuiltInConverter = {
  matches: (eventType) => eventType.startsWith('hardware.ipmi.'),
  addSamples: (context) => {
    const groups = groupsOf(context.notification);
    for (const group of meteredGroups) {
      for (const [key, sensor] of sensorsOf(groups, group)) addReading({ group, key, sensor }, context);
    }
    for (const group of powerGroups) {
      for (const [key, sensor] of sensorsOf(groups, group)) addPower({ group, key, sensor }, context);
    }
  },
};

/** A sensor and where it stands in the payload. */
interface Sensor {
  readonly group: string;
  readonly key: string;
  readonly sensor: JsonObject;
}

function groupsOf({ payload }: Notification): JsonObject {
  const groups = isJsonObject(payload) ? payload.payload : undefined;
  return isJsonObject(groups) ? groups : {};
}

function sensorsOf(groups: JsonObject, group: string): readonly (readonly [string, JsonObject])[] {
  const sensors = groups[group];
  if (!isJsonObject(sensors)) return [];
  return Object.entries(sensors).filter((entry): entry is [string, JsonObject] => isJsonObject(entry[1]));
}

function addReading(found: Sensor, context: MeterContext): void {
  const { group, sensor } = found;
  const id = sensor['Sensor ID'];
  const text = sensor['Sensor Reading'] ?? null;
  const reading = parseReading(text);
  if (typeof id !== 'string') {
    report(found, 'it has no Sensor ID', context);
  } else if (group === 'Current' && id.includes('Pwr Consumption')) {
    // Some machines give the power they draw among the currents.
    addPower(found, context);
  } else if (reading !== null) {
    addSample(found, id, group.toLowerCase(), reading, context);
  } else if (text !== 'Disabled') {
    report(found, `its reading is ${show(text)}`, context);
  }
}

function addPower(found: Sensor, context: MeterContext): void {
  const id = found.sensor['Sensor ID'];
  const reading = parseReading(found.sensor['Sensor Reading']);
  if (typeof id !== 'string' || reading?.unit !== 'W') return;
  addSample(found, id, 'power', reading, context);
}

function report({ group, key }: Sensor, why: string, context: MeterContext): void {
  context.report.add('E5016', `sensor ${show(key)} in ${group} is left out: ${why}`);
}

interface Reading {
  readonly volume: number;
  readonly unit: string;
}

/** `23 (+/- 0) degrees C`: the first word is the number, the last the unit. */
function parseReading(text: JsonValue | undefined): Reading | null {
  if (typeof text !== 'string') return null;
  const space = text.indexOf(' ');
  const volume = space < 0 ? undefined : parsePythonFloat(text.slice(0, space));
  if (volume === undefined || !Number.isFinite(volume)) return null;
  const unit = text.slice(text.lastIndexOf(' ') + 1);
  return { volume, unit: unitSymbols.get(unit) ?? unit };
}

function addSample(
  { group, key }: Sensor,
  id: string,
  metric: string,
  { volume, unit }: Reading,
  { notification, collector, source }: MeterContext,
): void {
  const payload = notification.payload as JsonObject;
  const name = `hardware.ipmi.${metric}`;
  const draft = {
    name,
    type: 'gauge',
    unit,
    volume,
    userId: payload.user_id ?? null,
    projectId: payload.project_id ?? null,
    resourceId: resourceOf(payload.node_uuid, id),
    timestamp: payload.timestamp ?? null,
    resourceMetadata: storedValue(notification, (exact) => metadataOf(exact, group, key)),
    source,
  };
  collector.add(draft, name);
}

function resourceOf(node: JsonValue | undefined, id: string): string | null {
  return typeof node === 'string' ? `${node}-${id.toLowerCase().replaceAll(' ', '_')}` : null;
}

/** The sensor's own fields, and the node; the type of the event is the one inside the payload. */
function metadataOf(notification: Notification, group: string, key: string): JsonObject {
  const payload = notification.payload as JsonObject;
  const sensors = groupsOf(notification)[group] as JsonObject;
  return {
    ...(sensors[key] as JsonObject),
    node: payload.node_uuid ?? null,
    event_type: payload.event_type ?? notification.eventType,
    host: notification.publisherId,
  };
}
