import type { NephoscopeError } from '../component/errors.ts';
import type { PublishResult, Rejection } from './publisher.ts';

/** Collects what becomes of the items of one batch. What is in neither list was taken. */
export class Fates {
  readonly #rejected = new Map<number, NephoscopeError>();
  readonly #postponed = new Set<number>();
  #reason: NephoscopeError | null = null;

  /** By the kind of the error: rejected when it is permanent, postponed when it is transient. The first fate counts. */
  fail(indexes: Iterable<number>, error: NephoscopeError): void {
    for (const index of indexes) {
      if (this.#rejected.has(index) || this.#postponed.has(index)) continue;
      if (error.retry === 'permanent') this.#rejected.set(index, error);
      else this.#postponed.add(index);
    }
    if (error.retry === 'transient') this.#reason ??= error;
  }

  /** The answer for a batch of `size` items. Throws the transient error when nothing was settled at all. */
  result(size: number): PublishResult {
    const reason = this.#reason;
    if (reason !== null && this.#postponed.size === size) throw reason;
    const rejected: readonly Rejection[] = Array.from(this.#rejected, ([index, error]) => ({ index, error }));
    const accepted = size - rejected.length - this.#postponed.size;
    const result = { accepted, duplicates: [], rejected };
    if (reason === null || this.#postponed.size === 0) return result;
    return { ...result, postponed: { indexes: [...this.#postponed], error: reason } };
  }
}
