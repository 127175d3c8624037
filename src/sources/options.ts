import { defineOption, type Option } from '../config/option.ts';

export const MESSAGING_URLS = defineOption({
  group: 'notification',
  name: 'messaging_urls',
  type: 'secret-multi',
  default: [],
  doc: 'Brokers to listen to for notifications, one URL a line. When set, the other transport URLs are listened to only if they are listed too.',
  example: 'rabbit://nephoscope:secret@broker-1:5672/nova',
  since: '0.1.0',
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
  BATCH_SIZE,
  BATCH_TIMEOUT,
  MAX_HELD_BYTES,
  CONTROL_EXCHANGES,
  ADDITIONAL_CONTROL_EXCHANGES,
] as const satisfies readonly Option[];
