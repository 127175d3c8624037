import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { createDeadline } from '../component/component.ts';
import { NephoscopeError } from '../component/errors.ts';
import type { RawMessage } from '../notification/intake.ts';
import { silentLogger } from '../observe/logger.ts';
import { Metrics } from '../observe/metrics.ts';
import { DeliveryPump, type ReturnWay } from './delivery-pump.ts';
import { sourceMetrics } from './source-metrics.ts';

const TRANSIENT = new NephoscopeError('E2010', 'not now', { retry: 'transient' });

function message(text: string): RawMessage {
  return { body: Buffer.from(text), origin: { source: 'test' } };
}

/** A pump whose batches are settled by the test, one call of the intake after another. */
function fixture(batchSize = 10, batchTimeoutMillis = 0, retryMillis = 1) {
  const calls: { readonly texts: string[]; settle(error?: Error): Promise<void> }[] = [];
  const intake = {
    take: (messages: readonly RawMessage[]) =>
      new Promise<'accepted'[]>((resolve, reject) => {
        calls.push({
          texts: messages.map(({ body }) => Buffer.from(body).toString()),
          settle: async (error) => {
            if (error === undefined) resolve(messages.map(() => 'accepted'));
            else reject(error);
            await turn();
          },
        });
      }),
  };
  const metrics = sourceMetrics(new Metrics(), 'test');
  const retry = { initialMillis: retryMillis, maxMillis: retryMillis };
  const pump = new DeliveryPump({ intake, batchSize, batchTimeoutMillis, metrics, log: silentLogger, retry });
  const acknowledged: number[] = [];
  let push = (_message: RawMessage, _tag: number): void => {};
  const open = (): AbortController => {
    const controller = new AbortController();
    const way: ReturnWay = {
      lost: controller.signal,
      acknowledgeUpTo: (tag) => {
        if (controller.signal.aborted) return false;
        acknowledged.push(tag);
        return true;
      },
    };
    push = pump.open(way);
    return controller;
  };
  const next = async (index: number) => {
    for (let round = 0; calls[index] === undefined; round++) {
      if (round > 10_000) throw new Error(`The intake was not called ${index + 1} times`);
      await turn();
    }
    return calls[index];
  };
  return {
    pump,
    calls,
    acknowledged,
    metrics,
    open,
    next,
    push: (text: RawMessage, tag: number) => push(text, tag),
    taker: () => push,
  };
}

suite('delivery pump', () => {
  test('what arrives together is one batch, what arrives meanwhile is the next, acknowledged up to its last', async () => {
    const { pump, acknowledged, open, next, push } = fixture();
    open();
    push(message('a'), 1);
    push(message('b'), 2);
    const first = await next(0);
    assert.deepEqual(first.texts, ['a', 'b']);
    push(message('c'), 3);
    push(message('d'), 4);
    assert.deepEqual([pump.inFlight(), pump.heldBytes()], [4, 4]);
    assert.deepEqual(acknowledged, []);
    await first.settle();
    assert.deepEqual(acknowledged, [2]);
    const second = await next(1);
    assert.deepEqual(second.texts, ['c', 'd']);
    await second.settle();
    assert.deepEqual(acknowledged, [2, 4]);
    assert.deepEqual([pump.inFlight(), pump.heldBytes()], [0, 0]);
  });

  test('a batch is never larger than its size', async () => {
    const { open, next, push } = fixture(2);
    open();
    for (const [index, text] of ['a', 'b', 'c'].entries()) push(message(text), index + 1);
    const first = await next(0);
    assert.deepEqual(first.texts, ['a', 'b']);
    await first.settle();
    assert.deepEqual((await next(1)).texts, ['c']);
  });

  test('a rejected batch is given again before anything later, and its trouble is shown', async () => {
    const { pump, acknowledged, metrics, open, next, push } = fixture();
    open();
    push(message('a'), 1);
    await (await next(0)).settle(TRANSIENT);
    push(message('b'), 2);
    assert.equal(pump.trouble(), TRANSIENT);
    const again = await next(1);
    assert.deepEqual(again.texts, ['a']);
    await again.settle(new TypeError('a defect'));
    const third = await next(2);
    assert.deepEqual(third.texts, ['a'], 'a defect loses nothing either');
    await third.settle();
    assert.deepEqual((await next(3)).texts, ['b']);
    assert.deepEqual([acknowledged, pump.trouble(), metrics.refused.value], [[1], null, 2]);
  });

  test('when the way back is lost nothing is acknowledged, and the new one begins afresh', async () => {
    const { calls, acknowledged, open, next, push } = fixture();
    const old = open();
    push(message('a'), 1);
    const first = await next(0);
    push(message('b'), 2);
    old.abort();
    open();
    push(message('a again'), 1);
    await first.settle();
    assert.deepEqual(acknowledged, [], 'the tag of the old way means nothing on the new one');
    const second = await next(1);
    assert.deepEqual(second.texts, ['a again']);
    await second.settle();
    assert.deepEqual([acknowledged, calls.length], [[1], 2]);
  });

  test('a batch that waits to be given again is forgotten with its way back', async () => {
    const { acknowledged, open, next, push } = fixture(10, 0, 60_000);
    const old = open();
    push(message('a'), 1);
    await (await next(0)).settle(TRANSIENT);
    old.abort();
    open();
    push(message('b'), 1);
    const second = await next(1);
    assert.deepEqual(second.texts, ['b']);
    await second.settle();
    assert.deepEqual(acknowledged, [1]);
  });

  test('what still comes by an earlier way is ignored', async () => {
    const { pump, open, next, acknowledged, taker } = fixture();
    open();
    const earlier = taker();
    open();
    earlier(message('stray'), 7);
    taker()(message('a'), 1);
    await (await next(0)).settle();
    assert.deepEqual([acknowledged, pump.inFlight()], [[1], 0]);
  });

  test('draining finishes what arrived, but gives up what is rejected and all after it', async () => {
    const { pump, calls, acknowledged, open, next, push } = fixture(1);
    open();
    for (const [index, text] of ['a', 'b', 'c'].entries()) push(message(text), index + 1);
    const first = await next(0);
    const drained = pump.drain(createDeadline(5000));
    await first.settle();
    await (await next(1)).settle(TRANSIENT);
    await drained;
    assert.deepEqual([acknowledged, calls.length, pump.inFlight()], [[1], 2, 0]);
  });

  test('draining an idle pump ends at once, one that is stuck at the deadline', async () => {
    const { pump, open, next, acknowledged, push } = fixture();
    await pump.drain(createDeadline(5000));
    open();
    push(message('a'), 1);
    const stuck = await next(0);
    await pump.drain(createDeadline(10));
    await stuck.settle();
    assert.deepEqual(acknowledged, [1], 'what was stored after all may be acknowledged while there is a way');
  });

  test('with a timeout a batch is closed by its size or by the time, whichever comes first', async () => {
    const { open, next, push } = fixture(2, 20);
    open();
    push(message('a'), 1);
    await turn();
    push(message('b'), 2);
    const full = await next(0);
    assert.deepEqual(full.texts, ['a', 'b']);
    await full.settle();
    const began = performance.now();
    push(message('c'), 3);
    const late = await new Promise<{ readonly texts: string[] }>((resolve) =>
      setTimeout(async () => resolve(await next(1)), 30),
    );
    assert.deepEqual(late.texts, ['c']);
    assert.ok(performance.now() - began >= 19);
  });
});
