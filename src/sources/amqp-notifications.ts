import type { ConsumeMessage } from 'amqplib';
import { type AmqpConnection, type AmqpSession, createAmqpConnection } from '../bus/amqp-connection.ts';
import type { Lane } from '../bus/consume.ts';
import { NOTIFICATION_TOPICS, NOTIFICATION_TRANSPORT_URL, TRANSPORT_URL } from '../bus/options.ts';
import { listenToQueues, type QueueListener } from '../bus/queue-listener.ts';
import { type RabbitSettings, readRabbitSettings } from '../bus/rabbit-settings.ts';
import { notificationTopology, type Topology, type TopologyFinding } from '../bus/topology.ts';
import { parseTransportUrl, type TransportUrl } from '../bus/transport-url.ts';
import type { ComponentStatus, Deadline } from '../component/component.ts';
import { NephoscopeError } from '../component/errors.ts';
import type { Config, Secret } from '../config/option.ts';
import { whenAborted } from '../lib/when-aborted.ts';
import { PRIORITIES } from '../model/notification.ts';
import type { RawMessage } from '../notification/intake.ts';
import type { Logger } from '../observe/logger.ts';
import { DeliveryPump } from './delivery-pump.ts';
import { decompressBody } from './message-body.ts';
import {
  ADDITIONAL_CONTROL_EXCHANGES,
  BATCH_SIZE,
  BATCH_TIMEOUT,
  CONTROL_EXCHANGES,
  MAX_HELD_BYTES,
  MESSAGING_URLS,
} from './options.ts';
import type { Source, SourceContext } from './source.ts';
import { type SourceMetrics, sourceMetrics } from './source-metrics.ts';

/**
 * One source for each broker URL: those of `[notification] messaging_urls`, else the notification transport, else the
 * default transport, else none. They share nothing but the intake: a dead broker does not slow the others.
 * Throws a permanent `NephoscopeError` (E2001, E2014) for a URL or broker options that cannot be right.
 */
export function createAmqpNotificationSources(context: SourceContext): readonly Source[] {
  const urls = brokerUrls(context.config);
  return urls.map(({ text, where }, index) => {
    const name = urls.length === 1 ? 'source:amqp' : `source:amqp-${index + 1}`;
    try {
      const url = parseTransportUrl(text.reveal());
      return new AmqpNotificationSource(name, url, readRabbitSettings(context.config, url), context);
    } catch (thrown) {
      if (!(thrown instanceof NephoscopeError)) throw thrown;
      throw new NephoscopeError(thrown.code, `${where}: ${thrown.message}`, {
        hint: thrown.hint,
        cause: thrown,
      });
    }
  });
}

interface ConfiguredUrl {
  readonly text: Secret;
  /** For the operator: which option it is, and where that is set. */
  readonly where: string;
}

function brokerUrls(config: Config): readonly ConfiguredUrl[] {
  const listed = config.get(MESSAGING_URLS);
  const origin = config.origin(MESSAGING_URLS);
  if (listed.length > 0) {
    return listed.map((text, index) => ({
      text,
      where: `[notification] messaging_urls ${index + 1} (${origin})`,
    }));
  }
  for (const option of [NOTIFICATION_TRANSPORT_URL, TRANSPORT_URL]) {
    const text = config.get(option);
    if (text !== null)
      return [{ text, where: `[${option.group}] ${option.name} (${config.origin(option)})` }];
  }
  return [];
}

class AmqpNotificationSource implements Source {
  readonly name: string;
  readonly #settings: RabbitSettings;
  readonly #topology: Topology;
  readonly #connection: AmqpConnection;
  readonly #pump: DeliveryPump;
  readonly #metrics: SourceMetrics;
  readonly #log: Logger;
  readonly #maxHeldBytes: number;
  #listener: QueueListener | null = null;
  #findings: readonly TopologyFinding[] = [];
  #isStopping = false;
  #stopped: Promise<void> | null = null;
  #stops = 0;

  constructor(name: string, url: TransportUrl, settings: RabbitSettings, context: SourceContext) {
    const { config, intake, metrics } = context;
    this.name = name;
    this.#settings = settings;
    this.#log = context.log.child({ part: name });
    this.#metrics = sourceMetrics(metrics, name.slice('source:'.length));
    this.#maxHeldBytes = config.get(MAX_HELD_BYTES);
    this.#topology = notificationTopology(
      [...config.get(CONTROL_EXCHANGES), ...config.get(ADDITIONAL_CONTROL_EXCHANGES)],
      config.get(NOTIFICATION_TOPICS),
      PRIORITIES,
    );
    const batchTimeoutMillis = config.get(BATCH_TIMEOUT) * 1000;
    this.#pump = new DeliveryPump({
      intake,
      batchSize: effectiveBatchSize(config.get(BATCH_SIZE), settings.prefetchCount, batchTimeoutMillis),
      batchTimeoutMillis,
      metrics: this.#metrics,
      log: this.#log,
    });
    this.#connection = createAmqpConnection({
      name,
      url,
      settings,
      log: this.#log,
      setUp: (session) => this.#setUp(session),
    });
    metrics.onCollect(() => {
      this.#metrics.inFlight.set(this.#pump.inFlight());
      this.#metrics.reconnects.set(this.#connection.reconnects());
    });
  }

  async start(signal: AbortSignal): Promise<void> {
    const stops = this.#stops;
    if (this.#stopped !== null) await this.#stopped;
    // A stop that was asked for after this start wins.
    if (stops !== this.#stops) return;
    this.#isStopping = false;
    for (const warning of this.#settings.warnings) this.#log.warn({ warning }, 'Broker options');
    await this.#connection.start(signal);
  }

  stop(deadline: Deadline): Promise<void> {
    this.#stops++;
    this.#stopped ??= this.#end(deadline).finally(() => {
      this.#stopped = null;
    });
    return this.#stopped;
  }

  status(): ComponentStatus {
    const connection = this.#connection.status();
    if (connection.state !== 'ok') return connection;
    const trouble = this.#pump.trouble();
    if (trouble !== null) return { state: 'degraded', reason: `messages are not taken: ${trouble.message}` };
    const [missing] = this.#findings.filter((finding) => !finding.usable);
    if (missing !== undefined) return { state: 'degraded', reason: describe(missing) };
    const [difference] = this.#findings;
    return difference === undefined ? { state: 'ok' } : { state: 'ok', reason: describe(difference) };
  }

  /** Nothing new first, so that draining has an end; then the acknowledgements; then the line they travel on. */
  async #end(deadline: Deadline): Promise<void> {
    this.#isStopping = true;
    await Promise.race([this.#listener?.cancel(), whenAborted(deadline.signal)]);
    await this.#pump.drain(deadline);
    await this.#connection.stop(deadline);
    this.#listener = null;
  }

  async #setUp(session: AmqpSession): Promise<void> {
    this.#listener = null;
    this.#listener = await listenToQueues(session, {
      topology: this.#topology,
      settings: this.#settings,
      log: this.#log,
      openLane: (lane) => this.#openLane(lane),
      holdsTooMuch: () => this.#pump.heldBytes() > this.#maxHeldBytes,
      onFindings: (findings) => this.#note(findings),
    });
  }

  #openLane(lane: Lane): (message: ConsumeMessage) => void {
    const source = this.name.slice('source:'.length);
    const { received, redelivered } = this.#metrics;
    const push = this.#pump.open(lane);
    return (message) => {
      // What comes after the stop began goes back to the broker unacknowledged when the channel closes.
      if (lane.lost.aborted || this.#isStopping) return;
      received.value++;
      if (message.fields.redelivered) redelivered.value++;
      push(toRawMessage(message, source), message.fields.deliveryTag);
    };
  }

  /** Keeps what is not as it should be, and logs what is new about it. */
  #note(findings: readonly TopologyFinding[]): void {
    const known = new Set(this.#findings.map(describe));
    this.#findings = findings;
    for (const finding of findings) {
      if (known.has(describe(finding))) continue;
      const { code, message: reason, hint } = finding.error;
      this.#log.warn(
        { code, reason, hint, [finding.kind]: finding.name },
        'Broker has something other than asked for',
      );
    }
  }
}

/**
 * Without waiting, half of what the broker sends ahead: while one half is processed the other one is on its way.
 * With waiting, a batch beyond the prefetch would never fill.
 */
function effectiveBatchSize(batchSize: number, prefetchCount: number, batchTimeoutMillis: number): number {
  const most = batchTimeoutMillis > 0 ? prefetchCount : Math.ceil(prefetchCount / 2);
  return Math.max(1, Math.min(batchSize, most));
}

function toRawMessage(message: ConsumeMessage, source: string): RawMessage {
  const { exchange, routingKey, redelivered } = message.fields;
  const origin = { source, exchange, routingKey, redelivered };
  const compression: unknown = message.properties.headers?.['compression'];
  if (typeof compression !== 'string' || compression === '') return { body: message.content, origin };
  const { body, problem } = decompressBody(message.content, compression);
  return { body, origin: { ...origin, compression, ...(problem === undefined ? {} : { problem }) } };
}

function describe(finding: TopologyFinding): string {
  return `${finding.error.code} ${finding.error.message}`;
}
