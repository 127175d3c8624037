import { hostname } from 'node:os';
import type { ConsumeMessage } from 'amqplib';
import { type AmqpConnection, type AmqpSession, createAmqpConnection } from '../bus/amqp-connection.ts';
import type { Lane } from '../bus/consume.ts';
import { listenToQueues, type QueueListener } from '../bus/queue-listener.ts';
import {
  findForeignConsumers,
  joinMembers,
  membersQueueName,
  type SharedQueue,
} from '../bus/queue-members.ts';
import { type RabbitSettings, readRabbitSettings } from '../bus/rabbit-settings.ts';
import type { Topology, TopologyFinding } from '../bus/topology.ts';
import { type ComponentStatus, createDeadline, type Deadline } from '../component/component.ts';
import { errorText, NephoscopeError } from '../component/errors.ts';
import { StartStop } from '../component/start-stop.ts';
import { whenAborted } from '../lib/when-aborted.ts';
import type { MessageOrigin, RawMessage } from '../notification/intake.ts';
import type { Logger } from '../observe/logger.ts';
import { NODE_HOST } from '../polling/options.ts';
import { DeliveryPump } from './delivery-pump.ts';
import {
  type Deployment,
  effectiveTopology,
  type NotificationDriver,
  type StartGroup,
} from './deployments.ts';
import { type BrokerMetrics, brokerMetrics } from './deployments-metrics.ts';
import { decompressBody } from './message-body.ts';
import { BATCH_SIZE, BATCH_TIMEOUT, CONSUMER_GROUP, MAX_HELD_BYTES } from './options.ts';
import type { Source, SourceContext } from './source.ts';
import { type SourceMetrics, sourceMetrics } from './source-metrics.ts';

/** RabbitMQ and what speaks AMQP 0-9-1 like it. */
export const AMQP_DRIVER: NotificationDriver = {
  schemes: ['rabbit', 'kombu'],
  check: ({ url }, { config }) => void readRabbitSettings(config, url),
  create: (deployment, context, group) =>
    new AmqpNotificationSource(
      deployment,
      readRabbitSettings(context.config, deployment.url),
      context,
      group,
    ),
};

/** A refusal at the start must have let go of the broker before the program reports it. */
const REFUSAL_CLEANUP_MILLIS = 2000;

/**
 * Listens to the queues of one deployment for as long as it is wanted.
 *
 * Before the first time it consumes them it looks whether others do, and ends for good (E2016) unless it may take over:
 * reading beside a running Ceilometer would take half of its messages away. Afterwards the queues are its own: whoever
 * joins later is shown (E2017) and does not keep it from reconnecting.
 */
class AmqpNotificationSource implements Source {
  readonly name: string;
  readonly #deployment: Deployment;
  readonly #settings: RabbitSettings;
  readonly #topology: Topology;
  readonly #membersQueue: string;
  readonly #connection: AmqpConnection;
  readonly #pump: DeliveryPump;
  readonly #metrics: SourceMetrics;
  readonly #broker: BrokerMetrics;
  readonly #log: Logger;
  readonly #maxHeldBytes: number;
  readonly #turn: ReturnType<StartGroup['add']>;
  #listener: QueueListener | null = null;
  #findings: readonly TopologyFinding[] = [];
  #foreign: readonly SharedQueue[] = [];
  #hasConsumed = false;
  /** The first attempt to connect since the last stop. */
  #begun: Promise<void> | null = null;
  /** Why it ended by itself. */
  #refusal: NephoscopeError | null = null;
  #isStopping = false;
  readonly #turns = new StartStop();

  constructor(deployment: Deployment, settings: RabbitSettings, context: SourceContext, group: StartGroup) {
    const { config, intake, metrics } = context;
    const name = `source:${deployment.id}`;
    this.name = name;
    this.#deployment = deployment;
    this.#settings = settings;
    this.#log = context.log.child({ part: name });
    this.#metrics = sourceMetrics(metrics, deployment.id);
    this.#broker = brokerMetrics(metrics, deployment.id);
    this.#maxHeldBytes = config.get(MAX_HELD_BYTES);
    this.#topology = effectiveTopology(deployment);
    const consumerGroup = config.get(CONSUMER_GROUP) ?? config.get(NODE_HOST) ?? hostname();
    this.#membersQueue = membersQueueName(consumerGroup, this.#topology);
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
      url: deployment.url,
      settings,
      log: this.#log,
      setUp: (session) => this.#setUp(session),
      onTrouble: (error) => this.#broker.trouble(error),
    });
    this.#turn = group.add(
      () => this.#beginAhead(),
      () => void this.stop(createDeadline(REFUSAL_CLEANUP_MILLIS)),
    );
    metrics.onCollect(() => {
      this.#metrics.inFlight.set(this.#pump.inFlight());
      this.#metrics.reconnects.set(this.#connection.reconnects());
      this.#broker.setConnected(this.#connection.session() !== null);
    });
  }

  async start(signal: AbortSignal): Promise<void> {
    const turn = this.#turns.beforeStart();
    if (turn !== null && !(await turn)) return;
    this.#isStopping = false;
    this.#turn.started();
    for (const warning of this.#settings.warnings) this.#log.warn({ warning }, 'Broker options');
    this.#begun ??= this.#begin();
    await Promise.race([this.#begun, whenAborted(signal)]);
  }

  /** Its own start comes later, and gets the outcome. */
  #beginAhead(): void {
    this.#isStopping = false;
    this.#begun ??= this.#begin();
    this.#begun.catch(() => {});
  }

  stop(deadline: Deadline): Promise<void> {
    return this.#turns.stop(() => this.#end(deadline));
  }

  status(): ComponentStatus {
    if (this.#refusal !== null) return { state: 'failed', reason: errorText(this.#refusal) };
    const connection = this.#connection.status();
    if (connection.state !== 'ok') return connection;
    const trouble = this.#pump.trouble();
    if (trouble !== null)
      return { state: 'degraded', reason: `messages are not taken: ${errorText(trouble)}` };
    const [missing] = this.#findings.filter((finding) => !finding.usable);
    if (missing !== undefined) return { state: 'degraded', reason: describe(missing) };
    if (this.#foreign.length > 0) return { state: 'ok', reason: errorText(sharedNow(this.#foreign)) };
    const [difference] = this.#findings;
    return difference === undefined ? { state: 'ok' } : { state: 'ok', reason: describe(difference) };
  }

  /** Resolves after the first attempt to connect; rejects when it may not read its queues (E2016). */
  async #begin(): Promise<void> {
    this.#refusal = null;
    await this.#connection.start(new AbortController().signal);
    const refusal: NephoscopeError | null = this.#refusal;
    if (refusal === null) return;
    await this.#connection.stop(createDeadline(REFUSAL_CLEANUP_MILLIS));
    this.#begun = null;
    throw refusal;
  }

  /** Nothing new first, so that draining has an end; then the acknowledgements; then the line they travel on. */
  async #end(deadline: Deadline): Promise<void> {
    this.#isStopping = true;
    await Promise.race([this.#listener?.cancel(), whenAborted(deadline.signal)]);
    await this.#pump.drain(deadline);
    await Promise.race([this.#listener?.close(), whenAborted(deadline.signal)]);
    await this.#connection.stop(deadline);
    this.#listener = null;
    this.#begun = null;
    this.#turn.stopped();
  }

  async #setUp(session: AmqpSession): Promise<void> {
    this.#listener = null;
    await this.#lookForOthers(session);
    const unknown = await joinMembers(session, this.#membersQueue);
    if (unknown !== null)
      this.#log.warn({ err: unknown }, 'Siblings cannot tell this process from a stranger');
    this.#listener = await listenToQueues(session, {
      topology: this.#topology,
      settings: this.#settings,
      log: this.#log,
      openLane: (lane) => this.#openLane(lane),
      holdsTooMuch: () => this.#pump.heldBytes() > this.#maxHeldBytes,
      onFindings: (findings) => this.#note(findings),
      onRepair: (error) => this.#noteRepair(error),
    });
    this.#hasConsumed = true;
  }

  /** Throws E2016, and ends this source, when its queues have other consumers and it may not take them over. */
  async #lookForOthers(session: AmqpSession): Promise<void> {
    this.#foreign = await findForeignConsumers(session, this.#topology, this.#membersQueue);
    this.#broker.setForeignConsumers(Math.max(0, ...this.#foreign.map(({ consumers }) => consumers)));
    if (this.#foreign.length === 0) return;
    const shared = sharedNow(this.#foreign);
    if (this.#hasConsumed || this.#deployment.takeover) {
      this.#log.warn({ code: shared.code, reason: shared.message, hint: shared.hint }, 'Queues are shared');
      return;
    }
    this.#refusal = refusalOf(this.#foreign, session.peer, this.#deployment);
    this.#broker.trouble(this.#refusal);
    const { code, message: reason, hint } = this.#refusal;
    this.#log.error({ code, reason, hint }, 'Queues are not taken from those who read them');
    // Not awaited: it ends the session whose set-up this is.
    void this.#connection.stop(createDeadline(REFUSAL_CLEANUP_MILLIS));
    throw this.#refusal;
  }

  #noteRepair(error: NephoscopeError): void {
    this.#broker.trouble(error);
    const { code, message: reason, hint } = error;
    this.#log.warn({ code, reason, hint }, 'Something was deleted at the broker');
  }

  #openLane(lane: Lane): (message: ConsumeMessage) => void {
    const { id: source, name: deployment } = this.#deployment;
    const { received, redelivered } = this.#metrics;
    const push = this.#pump.open(lane);
    const originOf = createOrigins(source, deployment);
    return (message) => {
      // What comes after the stop began goes back to the broker unacknowledged when the channel closes.
      if (lane.lost.aborted || this.#isStopping) return;
      received.value++;
      if (message.fields.redelivered) redelivered.value++;
      push(toRawMessage(message, originOf(message.fields)), message.fields.deliveryTag);
    };
  }

  /** Keeps what is not as it should be, and logs what is new about it. */
  #note(findings: readonly TopologyFinding[]): void {
    const known = new Set(this.#findings.map(describe));
    this.#findings = findings;
    this.#broker.setProblems(findings.map(({ error }) => error.code));
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

function toRawMessage(message: ConsumeMessage, origin: MessageOrigin): RawMessage {
  const compression: unknown = message.properties.headers?.['compression'];
  if (typeof compression !== 'string' || compression === '') return { body: message.content, origin };
  const { body, problem } = decompressBody(message.content, compression);
  return { body, origin: { ...origin, compression, ...(problem === undefined ? {} : { problem }) } };
}

/** Neighbours mostly come by the same way, and then share what says so. */
function createOrigins(
  source: string,
  deployment: string | null,
): (fields: ConsumeMessage['fields']) => MessageOrigin {
  let last: MessageOrigin | null = null;
  return ({ exchange, routingKey, redelivered }) => {
    if (
      last === null ||
      last.routingKey !== routingKey ||
      last.exchange !== exchange ||
      last['redelivered'] !== redelivered
    ) {
      const origin = { source, exchange, routingKey, redelivered };
      last = deployment === null ? origin : { ...origin, deployment };
    }
    return last;
  };
}

function describe(finding: TopologyFinding): string {
  return errorText(finding.error);
}

function sharedNow(foreign: readonly SharedQueue[]): NephoscopeError {
  return new NephoscopeError('E2017', `Others read the same queues: ${listQueues(foreign)}`);
}

function refusalOf(
  foreign: readonly SharedQueue[],
  peer: string,
  { where, shadow }: Deployment,
): NephoscopeError {
  const text = `Queues of broker ${peer} already have consumers: ${listQueues(foreign)} (${where})`;
  if (shadow === null) return new NephoscopeError('E2016', text);
  return new NephoscopeError('E2016', text, {
    hint: 'Another nephoscope reads this shadow queue: set [notification] shadow_queue to another name, or consumer_group to the same one on both to share it.',
  });
}

function listQueues(foreign: readonly SharedQueue[]): string {
  return foreign.map(({ queue, consumers }) => `${queue} (${consumers})`).join(', ');
}
