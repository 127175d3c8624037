import type { ConsumeMessage } from 'amqplib';
import { type AmqpConnection, type AmqpSession, createAmqpConnection } from '../bus/amqp-connection.ts';
import type { Lane } from '../bus/consume.ts';
import { listenToQueues, type QueueListener } from '../bus/queue-listener.ts';
import type { RabbitSettings } from '../bus/rabbit-settings.ts';
import type { Topology, TopologyFinding } from '../bus/topology.ts';
import type { TransportUrl } from '../bus/transport-url.ts';
import type { Component, ComponentStatus, Deadline } from '../component/component.ts';
import { errorText, type NephoscopeError } from '../component/errors.ts';
import { StartStop } from '../component/start-stop.ts';
import { whenAborted } from '../lib/when-aborted.ts';
import type { Intake, RawMessage } from '../notification/intake.ts';
import type { Logger } from '../observe/logger.ts';
import type { Metrics } from '../observe/metrics.ts';
import { DeliveryPump } from '../sources/delivery-pump.ts';
import { decompressBody } from '../sources/message-body.ts';
import { type SourceMetrics, sourceMetrics } from '../sources/source-metrics.ts';

export interface QueueConsumerParts {
  /** Of the component, and what parked messages name as their source: `collector:samples`. */
  readonly name: string;
  readonly url: TransportUrl;
  readonly settings: RabbitSettings;
  readonly topology: Topology;
  readonly intake: Intake;
  /** What it hands messages to; waiting for the next try ends when this one stops. */
  readonly dispatcher: { drain(): void; resume(): void; trouble(): NephoscopeError | null };
  readonly batchSize: number;
  readonly batchTimeoutMillis: number;
  readonly maxHeldBytes: number;
  readonly log: Logger;
  readonly metrics: Metrics;
}

/**
 * Reads the queue of one topic for as long as it is wanted, and acknowledges what the intake has taken. Other collectors,
 * those of the original too, may read the same queue: then each has a part of the messages.
 */
export class QueueConsumer implements Component {
  readonly name: string;
  readonly #parts: QueueConsumerParts;
  readonly #connection: AmqpConnection;
  readonly #pump: DeliveryPump;
  readonly #metrics: SourceMetrics;
  #listener: QueueListener | null = null;
  #findings: readonly TopologyFinding[] = [];
  #isStopping = false;
  readonly #turns = new StartStop();

  constructor(parts: QueueConsumerParts) {
    const { name, url, settings, intake, log, metrics } = parts;
    this.name = name;
    this.#parts = parts;
    this.#metrics = sourceMetrics(metrics, name.replace(':', '-'));
    const { batchSize, batchTimeoutMillis } = parts;
    this.#pump = new DeliveryPump({ intake, batchSize, batchTimeoutMillis, metrics: this.#metrics, log });
    this.#connection = createAmqpConnection({
      name,
      url,
      settings,
      log,
      setUp: (session) => this.#setUp(session),
    });
    metrics.onCollect(() => {
      this.#metrics.inFlight.set(this.#pump.inFlight());
      this.#metrics.reconnects.set(this.#connection.reconnects());
    });
  }

  async start(signal: AbortSignal): Promise<void> {
    const turn = this.#turns.beforeStart();
    if (turn !== null && !(await turn)) return;
    this.#isStopping = false;
    this.#parts.dispatcher.resume();
    for (const warning of this.#parts.settings.warnings) this.#parts.log.warn({ warning }, 'Broker options');
    await this.#connection.start(signal);
  }

  stop(deadline: Deadline): Promise<void> {
    return this.#turns.stop(() => this.#end(deadline));
  }

  status(): ComponentStatus {
    const connection = this.#connection.status();
    if (connection.state !== 'ok') return connection;
    const trouble = this.#parts.dispatcher.trouble() ?? this.#pump.trouble();
    if (trouble !== null)
      return { state: 'degraded', reason: `messages are not taken: ${errorText(trouble)}` };
    const [finding] = this.#findings.toSorted((a, b) => Number(a.usable) - Number(b.usable));
    if (finding === undefined) return { state: 'ok' };
    return { state: finding.usable ? 'ok' : 'degraded', reason: errorText(finding.error) };
  }

  /** Nothing new first, so that draining has an end; then the acknowledgements; then the line they travel on. */
  async #end(deadline: Deadline): Promise<void> {
    this.#isStopping = true;
    this.#parts.dispatcher.drain();
    await Promise.race([this.#listener?.cancel(), whenAborted(deadline.signal)]);
    await this.#pump.drain(deadline);
    await Promise.race([this.#listener?.close(), whenAborted(deadline.signal)]);
    await this.#connection.stop(deadline);
    this.#listener = null;
  }

  async #setUp(session: AmqpSession): Promise<void> {
    this.#listener = null;
    const { topology, settings, log, maxHeldBytes } = this.#parts;
    this.#listener = await listenToQueues(session, {
      topology,
      settings,
      log,
      openLane: (lane) => this.#openLane(lane),
      holdsTooMuch: () => this.#pump.heldBytes() > maxHeldBytes,
      onFindings: (findings) => this.#note(findings),
    });
  }

  #openLane(lane: Lane): (message: ConsumeMessage) => void {
    const { received, redelivered } = this.#metrics;
    const push = this.#pump.open(lane);
    return (message) => {
      // What comes after the stop began goes back to the broker unacknowledged when the channel closes.
      if (lane.lost.aborted || this.#isStopping) return;
      received.add();
      if (message.fields.redelivered) redelivered.add();
      push(toRawMessage(message, this.name), message.fields.deliveryTag);
    };
  }

  #note(findings: readonly TopologyFinding[]): void {
    const known = new Set(this.#findings.map(({ error }) => errorText(error)));
    this.#findings = findings;
    for (const { error } of findings) {
      if (!known.has(errorText(error))) {
        this.#parts.log.warn({ err: error }, 'Broker has something other than asked for');
      }
    }
  }
}

function toRawMessage(message: ConsumeMessage, source: string): RawMessage {
  const { exchange, routingKey, redelivered } = message.fields;
  const origin = { source, exchange, routingKey, redelivered };
  const compression: unknown = message.properties.headers?.['compression'];
  if (typeof compression !== 'string' || compression === '') return { body: message.content, origin };
  const { body, problem } = decompressBody(message.content, compression);
  return { body, origin: { ...origin, compression, ...(problem === undefined ? {} : { problem }) } };
}
