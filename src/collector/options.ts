import { defineOption, type Option } from '../config/option.ts';

const COLLECTOR = 'collector';

export const COLLECTOR_ENABLED = defineOption({
  group: COLLECTOR,
  name: 'enabled',
  type: 'boolean',
  default: false,
  doc: 'Take metering and event messages from the message bus, as ceilometer-collector did, and hand them to the dispatchers.',
  since: '0.2.0',
});

export const COLLECTOR_BATCH_SIZE = defineOption({
  group: COLLECTOR,
  name: 'batch_size',
  type: 'integer',
  default: 500,
  min: 1,
  unit: 'messages',
  doc: 'The most messages that are handed to the dispatchers together; each may hold many samples or events.',
  since: '0.2.0',
});

export const COLLECTOR_BATCH_TIMEOUT = defineOption({
  group: COLLECTOR,
  name: 'batch_timeout',
  type: 'float',
  default: 0,
  min: 0,
  unit: 'seconds',
  doc: 'How long to wait for a batch to fill. 0: not at all; a batch is what arrived while the one before was processed.',
  since: '0.2.0',
});

export const UDP_ADDRESS = defineOption({
  group: COLLECTOR,
  name: 'udp_address',
  type: 'string',
  default: '',
  doc: 'Address on which the collector takes signed metering messages by UDP. Empty: it does not; anything else needs [publisher] telemetry_secret. The original listens on 0.0.0.0 unless told otherwise.',
  example: '192.0.2.10',
  since: '0.2.0',
});

export const UDP_PORT = defineOption({
  group: COLLECTOR,
  name: 'udp_port',
  type: 'port',
  default: 4952,
  doc: 'Port that goes with udp_address.',
  since: '0.2.0',
});

export const UDP_REPLAY_WINDOW = defineOption({
  group: COLLECTOR,
  name: 'udp_replay_window',
  type: 'float',
  default: 300,
  min: 1,
  unit: 'seconds',
  doc: 'How far the timestamp of a sample that came by UDP may be from the clock of the collector. Within it repeats are recognised; outside nothing is taken, as it may be a recording that is played back.',
  since: '0.2.0',
});

const COLLECTOR_WORKERS = defineOption({
  group: COLLECTOR,
  name: 'workers',
  type: 'integer',
  default: 1,
  min: 1,
  doc: 'Accepted and ignored: the collector is one process. Start more of them, on other machines too, to share the queues.',
  since: '0.2.0',
  deprecatedNames: [{ group: 'DEFAULT', name: 'collector_workers' }],
});

const REQUEUE_SAMPLES = defineOption({
  group: COLLECTOR,
  name: 'requeue_sample_on_dispatcher_error',
  type: 'boolean',
  default: true,
  doc: 'Accepted and ignored: what a dispatcher does not take is tried again, and parked after five times.',
  since: '0.2.0',
});

const REQUEUE_EVENTS = defineOption({
  group: COLLECTOR,
  name: 'requeue_event_on_dispatcher_error',
  type: 'boolean',
  default: true,
  doc: 'Accepted and ignored, as requeue_sample_on_dispatcher_error.',
  since: '0.2.0',
});

export const METER_DISPATCHERS = defineOption({
  group: 'DEFAULT',
  name: 'meter_dispatchers',
  type: 'multi',
  default: ['database'],
  doc: 'Where the collector puts samples: database (the configured store), file, http, gnocchi. Each becomes a publisher, as it would stand in a pipeline file.',
  example: 'database',
  since: '0.2.0',
  deprecatedNames: [{ group: 'DEFAULT', name: 'dispatcher' }],
});

export const EVENT_DISPATCHERS = defineOption({
  group: 'DEFAULT',
  name: 'event_dispatchers',
  type: 'multi',
  default: ['database'],
  doc: 'Where the collector puts events: database (the configured store), file, http, gnocchi.',
  example: 'database',
  since: '0.2.0',
  deprecatedNames: [{ group: 'DEFAULT', name: 'dispatcher' }],
});

export const FILE_PATH = defineOption({
  group: 'dispatcher_file',
  name: 'file_path',
  type: 'string',
  default: null,
  doc: 'File of the dispatcher file; one item a line, while the original writes a whole list a line.',
  example: '/var/log/nephoscope/collected.log',
  since: '0.2.0',
});

export const FILE_MAX_BYTES = defineOption({
  group: 'dispatcher_file',
  name: 'max_bytes',
  type: 'integer',
  default: 0,
  min: 0,
  unit: 'bytes',
  doc: 'Size at which the file is rotated; only together with backup_count.',
  since: '0.2.0',
});

export const FILE_BACKUP_COUNT = defineOption({
  group: 'dispatcher_file',
  name: 'backup_count',
  type: 'integer',
  default: 0,
  min: 0,
  unit: 'files',
  doc: 'How many rotated files are kept; only together with max_bytes.',
  since: '0.2.0',
});

export const HTTP_TARGET = defineOption({
  group: 'dispatcher_http',
  name: 'target',
  type: 'secret',
  default: null,
  doc: 'URL that the dispatcher http posts samples to. Samples have the keys of the http publisher (name, volume …), not those of the original dispatcher (counter_name …).',
  example: 'https://example.org/samples',
  since: '0.2.0',
});

export const HTTP_EVENT_TARGET = defineOption({
  group: 'dispatcher_http',
  name: 'event_target',
  type: 'secret',
  default: null,
  doc: 'URL that the dispatcher http posts events to; target unless it is set.',
  since: '0.2.0',
});

export const HTTP_TIMEOUT = defineOption({
  group: 'dispatcher_http',
  name: 'timeout',
  type: 'integer',
  default: 5,
  min: 1,
  unit: 'seconds',
  doc: 'How long one request of the dispatcher http may take.',
  since: '0.2.0',
});

export const HTTP_VERIFY_SSL = defineOption({
  group: 'dispatcher_http',
  name: 'verify_ssl',
  type: 'string',
  default: null,
  doc: 'Whether the certificate of the target is checked (true, false), or the file or directory of the authorities that may have signed it.',
  since: '0.2.0',
});

export const HTTP_BATCH_MODE = defineOption({
  group: 'dispatcher_http',
  name: 'batch_mode',
  type: 'boolean',
  default: false,
  doc: 'Post lists instead of one request for each sample or event.',
  since: '0.2.0',
});

export const GNOCCHI_ARCHIVE_POLICY = defineOption({
  group: 'dispatcher_gnocchi',
  name: 'archive_policy',
  type: 'string',
  default: null,
  doc: 'Archive policy of metrics that the dispatcher gnocchi makes.',
  since: '0.2.0',
});

export const GNOCCHI_FILTER_SERVICE_ACTIVITY = defineOption({
  group: 'dispatcher_gnocchi',
  name: 'filter_service_activity',
  type: 'boolean',
  default: true,
  doc: 'Leave out the samples of the project that Gnocchi itself works in.',
  since: '0.2.0',
});

export const GNOCCHI_FILTER_PROJECT = defineOption({
  group: 'dispatcher_gnocchi',
  name: 'filter_project',
  type: 'string',
  default: 'gnocchi',
  doc: 'Name of that project.',
  since: '0.2.0',
});

export const GNOCCHI_RESOURCES_FILE = defineOption({
  group: 'dispatcher_gnocchi',
  name: 'resources_definition_file',
  type: 'string',
  default: null,
  doc: 'Which meters belong to which resource types; gnocchi_resources.yaml unless it is set.',
  since: '0.2.0',
});

const GNOCCHI_URL = defineOption({
  group: 'dispatcher_gnocchi',
  name: 'url',
  type: 'string',
  default: null,
  doc: 'Accepted and ignored: the service catalog says where Gnocchi is.',
  since: '0.2.0',
});

/** Options that are read for the sake of old files; named in the log when they are set. */
export const IGNORED_OPTIONS = [
  COLLECTOR_WORKERS,
  REQUEUE_SAMPLES,
  REQUEUE_EVENTS,
  GNOCCHI_URL,
] as const satisfies readonly Option[];

/** All options of this folder. */
export const COLLECTOR_OPTIONS: readonly Option[] = [
  COLLECTOR_ENABLED,
  COLLECTOR_BATCH_SIZE,
  COLLECTOR_BATCH_TIMEOUT,
  UDP_ADDRESS,
  UDP_PORT,
  UDP_REPLAY_WINDOW,
  METER_DISPATCHERS,
  EVENT_DISPATCHERS,
  FILE_PATH,
  FILE_MAX_BYTES,
  FILE_BACKUP_COUNT,
  HTTP_TARGET,
  HTTP_EVENT_TARGET,
  HTTP_TIMEOUT,
  HTTP_VERIFY_SSL,
  HTTP_BATCH_MODE,
  GNOCCHI_ARCHIVE_POLICY,
  GNOCCHI_FILTER_SERVICE_ACTIVITY,
  GNOCCHI_FILTER_PROJECT,
  GNOCCHI_RESOURCES_FILE,
  ...IGNORED_OPTIONS,
];
