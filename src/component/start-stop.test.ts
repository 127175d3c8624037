import assert from 'node:assert/strict';
import { test } from 'node:test';
import { StartStop } from './start-stop.ts';

test('a start goes on at once when nothing stops, and again when a stop is over', async () => {
  const turns = new StartStop();
  assert.equal(turns.beforeStart(), null);
  await turns.stop(async () => {});
  assert.equal(turns.isStopping, false);
  assert.equal(turns.beforeStart(), null);
});

test('a start waits for the stop under way, whose concurrent callers share it', async () => {
  const turns = new StartStop();
  const ending = Promise.withResolvers<void>();
  const stop = turns.stop(() => ending.promise);
  assert.equal(
    turns.stop(() => assert.fail('it ends once')),
    stop,
  );
  assert.equal(turns.isStopping, true);
  const before = turns.beforeStart();
  ending.resolve();
  assert.equal(await before, true);
  assert.equal(turns.isStopping, false);
});

test('a stop that is asked for after a start wins over it', async () => {
  const turns = new StartStop();
  const ending = Promise.withResolvers<void>();
  const stop = turns.stop(() => ending.promise);
  const before = turns.beforeStart();
  void turns.stop(() => assert.fail('it ends once'));
  ending.resolve();
  assert.equal(await before, false);
  await stop;
});

test('a stop that fails is over too, and those who waited for it are told', async () => {
  const turns = new StartStop();
  const stop = turns.stop(() => Promise.reject(new Error('stuck')));
  const before = turns.beforeStart();
  await assert.rejects(stop, { message: 'stuck' });
  await assert.rejects(async () => await before, { message: 'stuck' });
  assert.equal(turns.beforeStart(), null);
});
