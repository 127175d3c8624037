import { setTimeout as sleep } from 'node:timers/promises';
import { NephoscopeError, toError } from '../component/errors.ts';
import { createBackoff } from '../lib/backoff.ts';
import type { Logger } from '../observe/logger.ts';
import type { Series } from '../observe/metrics.ts';
import type { Publisher, PublishResult } from '../publishers/publisher.ts';

/** What became of a batch. Everything that is not refused is with every dispatcher. */
export interface DispatchResult {
  /** By index, why it is not: refused for good, or not taken in all tries. */
  readonly refused: ReadonlyMap<number, NephoscopeError>;
  /** Indexes of those that were there already, everywhere. */
  readonly duplicates: ReadonlySet<number>;
}

export interface DispatcherParts<Item> {
  readonly publishers: readonly Publisher<Item>[];
  readonly retries: Series;
  readonly log: Logger;
  readonly timing?: DispatchTiming;
}

/** How long tries take and how far they are apart; for tests. */
export interface DispatchTiming {
  readonly tryMillis: number;
  readonly initialMillis: number;
  readonly maxMillis: number;
}

/** A message that failed so often is put aside, so that the queue flows on. */
export const MAX_TRIES = 5;
/** A publisher may wait for its target as long as it is asked to: one try has an end. */
const DEFAULT_TIMING: DispatchTiming = { tryMillis: 30_000, initialMillis: 1_000, maxMillis: 10_000 };

/** Hands batches to all dispatchers; each gets again only what it has not taken. Safe for concurrent calls. */
export class Dispatcher<Item> {
  readonly #parts: DispatcherParts<Item>;
  readonly #timing: DispatchTiming;
  #draining = new AbortController();
  #trouble: NephoscopeError | null = null;

  constructor(parts: DispatcherParts<Item>) {
    this.#parts = parts;
    this.#timing = parts.timing ?? DEFAULT_TIMING;
  }

  /**
   * Resolves when each dispatcher has taken or refused each item, or failed five times with it. Rejects with a transient
   * `NephoscopeError` (E5031) when `signal` fires or, between two tries, when it is to drain: some dispatchers may then
   * have some items, so they must tolerate repeats.
   */
  async dispatch(items: readonly Item[], signal: AbortSignal): Promise<DispatchResult> {
    const batch = new Batch(items, this.#parts.publishers);
    const backoff = createBackoff(this.#timing);
    for (let tried = 1; ; tried++) {
      const error = await batch.attempt(
        AbortSignal.any([signal, AbortSignal.timeout(this.#timing.tryMillis)]),
      );
      this.#note(error);
      if (error === null) return batch.result();
      if (tried === MAX_TRIES && !signal.aborted) return batch.giveUp(error);
      await this.#wait(backoff.nextMillis(), signal, error);
      this.#parts.retries.add();
    }
  }

  /** What waits for its next try is given up, until `resume`. */
  drain(): void {
    this.#draining.abort();
  }

  resume(): void {
    if (this.#draining.signal.aborted) this.#draining = new AbortController();
  }

  /** Why something is not taken at the moment, or null. */
  trouble(): NephoscopeError | null {
    return this.#trouble;
  }

  async #wait(millis: number, signal: AbortSignal, cause: NephoscopeError): Promise<void> {
    const ended = AbortSignal.any([signal, this.#draining.signal]);
    await sleep(millis, undefined, { signal: ended }).catch(() => {});
    if (!ended.aborted) return;
    throw new NephoscopeError('E5031', `Stopped before it was taken: ${cause.message}`, {
      retry: 'transient',
      cause,
    });
  }

  #note(error: NephoscopeError | null): void {
    const before = this.#trouble;
    this.#trouble = error;
    if (error === null) {
      if (before !== null) this.#parts.log.info('Dispatchers take everything again');
      return;
    }
    const fields = { err: error };
    if (before?.code === error.code) this.#parts.log.debug(fields, 'Dispatcher still does not take a batch');
    else this.#parts.log.warn(fields, 'Dispatcher does not take a batch, it is given again');
  }
}

/** One batch and what each dispatcher still lacks of it. */
class Batch<Item> {
  readonly #items: readonly Item[];
  readonly #shares: Share<Item>[];
  readonly #refused = new Map<number, NephoscopeError>();
  readonly #timesDuplicate = new Map<number, number>();

  constructor(items: readonly Item[], publishers: readonly Publisher<Item>[]) {
    this.#items = items;
    const all = items.map((_, index) => index);
    this.#shares = publishers.map((publisher) => ({ publisher, pending: all }));
  }

  /** Gives each dispatcher what it lacks. The last reason why something is left, or null when nothing is. */
  async attempt(signal: AbortSignal): Promise<NephoscopeError | null> {
    const open = this.#shares.filter(({ pending }) => pending.length > 0);
    const errors = await Promise.all(open.map((share) => this.#give(share, signal)));
    return errors.findLast((error) => error !== null) ?? null;
  }

  result(): DispatchResult {
    const everywhere = [...this.#timesDuplicate].filter(([, times]) => times === this.#shares.length);
    return { refused: this.#refused, duplicates: new Set(everywhere.map(([index]) => index)) };
  }

  giveUp(cause: NephoscopeError): DispatchResult {
    const text = `Not taken in ${MAX_TRIES} tries: ${cause.code} ${cause.message}`;
    const error = new NephoscopeError('E5031', text, { cause });
    for (const index of this.#shares.flatMap(({ pending }) => pending)) this.#refuse(index, error);
    return this.result();
  }

  async #give(share: Share<Item>, signal: AbortSignal): Promise<NephoscopeError | null> {
    const given = share.pending;
    const items =
      given.length === this.#items.length ? this.#items : given.map((at) => this.#items[at] as Item);
    try {
      return this.#take(share, given, await share.publisher.publish(items, signal));
    } catch (thrown) {
      const error = asNephoscopeError(thrown);
      if (error.retry === 'transient') return error;
      for (const index of given) this.#refuse(index, error);
      share.pending = [];
      return null;
    }
  }

  #take(share: Share<Item>, given: readonly number[], result: PublishResult): NephoscopeError | null {
    const { rejected, duplicates, postponed } = result;
    for (const { index, error } of rejected) this.#refuse(given[index] ?? -1, error);
    for (const at of duplicates) {
      const index = given[at] ?? -1;
      this.#timesDuplicate.set(index, (this.#timesDuplicate.get(index) ?? 0) + 1);
    }
    share.pending = (postponed?.indexes ?? []).flatMap((at) => given[at] ?? []);
    return postponed?.error ?? null;
  }

  #refuse(index: number, error: NephoscopeError): void {
    if (!this.#refused.has(index)) this.#refused.set(index, error);
  }
}

interface Share<Item> {
  readonly publisher: Publisher<Item>;
  pending: readonly number[];
}

/** What is no error of ours is a defect; the data are kept all the same. */
function asNephoscopeError(thrown: unknown): NephoscopeError {
  if (thrown instanceof NephoscopeError) return thrown;
  return new NephoscopeError('E5031', toError(thrown).message, { retry: 'transient', cause: thrown });
}
