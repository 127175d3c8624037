import type { ConfirmChannel, Options } from 'amqplib';
import type { Component, ComponentStatus, Deadline } from '../component/component.ts';
import { NephoscopeError } from '../component/errors.ts';
import { StartStop } from '../component/start-stop.ts';
import { whenAborted } from '../lib/when-aborted.ts';
import type { Logger } from '../observe/logger.ts';
import { type AmqpConnection, type AmqpSession, createAmqpConnection } from './amqp-connection.ts';
import { connectionLost, messageNotTaken, messageRefused, messageWithoutQueue } from './broker-error.ts';
import type { RabbitSettings } from './rabbit-settings.ts';
import { declareTopology, type Topology } from './topology.ts';
import type { TransportUrl } from './transport-url.ts';

/** A message for a topic exchange. */
export interface OutgoingMessage {
  readonly exchange: string;
  readonly routingKey: string;
  readonly body: Buffer;
  /** AMQP basic properties under the library's names. */
  readonly properties: Options.Publish;
}

/** What became of the messages of one `publish`: all but the rejected ones are safe with the broker. */
export interface ProduceResult {
  readonly confirmed: number;
  readonly rejected: readonly { readonly index: number; readonly error: NephoscopeError }[];
}

/**
 * Publishes as the services do: a topic exchange, and a queue named like the routing key and bound to it, are declared
 * before the first message of that key, so nothing is lost for want of a consumer.
 */
export interface Producer extends Component {
  /**
   * Resolves when the broker has confirmed or refused every message. What comes back because its queue was deleted
   * (`mandatory` messages only) is sent again after the queue was made again. While there is no connection it waits; a message
   * whose confirmation was lost with a connection is sent again, so the receiver must tolerate repeats. Order is kept
   * but for such repeats. Concurrent calls are served in turn; callers bound what they hand over. Rejects with a
   * transient `NephoscopeError` (E2010) when `signal` fires or the producer is stopped: it is then unknown which
   * messages arrived.
   */
  publish(messages: readonly OutgoingMessage[], signal: AbortSignal): Promise<ProduceResult>;
  /** How often the connection was made again. */
  reconnects(): number;
  /** Why there is no connection at the moment, or null. */
  trouble(): NephoscopeError | null;
}

export interface ProducerParts {
  readonly name: string;
  readonly url: TransportUrl;
  readonly settings: RabbitSettings;
  readonly log: Logger;
  /** Most messages that wait for their confirmation at a time; 1000 unless given. */
  readonly maxUnconfirmed?: number;
}

/** Makes a producer; nothing is touched before `start`. */
export function createProducer(parts: ProducerParts): Producer {
  return new ConfirmingProducer(parts);
}

const DEFAULT_MAX_UNCONFIRMED = 1000;
/** A message that was on the way at this many refusals, in the end alone, is the cause of them; or that came back so often. */
const MAX_ATTEMPTS = 3;

interface Item {
  readonly message: OutgoingMessage;
  readonly batch: Batch;
  readonly index: number;
  /** How often the broker closed the channel while this message was on the way. */
  refusals: number;
  /** How often it came back since no queue takes it (only with `mandatory`). */
  returns: number;
  /** It came back and will be confirmed all the same. */
  isReturned: boolean;
}

class ConfirmingProducer implements Producer {
  readonly name: string;
  readonly #parts: ProducerParts;
  readonly #connection: AmqpConnection;
  readonly #maxUnconfirmed: number;
  #waiting: Item[] = [];
  #outlet: Outlet | null = null;
  #idle: (() => void) | null = null;
  #isClosed = false;
  readonly #turns = new StartStop();

  constructor(parts: ProducerParts) {
    this.name = parts.name;
    this.#parts = parts;
    this.#maxUnconfirmed = parts.maxUnconfirmed ?? DEFAULT_MAX_UNCONFIRMED;
    const { name, url, settings, log } = parts;
    this.#connection = createAmqpConnection({
      name,
      url,
      settings,
      log,
      setUp: (session) => this.#setUp(session),
    });
  }

  async start(signal: AbortSignal): Promise<void> {
    const turn = this.#turns.beforeStart();
    if (turn !== null && !(await turn)) return;
    this.#isClosed = false;
    await this.#connection.start(signal);
  }

  stop(deadline: Deadline): Promise<void> {
    return this.#turns.stop(() => this.#end(deadline));
  }

  async #end(deadline: Deadline): Promise<void> {
    await Promise.race([this.#whenIdle(), whenAborted(deadline.signal)]);
    this.#isClosed = true;
    await this.#connection.stop(deadline);
    for (const item of this.#waiting.splice(0)) item.batch.giveUp('the producer was stopped');
  }

  status(): ComponentStatus {
    return this.#connection.status();
  }

  reconnects(): number {
    return this.#connection.reconnects();
  }

  trouble(): NephoscopeError | null {
    return this.#connection.trouble();
  }

  publish(messages: readonly OutgoingMessage[], signal: AbortSignal): Promise<ProduceResult> {
    const batch = new Batch(messages.length);
    if (this.#isClosed) batch.giveUp('the producer is stopped');
    else if (signal.aborted) batch.giveUp('waiting was ended');
    if (batch.isSettled) return batch.settled;
    const giveUp = (): void => {
      batch.giveUp('waiting was ended');
      this.#forget(batch);
    };
    signal.addEventListener('abort', giveUp, { once: true });
    for (const [index, message] of messages.entries())
      this.#waiting.push({ message, batch, index, refusals: 0, returns: 0, isReturned: false });
    this.#pump();
    return batch.settled.finally(() => signal.removeEventListener('abort', giveUp));
  }

  /** A broker that stays away would otherwise have everything ever given up wait for it. */
  #forget(batch: Batch): void {
    this.#waiting = this.#waiting.filter((item) => item.batch !== batch);
    this.#sayWhenIdle();
  }

  async #setUp(session: AmqpSession): Promise<void> {
    const channel = await session.model.createConfirmChannel();
    const outlet = new Outlet(session, channel);
    channel.on('ack', ({ deliveryTag, multiple }) => {
      outlet.settle(deliveryTag, multiple, (item) => this.#confirm(outlet, item));
      this.#pump();
    });
    channel.on('nack', ({ deliveryTag, multiple }) => {
      outlet.settle(deliveryTag, multiple, (item) =>
        item.batch.reject(item.index, messageNotTaken(item.message)),
      );
      this.#pump();
    });
    channel.on('return', ({ content, fields }) => outlet.markReturned(fields, content));
    channel.on('error', (error) => {
      outlet.refusal = error;
    });
    channel.on('close', () => this.#takeBack(outlet));
    this.#outlet = outlet;
    // Once this set-up counts as done, so that a failure of the first message is one of an open session.
    setImmediate(() => this.#pump());
  }

  /** A confirmation of what came back only says that the broker is done with it: its queue is made again first. */
  #confirm(outlet: Outlet, item: Item): void {
    if (!item.isReturned) {
      item.batch.confirm();
      return;
    }
    item.isReturned = false;
    outlet.declared.delete(destination(item.message));
    if (++item.returns >= MAX_ATTEMPTS) item.batch.reject(item.index, messageWithoutQueue(item.message));
    else this.#waiting.push(item);
  }

  /** What was not confirmed goes to the front again, in its order. */
  #takeBack(outlet: Outlet): void {
    if (this.#outlet === outlet) this.#outlet = null;
    const items = [...outlet.unconfirmed.values()];
    outlet.unconfirmed.clear();
    for (const item of items) item.isReturned = false;
    if (outlet.refusal !== null) for (const item of items) item.refusals++;
    const guilty = items.filter((item) => item.refusals >= MAX_ATTEMPTS);
    for (const { batch, index } of guilty) batch.reject(index, messageRefused(outlet.refusal));
    const again = items.filter(({ refusals, batch }) => refusals < MAX_ATTEMPTS && !batch.isSettled);
    this.#waiting.unshift(...again);
    this.#sayWhenIdle();
    const { session, refusal } = outlet;
    const error = refusal === null ? connectionLost(session.peer, undefined) : messageRefused(refusal);
    // When the whole connection ended, its own event comes in this turn and says why.
    queueMicrotask(() => session.fail(error));
  }

  #pump(): void {
    const outlet = this.#outlet;
    if (outlet === null || outlet.isDeclaring) return;
    for (let item = this.#next(outlet); item !== null; item = this.#next(outlet)) {
      if (!outlet.declared.has(destination(item.message))) return void this.#declare(outlet, item.message);
      this.#waiting.shift();
      this.#send(outlet, item);
    }
    this.#sayWhenIdle();
  }

  /** The message to send now, still at the front; null when there is none or the window is full. */
  #next(outlet: Outlet): Item | null {
    while (this.#waiting[0]?.batch.isSettled === true) this.#waiting.shift();
    const item = this.#waiting[0];
    if (item === undefined) return null;
    // One that may be to blame for a closed channel goes alone, so that no other one is blamed.
    const window = item.refusals === MAX_ATTEMPTS - 1 ? 1 : this.#maxUnconfirmed;
    return outlet.unconfirmed.size < window ? item : null;
  }

  #send(outlet: Outlet, item: Item): void {
    const { exchange, routingKey, body, properties } = item.message;
    try {
      outlet.channel.publish(exchange, routingKey, body, properties);
      outlet.unconfirmed.set(outlet.nextTag++, item);
    } catch (thrown) {
      if (outlet.session.lost.aborted) this.#waiting.unshift(item);
      else item.batch.reject(item.index, messageRefused(thrown));
    }
  }

  async #declare(outlet: Outlet, { exchange, routingKey }: OutgoingMessage): Promise<void> {
    outlet.isDeclaring = true;
    try {
      const topology = destinationTopology(exchange, routingKey);
      const findings = await declareTopology(outlet.session.model, topology, this.#parts.settings.declare);
      const fatal = findings.find((finding) => !finding.usable);
      if (fatal === undefined) outlet.declared.add(destination({ exchange, routingKey }));
      else this.#rejectWaiting(destination({ exchange, routingKey }), fatal.error);
      for (const { error } of findings) {
        this.#parts.log.warn(
          { code: error.code, reason: error.message, hint: error.hint },
          'Broker has something other than asked for',
        );
      }
    } catch (thrown) {
      outlet.session.fail(connectionLost(outlet.session.peer, thrown));
    } finally {
      outlet.isDeclaring = false;
      this.#pump();
    }
  }

  /** Those that come later try again: what is refused now may be granted by then. */
  #rejectWaiting(target: string, error: NephoscopeError): void {
    const refusedNow = this.#waiting.filter(({ message }) => destination(message) === target);
    this.#waiting = this.#waiting.filter(({ message }) => destination(message) !== target);
    for (const { batch, index } of refusedNow) batch.reject(index, error);
  }

  #isIdle(): boolean {
    return this.#waiting.length === 0 && (this.#outlet?.unconfirmed.size ?? 0) === 0;
  }

  #sayWhenIdle(): void {
    if (this.#isIdle()) this.#idle?.();
  }

  #whenIdle(): Promise<void> {
    if (this.#isIdle()) return Promise.resolve();
    return new Promise((resolve) => {
      this.#idle = resolve;
    });
  }
}

/** What belongs to one session. */
class Outlet {
  readonly session: AmqpSession;
  readonly channel: ConfirmChannel;
  /** Destinations that were declared. */
  readonly declared = new Set<string>();
  /** By delivery tag, which the broker counts from 1 on each channel. */
  readonly unconfirmed = new Map<number, Item>();
  nextTag = 1;
  isDeclaring = false;
  /** Why the broker closed the channel, when it did. */
  refusal: unknown = null;

  constructor(session: AmqpSession, channel: ConfirmChannel) {
    this.session = session;
    this.channel = channel;
  }

  /**
   * Notes that the broker gave a message back, which it tells before it confirms it and without its tag: of messages
   * with the same content it does not matter which one is meant.
   */
  markReturned(fields: Pick<OutgoingMessage, 'exchange' | 'routingKey'>, content: Buffer): void {
    const target = destination(fields);
    for (const item of this.unconfirmed.values()) {
      const { message } = item;
      if (item.isReturned || destination(message) !== target || !message.body.equals(content)) continue;
      item.isReturned = true;
      return;
    }
  }

  /** Calls `settle` for the message with this tag or, with `multiple`, for all unconfirmed ones up to it. */
  settle(deliveryTag: number, multiple: boolean, settle: (item: Item) => void): void {
    const tags = multiple ? this.unconfirmed.keys() : [deliveryTag];
    for (const tag of tags) {
      if (tag > deliveryTag) return;
      this.#settleOne(tag, settle);
    }
  }

  #settleOne(tag: number, settle: (item: Item) => void): void {
    const item = this.unconfirmed.get(tag);
    this.unconfirmed.delete(tag);
    if (item !== undefined) settle(item);
  }
}

/** The messages of one call; settles when each of them is. */
class Batch {
  readonly settled: Promise<ProduceResult>;
  isSettled = false;
  #open: number;
  #confirmed = 0;
  readonly #rejected: { readonly index: number; readonly error: NephoscopeError }[] = [];
  readonly #resolve: (result: ProduceResult) => void;
  readonly #reject: (error: NephoscopeError) => void;

  constructor(size: number) {
    const { promise, resolve, reject } = Promise.withResolvers<ProduceResult>();
    this.settled = promise;
    this.#resolve = resolve;
    this.#reject = reject;
    this.#open = size;
    if (size === 0) this.#close();
  }

  confirm(): void {
    this.#confirmed++;
    if (--this.#open === 0) this.#close();
  }

  reject(index: number, error: NephoscopeError): void {
    this.#rejected.push({ index, error });
    if (--this.#open === 0) this.#close();
  }

  giveUp(reason: string): void {
    this.isSettled = true;
    const text = `${this.#open} messages were not confirmed by the broker: ${reason}`;
    this.#reject(new NephoscopeError('E2010', text, { retry: 'transient' }));
  }

  #close(): void {
    this.isSettled = true;
    this.#resolve({ confirmed: this.#confirmed, rejected: this.#rejected });
  }
}

function destination({ exchange, routingKey }: Pick<OutgoingMessage, 'exchange' | 'routingKey'>): string {
  return `${exchange}\0${routingKey}`;
}

/** The nameless exchange is always there and leads to the queue of that name by itself. */
function destinationTopology(exchange: string, routingKey: string): Topology {
  if (exchange === '') return { exchanges: [], queues: [{ name: routingKey, bindings: [] }] };
  return { exchanges: [exchange], queues: [{ name: routingKey, bindings: [{ exchange, routingKey }] }] };
}
