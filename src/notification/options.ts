import type { Config } from '../config/option.ts';
import { defineOption } from '../config/option.ts';
import type { MeterDefinitionOptions } from './meter-definitions.ts';

export const EVENT_DEFINITIONS_FILE = defineOption({
  group: 'event',
  name: 'definitions_cfg_file',
  type: 'string',
  default: 'event_definitions.yaml',
  doc: 'Which traits events have. Takes the place of the shipped file as a whole; nothing is merged.',
  example: '/etc/ceilometer/event_definitions.yaml',
  since: '0.1.0',
});

export const DROP_UNMATCHED_NOTIFICATIONS = defineOption({
  group: 'event',
  name: 'drop_unmatched_notifications',
  type: 'boolean',
  default: false,
  doc: 'Make no event of a notification that no definition matches. Otherwise it has the default traits.',
  since: '0.1.0',
});

export const STORE_RAW = defineOption({
  group: 'event',
  name: 'store_raw',
  type: 'multi',
  default: [],
  doc: 'Priorities whose events keep the whole notification: info, error …',
  example: 'error',
  since: '0.1.0',
});

export const METER_DEFINITIONS_DIRS = defineOption({
  group: 'meter',
  name: 'meter_definitions_dirs',
  type: 'multi',
  default: ['/etc/nephoscope/meters.d', '/etc/ceilometer/meters.d'],
  doc:
    'Directories whose *.yaml files say which samples are made of notifications. Read before the shipped ones, ' +
    'which a definition of the same name overrides.',
  example: '/etc/ceilometer/meters.d',
  since: '0.1.0',
});

export const SAMPLE_SOURCE = defineOption({
  group: 'DEFAULT',
  name: 'sample_source',
  type: 'string',
  default: 'openstack',
  doc: 'Source that samples name.',
  since: '0.1.0',
});

const RESERVED_METADATA_NAMESPACE = defineOption({
  group: 'DEFAULT',
  name: 'reserved_metadata_namespace',
  type: 'list',
  default: ['metering.'],
  doc: 'Prefixes of the metadata keys of servers that samples keep; the prefix is removed.',
  since: '0.1.0',
});

const RESERVED_METADATA_LENGTH = defineOption({
  group: 'DEFAULT',
  name: 'reserved_metadata_length',
  type: 'integer',
  default: 256,
  doc: 'Length such a value is cut to.',
  unit: 'characters',
  min: 0,
  since: '0.1.0',
});

const RESERVED_METADATA_KEYS = defineOption({
  group: 'DEFAULT',
  name: 'reserved_metadata_keys',
  type: 'list',
  default: [],
  doc: 'Further metadata keys of servers that samples keep.',
  example: 'fqdn,customer',
  since: '0.1.0',
});

/** All options of notifications, for the configuration schema. */
export const NOTIFICATION_OPTIONS = [
  EVENT_DEFINITIONS_FILE,
  DROP_UNMATCHED_NOTIFICATIONS,
  STORE_RAW,
  METER_DEFINITIONS_DIRS,
  SAMPLE_SOURCE,
  RESERVED_METADATA_NAMESPACE,
  RESERVED_METADATA_LENGTH,
  RESERVED_METADATA_KEYS,
] as const;

/** Which part of a server's own metadata samples keep. */
export function readReservedMetadata(config: Config): MeterDefinitionOptions {
  return {
    reservedMetadataNamespace: config.get(RESERVED_METADATA_NAMESPACE),
    reservedMetadataKeys: config.get(RESERVED_METADATA_KEYS),
    reservedMetadataLength: config.get(RESERVED_METADATA_LENGTH),
  };
}
