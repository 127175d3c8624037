import { setTimeout as sleep, setImmediate as turn } from 'node:timers/promises';

/** Waits until `condition` gives something other than false, null or undefined, and gives that; fails after the limit. */
export async function until<Value>(
  what: string,
  condition: () => Value | Promise<Value>,
  limitMillis = 10_000,
): Promise<NonNullable<Exclude<Value, false>>> {
  const end = performance.now() + limitMillis;
  for (let round = 0; ; round++) {
    const value = await condition();
    if (value !== false && value !== null && value !== undefined)
      return value as NonNullable<Exclude<Value, false>>;
    if (performance.now() > end) throw new Error(`Waited ${limitMillis} ms in vain until ${what}`);
    await (round < 10 ? turn() : sleep(5));
  }
}
