import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { createBackoff } from './backoff.ts';

test('delays double up to the ceiling and begin again after a success', () => {
  const backoff = createBackoff({ initialMillis: 100, maxMillis: 1000, jitter: 0 });
  const delays = Array.from({ length: 6 }, () => backoff.nextMillis());
  assert.deepEqual(delays, [100, 200, 400, 800, 1000, 1000]);
  backoff.reset();
  assert.equal(backoff.nextMillis(), 100);
});

test('chance takes away at most the share given', () => {
  const draws = [0, 0.5, 0.999];
  const backoff = createBackoff({
    initialMillis: 1000,
    maxMillis: 9000,
    factor: 3,
    jitter: 0.2,
    random: () => draws.shift() ?? 0,
  });
  assert.deepEqual([backoff.nextMillis(), backoff.nextMillis(), backoff.nextMillis()], [1000, 2700, 7202]);
});

test('options without sense are refused', () => {
  for (const options of [
    { initialMillis: 0, maxMillis: 10 },
    { initialMillis: 20, maxMillis: 10 },
    { initialMillis: 1, maxMillis: 10, factor: 0.5 },
    { initialMillis: 1, maxMillis: 10, jitter: 2 },
    { initialMillis: Number.NaN, maxMillis: 10 },
  ]) {
    assert.throws(() => createBackoff(options), RangeError);
  }
});

test('every delay is a whole number of milliseconds within its bounds', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 1000 }),
      fc.integer({ min: 0, max: 100_000 }),
      (initialMillis, more) => {
        const maxMillis = initialMillis + more;
        const backoff = createBackoff({ initialMillis, maxMillis });
        for (let count = 0; count < 50; count += 1) {
          const millis = backoff.nextMillis();
          assert.ok(
            Number.isInteger(millis) && millis >= Math.floor(initialMillis / 2) && millis <= maxMillis,
          );
        }
      },
    ),
  );
});
