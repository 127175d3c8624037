import type { ComponentStatus } from '../component/component.ts';
import type { NephoscopeError } from '../component/errors.ts';
import { formatUtc } from '../lib/timestamp.ts';
import type { Logger } from '../observe/logger.ts';
import type { Clock } from './delivery-clock.ts';

/** The same trouble is logged this often at most. */
const REPEAT_MILLIS = 10_000;

interface Trouble {
  readonly error: NephoscopeError;
  readonly since: string;
  readonly sinceMillis: number;
}

/**
 * Whether the target takes what it is given: the status the operator sees, and the log lines about it. A target that cannot be reached is
 * logged when that begins, when its reason changes and when it ends, not at each attempt.
 */
export class DeliveryHealth {
  readonly #log: Logger;
  readonly #clock: Clock;
  #trouble: Trouble | null = null;
  #lastLoggedMillis = Number.NEGATIVE_INFINITY;
  #lastRefusal = { code: '', millis: Number.NEGATIVE_INFINITY };

  constructor(log: Logger, clock: Clock) {
    this.#log = log;
    this.#clock = clock;
  }

  /** A batch could not be taken now. */
  failed(error: NephoscopeError): void {
    const now = this.#clock.monotonicMillis();
    const before = this.#trouble;
    const { since, sinceMillis } = before ?? { since: formatUtc(Date.now() * 1_000), sinceMillis: now };
    this.#trouble = { error, since, sinceMillis };
    const isNew = before?.error.code !== error.code;
    const isChanged = before?.error.message !== error.message;
    if (!isNew && !(isChanged && now - this.#lastLoggedMillis >= REPEAT_MILLIS)) return;
    this.#lastLoggedMillis = now;
    this.#log.warn({ err: error }, 'Publisher cannot deliver');
  }

  /** Something of a batch was taken. */
  succeeded(): void {
    const before = this.#trouble;
    if (before === null) return;
    this.#trouble = null;
    const seconds = Math.round((this.#clock.monotonicMillis() - before.sinceMillis) / 100) / 10;
    this.#log.info({ afterSeconds: seconds }, 'Publisher delivers again');
  }

  /** An item was refused for good; it is parked by the caller, so this is no trouble of the target. */
  refused(error: NephoscopeError): void {
    const millis = this.#clock.monotonicMillis();
    if (error.code === this.#lastRefusal.code && millis - this.#lastRefusal.millis < REPEAT_MILLIS) return;
    this.#lastRefusal = { code: error.code, millis };
    this.#log.warn({ err: error }, 'Publisher refuses an item for good');
  }

  /** Null while all is well. */
  status(): ComponentStatus | null {
    if (this.#trouble === null) return null;
    const { error, since } = this.#trouble;
    return { state: 'degraded', reason: `${error.code} ${error.message} (since ${since}Z)` };
  }
}
