import { NephoscopeError } from '../component/errors.ts';
import { HttpError } from './http-errors.ts';
import type { PublishResult, Rejection } from './publisher.ts';

/** What is sent together or not at all: one or several items of a batch, by their index. */
export interface Unit {
  readonly indexes: readonly number[];
}

/** What became of some units. */
interface UnitsOutcome {
  readonly rejected: Rejection[];
  readonly postponed: number[];
  /** Why the first of `postponed` was. */
  error: NephoscopeError | null;
}

/**
 * Sends the units of one batch, for targets that take a request as a whole or refuse it as a whole.
 *
 * What is refused for good is sent again in halves until the bad units are alone; only they are rejected. After the
 * first transient error, or when `until` (as `performance.now()`) has passed, nothing further is begun: the rest is
 * postponed. One attempt belongs to one batch; its methods may overlap.
 */
export class UnitsAttempt {
  readonly #outcome: UnitsOutcome = { rejected: [], postponed: [], error: null };
  readonly #until: number;
  readonly #shown: string;

  constructor(until: number, shown: string) {
    this.#until = until;
    this.#shown = shown;
  }

  /** In order: a unit is never sent before one that stands before it. Never rejects. */
  async send<U extends Unit>(
    units: readonly U[],
    request: (units: readonly U[]) => Promise<unknown>,
  ): Promise<void> {
    if (units.length === 0) return;
    const error = this.#ended() ?? (await attempted(() => request(units)));
    if (error === null) return;
    if (error.retry === 'transient') this.#postpone(units, error);
    else if (units.length === 1) this.#reject(units, error);
    else {
      const middle = Math.ceil(units.length / 2);
      await this.send(units.slice(0, middle), request);
      await this.send(units.slice(middle), request);
    }
  }

  /** Takes units out before sending: they are known to be impossible. */
  reject(unit: Unit, error: NephoscopeError): void {
    this.#reject([unit], error);
  }

  /** The result for a batch of `count` items. Throws the transient error when none of them was settled. */
  result(count: number): PublishResult {
    const { rejected, postponed, error } = this.#outcome;
    if (error !== null && postponed.length === count) throw error;
    rejected.sort((a, b) => a.index - b.index);
    postponed.sort((a, b) => a - b);
    return {
      accepted: count - rejected.length - postponed.length,
      duplicates: [],
      rejected,
      ...(error === null ? {} : { postponed: { indexes: postponed, error } }),
    };
  }

  #ended(): NephoscopeError | null {
    if (this.#outcome.error !== null) return this.#outcome.error;
    if (performance.now() < this.#until) return null;
    const message = `${this.#shown} is too slow: the time for one attempt is over`;
    return new HttpError('E8011', message, { retry: 'transient' });
  }

  #reject(units: readonly Unit[], error: NephoscopeError): void {
    for (const { indexes } of units)
      for (const index of indexes) this.#outcome.rejected.push({ index, error });
  }

  #postpone(units: readonly Unit[], error: NephoscopeError): void {
    this.#outcome.error ??= error;
    for (const { indexes } of units) this.#outcome.postponed.push(...indexes);
  }
}

async function attempted(request: () => Promise<unknown>): Promise<NephoscopeError | null> {
  try {
    await request();
    return null;
  } catch (thrown) {
    if (thrown instanceof NephoscopeError) return thrown;
    throw thrown;
  }
}

/** Calls `work` for each item, at most `limit` at a time, beginning in order. */
export async function eachLimited<Item>(
  items: readonly Item[],
  limit: number,
  work: (item: Item) => Promise<void>,
): Promise<void> {
  const waiting = items.values();
  const worker = async (): Promise<void> => {
    for (const item of waiting) await work(item);
  };
  await Promise.all(Array.from({ length: Math.min(limit, items.length) }, worker));
}
