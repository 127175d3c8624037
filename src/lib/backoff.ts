export interface BackoffOptions {
  /** The first delay, before jitter. */
  readonly initialMillis: number;
  /** No delay is longer. */
  readonly maxMillis: number;
  /** By how much each delay is longer than the one before; 2 unless given. */
  readonly factor?: number;
  /** The share of a delay that chance may take away, 0 to 1; 0.5 unless given. */
  readonly jitter?: number;
  /** A number from 0 up to, not including, 1; handed in by tests. */
  readonly random?: () => number;
}

export interface Backoff {
  /** The delay before the next try, whole milliseconds; each call counts as one more failure. */
  nextMillis(): number;
  /** After a success: the next delay is the first again. */
  reset(): void;
}

/**
 * Delays between tries that grow exponentially to a ceiling, each shortened by chance so that clients which lost the
 * same server do not come back together. Throws RangeError for options that make no sense. One per connection.
 */
export function createBackoff(options: BackoffOptions): Backoff {
  const { initialMillis, maxMillis, factor = 2, jitter = 0.5, random = Math.random } = options;
  check(
    initialMillis > 0 && maxMillis >= initialMillis,
    'initialMillis must be above 0 and at most maxMillis',
  );
  check(factor >= 1, 'factor must be at least 1');
  check(jitter >= 0 && jitter <= 1, 'jitter must lie between 0 and 1');
  let delay = initialMillis;
  return {
    nextMillis() {
      const millis = Math.round(delay * (1 - jitter * random()));
      delay = Math.min(delay * factor, maxMillis);
      return millis;
    },
    reset() {
      delay = initialMillis;
    },
  };
}

function check(holds: boolean, message: string): void {
  if (!holds) throw new RangeError(`Backoff: ${message}`);
}
