import type { ErrorCode } from '../component/error-codes.ts';

/** A value of a notification that could not be converted; the rest of it was. */
export interface ConversionProblem {
  readonly code: ErrorCode;
  readonly message: string;
}

const none: readonly ConversionProblem[] = Object.freeze([]);

/** Collects the problems of one conversion. Most have none, so the list is made with the first. */
export class ConversionReport {
  #problems: ConversionProblem[] | undefined;

  get problems(): readonly ConversionProblem[] {
    return this.#problems ?? none;
  }

  add(code: ErrorCode, message: string): void {
    this.#problems ??= [];
    this.#problems.push({ code, message });
  }
}
