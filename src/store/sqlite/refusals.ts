import { NephoscopeError } from '../../component/errors.ts';
import type { RecordResult } from '../store.ts';
import { toStoreError } from './errors.ts';

/** Collects the items of a call that can never be stored, so that they do not take their neighbours with them. */
export class Refusals {
  readonly rejected: RecordResult['rejected'][number][] = [];
  readonly #action: string;

  /** `action` is what was tried, for texts: `record events`. */
  constructor(action: string) {
    this.#action = action;
  }

  /**
   * What `prepare` gives, or undefined when the item was refused. `prepare` must not have written anything that matters
   * when it throws. What is no fault of the item (the disk, the file) is thrown on.
   */
  guard<Result>(index: number, prepare: () => Result): Result | undefined {
    try {
      return prepare();
    } catch (thrown) {
      const isRefusal = thrown instanceof NephoscopeError || thrown instanceof RangeError;
      const error = isRefusal ? toStoreError(thrown, this.#action) : null;
      if (error === null || error.retry === 'transient') throw thrown;
      this.rejected.push({ index, error });
      return undefined;
    }
  }
}
