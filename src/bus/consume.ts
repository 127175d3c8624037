import type { Channel, ConsumeMessage } from 'amqplib';
import { NephoscopeError } from '../component/errors.ts';
import type { AmqpSession } from './amqp-connection.ts';
import { connectionLost, replyCode, replyText } from './broker-error.ts';
import { refusalError } from './topology.ts';

/** Where messages arrive and are acknowledged: one channel, from its opening to its end. */
export interface Lane {
  /** Fires when the channel is gone. What was not acknowledged then belongs to the broker again. */
  readonly lost: AbortSignal;
  /**
   * Acknowledges `deliveryTag` and all earlier ones of this lane. Tags grow in the order of arrival over all queues.
   * Gives false when the lane is lost; the broker then delivers them again.
   */
  acknowledgeUpTo(deliveryTag: number): boolean;
}

export interface ConsumeRequest {
  readonly queues: readonly string[];
  /** Unacknowledged messages of each queue. */
  readonly prefetchCount: number;
  readonly arguments: Readonly<Record<string, boolean>>;
  /**
   * Called with each fresh lane before anything arrives on it; gives what takes its messages, which must not throw.
   * A later lane replaces an earlier one.
   */
  readonly openLane: (lane: Lane) => (message: ConsumeMessage) => void;
}

/** Running consumers, all on one channel. */
export interface Consumption {
  /** Queues the broker did not let us read, with the reason. */
  readonly refused: ReadonlyMap<string, NephoscopeError>;
  /** Ends the consumers; acknowledging still works. Safe to repeat. Rejects when the connection is lost meanwhile. */
  cancel(): Promise<void>;
  /** Gives the channel up with everything unacknowledged on it. Never rejects. */
  close(): Promise<void>;
}

/**
 * Consumes `queues` on one fresh channel. A queue that the broker refuses is left out; since a refusal ends the channel,
 * the others are begun anew without it. When the channel ends later for any reason — the broker closes it, a queue is
 * deleted, a consumer is cancelled — the whole session is given up, and set-up begins again on a fresh connection.
 * Rejects with a `NephoscopeError` when the connection is lost.
 */
export async function consumeQueues(session: AmqpSession, request: ConsumeRequest): Promise<Consumption> {
  const refused = new Map<string, NephoscopeError>();
  for (;;) {
    const channel = new ConsumingChannel(session, await session.model.createChannel());
    const failure = await channel.consume(request, refused);
    if (failure === null) return { refused, cancel: () => channel.cancel(), close: () => channel.close() };
    refused.set(failure.queue, failure.error);
  }
}

/** Whether the broker would let us read `queue`: null, or the reason why not. Uses a channel of its own. */
export async function probeQueue(session: AmqpSession, queue: string): Promise<NephoscopeError | null> {
  const channel = new ConsumingChannel(session, await session.model.createChannel());
  const request = { queues: [queue], prefetchCount: 1, arguments: {}, openLane: () => () => {} };
  const failure = await channel.consume(request, new Map());
  await channel.close();
  return failure?.error ?? null;
}

interface QueueFailure {
  readonly queue: string;
  readonly error: NephoscopeError;
}

class ConsumingChannel implements Lane {
  readonly lost: AbortSignal;
  readonly #session: AmqpSession;
  readonly #channel: Channel;
  readonly #lost = new AbortController();
  readonly #tags: string[] = [];
  #endIsExpected = true;
  #lastError: unknown;

  constructor(session: AmqpSession, channel: Channel) {
    this.#session = session;
    this.#channel = channel;
    this.lost = this.#lost.signal;
    channel.on('error', (error) => {
      this.#lastError = error;
    });
    channel.on('close', () => {
      this.#lost.abort();
      // When the whole connection ended, its own event comes in this turn and says why.
      if (!this.#endIsExpected) queueMicrotask(() => session.fail(this.#endError()));
    });
  }

  /** Null when all queues but the refused ones are consumed; else the queue whose refusal ended this channel. */
  async consume(
    request: ConsumeRequest,
    refused: ReadonlyMap<string, unknown>,
  ): Promise<QueueFailure | null> {
    await this.#channel.prefetch(request.prefetchCount, false);
    const take = request.openLane(this);
    for (const queue of request.queues) {
      if (refused.has(queue)) continue;
      try {
        const reply = await this.#channel.consume(queue, (message) => this.#deliver(message, queue, take), {
          noAck: false,
          arguments: request.arguments,
        });
        this.#tags.push(reply.consumerTag);
      } catch (thrown) {
        const code = replyCode(thrown);
        if (code === null) throw connectionLost(this.#session.peer, thrown);
        return {
          queue,
          error: refusalError('queue', queue, { code, text: replyText(thrown), cause: thrown }),
        };
      }
    }
    this.#endIsExpected = false;
    if (this.lost.aborted) throw this.#endError();
    return null;
  }

  acknowledgeUpTo(deliveryTag: number): boolean {
    if (this.lost.aborted) return false;
    try {
      this.#channel.ack({ fields: { deliveryTag } } as ConsumeMessage, true);
      return true;
    } catch {
      // The channel is closing: the same as lost, its event is about to come.
      return false;
    }
  }

  async cancel(): Promise<void> {
    await Promise.all(this.#tags.splice(0).map((tag) => this.#channel.cancel(tag)));
  }

  async close(): Promise<void> {
    this.#endIsExpected = true;
    this.#lost.abort();
    await this.#channel.close().catch(() => {});
  }

  #deliver(message: ConsumeMessage | null, queue: string, take: (message: ConsumeMessage) => void): void {
    if (message === null) this.#session.fail(cancelled(queue));
    else take(message);
  }

  #endError(): NephoscopeError {
    if (this.#lastError === undefined) return connectionLost(this.#session.peer, undefined);
    const text = `Broker ${this.#session.peer} closed the channel: ${replyText(this.#lastError)}`;
    return new NephoscopeError('E2006', text, { retry: 'transient', cause: this.#lastError });
  }
}

function cancelled(queue: string): NephoscopeError {
  const text = `Broker cancelled the consumer of queue ${JSON.stringify(queue)}: it was deleted or moved`;
  return new NephoscopeError('E2013', text, { retry: 'transient' });
}
