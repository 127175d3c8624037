import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { NephoscopeError } from '../component/errors.ts';
import { silentLogger } from '../observe/logger.ts';
import { Series } from '../observe/metrics.ts';
import type { Publisher, PublishResult } from '../publishers/publisher.ts';
import { Dispatcher, MAX_TRIES } from './dispatch.ts';

const TIMING = { tryMillis: 1_000, initialMillis: 1, maxMillis: 2 };
const TRANSIENT = new NephoscopeError('E3003', 'Away', { retry: 'transient' });
const PERMANENT = new NephoscopeError('E3004', 'Never');

/** A publisher that answers with `answer`, and what it was given. */
function publisherOf(answer: (items: readonly string[], call: number, signal: AbortSignal) => unknown) {
  const calls: (readonly string[])[] = [];
  const publisher: Publisher<string> = {
    name: 'publisher:test',
    start: async () => {},
    stop: async () => {},
    status: () => ({ state: 'ok' }),
    publish: async (items, signal) => {
      calls.push(items);
      const result = await answer(items, calls.length, signal);
      if (result instanceof Error) throw result;
      return (result ?? accepted(items)) as PublishResult;
    },
  };
  return { publisher, calls };
}

function accepted(items: readonly string[]): PublishResult {
  return { accepted: items.length, duplicates: [], rejected: [] };
}

function dispatcherOf(publishers: readonly Publisher<string>[], timing = TIMING) {
  const retries = new Series([]);
  return { dispatcher: new Dispatcher({ publishers, retries, log: silentLogger, timing }), retries };
}

const never = new AbortController().signal;

suite('the dispatcher', () => {
  test('each publisher gets again only what it has not taken', async () => {
    const good = publisherOf(() => undefined);
    const away = publisherOf((_, call) => (call < 3 ? TRANSIENT : undefined));
    const partial = publisherOf((items, call) =>
      call === 1
        ? { ...accepted(items), accepted: 1, postponed: { indexes: [1, 2], error: TRANSIENT } }
        : undefined,
    );
    const { dispatcher, retries } = dispatcherOf([good.publisher, away.publisher, partial.publisher]);
    const result = await dispatcher.dispatch(['a', 'b', 'c'], never);
    assert.deepEqual(result, { refused: new Map(), duplicates: new Set() });
    assert.deepEqual(good.calls, [['a', 'b', 'c']]);
    assert.deepEqual(away.calls, [
      ['a', 'b', 'c'],
      ['a', 'b', 'c'],
      ['a', 'b', 'c'],
    ]);
    assert.deepEqual(partial.calls, [
      ['a', 'b', 'c'],
      ['b', 'c'],
    ]);
    assert.equal(retries.value, 2);
    assert.equal(dispatcher.trouble(), null);
  });

  test('what is refused for good is told with its reason, one item or all of them', async () => {
    const one = publisherOf((items) => ({
      ...accepted(items),
      accepted: 1,
      rejected: [{ index: 1, error: PERMANENT }],
    }));
    const first = await dispatcherOf([one.publisher]).dispatcher.dispatch(['a', 'b'], never);
    assert.deepEqual([...first.refused], [[1, PERMANENT]]);
    const all = publisherOf(() => PERMANENT);
    const second = await dispatcherOf([all.publisher]).dispatcher.dispatch(['a', 'b'], never);
    assert.deepEqual([...second.refused.keys()], [0, 1]);
  });

  test('after five tries it gives up on what is left, and says why', async () => {
    const away = publisherOf(() => TRANSIENT);
    const good = publisherOf(() => undefined);
    const { dispatcher } = dispatcherOf([away.publisher, good.publisher]);
    const { refused } = await dispatcher.dispatch(['a'], never);
    const told = [...refused].map(([index, { code, message, retry }]) => [index, code, message, retry]);
    assert.deepEqual(told, [[0, 'E5031', 'Not taken in 5 tries: E3003 Away', 'permanent']]);
    assert.deepEqual([away.calls.length, good.calls.length], [MAX_TRIES, 1]);
    assert.equal(dispatcher.trouble(), TRANSIENT);
  });

  test('a publisher that waits for its target for ever is given up as well', async () => {
    const waiting = publisherOf(
      (_items, _call, signal) =>
        new Promise((resolve) => signal.addEventListener('abort', () => resolve(TRANSIENT), { once: true })),
    );
    const { dispatcher } = dispatcherOf([waiting.publisher], { ...TIMING, tryMillis: 5 });
    const { refused } = await dispatcher.dispatch(['a'], never);
    assert.equal(refused.size, 1);
    assert.equal(waiting.calls.length, MAX_TRIES);
  });

  test('only what was there already everywhere is a duplicate', async () => {
    const both = publisherOf((items) => ({ ...accepted(items), accepted: 0, duplicates: [0, 1] }));
    const first = publisherOf((items) => ({ ...accepted(items), accepted: 1, duplicates: [0] }));
    const { dispatcher } = dispatcherOf([both.publisher, first.publisher]);
    assert.deepEqual(await dispatcher.dispatch(['a', 'b'], never), {
      refused: new Map(),
      duplicates: new Set([0]),
    });
  });

  test('draining ends the wait for the next try, and a fired signal ends the row of tries', async () => {
    const away = publisherOf(() => TRANSIENT);
    const { dispatcher } = dispatcherOf([away.publisher], {
      ...TIMING,
      initialMillis: 60_000,
      maxMillis: 60_000,
    });
    const waiting = dispatcher.dispatch(['a'], never);
    dispatcher.drain();
    await assert.rejects(waiting, { code: 'E5031', retry: 'transient' });
    dispatcher.resume();
    await assert.rejects(dispatcher.dispatch(['a'], AbortSignal.abort()), {
      code: 'E5031',
      retry: 'transient',
    });
  });
});
