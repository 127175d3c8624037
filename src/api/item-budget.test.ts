import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ItemBudget } from './item-budget.ts';

const never = new AbortController().signal;

/** Takes and notes the order of the starts. */
function taker(budget: ItemBudget, log: string[]) {
  return async (name: string, items: number, signal = never) => {
    const giveBack = await budget.take(items, signal);
    log.push(name);
    return giveBack;
  };
}

const turn = () => new Promise((resolve) => setImmediate(resolve));

test('answers that fit together start at once, one that does not waits until items are given back', async () => {
  const log: string[] = [];
  const take = taker(new ItemBudget(100), log);
  const first = await take('first', 60);
  await take('second', 40);
  const third = take('third', 30);
  await turn();
  assert.deepEqual(log, ['first', 'second']);
  first();
  await third;
  assert.deepEqual(log, ['first', 'second', 'third']);
});

test('a long answer is not overtaken by short ones that came later, and more than all counts as all', async () => {
  const log: string[] = [];
  const take = taker(new ItemBudget(100), log);
  const first = await take('first', 10);
  const long = take('long', 1_000_000);
  const short = take('short', 1);
  await turn();
  assert.deepEqual(log, ['first']);
  first();
  const giveBack = await long;
  assert.deepEqual(log, ['first', 'long']);
  giveBack();
  await short;
  assert.deepEqual(log, ['first', 'long', 'short']);
});

test('who gives up waiting holds nobody up', async () => {
  const log: string[] = [];
  const take = taker(new ItemBudget(100), log);
  await take('first', 50);
  const gone = new AbortController();
  const long = take('long', 100, gone.signal);
  const short = take('short', 50);
  gone.abort(new Error('the client is gone'));
  await assert.rejects(long, { message: 'the client is gone' });
  await short;
  assert.deepEqual(log, ['first', 'short']);
});
