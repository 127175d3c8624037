const SIGNALS = ['SIGINT', 'SIGTERM'] as const;

/**
 * Runs something that the first Ctrl-C (or SIGTERM) ends in order, by its `interrupt`; a second one ends the program as it
 * does by default. Gives what `run` gives; the signals are as before afterwards.
 */
export async function withInterrupt<Result>(
  run: (interrupt: AbortSignal) => Promise<Result>,
): Promise<Result> {
  const interrupt = new AbortController();
  const release = (): void => {
    for (const name of SIGNALS) process.off(name, onSignal);
  };
  const onSignal = (): void => {
    interrupt.abort();
    release();
  };
  for (const name of SIGNALS) process.on(name, onSignal);
  try {
    return await run(interrupt.signal);
  } finally {
    release();
  }
}
