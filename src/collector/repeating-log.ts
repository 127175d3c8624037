import type { Logger } from '../observe/logger.ts';

const REPEAT_MILLIS = 10_000;

/**
 * A log for what may happen with every datum: the same thing is logged again only after ten seconds, with the number of
 * those left out meanwhile.
 */
export class RepeatingLog {
  readonly #log: Logger;
  readonly #nowMillis: () => number;
  readonly #last = new Map<string, { atMillis: number; omitted: number }>();

  constructor(log: Logger, nowMillis: () => number = () => performance.now()) {
    this.#log = log;
    this.#nowMillis = nowMillis;
  }

  /** `code` is of a short list. */
  warn(code: string, fields: Readonly<Record<string, unknown>>, message: string): void {
    const now = this.#nowMillis();
    const last = this.#last.get(code);
    if (last !== undefined && now - last.atMillis < REPEAT_MILLIS) {
      last.omitted++;
      return;
    }
    this.#last.set(code, { atMillis: now, omitted: 0 });
    const omitted = last?.omitted ?? 0;
    this.#log.warn({ code, ...fields, ...(omitted === 0 ? {} : { omitted }) }, message);
  }
}
