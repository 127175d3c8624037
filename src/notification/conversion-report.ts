import type { ErrorCode } from '../component/error-codes.ts';

/** A value of a notification that could not be converted; the rest of it was. */
export interface ConversionProblem {
  readonly code: ErrorCode;
  readonly message: string;
}

const none: readonly ConversionProblem[] = Object.freeze([]);

/** Problems kept of one notification: a broken batch must not fill the memory with complaints. */
const maximumProblems = 100;

/**
 * Collects the problems of one conversion, each message once and no more than `maximumProblems`. Most have none, so the
 * list is made with the first.
 */
export class ConversionReport {
  #problems: ConversionProblem[] | undefined;

  get problems(): readonly ConversionProblem[] {
    return this.#problems ?? none;
  }

  add(code: ErrorCode, message: string): void {
    this.#problems ??= [];
    const isKnown = this.#problems.some((known) => known.message === message);
    if (!isKnown && this.#problems.length < maximumProblems) this.#problems.push({ code, message });
  }
}
