import type { Component } from '../component/component.ts';
import type { NephoscopeError } from '../component/errors.ts';

/** One item of a batch that will never be taken, and why. */
export interface Rejection {
  /** Index in the batch that was given. */
  readonly index: number;
  readonly error: NephoscopeError;
}

/**
 * What became of a batch that a publisher took. Everything not in `rejected` is safe with the next stage
 * (committed, confirmed, flushed); `duplicates` are the indexes of the items among them that were there already.
 */
export interface PublishResult {
  readonly accepted: number;
  readonly duplicates: readonly number[];
  readonly rejected: readonly Rejection[];
}

/**
 * The last stage of a pipeline: hands samples or events to the world outside.
 *
 * `publish` resolves only when the next stage has the batch. It rejects with a `NephoscopeError` whose `retry`
 * says whether the same batch may be given again (`transient`: nothing is known to be taken, so the receiver must
 * tolerate repeats) or never will be taken (`permanent`). Items must not be changed. Concurrent calls are allowed;
 * batches of one source come one after another. `signal` ends waiting, the batch then counts as not taken.
 */
export interface Publisher<Item> extends Component {
  publish(items: readonly Item[], signal: AbortSignal): Promise<PublishResult>;
}
