import { NephoscopeError } from '../component/errors.ts';
import { convert } from '../config/convert.ts';
import type { Config, Option, OptionType, OptionValues } from '../config/option.ts';
import * as options from './options.ts';
import { type TransportUrl, TransportUrlError } from './transport-url.ts';

/** TLS with the broker; files are read at each connection, so renewed ones take effect by themselves. */
export interface TlsSettings {
  readonly caFile: string | null;
  readonly certFile: string | null;
  readonly keyFile: string | null;
  readonly verify: boolean;
  readonly verifyHostname: boolean;
}

/** How to connect to one broker and how to declare things there. */
export interface RabbitSettings {
  readonly tls: TlsSettings | null;
  readonly loginMethod: string;
  readonly retryInitialMillis: number;
  readonly retryFactor: number;
  readonly retryMaxMillis: number;
  /** 0: none. */
  readonly heartbeatSeconds: number;
  /** Unacknowledged messages of each queue; 1 to 65535. */
  readonly prefetchCount: number;
  readonly declare: DeclareFlags;
  readonly consumeArguments: Readonly<Record<string, boolean>>;
  /** For the log. */
  readonly warnings: readonly string[];
}

/** Flags of every exchange and queue; the same for publishers and consumers, or the broker refuses the second one. */
export interface DeclareFlags {
  readonly durable: boolean;
  readonly autoDelete: boolean;
  readonly queueArguments: QueueArguments;
}

/** What a queue is declared with, by the broker's names: `x-queue-type`, `x-max-length` … */
export type QueueArguments = Readonly<Record<string, string | number | boolean>>;

const UNBOUNDED_PREFETCH = 10_000;

/**
 * The settings for one URL: the options of [oslo_messaging_rabbit], overridden by the query of the URL. Pure.
 * Throws a permanent `NephoscopeError`: E2001 for a driver or query option that is unknown or has a bad value,
 * E2014 for options that exclude each other.
 */
export function readRabbitSettings(config: Config, url: TransportUrl): RabbitSettings {
  checkDriver(url.driver);
  const warnings = [...url.warnings, ...checkQueryNames(url)];
  const get: Read = (option) => {
    const text = url.query.get(option.name);
    return text === undefined ? config.get(option) : (parseOverride(option, text) as never);
  };
  return {
    tls: readTls(get),
    loginMethod: get(options.RABBIT_LOGIN_METHOD),
    retryInitialMillis: get(options.RABBIT_RETRY_INTERVAL) * 1000,
    retryFactor: get(options.RABBIT_RETRY_BACKOFF),
    retryMaxMillis: get(options.RABBIT_INTERVAL_MAX) * 1000,
    heartbeatSeconds: get(options.RABBIT_HEARTBEAT),
    prefetchCount: get(options.RABBIT_PREFETCH) || UNBOUNDED_PREFETCH,
    declare: readDeclareFlags(get),
    consumeArguments: get(options.RABBIT_CANCEL_ON_FAILOVER) ? { 'x-cancel-on-ha-failover': true } : {},
    warnings,
  };
}

type Read = Config['get'];

function checkDriver(driver: string): void {
  if (driver === 'rabbit' || driver === 'kombu') return;
  const known = driver === 'amqp' || driver === 'amqps';
  throw new TransportUrlError(
    known
      ? `write rabbit:// instead of ${driver}://, which is AMQP 1.0 in OpenStack; TLS is asked for with ?ssl=1`
      : `there is no driver ${driver}; only rabbit:// is known`,
  );
}

function readTls(get: Read): TlsSettings | null {
  if (!get(options.RABBIT_SSL)) return null;
  return {
    caFile: get(options.RABBIT_SSL_CA_FILE),
    certFile: get(options.RABBIT_SSL_CERT_FILE),
    keyFile: get(options.RABBIT_SSL_KEY_FILE),
    verify: get(options.RABBIT_SSL_VERIFY),
    verifyHostname: get(options.RABBIT_SSL_VERIFY_HOSTNAME),
  };
}

function readDeclareFlags(get: Read): DeclareFlags {
  const quorum = get(options.RABBIT_QUORUM_QUEUE);
  const mirrored = get(options.RABBIT_HA_QUEUES);
  if (quorum && mirrored) {
    throw new NephoscopeError('E2014', 'rabbit_quorum_queue and rabbit_ha_queues are both set');
  }
  const limits = {
    'x-delivery-limit': get(options.RABBIT_QUORUM_DELIVERY_LIMIT),
    'x-max-in-memory-length': get(options.RABBIT_QUORUM_MEMORY_LENGTH),
    'x-max-in-memory-bytes': get(options.RABBIT_QUORUM_MEMORY_BYTES),
  };
  return {
    durable: get(options.RABBIT_DURABLE) || quorum,
    autoDelete: get(options.RABBIT_AUTO_DELETE),
    queueArguments: {
      ...(mirrored ? { 'x-ha-policy': 'all' } : {}),
      ...(quorum ? { 'x-queue-type': 'quorum' } : {}),
      ...(quorum ? Object.fromEntries(Object.entries(limits).filter(([, limit]) => limit > 0)) : {}),
    },
  };
}

/** Options of oslo.messaging that mean nothing here: for remote calls, or for its own way of working. */
const WITHOUT_EFFECT = new Set([
  'conn_pool_min_size',
  'conn_pool_ttl',
  'direct_mandatory_flag',
  'heartbeat_in_pthread',
  'heartbeat_rate',
  'hostname',
  'kombu_compression',
  'kombu_failover_strategy',
  'kombu_missing_consumer_retry_timeout',
  'kombu_reconnect_delay',
  'kombu_reconnect_splay',
  'processname',
  'rabbit_stream_fanout',
  'rabbit_transient_queues_ttl',
  'rabbit_transient_quorum_queue',
  'rpc_conn_pool_size',
  'ssl_enforce_fips_mode',
  'ssl_version',
  'use_queue_manager',
]);

function checkQueryNames(url: TransportUrl): readonly string[] {
  const known = new Set<string>(options.RABBIT_OPTIONS.map((option) => option.name));
  const others = [...url.query.keys()].filter((name) => !known.has(name));
  const unknown = others.find((name) => !WITHOUT_EFFECT.has(name));
  if (unknown !== undefined) {
    throw new TransportUrlError(
      `${JSON.stringify(unknown)} in its query is no option of [oslo_messaging_rabbit]`,
    );
  }
  return others.map((name) => `${name} in the query of the transport URL has no effect here`);
}

/** Reads the text of a query option as the same text in a configuration file would be read. */
function parseOverride(option: Option, text: string): OptionValues[OptionType] {
  const converted = convert(option, [text]);
  if (converted.ok && converted.value !== null) return converted.value;
  const what = converted.ok ? 'is empty' : converted.what;
  const hint = converted.ok ? undefined : converted.hint;
  throw new TransportUrlError(`${option.name} in its query ${what}`, hint);
}
