import { setTimeout as sleep } from 'node:timers/promises';
import type { Deadline } from '../component/component.ts';
import { NephoscopeError, toError } from '../component/errors.ts';
import { type Backoff, createBackoff } from '../lib/backoff.ts';
import { whenAborted } from '../lib/when-aborted.ts';
import type { Intake, RawMessage } from '../notification/intake.ts';
import type { Logger } from '../observe/logger.ts';
import type { SourceMetrics } from './source-metrics.ts';

/** The way back to the sender, for as long as it exists. */
export interface ReturnWay {
  /** Fires when messages can no longer be acknowledged; their sender gives them again by itself. */
  readonly lost: AbortSignal;
  /** The sender may forget everything up to the message with this tag. False when it was not told. */
  acknowledgeUpTo(tag: number): boolean;
}

export interface PumpParts {
  readonly intake: Intake;
  readonly batchSize: number;
  /** How long a batch may wait to fill; 0: it is what has arrived. */
  readonly batchTimeoutMillis: number;
  readonly metrics: SourceMetrics;
  readonly log: Logger;
  readonly retry?: { readonly initialMillis: number; readonly maxMillis: number };
}

const DEFAULT_RETRY = { initialMillis: 200, maxMillis: 10_000 };

/**
 * Turns single deliveries into batches, one after another, in the order of arrival.
 *
 * While the intake works on a batch the next one gathers, so batches are small when there is little to do (no waiting)
 * and large under load (few commits). A batch the intake rejects is given to it again, after a wait that grows, until
 * it is taken or its way back is lost: the order stays, and the sender is not asked to deliver the same in a hot loop.
 * The caller bounds what is in flight. Not for concurrent way-backs: a new one ends the one before.
 */
export class DeliveryPump {
  readonly #parts: PumpParts;
  readonly #backoff: Backoff;
  #way: ReturnWay | null = null;
  #messages: RawMessage[] = [];
  #tags: number[] = [];
  #heldBytes = 0;
  #inBatch = 0;
  #batchBytes = 0;
  #running: Promise<void> | null = null;
  #wakeUp: (() => void) | null = null;
  #draining = new AbortController();
  #giveUp = new AbortController();
  #trouble: Error | null = null;

  constructor(parts: PumpParts) {
    this.#parts = parts;
    this.#backoff = createBackoff(parts.retry ?? DEFAULT_RETRY);
  }

  /**
   * Begins anew with a fresh way back; what came by an earlier one and is not in work yet is forgotten. Gives what takes
   * the deliveries that belong to this way; their tags must grow. It is cheap: the work begins after the current turn
   * of the event loop. Once the way is lost or another one was opened it ignores what it is given.
   */
  open(way: ReturnWay): (message: RawMessage, tag: number) => void {
    this.#forget();
    this.#way = way;
    way.lost.addEventListener('abort', () => this.#lose(way), { once: true });
    return (message, tag) => {
      if (this.#way === way) this.#push(message, tag);
    };
  }

  /** Messages that arrived and are not acknowledged. */
  inFlight(): number {
    return this.#messages.length + this.#inBatch;
  }

  /** Bytes of the messages in flight. */
  heldBytes(): number {
    return this.#heldBytes + this.#batchBytes;
  }

  /** Why the intake does not take anything at the moment, or null. */
  trouble(): Error | null {
    return this.#trouble;
  }

  /**
   * Finishes what arrived so far, without further repeats for what is rejected, and gives up at the deadline.
   * What is given up is not acknowledged. Never rejects; only a batch that the intake holds in spite of the deadline
   * is still in work afterwards; it is acknowledged if its way back outlives it.
   */
  async drain(deadline: Deadline): Promise<void> {
    this.#draining.abort();
    this.#wakeUp?.();
    const giveUp = (): void => this.#giveUp.abort();
    deadline.signal.addEventListener('abort', giveUp, { once: true });
    if (deadline.signal.aborted) giveUp();
    try {
      await Promise.race([this.#running ?? Promise.resolve(), whenAborted(deadline.signal)]);
    } finally {
      deadline.signal.removeEventListener('abort', giveUp);
      this.#forget();
      this.#way = null;
      this.#draining = new AbortController();
      this.#giveUp = new AbortController();
    }
  }

  #push(message: RawMessage, tag: number): void {
    this.#messages.push(message);
    this.#tags.push(tag);
    this.#heldBytes += message.body.length;
    if (this.#messages.length >= this.#parts.batchSize) this.#wakeUp?.();
    this.#running ??= this.#run();
  }

  async #run(): Promise<void> {
    try {
      // Lets everything that came with the same read from the socket into the first batch.
      await new Promise((resolve) => setImmediate(resolve));
      while (this.#messages.length > 0 && this.#way !== null && !this.#giveUp.signal.aborted) {
        if (!this.#draining.signal.aborted) await this.#fill();
        await this.#workOnBatch(this.#way);
      }
    } finally {
      this.#running = null;
    }
  }

  async #fill(): Promise<void> {
    const { batchSize, batchTimeoutMillis } = this.#parts;
    if (batchTimeoutMillis === 0 || this.#messages.length >= batchSize) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, batchTimeoutMillis);
      this.#wakeUp = () => {
        clearTimeout(timer);
        resolve();
      };
    });
    this.#wakeUp = null;
  }

  async #workOnBatch(way: ReturnWay | null): Promise<void> {
    const batch = this.#messages.splice(0, this.#parts.batchSize);
    const tags = this.#tags.splice(0, batch.length);
    const lastTag = tags.at(-1);
    if (way === null || lastTag === undefined) return;
    const bytes = batch.reduce((sum, message) => sum + message.body.length, 0);
    this.#heldBytes -= bytes;
    this.#batchBytes = bytes;
    this.#inBatch = batch.length;
    const taken = await this.#takeUntilSettled(batch, way);
    this.#inBatch = 0;
    this.#batchBytes = 0;
    if (taken && way.acknowledgeUpTo(lastTag)) this.#parts.metrics.acknowledged.add(batch.length);
    // Acknowledging a later batch would acknowledge this one too, so nothing after it may go on.
    else if (!taken && this.#way === way) this.#forget();
  }

  async #takeUntilSettled(batch: readonly RawMessage[], way: ReturnWay): Promise<boolean> {
    // Both belong to the stop that may come during this batch; a later start makes new ones.
    const draining = this.#draining.signal;
    const giveUp = this.#giveUp.signal;
    for (;;) {
      try {
        await this.#parts.intake.take(batch, giveUp);
        this.#recovered();
        return true;
      } catch (thrown) {
        if (way.lost.aborted || draining.aborted) return false;
        await this.#waitToRetry(toError(thrown), AbortSignal.any([way.lost, draining]));
        if (way.lost.aborted) return false;
      }
    }
  }

  async #waitToRetry(error: Error, signal: AbortSignal): Promise<void> {
    const waitMillis = this.#backoff.nextMillis();
    this.#parts.metrics.refused.add();
    const fields = { err: error, retryInMillis: waitMillis };
    if (this.#trouble?.message === error.message) this.#parts.log.debug(fields, 'Messages still not taken');
    // A rejection that is not marked as passing is a defect of ours; the messages are kept all the same.
    else if (error instanceof NephoscopeError && error.retry === 'transient') {
      this.#parts.log.warn(fields, 'Messages not taken, they are given again');
    } else this.#parts.log.error(fields, 'Messages not taken for an unexpected reason, they are given again');
    this.#trouble = error;
    await sleep(waitMillis, undefined, { signal }).catch(() => {});
  }

  #recovered(): void {
    if (this.#trouble === null) return;
    this.#trouble = null;
    this.#backoff.reset();
    this.#parts.log.info('Messages are taken again');
  }

  #lose(way: ReturnWay): void {
    if (this.#way !== way) return;
    this.#forget();
    this.#way = null;
  }

  #forget(): void {
    this.#messages = [];
    this.#tags = [];
    this.#heldBytes = 0;
  }
}
