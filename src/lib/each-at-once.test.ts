import assert from 'node:assert/strict';
import test from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { eachAtOnce } from './each-at-once.ts';

test('each item is worked on once, no more than the width at a time', async () => {
  const seen: number[] = [];
  let open = 0;
  let most = 0;
  await eachAtOnce(
    Array.from({ length: 20 }, (_, index) => index),
    3,
    async (item) => {
      most = Math.max(most, ++open);
      await turn();
      open--;
      seen.push(item);
    },
  );
  assert.deepEqual([most, seen], [3, Array.from({ length: 20 }, (_, index) => index)]);
});

test('nothing to do is done at once', async () => {
  await eachAtOnce([], 3, () => assert.fail());
});

test('after a failure nothing is begun, and what was begun ends first', async () => {
  const ended: number[] = [];
  const work = async (item: number): Promise<void> => {
    if (item === 1) throw new Error('one');
    await turn();
    await turn();
    ended.push(item);
  };
  await assert.rejects(eachAtOnce([0, 1, 2, 3, 4], 2, work), /^Error: one$/);
  assert.deepEqual(ended, [0]);
});
