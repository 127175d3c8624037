import assert from 'node:assert/strict';
import test from 'node:test';
import { Generations } from './generations.ts';

test('what is used stays, what is not used goes, and never more than twice the capacity is kept', () => {
  const map = new Generations<number, string>(10);
  for (let key = 0; key < 1_000; key += 1) {
    map.set(key, `v${key}`);
    assert.equal(map.get(0), 'v0');
  }
  const kept = Array.from({ length: 1_000 }, (_, key) => key).filter((key) => map.get(key) !== undefined);
  assert.ok(kept.includes(999));
  assert.ok(kept.length <= 20);
  map.set(0, 'new');
  assert.equal(map.get(0), 'new');
  map.clear();
  assert.equal(map.get(0), undefined);
});
