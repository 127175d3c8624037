import type { JsonValue } from '../../model/json.ts';
import type { Sample } from '../../model/sample.ts';

/** Names under which expressions find the fields of a sample, those of the metering message. */
export const SAMPLE_FIELDS: readonly string[] = [
  'name',
  'type',
  'unit',
  'volume',
  'user_id',
  'user_name',
  'project_id',
  'project_name',
  'resource_id',
  'timestamp',
  'resource_metadata',
  'source',
  'id',
  'monotonic_time',
  'deployment',
];

/** The value of a field by its name, undefined for any other name. */
export function sampleField(sample: Sample, name: string): JsonValue | undefined {
  switch (name) {
    case 'name':
    case 'type':
    case 'unit':
    case 'volume':
    case 'timestamp':
    case 'source':
    case 'id':
    case 'deployment':
      return sample[name];
    case 'resource_metadata':
      return sample.resourceMetadata;
    case 'resource_id':
      return sample.resourceId;
    case 'user_id':
      return sample.userId;
    case 'user_name':
      return sample.userName;
    case 'project_id':
      return sample.projectId;
    case 'project_name':
      return sample.projectName;
    case 'monotonic_time':
      return sample.monotonicTime;
    default:
      return undefined;
  }
}

/** A sample as the mapping that expressions see. */
export function sampleAsMapping(sample: Sample): { readonly [key: string]: JsonValue } {
  return Object.fromEntries(SAMPLE_FIELDS.map((name) => [name, sampleField(sample, name) ?? null]));
}
