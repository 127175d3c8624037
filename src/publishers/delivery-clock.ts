/** Time as the runner sees it; tests hand in their own. */
export interface Clock {
  /** Milliseconds since some start; never goes back. */
  monotonicMillis(): number;
  /** Calls `run` once, `millis` from now, unless the function it gives is called before. */
  after(millis: number, run: () => void): () => void;
}

/** Real time. Its timers do not keep the process alive. */
export const SYSTEM_CLOCK: Clock = {
  monotonicMillis: () => performance.now(),
  after: (millis, run) => {
    const timer = setTimeout(run, millis).unref();
    return () => clearTimeout(timer);
  },
};

/** Resolves after `millis`, or at once when `signal` fires; never rejects. */
export function pause(clock: Clock, millis: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    const end = (): void => {
      cancel();
      signal.removeEventListener('abort', end);
      resolve();
    };
    const cancel = clock.after(millis, end);
    signal.addEventListener('abort', end, { once: true });
  });
}
