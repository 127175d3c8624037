import type { ComponentStatus } from '../component/component.ts';
import { NephoscopeError, toError } from '../component/errors.ts';
import { formatUtc } from '../lib/timestamp.ts';

/**
 * What a publisher knows of its target besides what its calls answer, for its status. Failures of calls are logged by the
 * runner around it.
 */
export class TargetTrouble {
  #current: { readonly error: NephoscopeError; readonly since: string } | null = null;

  /** True when it is another trouble than before. */
  note(thrown: unknown): boolean {
    const error = thrown instanceof NephoscopeError ? thrown : unexpected(thrown);
    const before = this.#current;
    this.#current = { error, since: before?.since ?? formatUtc(Date.now() * 1_000) };
    return before?.error.message !== error.message;
  }

  clear(): void {
    this.#current = null;
  }

  status(isRunning: boolean): ComponentStatus {
    if (!isRunning) return { state: 'stopped', reason: 'not started' };
    if (this.#current === null) return { state: 'ok' };
    const { error, since } = this.#current;
    return { state: 'degraded', reason: `${error.code} ${error.message} (since ${since}Z)` };
  }
}

function unexpected(cause: unknown): NephoscopeError {
  return new NephoscopeError('E8072', toError(cause).message, { retry: 'transient', cause });
}
