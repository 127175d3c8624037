import { ERROR_CODES, type ErrorCode } from './error-codes.ts';

/** Whether trying the same thing again can help. Decided where the error happens, carried as a type. */
export type Retry = 'permanent' | 'transient';

export interface ErrorDetails {
  /** What to do about it, for the operator; defaults to the hint of the code. */
  readonly hint?: string;
  readonly retry?: Retry;
  readonly cause?: unknown;
}

/** Every error this program makes: a stable code for programs, a text and a hint for people. */
export class NephoscopeError extends Error {
  readonly code: ErrorCode;
  readonly hint: string;
  readonly retry: Retry;

  constructor(code: ErrorCode, message: string, details: ErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.name = 'NephoscopeError';
    this.code = code;
    this.hint = details.hint ?? ERROR_CODES[code].hint;
    this.retry = details.retry ?? 'permanent';
  }
}

/** A position in a file the operator wrote; line and column count from 1. */
export interface Position {
  readonly file: string;
  readonly line: number;
  readonly column: number;
  /** The line's text, for showing it with a caret. */
  readonly text?: string;
}

/** One mistake or warning in a file, an environment variable or an option. All of one run are reported together. */
export interface Problem {
  readonly severity: 'error' | 'warning';
  readonly code: ErrorCode;
  readonly message: string;
  readonly hint: string;
  readonly position?: Position;
}

/** Bad configuration: every problem found, not the first one. The command line turns it into exit code 78. */
export class ConfigurationError extends NephoscopeError {
  readonly problems: readonly Problem[];

  constructor(problems: readonly Problem[]) {
    const errors = problems.filter((problem) => problem.severity === 'error');
    super('E1000', `${errors.length} ${errors.length === 1 ? 'mistake' : 'mistakes'} in the configuration`);
    this.name = 'ConfigurationError';
    this.problems = problems;
  }
}

/** A problem with the hint of its code unless another is given. */
export function problem(
  code: ErrorCode,
  message: string,
  position?: Position,
  details: { readonly hint?: string; readonly severity?: Problem['severity'] } = {},
): Problem {
  return {
    severity: details.severity ?? 'error',
    code,
    message,
    hint: details.hint ?? ERROR_CODES[code].hint,
    ...(position === undefined ? {} : { position }),
  };
}

/** Makes an Error of anything thrown; for the border only. */
export function toError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(String(thrown));
}

/** An error in one line for a status: its code, where it has one, and its message. */
export function errorText(error: Error): string {
  return error instanceof NephoscopeError ? `${error.code} ${error.message}` : error.message;
}
