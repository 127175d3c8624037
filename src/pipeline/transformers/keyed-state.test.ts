import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { KeyedState } from './keyed-state.ts';

test('the keys used last are known, however many come', () => {
  const state = new KeyedState<number>({ maxKeys: 3, idleMicros: 1000 });
  for (let key = 0; key < 20; key += 1) state.set(`k${key}`, key, 0);
  assert.deepEqual(
    ['k17', 'k18', 'k19', 'k0'].map((key) => state.get(key, 0)),
    [17, 18, 19, undefined],
  );
});

test('what is not used for the idle time is given up, and told', () => {
  const evicted: unknown[] = [];
  const state = new KeyedState<string>({ maxKeys: 10, idleMicros: 100 }, (value, reason) =>
    evicted.push([value, reason]),
  );
  state.set('a', 'A', 0);
  state.set('b', 'B', 0);
  assert.equal(state.get('a', 120), 'A');
  assert.equal(state.get('a', 240), 'A');
  assert.deepEqual([state.get('b', 240), evicted, state.size], [undefined, [['B', 'idle']], 1]);
  assert.equal(state.get('a', 1000), undefined);
});

test('a clock that is set back gives nothing up', () => {
  const state = new KeyedState<string>({ maxKeys: 10, idleMicros: 100 });
  state.set('a', 'A', 1_000_000);
  assert.equal(state.get('a', 0), 'A');
});

test('it agrees with a list of the keys in order of use', () => {
  const step = fc.record({ key: fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f'), write: fc.boolean() });
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 4 }), fc.array(step, { maxLength: 60 }), (maxKeys, steps) => {
      const state = new KeyedState<string>({ maxKeys, idleMicros: Number.POSITIVE_INFINITY });
      let used: string[] = [];
      for (const { key, write } of steps) {
        const found = state.get(key, 0);
        if (used.slice(0, maxKeys).includes(key)) assert.equal(found, key);
        if (found === undefined && write) state.set(key, key, 0);
        if (found !== undefined || write) used = [key, ...used.filter((one) => one !== key)];
        assert.ok(state.size <= 2 * maxKeys);
        assert.equal(new Set(state.values()).size, state.size);
      }
    }),
  );
});
