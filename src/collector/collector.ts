import { NOTIFICATION_TRANSPORT_URL, TRANSPORT_URL } from '../bus/options.ts';
import { readRabbitSettings } from '../bus/rabbit-settings.ts';
import { notificationTopology } from '../bus/topology.ts';
import { parseTransportUrl } from '../bus/transport-url.ts';
import type { Component } from '../component/component.ts';
import { NephoscopeError } from '../component/errors.ts';
import type { Config, Option, Secret } from '../config/option.ts';
import type { Event } from '../model/event.ts';
import type { Sample } from '../model/sample.ts';
import type { Intake } from '../notification/intake.ts';
import type { Logger } from '../observe/logger.ts';
import type { Metrics } from '../observe/metrics.ts';
import { CONTROL_EXCHANGE, EVENT_TOPIC, METERING_TOPIC } from '../publishers/notifier-options.ts';
import type { Publisher } from '../publishers/publisher.ts';
import { readSigning, type Signing } from '../publishers/signing.ts';
import { MAX_HELD_BYTES } from '../sources/options.ts';
import type { ParkingStore } from '../store/store.ts';
import { type CollectedKind, EVENTS, SAMPLES } from './collected-kind.ts';
import { createCollectorIntake } from './collector-intake.ts';
import { collectorMetrics } from './collector-metrics.ts';
import { DatagramCollector } from './datagram-collector.ts';
import { Dispatcher, type DispatchTiming } from './dispatch.ts';
import {
  COLLECTOR_BATCH_SIZE,
  COLLECTOR_BATCH_TIMEOUT,
  UDP_ADDRESS,
  UDP_PORT,
  UDP_REPLAY_WINDOW,
} from './options.ts';
import { QueueConsumer } from './queue-consumer.ts';
import { RepeatingLog } from './repeating-log.ts';
import { ReplayGuard } from './replay-guard.ts';

export interface CollectorParts {
  readonly config: Config;
  readonly log: Logger;
  readonly metrics: Metrics;
  /** The dispatchers, ready to use; they are started before the collector and stopped after it. */
  readonly samplePublishers: readonly Publisher<Sample>[];
  readonly eventPublishers: readonly Publisher<Event>[];
  readonly parking: ParkingStore;
  /** Microseconds since the epoch. */
  readonly nowMicros: () => number;
  /** For tests. */
  readonly timing?: DispatchTiming;
}

/** The collector role. */
export interface Collector {
  /** What it is made of, in no particular order; sources, so they stop first. */
  readonly components: readonly Component[];
  /** Where its parked messages go when they are replayed: by `origin.source`. */
  readonly intakes: ReadonlyMap<string, Intake>;
}

/** How many signatures the replay guard remembers at the least: some 40 MB when it is full twice. */
const REPLAY_CAPACITY = 500_000;

/**
 * Takes metering and event messages as ceilometer-collector does: from the queues of the metering and event topic and, where
 * `[collector] udp_address` is set, by UDP. A queue whose kind has no dispatcher is not read. Touches nothing outside.
 *
 * Throws a permanent `NephoscopeError`: E5024 for the published default secret, E5025 for UDP without a secret, E2001 and
 * E2014 for a broker URL or options that cannot be right.
 */
export function createCollector(parts: CollectorParts): Collector {
  const signing = readSigning(parts.config);
  if (signing.accepted.length === 0) {
    parts.log
      .child({ part: 'collector' })
      .warn(
        { option: '[publisher] telemetry_secret' },
        'Signatures are not checked: everyone on the bus is believed',
      );
  }
  const shared = { ...parts, signing };
  const samples = createInput(SAMPLES, METERING_TOPIC, parts.samplePublishers, shared);
  const events = createInput(EVENTS, EVENT_TOPIC, parts.eventPublishers, shared);
  const inputs = [samples, events].filter((input) => input !== null);
  return {
    components: [...inputs.flatMap(({ components }) => components), ...createDatagramCollectors(shared)],
    intakes: new Map(inputs.map(({ name, intake }) => [name, intake])),
  };
}

/**
 * Throws what `createCollector` throws for options that cannot be right, without making anything. Pure; for
 * `config check`.
 */
export function checkCollectorOptions(config: Config): void {
  const broker = brokerUrl(config);
  if (broker !== null) readRabbitSettings(config, broker);
  readUdpAddress(config, readSigning(config));
}

interface Shared extends CollectorParts {
  readonly signing: Signing;
}

interface Input {
  readonly name: string;
  readonly components: readonly Component[];
  readonly intake: Intake;
}

function createInput<Item>(
  kind: CollectedKind<Item>,
  topic: typeof METERING_TOPIC | typeof EVENT_TOPIC,
  publishers: readonly Publisher<Item>[],
  shared: Shared,
): Input | null {
  if (publishers.length === 0) return null;
  const { config, parking, nowMicros, signing } = shared;
  const name = `collector:${kind.name}`;
  const log = shared.log.child({ part: name });
  const metrics = collectorMetrics(shared.metrics, kind.name);
  const dispatcher = createDispatcher(publishers, metrics.retries, log, shared.timing);
  const repeating = new RepeatingLog(log);
  const intake = createCollectorIntake({
    kind,
    signing,
    dispatcher,
    parking,
    metrics,
    nowMicros,
    log: repeating,
  });
  const broker = brokerUrl(config);
  if (broker === null) return { name, intake, components: [] };
  const settings = readRabbitSettings(config, broker);
  const consumer = new QueueConsumer({
    name,
    url: broker,
    settings,
    topology: notificationTopology([config.get(CONTROL_EXCHANGE)], [config.get(topic)], ['sample']),
    intake,
    dispatcher,
    batchSize: Math.max(1, Math.min(config.get(COLLECTOR_BATCH_SIZE), Math.ceil(settings.prefetchCount / 2))),
    batchTimeoutMillis: config.get(COLLECTOR_BATCH_TIMEOUT) * 1_000,
    maxHeldBytes: config.get(MAX_HELD_BYTES),
    log,
    metrics: shared.metrics,
  });
  return { name, intake, components: [consumer] };
}

function createDispatcher<Item>(
  publishers: readonly Publisher<Item>[],
  retries: ReturnType<typeof collectorMetrics>['retries'],
  log: Logger,
  timing: DispatchTiming | undefined,
): Dispatcher<Item> {
  return new Dispatcher({ publishers, retries, log, ...(timing === undefined ? {} : { timing }) });
}

/** The transport of notifications, which the notifier publishers use too; null when there is no broker. */
function brokerUrl(config: Config): ReturnType<typeof parseTransportUrl> | null {
  for (const option of [NOTIFICATION_TRANSPORT_URL, TRANSPORT_URL]) {
    const url = config.get(option);
    if (url !== null) return parseBrokerUrl(config, option, url);
  }
  return null;
}

function parseBrokerUrl(config: Config, option: Option, url: Secret): ReturnType<typeof parseTransportUrl> {
  try {
    return parseTransportUrl(url.reveal());
  } catch (cause) {
    if (!(cause instanceof NephoscopeError)) throw cause;
    const where = `[${option.group}] ${option.name} (${config.origin(option)})`;
    throw new NephoscopeError(cause.code, `${where}: ${cause.message}`, { hint: cause.hint, cause });
  }
}

/** Null: not wanted. */
function readUdpAddress(config: Config, { accepted }: Signing): string | null {
  const address = config.get(UDP_ADDRESS);
  if (address === '' || accepted.length > 0) return address || null;
  const text = `[collector] udp_address = ${address} (${config.origin(UDP_ADDRESS)}), but no secret is set`;
  throw new NephoscopeError('E5025', text);
}

function createDatagramCollectors(shared: Shared): readonly Component[] {
  const { config, signing, parking, nowMicros, metrics, samplePublishers } = shared;
  const address = readUdpAddress(config, signing);
  if (address === null || samplePublishers.length === 0) return [];
  const log = shared.log.child({ part: 'collector:udp' });
  const counts = collectorMetrics(metrics, 'udp');
  const windowMicros = config.get(UDP_REPLAY_WINDOW) * 1_000_000;
  return [
    new DatagramCollector({
      address,
      port: config.get(UDP_PORT),
      signing,
      guard: new ReplayGuard({ windowMicros, capacity: REPLAY_CAPACITY }),
      dispatcher: createDispatcher(samplePublishers, counts.retries, log, shared.timing),
      parking,
      counts,
      metrics,
      log,
      repeating: new RepeatingLog(log),
      nowMicros,
    }),
  ];
}
