import { NephoscopeError, toError } from '../component/errors.ts';
import { type Backoff, type BackoffOptions, createBackoff } from '../lib/backoff.ts';
import type { Batch } from './delivery-batch.ts';
import { type Clock, pause } from './delivery-clock.ts';
import type { DeliveryHealth } from './delivery-health.ts';
import type { SenderMetrics } from './delivery-metrics.ts';
import type { Publisher, PublishResult } from './publisher.ts';

/** What a sender is made of. */
export interface SenderParts<Item> {
  readonly publish: Publisher<Item>['publish'];
  readonly attemptTimeoutMillis: number;
  /** What becomes of items that cannot be taken now: they are tried again, or thrown away. */
  readonly onFailure: 'retry' | 'drop';
  /** Failed attempts in a row, none of which got anything taken, after which items are rejected (E8005). */
  readonly maxAttempts: number;
  /** Called when an attempt has exceeded its time. */
  readonly onOverdue?: () => void;
  readonly retry: BackoffOptions;
  readonly health: DeliveryHealth;
  readonly metrics: SenderMetrics;
  readonly clock: Clock;
}

/** A part that fails without saying how is given the benefit of the doubt this many times. */
const MAX_UNEXPECTED = 5;

/** One batch while the sender has it. */
interface Work<Item> {
  /** What is not settled of it; the first is, or will be, on its way. */
  todo: readonly Batch<Item>[];
  readonly backoff: Backoff;
  failures: number;
  unexpected: number;
  /** End the attempt or the pause it is in at this moment. */
  endAttempt: (() => void) | null;
  endPause: (() => void) | null;
}

/**
 * Gives batches to the publisher until every item is settled: repeats what could not be taken now with growing
 * pauses, and halves what was refused as a whole until the bad items are singled out.
 *
 * One attempt has a time limit. The publisher is told by its signal; what it answers late still counts, and it is not
 * called again before it has answered, so a publisher that ignores the signal holds up its own batches and no others.
 * `send` may be called again meanwhile for another batch, if the publisher may.
 */
export class Sender<Item> {
  readonly #parts: SenderParts<Item>;
  readonly #works = new Set<Work<Item>>();
  #overdue = 0;
  #isFinishing = false;
  #gaveUp: NephoscopeError | null = null;

  constructor(parts: SenderParts<Item>) {
    this.#parts = parts;
  }

  /** Calls that have exceeded their time and not ended. */
  get overdue(): number {
    return this.#overdue;
  }

  /** Resolves when every item of the batch is settled and no call for it is open; never rejects. */
  async send(batch: Batch<Item>): Promise<void> {
    const work: Work<Item> = {
      todo: [batch],
      backoff: createBackoff(this.#parts.retry),
      failures: 0,
      unexpected: 0,
      endAttempt: null,
      endPause: null,
    };
    this.#works.add(work);
    if (this.#gaveUp !== null) batch.giveUp(this.#gaveUp);
    try {
      for (let next = takeNext(work); next !== null; next = takeNext(work)) {
        const rest = await this.#attempt(next, work);
        work.todo = [...rest, ...work.todo.slice(1)];
      }
    } finally {
      this.#works.delete(work);
    }
  }

  /** Call it when callers have given up: attempts and pauses for nobody end. */
  review(): void {
    for (const work of this.#works) if (work.todo[0]?.isOver === true) interrupt(work);
  }

  /** From now on nothing is repeated: what waits has one more attempt. */
  finish(): void {
    this.#isFinishing = true;
    for (const work of this.#works) work.endPause?.();
  }

  /** Ends everything now; what is not settled is given up with `error`. */
  giveUp(error: NephoscopeError): void {
    this.#gaveUp = error;
    for (const work of this.#works) {
      for (const batch of work.todo) batch.giveUp(error);
      interrupt(work);
    }
  }

  async #attempt(batch: Batch<Item>, work: Work<Item>): Promise<readonly Batch<Item>[]> {
    const { metrics } = this.#parts;
    const size = batch.items.length;
    const begin = this.#parts.clock.monotonicMillis();
    metrics.attempts.add();
    metrics.inFlight.add(size);
    const { answer, isLate } = await this.#call(batch, work);
    metrics.inFlight.add(-size);
    metrics.attemptSeconds.add((this.#parts.clock.monotonicMillis() - begin) / 1_000);
    // Thrown away when its time was over.
    if (isLate && this.#parts.onFailure === 'drop') return [];
    if (!(answer instanceof NephoscopeError)) return await this.#taken(batch, answer, work);
    // Ended because nobody waits any more: that says nothing about the target.
    if (batch.isOver) return [];
    return await this.#refused(batch, answer, work);
  }

  /** One call of the publisher. What is thrown after the time was over says only that the publisher ended then. */
  async #call(batch: Batch<Item>, work: Work<Item>): Promise<Answer> {
    const { clock, attemptTimeoutMillis, publish } = this.#parts;
    const controller = new AbortController();
    let late: NephoscopeError | null = null;
    const cancel = clock.after(attemptTimeoutMillis, () => {
      late = this.#tooLate(batch);
      controller.abort(late);
    });
    work.endAttempt = () => controller.abort(new Error('nobody waits for it any more'));
    try {
      return { answer: await publish(batch.items, controller.signal), isLate: late !== null };
    } catch (thrown) {
      return { answer: late ?? asError(thrown), isLate: late !== null };
    } finally {
      cancel();
      work.endAttempt = null;
      if (late !== null) this.#overdue--;
    }
  }

  #tooLate(batch: Batch<Item>): NephoscopeError {
    const seconds = this.#parts.attemptTimeoutMillis / 1_000;
    const error = new NephoscopeError('E8001', `It did not answer within ${seconds} s`, {
      retry: 'transient',
    });
    this.#overdue++;
    this.#parts.health.failed(error);
    if (this.#parts.onFailure === 'drop') {
      this.#parts.metrics.failures(error.code).add();
      this.#drop(batch);
    }
    this.#parts.onOverdue?.();
    return error;
  }

  async #taken(batch: Batch<Item>, result: PublishResult, work: Work<Item>): Promise<readonly Batch<Item>[]> {
    const { metrics, health } = this.#parts;
    const { counts, rest } = batch.settle(result);
    metrics.accepted.add(counts.accepted + counts.duplicates);
    metrics.duplicates.add(counts.duplicates);
    metrics.rejected.add(counts.rejected);
    for (const { error } of result.rejected.slice(0, 1)) health.refused(error);
    if (rest === null || result.postponed === undefined) {
      health.succeeded();
      return [];
    }
    if (counts.accepted + counts.duplicates > 0) {
      work.failures = 0;
      work.backoff.reset();
    }
    return await this.#again(rest, result.postponed.error, work);
  }

  async #refused(
    batch: Batch<Item>,
    error: NephoscopeError,
    work: Work<Item>,
  ): Promise<readonly Batch<Item>[]> {
    if (error.code === 'E8004') work.unexpected++;
    const isFinal = error.retry === 'permanent' || work.unexpected > MAX_UNEXPECTED;
    if (!isFinal) return await this.#again(batch, error, work);
    if (batch.items.length > 1) return batch.halves();
    this.#reject(batch, error);
    return [];
  }

  async #again(
    batch: Batch<Item>,
    error: NephoscopeError,
    work: Work<Item>,
  ): Promise<readonly Batch<Item>[]> {
    const { onFailure, maxAttempts, clock, health, metrics, retry } = this.#parts;
    health.failed(error);
    metrics.failures(error.code).add();
    work.failures++;
    if (onFailure === 'drop') this.#drop(batch);
    else if (work.failures >= maxAttempts) this.#reject(batch, exhausted(maxAttempts, error));
    else if (this.#isFinishing) batch.giveUp(stopped(error));
    else {
      const wait = new AbortController();
      work.endPause = () => wait.abort();
      const asked = Math.min(askedMillis(error), retry.maxMillis);
      await pause(clock, Math.max(work.backoff.nextMillis(), asked), wait.signal);
      work.endPause = null;
      metrics.retries.add();
      return [batch];
    }
    return [];
  }

  #drop(batch: Batch<Item>): void {
    this.#parts.metrics.dropped.policy.add(batch.items.length);
    batch.dropAll();
  }

  #reject(batch: Batch<Item>, error: NephoscopeError): void {
    this.#parts.metrics.rejected.add(batch.items.length);
    this.#parts.health.refused(error);
    batch.rejectAll(error);
  }
}

/** What the publisher answered, and whether that was after its time. */
interface Answer {
  readonly answer: PublishResult | NephoscopeError;
  readonly isLate: boolean;
}

function interrupt(work: Work<unknown>): void {
  work.endAttempt?.();
  work.endPause?.();
}

/** The next batch with what somebody still waits for; null when there is none. */
function takeNext<Item>(work: Work<Item>): Batch<Item> | null {
  const todo = work.todo.map((batch) => batch.stillWanted()).filter(({ items }) => items.length > 0);
  work.todo = todo;
  return todo[0] ?? null;
}

function asError(thrown: unknown): NephoscopeError {
  if (thrown instanceof NephoscopeError) return thrown;
  const error = toError(thrown);
  return new NephoscopeError('E8004', `It failed in an unexpected way: ${error.message}`, {
    retry: 'transient',
    cause: error,
  });
}

/** How long the target asks to be left alone (`Retry-After`); 0 when it does not. */
function askedMillis(error: NephoscopeError): number {
  return 'retryAfterMillis' in error && typeof error.retryAfterMillis === 'number'
    ? error.retryAfterMillis
    : 0;
}

function exhausted(attempts: number, cause: NephoscopeError): NephoscopeError {
  return new NephoscopeError('E8005', `Not taken in ${attempts} attempts; the last: ${cause.message}`, {
    cause,
  });
}

function stopped(cause: NephoscopeError): NephoscopeError {
  return new NephoscopeError('E8003', `Stopped before it was taken: ${cause.message}`, {
    retry: 'transient',
    cause,
  });
}
