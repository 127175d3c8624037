import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import fc from 'fast-check';
import { ReplayGuard } from './replay-guard.ts';

const SECOND = 1_000_000;
const NOW = Date.UTC(2026, 0, 2) * 1_000;

suite('the replay guard', () => {
  test('a datum is taken once within the window, and never outside', () => {
    const guard = new ReplayGuard({ windowMicros: 300 * SECOND, capacity: 10 });
    assert.equal(guard.judge('a', NOW, NOW), 'fresh');
    assert.equal(guard.judge('a', NOW, NOW + 300 * SECOND), 'replayed');
    assert.equal(guard.judge('a', NOW, NOW + 301 * SECOND), 'stale');
    assert.equal(guard.judge('b', NOW - 301 * SECOND, NOW), 'stale');
    assert.equal(guard.judge('c', NOW + 301 * SECOND, NOW), 'stale');
    assert.equal(guard.judge('d', NOW - 299 * SECOND, NOW), 'fresh');
  });

  test('when more come than it can remember, it refuses what is as old as the forgotten', () => {
    const guard = new ReplayGuard({ windowMicros: 300 * SECOND, capacity: 2 });
    const judge = (name: string, second: number) =>
      guard.judge(name, NOW + second * SECOND, NOW + 10 * SECOND);
    assert.deepEqual(
      ['a', 'b', 'c', 'd', 'e'].map((name, second) => judge(name, second)),
      ['fresh', 'fresh', 'fresh', 'fresh', 'fresh'],
    );
    assert.equal(guard.size(), 3);
    assert.equal(judge('a', 0), 'stale');
    assert.equal(judge('late', 1), 'stale');
    assert.equal(judge('c', 2), 'replayed');
    assert.equal(judge('not-so-late', 2), 'fresh');
  });

  test('whatever comes in whatever order, nothing is taken twice and memory is bounded', () => {
    const datum = fc.record({
      name: fc.nat(30),
      age: fc.integer({ min: -400, max: 400 }),
      pause: fc.nat(200),
    });
    fc.assert(
      fc.property(fc.array(datum, { maxLength: 200 }), fc.integer({ min: 1, max: 8 }), (data, capacity) => {
        const guard = new ReplayGuard({ windowMicros: 300 * SECOND, capacity });
        const taken = new Set<string>();
        let now = NOW;
        for (const { name, age, pause } of data) {
          now += pause * SECOND;
          const time = NOW + (age + name) * SECOND;
          const signature = `${name}/${time}`;
          if (guard.judge(signature, time, now) !== 'fresh') continue;
          assert.ok(!taken.has(signature), signature);
          taken.add(signature);
          assert.ok(guard.size() <= 2 * capacity);
        }
      }),
    );
  });
});
