import { setImmediate as turn } from 'node:timers/promises';
import type { Clock } from '../../src/publishers/delivery-clock.ts';

/** A clock that stands still until the test moves it. */
export interface FakeClock extends Clock {
  /** Moves it on; timers fire in their order, and what they set off happens before it goes further. */
  advance(millis: number): Promise<void>;
  /** How many timers wait: none when nothing has leaked. */
  timers(): number;
}

export function createFakeClock(): FakeClock {
  let now = 0;
  let timers: { readonly at: number; readonly run: () => void }[] = [];
  const clock: FakeClock = {
    monotonicMillis: () => now,
    after: (millis, run) => {
      const timer = { at: now + millis, run };
      timers.push(timer);
      return () => {
        timers = timers.filter((one) => one !== timer);
      };
    },
    advance: async (millis) => {
      const end = now + millis;
      await settle();
      for (;;) {
        const due = timers.filter(({ at }) => at <= end).sort((one, other) => one.at - other.at);
        const [next] = due;
        if (next === undefined) break;
        timers = timers.filter((one) => one !== next);
        now = next.at;
        next.run();
        await settle();
      }
      now = end;
    },
    timers: () => timers.length,
  };
  return clock;
}

/** Lets everything happen that needs no time. */
export async function settle(): Promise<void> {
  for (let round = 0; round < 5; round++) await turn();
}
