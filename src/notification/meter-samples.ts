import { PathEvaluationError } from '../lib/jsonpath.ts';
import type { JsonValue } from '../model/json.ts';
import type { Notification } from '../model/notification.ts';
import type { ConversionReport } from './conversion-report.ts';
import { type Field, pathField } from './definition-field.ts';
import type { SampleCollector, SampleDraft } from './sample-builder.ts';
import type { MetadataSpec, SampleMetadata } from './sample-metadata.ts';

/** The fields of a meter definition that may differ from sample to sample, by the names that `lookup` uses. */
export const METER_FIELDS = [
  'name',
  'type',
  'volume',
  'unit',
  'timestamp',
  'user_id',
  'project_id',
  'resource_id',
] as const;
export type MeterFieldName = (typeof METER_FIELDS)[number];

/** One compiled meter definition. */
export interface MeterDefinition {
  /** The text of `name`: the definition's identity. */
  readonly key: string;
  readonly fields: Readonly<Record<MeterFieldName, Field | null>>;
  /** What stands where a field finds nothing: the definition's own text of name, type and unit. */
  readonly defaults: Readonly<Record<'name' | 'type' | 'unit', JsonValue>>;
  readonly metadata: MetadataSpec;
  /** The fields that give one value per sample; null when a notification makes one sample. */
  readonly lookup: ReadonlySet<string> | null;
}

/** What the samples of one notification are made with. */
export interface MeterContext {
  readonly notification: Notification;
  readonly metadata: SampleMetadata;
  readonly collector: SampleCollector;
  readonly report: ConversionReport;
  /** The source of the samples, unless they bring one. */
  readonly source: string;
}

/**
 * Adds the samples that a definition makes of a notification to the collector.
 *
 * Source: ceilometer `meter/notifications.py`, MeterDefinition.to_samples.
 */
export function addMeterSamples(definition: MeterDefinition, context: MeterContext): void {
  try {
    if (definition.lookup === null) addOne(definition, context);
    else addMany(definition, definition.lookup, context);
  } catch (error) {
    if (!(error instanceof PathEvaluationError)) throw error;
    context.report.add('E5013', `meter ${definition.key} is left out: ${error.message}`);
  }
}

/** Who asked, for definitions that do not say whose it is. */
const fallbackUserId = pathField('ctxt.user_id', 'ctxt.user');
const fallbackProjectId = pathField('ctxt.project_id', 'ctxt.tenant_id');

function addOne(definition: MeterDefinition, context: MeterContext): void {
  const { fields, defaults } = definition;
  const { notification } = context;
  const draft: SampleDraft = {
    name: textOf(fields.name, notification) ?? defaults.name,
    type: textOf(fields.type, notification) ?? defaults.type,
    unit: textOf(fields.unit, notification) ?? defaults.unit,
    volume: fields.volume === null ? null : fields.volume.value(notification),
    userId: textOf(fields.user_id, notification) ?? textOf(fallbackUserId, notification),
    projectId: textOf(fields.project_id, notification) ?? textOf(fallbackProjectId, notification),
    resourceId: textOf(fields.resource_id, notification),
    timestamp: textOf(fields.timestamp, notification),
    resourceMetadata: context.metadata.of(definition.metadata),
    source: context.source,
  };
  context.collector.add(draft, definition.key);
}

/** A value that will be text: where the plain parse may have lost what it said, it is taken from the exact one. */
function textOf(field: Field | null, notification: Notification): JsonValue {
  if (field === null) return null;
  const value = field.value(notification);
  return typeof value === 'string' || value === null ? value : field.value(notification.exact());
}

function addMany(definition: MeterDefinition, lookup: ReadonlySet<string>, context: MeterContext): void {
  const { report, notification, collector } = context;
  const names = valuesOf('name', definition, lookup, notification);
  const columns = new Map<MeterFieldName, readonly JsonValue[]>();
  for (const field of METER_FIELDS) {
    const values = valuesOf(field, definition, lookup, notification);
    if (values.length === names.length) columns.set(field, values);
    else if (values.length === 1 && (definition.fields[field]?.isConstant || !lookup.has(field))) {
      columns.set(
        field,
        names.map(() => values[0] ?? null),
      );
    } else {
      const counts = `${field} has ${values.length} values for ${names.length} meters`;
      report.add('E5015', `meter ${definition.key} is left out: ${counts}`);
      return;
    }
  }
  const at = (field: MeterFieldName, index: number): JsonValue => columns.get(field)?.[index] ?? null;
  for (const index of names.keys()) {
    const draft: SampleDraft = {
      name: at('name', index),
      type: at('type', index),
      unit: at('unit', index),
      volume: at('volume', index),
      userId: at('user_id', index),
      projectId: at('project_id', index),
      resourceId: at('resource_id', index),
      timestamp: at('timestamp', index),
      resourceMetadata: context.metadata.of(definition.metadata),
      source: context.source,
    };
    collector.add(draft, definition.key, index);
  }
}

/** All values of a field, or its default alone when it finds none and need not. */
function valuesOf(
  name: MeterFieldName,
  definition: MeterDefinition,
  lookup: ReadonlySet<string>,
  notification: Notification,
): readonly JsonValue[] {
  const field = definition.fields[name];
  if (field?.isConstant) return field.values(notification);
  const plain = field?.values(notification) ?? [];
  if (field !== null && (plain.length > 0 || name === 'name' || lookup.has(name))) {
    const isText = name === 'volume' || plain.every((value) => typeof value === 'string' || value === null);
    return isText ? plain : field.values(notification.exact());
  }
  return [defaultOf(name, definition, notification)];
}

function defaultOf(name: MeterFieldName, definition: MeterDefinition, notification: Notification): JsonValue {
  switch (name) {
    case 'name':
    case 'type':
    case 'unit':
      return definition.defaults[name];
    case 'user_id':
      return fallbackUserId.value(notification);
    case 'project_id':
      return fallbackProjectId.value(notification);
    default:
      return null;
  }
}
