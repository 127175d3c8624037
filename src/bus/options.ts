import { defineOption, type Option } from '../config/option.ts';

const RABBIT = 'oslo_messaging_rabbit';

export const TRANSPORT_URL = defineOption({
  group: 'DEFAULT',
  name: 'transport_url',
  type: 'secret',
  default: null,
  doc: 'The message broker: rabbit://user:password@host:port/vhost, several hosts of one cluster with commas between. Not set: no broker is used.',
  example: 'rabbit://nephoscope:secret@broker-1:5672,nephoscope:secret@broker-2:5672/',
  since: '0.1.0',
});

export const NOTIFICATION_TRANSPORT_URL = defineOption({
  group: 'oslo_messaging_notifications',
  name: 'transport_url',
  type: 'secret',
  default: null,
  doc: 'The broker for notifications when it is another one than [DEFAULT] transport_url.',
  example: 'rabbit://nephoscope:secret@broker-1:5672/notifications',
  since: '0.1.0',
  deprecatedNames: [{ group: 'DEFAULT', name: 'notification_transport_url' }],
});

export const NOTIFICATION_TOPICS = defineOption({
  group: 'oslo_messaging_notifications',
  name: 'topics',
  type: 'list',
  default: ['notifications'],
  doc: 'Topics the services send notifications to; queues are named <topic>.<priority>. Add versioned_notifications for the versioned ones of Nova.',
  example: 'notifications,versioned_notifications',
  since: '0.1.0',
  deprecatedNames: [
    { group: 'rpc_notifier2', name: 'topics' },
    { group: 'DEFAULT', name: 'notification_topics' },
  ],
});

export const RABBIT_SSL = defineOption({
  group: RABBIT,
  name: 'ssl',
  type: 'boolean',
  default: false,
  doc: 'Speak TLS with the broker.',
  since: '0.1.0',
  deprecatedNames: [{ group: RABBIT, name: 'rabbit_use_ssl' }],
});

export const RABBIT_SSL_CA_FILE = defineOption({
  group: RABBIT,
  name: 'ssl_ca_file',
  type: 'string',
  default: null,
  doc: 'PEM file with the authorities that may have signed the certificate of the broker. Not set: those of the system.',
  example: '/etc/ssl/certs/cloud-ca.pem',
  since: '0.1.0',
  deprecatedNames: [{ group: RABBIT, name: 'kombu_ssl_ca_certs' }],
});

export const RABBIT_SSL_CERT_FILE = defineOption({
  group: RABBIT,
  name: 'ssl_cert_file',
  type: 'string',
  default: null,
  doc: 'PEM file with the own certificate, when the broker asks for one.',
  since: '0.1.0',
  deprecatedNames: [{ group: RABBIT, name: 'kombu_ssl_certfile' }],
});

export const RABBIT_SSL_KEY_FILE = defineOption({
  group: RABBIT,
  name: 'ssl_key_file',
  type: 'string',
  default: null,
  doc: 'PEM file with the key of ssl_cert_file.',
  since: '0.1.0',
  deprecatedNames: [{ group: RABBIT, name: 'kombu_ssl_keyfile' }],
});

export const RABBIT_SSL_VERIFY = defineOption({
  group: RABBIT,
  name: 'ssl_verify',
  type: 'boolean',
  default: true,
  doc: 'Check the certificate of the broker. The original services check it only when ssl_ca_file is set; false gives up protection against a false broker.',
  since: '0.1.0',
});

export const RABBIT_SSL_VERIFY_HOSTNAME = defineOption({
  group: RABBIT,
  name: 'ssl_enforce_hostname_verification',
  type: 'boolean',
  default: true,
  doc: 'Check that the certificate of the broker is made out to the host of the URL.',
  since: '0.1.0',
});

export const RABBIT_LOGIN_METHOD = defineOption({
  group: RABBIT,
  name: 'rabbit_login_method',
  type: 'string',
  default: 'AMQPLAIN',
  choices: ['AMQPLAIN', 'PLAIN', 'EXTERNAL'],
  doc: 'How to log in; EXTERNAL by the own TLS certificate.',
  since: '0.1.0',
});

export const RABBIT_RETRY_INTERVAL = defineOption({
  group: RABBIT,
  name: 'rabbit_retry_interval',
  type: 'float',
  default: 1,
  min: 0.01,
  unit: 'seconds',
  doc: 'The wait after the first failed try to connect. A lost connection is first tried again at once.',
  since: '0.1.0',
});

export const RABBIT_RETRY_BACKOFF = defineOption({
  group: RABBIT,
  name: 'rabbit_retry_backoff',
  type: 'float',
  default: 2,
  min: 1,
  doc: 'How many times longer than the one before each further wait is.',
  since: '0.1.0',
});

export const RABBIT_INTERVAL_MAX = defineOption({
  group: RABBIT,
  name: 'rabbit_interval_max',
  type: 'float',
  default: 30,
  min: 0.01,
  unit: 'seconds',
  doc: 'The longest wait between two tries to connect. It is tried without end.',
  since: '0.1.0',
});

export const RABBIT_HEARTBEAT = defineOption({
  group: RABBIT,
  name: 'heartbeat_timeout_threshold',
  type: 'integer',
  default: 60,
  min: 0,
  max: 65535,
  unit: 'seconds',
  doc: 'Heartbeat interval offered to the broker; a connection that is silent for two of them is given up. 0: no heartbeat.',
  since: '0.1.0',
});

export const RABBIT_PREFETCH = defineOption({
  group: RABBIT,
  name: 'rabbit_qos_prefetch_count',
  type: 'integer',
  default: 2000,
  min: 0,
  max: 65535,
  unit: 'messages',
  doc: 'How many messages of each queue may be in hand without being acknowledged; bounds memory. 0, which is no bound in the original, is read as 10000.',
  since: '0.1.0',
});

export const RABBIT_DURABLE = defineOption({
  group: RABBIT,
  name: 'amqp_durable_queues',
  type: 'boolean',
  default: false,
  doc: 'Declare queues and exchanges durable; must be as the services have it.',
  since: '0.1.0',
  deprecatedNames: [
    { group: RABBIT, name: 'rabbit_durable_queues' },
    { group: 'DEFAULT', name: 'amqp_durable_queues' },
    { group: 'DEFAULT', name: 'rabbit_durable_queues' },
  ],
});

export const RABBIT_AUTO_DELETE = defineOption({
  group: RABBIT,
  name: 'amqp_auto_delete',
  type: 'boolean',
  default: false,
  doc: 'Declare queues and exchanges that vanish with their last user; must be as the services have it.',
  since: '0.1.0',
  deprecatedNames: [{ group: 'DEFAULT', name: 'amqp_auto_delete' }],
});

export const RABBIT_HA_QUEUES = defineOption({
  group: RABBIT,
  name: 'rabbit_ha_queues',
  type: 'boolean',
  default: false,
  doc: 'Declare mirrored queues, as RabbitMQ before 3.0 needed it. Excludes rabbit_quorum_queue.',
  since: '0.1.0',
});

export const RABBIT_QUORUM_QUEUE = defineOption({
  group: RABBIT,
  name: 'rabbit_quorum_queue',
  type: 'boolean',
  default: false,
  doc: 'Declare quorum queues (always durable); must be as the services have it.',
  since: '0.1.0',
});

export const RABBIT_QUORUM_DELIVERY_LIMIT = defineOption({
  group: RABBIT,
  name: 'rabbit_quorum_delivery_limit',
  type: 'integer',
  default: 0,
  min: 0,
  unit: 'deliveries',
  doc: 'Quorum queues: how often the broker delivers a message before it drops it. 0: not set.',
  since: '0.1.0',
});

export const RABBIT_QUORUM_MEMORY_LENGTH = defineOption({
  group: RABBIT,
  name: 'rabbit_quorum_max_memory_length',
  type: 'integer',
  default: 0,
  min: 0,
  unit: 'messages',
  doc: 'Quorum queues: how many messages the broker keeps in memory. 0: not set.',
  since: '0.1.0',
  deprecatedNames: [{ group: RABBIT, name: 'rabbit_quroum_max_memory_length' }],
});

export const RABBIT_QUORUM_MEMORY_BYTES = defineOption({
  group: RABBIT,
  name: 'rabbit_quorum_max_memory_bytes',
  type: 'integer',
  default: 0,
  min: 0,
  unit: 'bytes',
  doc: 'Quorum queues: how many bytes the broker keeps in memory. 0: not set.',
  since: '0.1.0',
  deprecatedNames: [{ group: RABBIT, name: 'rabbit_quroum_max_memory_bytes' }],
});

export const RABBIT_CANCEL_ON_FAILOVER = defineOption({
  group: RABBIT,
  name: 'enable_cancel_on_failover',
  type: 'boolean',
  default: false,
  doc: 'Let the broker cancel the consumer when a mirrored queue moves to another node, so that it is set up again there.',
  since: '0.1.0',
});

/** What a transport URL may override in its query: the options of [oslo_messaging_rabbit]. */
export const RABBIT_OPTIONS = [
  RABBIT_SSL,
  RABBIT_SSL_CA_FILE,
  RABBIT_SSL_CERT_FILE,
  RABBIT_SSL_KEY_FILE,
  RABBIT_SSL_VERIFY,
  RABBIT_SSL_VERIFY_HOSTNAME,
  RABBIT_LOGIN_METHOD,
  RABBIT_RETRY_INTERVAL,
  RABBIT_RETRY_BACKOFF,
  RABBIT_INTERVAL_MAX,
  RABBIT_HEARTBEAT,
  RABBIT_PREFETCH,
  RABBIT_DURABLE,
  RABBIT_AUTO_DELETE,
  RABBIT_HA_QUEUES,
  RABBIT_QUORUM_QUEUE,
  RABBIT_QUORUM_DELIVERY_LIMIT,
  RABBIT_QUORUM_MEMORY_LENGTH,
  RABBIT_QUORUM_MEMORY_BYTES,
  RABBIT_CANCEL_ON_FAILOVER,
] as const satisfies readonly Option[];

/** All options of this folder. */
export const BUS_OPTIONS = [
  TRANSPORT_URL,
  NOTIFICATION_TRANSPORT_URL,
  NOTIFICATION_TOPICS,
  ...RABBIT_OPTIONS,
] as const satisfies readonly Option[];
