import { defineOption, type Option } from '../config/option.ts';
import { PRIORITIES } from '../model/notification.ts';

export const MESSAGING_URLS = defineOption({
  group: 'notification',
  name: 'messaging_urls',
  type: 'secret-multi',
  default: [],
  doc: 'Brokers to listen to for notifications, one URL a line. When set, the other transport URLs are listened to only if they are listed too.',
  example: 'rabbit://nephoscope:secret@broker-1:5672/nova',
  since: '0.1.0',
});

export const DEPLOYMENTS_FILE = defineOption({
  group: 'notification',
  name: 'deployments_file',
  type: 'string',
  default: null,
  doc: 'YAML or JSON file with the clouds or cells to listen to, each with a name that its records carry; the file of a StackTach worker is understood. Listened to besides messaging_urls; when set, the transport URLs are listened to only if they are listed in one of the two.',
  example: '/etc/nephoscope/deployments.yaml',
  since: '0.1.0',
});

export const TAKEOVER = defineOption({
  group: 'notification',
  name: 'takeover',
  type: 'boolean',
  default: false,
  doc: 'Read queues although others, a running Ceilometer for example, read them too: each message then reaches only one of them. Without it nephoscope does not start on such a queue.',
  since: '0.1.0',
});

export const CONSUMER_GROUP = defineOption({
  group: 'notification',
  name: 'consumer_group',
  type: 'string',
  default: null,
  doc: 'Processes with the same name share queues on purpose and are no strangers to each other. Not set: the name of this node, so those of one host. Several hosts that share the work need the same name and, in most cases, the same store.',
  example: 'telemetry',
  since: '0.1.0',
});

export const SHADOW = defineOption({
  group: 'notification',
  name: 'shadow',
  type: 'boolean',
  default: false,
  doc: 'Read a copy of all notifications from a queue of our own, so that those who read the other queues lose nothing.',
  since: '0.1.0',
});

export const SHADOW_QUEUE = defineOption({
  group: 'notification',
  name: 'shadow_queue',
  type: 'string',
  default: 'nephoscope.shadow',
  doc: 'Name of that queue; a dot and the name of the deployment follow where there is one.',
  since: '0.1.0',
});

export const SHADOW_MAX_LENGTH = defineOption({
  group: 'notification',
  name: 'shadow_max_length',
  type: 'integer',
  default: 100_000,
  min: 0,
  unit: 'messages',
  doc: 'How many messages the shadow queue may hold while nobody reads it. 0: no limit.',
  since: '0.1.0',
});

export const SHADOW_MAX_BYTES = defineOption({
  group: 'notification',
  name: 'shadow_max_bytes',
  type: 'integer',
  default: 268_435_456,
  min: 0,
  unit: 'bytes',
  doc: 'How many bytes of messages the shadow queue may hold. 0: no limit.',
  since: '0.1.0',
});

export const SHADOW_MESSAGE_TTL = defineOption({
  group: 'notification',
  name: 'shadow_message_ttl',
  type: 'integer',
  default: 86_400,
  min: 0,
  max: 4_294_967,
  unit: 'seconds',
  doc: 'How long a message may wait in the shadow queue. 0: for ever.',
  since: '0.1.0',
});

export const SHADOW_EXPIRES = defineOption({
  group: 'notification',
  name: 'shadow_expires',
  type: 'integer',
  default: 604_800,
  min: 0,
  max: 4_294_967,
  unit: 'seconds',
  doc: 'After how long without a reader the broker removes the shadow queue. 0: never.',
  since: '0.1.0',
});

export const SHADOW_OVERFLOW = defineOption({
  group: 'notification',
  name: 'shadow_overflow',
  type: 'string',
  default: 'drop-head',
  choices: ['drop-head', 'reject-publish'],
  doc: 'What the broker does when the shadow queue is full: drop its oldest message, or refuse new ones. The second one refuses them to the sending service, which sends them again to all queues.',
  since: '0.1.0',
});

export const EVENT_PRIORITIES = defineOption({
  group: 'notification',
  name: 'event_priorities',
  type: 'list',
  default: [...PRIORITIES],
  choices: PRIORITIES,
  doc: 'Priorities of notifications that events are made of. All are taken from their queues in any case.',
  example: 'info,warn,error,critical',
  since: '0.1.0',
});

export const SAMPLE_PRIORITIES = defineOption({
  group: 'notification',
  name: 'sample_priorities',
  type: 'list',
  default: ['info', 'sample'],
  choices: PRIORITIES,
  doc: 'Priorities of notifications that samples are made of; the default is what the original does.',
  since: '0.1.0',
});

export const WORKERS = defineOption({
  group: 'notification',
  name: 'workers',
  type: 'integer',
  default: 1,
  min: 1,
  max: 64,
  unit: 'processes',
  doc: 'How many processes take, convert and publish notifications. With more than one they are children of the serving process, which keeps the store, the API and polling.',
  since: '0.1.0',
  deprecatedNames: [{ group: 'DEFAULT', name: 'notification_workers' }],
});

export const BATCH_SIZE = defineOption({
  group: 'notification',
  name: 'batch_size',
  type: 'integer',
  default: 1000,
  min: 1,
  unit: 'messages',
  doc: 'The most notifications that are processed and stored together. Never more than half of rabbit_qos_prefetch_count unless batch_timeout is set, so that the broker has something to send meanwhile.',
  since: '0.1.0',
});

export const BATCH_TIMEOUT = defineOption({
  group: 'notification',
  name: 'batch_timeout',
  type: 'float',
  default: 0,
  min: 0,
  unit: 'seconds',
  doc: 'How long to wait for a batch to fill. 0: not at all; a batch is what arrived while the one before was processed.',
  since: '0.1.0',
});

export const MAX_HELD_BYTES = defineOption({
  group: 'notification',
  name: 'max_held_bytes',
  type: 'integer',
  default: 134_217_728,
  min: 65_536,
  unit: 'bytes',
  doc: 'How many bytes of unacknowledged notifications may be held for each broker. Prefetch counts messages: when they are so large that more is held, it is given back and fewer are asked for at a time.',
  since: '0.1.0',
});

/** The exchanges of the original, and of the services that its list leaves out. */
export const CONTROL_EXCHANGES = defineOption({
  group: 'notification',
  name: 'notification_control_exchanges',
  type: 'multi',
  default: [
    'nova',
    'glance',
    'neutron',
    'cinder',
    'heat',
    'keystone',
    'trove',
    'zaqar',
    'swift',
    'ceilometer',
    'magnum',
    'dns',
    'ironic',
    'aodh',
    'openstack',
    'designate',
    'octavia',
    'manila',
    'barbican',
    'masakari',
  ],
  doc: 'Exchanges the services publish to (their control_exchange). Setting it replaces the whole list.',
  example: 'nova',
  since: '0.1.0',
  deprecatedNames: [{ group: 'DEFAULT', name: 'http_control_exchanges' }],
});

export const ADDITIONAL_CONTROL_EXCHANGES = defineOption({
  group: 'notification',
  name: 'additional_control_exchanges',
  type: 'multi',
  default: [],
  doc: 'Exchanges to listen to besides those of notification_control_exchanges.',
  example: 'my-service',
  since: '0.1.0',
});

/** All options of this folder. */
export const SOURCE_OPTIONS = [
  MESSAGING_URLS,
  DEPLOYMENTS_FILE,
  TAKEOVER,
  CONSUMER_GROUP,
  SHADOW,
  SHADOW_QUEUE,
  SHADOW_MAX_LENGTH,
  SHADOW_MAX_BYTES,
  SHADOW_MESSAGE_TTL,
  SHADOW_EXPIRES,
  SHADOW_OVERFLOW,
  EVENT_PRIORITIES,
  SAMPLE_PRIORITIES,
  WORKERS,
  BATCH_SIZE,
  BATCH_TIMEOUT,
  MAX_HELD_BYTES,
  CONTROL_EXCHANGES,
  ADDITIONAL_CONTROL_EXCHANGES,
] as const satisfies readonly Option[];
