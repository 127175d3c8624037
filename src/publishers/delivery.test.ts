import assert from 'node:assert/strict';
import { suite, type TestContext, test } from 'node:test';
import fc from 'fast-check';
import { createFakeClock, settle } from '../../test/support/fake-clock.ts';
import { createDeadline } from '../component/component.ts';
import { NephoscopeError } from '../component/errors.ts';
import type { Logger } from '../observe/logger.ts';
import { Metrics } from '../observe/metrics.ts';
import { deliver } from './delivery.ts';
import type { DeliverySettings } from './delivery-settings.ts';
import { HttpError } from './http-errors.ts';
import type { Publisher, PublishResult } from './publisher.ts';

const SETTINGS: DeliverySettings = {
  isDirect: false,
  policy: 'default',
  maxQueueLength: 1_024,
  maxRetry: 100,
  batchSize: 4,
  batchTimeoutMillis: 0,
  attemptTimeoutMillis: 1_000,
  concurrency: 1,
};

const TAKEN: PublishResult = { accepted: 0, duplicates: [], rejected: [] };

type Answer = (items: readonly string[], signal: AbortSignal) => PublishResult | Promise<PublishResult>;

/** A runner around a publisher that answers as told; time stands still. */
function runner(t: TestContext, answer: Answer, settings: Partial<DeliverySettings> = {}) {
  const clock = createFakeClock();
  const metrics = new Metrics();
  const calls: { readonly at: number; readonly items: readonly string[] }[] = [];
  let open = 0;
  let mostOpen = 0;
  const inner: Publisher<string> = {
    name: 'inner',
    start: async () => {},
    stop: async () => {},
    status: () => ({ state: 'ok' }),
    publish: async (items, signal) => {
      calls.push({ at: clock.monotonicMillis(), items });
      mostOpen = Math.max(mostOpen, ++open);
      try {
        return await answer(items, signal);
      } finally {
        open--;
      }
    },
  };
  const lines: string[] = [];
  const publisher = deliver(
    inner,
    { ...SETTINGS, ...settings },
    {
      name: 'publisher:under-test',
      log: lineLogger(lines),
      metrics,
      clock,
      retry: { initialMillis: 100, maxMillis: 1_000, jitter: 0 },
    },
  );
  t.after(() => publisher.stop(createDeadline(100)));
  const value = (name: string, ...labels: string[]): number | undefined => {
    const text = ['publisher:under-test', ...labels];
    const names = labels.length === 0 ? ['publisher'] : ['publisher', 'reason'];
    return metrics.counter(`nephoscope_publisher_${name}_total`, '', names).child(...text).value;
  };
  return { publisher, clock, metrics, calls, lines, value, mostOpen: () => mostOpen };
}

function lineLogger(lines: string[]): Logger {
  const write =
    (level: string) =>
    (fields: unknown, message?: string): void => {
      const error = (fields as { readonly err?: Error }).err;
      lines.push([level, message ?? String(fields), error?.message].filter(Boolean).join(': '));
    };
  const levels = { trace: write('trace'), debug: write('debug'), info: write('info') };
  const logger: Logger = {
    ...levels,
    warn: write('warn'),
    error: write('error'),
    fatal: write('fatal'),
    child: () => logger,
  };
  return logger;
}

function names(prefix: string, count: number): readonly string[] {
  return Array.from({ length: count }, (_, index) => `${prefix}${index}`);
}

const down = new NephoscopeError('E8010' as 'E8001', 'target is down', { retry: 'transient' });
const never = new NephoscopeError('E1113', 'never', { retry: 'permanent' });
const signal = new AbortController().signal;

suite('gathering', () => {
  test('overlapping calls share batches in order, and each learns of its own items', async (t) => {
    const { publisher, calls, value } = runner(t, (items) => ({
      accepted: 0,
      duplicates: items.flatMap((item, index) => (item === 'b1' ? [index] : [])),
      rejected: items.flatMap((item, index) =>
        item === 'c0' || item === 'a2' ? [{ index, error: never }] : [],
      ),
    }));
    await publisher.start(signal);
    const results = await Promise.all(
      [names('a', 3), names('b', 3), names('c', 1)].map((items) => publisher.publish(items, signal)),
    );
    assert.deepEqual(
      calls.map(({ items }) => items),
      [
        ['a0', 'a1', 'a2', 'b0'],
        ['b1', 'b2', 'c0'],
      ],
    );
    assert.deepEqual(results, [
      { accepted: 2, duplicates: [], rejected: [{ index: 2, error: never }] },
      { accepted: 2, duplicates: [1], rejected: [] },
      { accepted: 0, duplicates: [], rejected: [{ index: 0, error: never }] },
    ]);
    assert.deepEqual(
      ['accepted', 'duplicates', 'rejected', 'attempts'].map((name) => value(name)),
      [5, 1, 2, 2],
    );
  });

  test('a batch waits to fill no longer than it may, and not at all when it is full', async (t) => {
    const { publisher, calls, clock } = runner(t, () => TAKEN, { batchTimeoutMillis: 500 });
    await publisher.start(signal);
    void publisher.publish(['a'], signal);
    await clock.advance(300);
    void publisher.publish(['b'], signal);
    await clock.advance(300);
    const full = publisher.publish(names('c', 4), signal);
    await full;
    assert.deepEqual(calls, [
      { at: 500, items: ['a', 'b'] },
      { at: 600, items: ['c0', 'c1', 'c2', 'c3'] },
    ]);
    assert.equal(clock.timers(), 0);
  });

  test('a call that fits is given as it is, without a copy', async (t) => {
    const { publisher, calls } = runner(t, () => TAKEN);
    await publisher.start(signal);
    const items = names('a', 3);
    await publisher.publish(items, signal);
    assert.equal(calls[0]?.items, items);
  });

  test('as many calls overlap as the publisher allows', async (t) => {
    const gates: (() => void)[] = [];
    const answer = () => new Promise<PublishResult>((resolve) => gates.push(() => resolve(TAKEN)));
    const { publisher, calls, mostOpen } = runner(t, answer, { concurrency: 3 });
    await publisher.start(signal);
    const all = publisher.publish(names('a', 20), signal);
    await settle();
    assert.equal(calls.length, 3);
    while (gates.length > 0) {
      gates.shift()?.();
      await settle();
    }
    assert.deepEqual(await all, { accepted: 20, duplicates: [], rejected: [] });
    assert.deepEqual([mostOpen(), calls.length], [3, 5]);
  });

  test('what waits is bounded', async (t) => {
    const { publisher } = runner(t, () => new Promise(() => {}));
    await publisher.start(signal);
    const caller = new AbortController();
    const waiting = [30_000, 20_000].map((count) => publisher.publish(names('a', count), caller.signal));
    for (const one of waiting) one.catch(() => {});
    await assert.rejects(publisher.publish(['b'], signal), { code: 'E8002', retry: 'transient' });
    caller.abort();
    await Promise.allSettled(waiting);
  });
});

suite('repeating', () => {
  test('what cannot be taken now is tried again with growing pauses until it is taken', async (t) => {
    let failures = 6;
    const { publisher, calls, clock, value, lines } = runner(t, () => {
      if (failures-- > 0) throw down;
      return TAKEN;
    });
    await publisher.start(signal);
    const call = publisher.publish(['a', 'b'], signal);
    await clock.advance(0);
    assert.match(publisher.status().reason ?? '', /^E8010 target is down \(since .*Z\)$/);
    await clock.advance(5_000);
    assert.deepEqual(await call, { accepted: 2, duplicates: [], rejected: [] });
    assert.deepEqual(
      calls.map(({ at }) => at),
      [0, 100, 300, 700, 1_500, 2_500, 3_500],
    );
    assert.deepEqual([value('attempts'), value('retries'), value('accepted')], [7, 6, 2]);
    assert.deepEqual(lines, [
      'warn: Publisher cannot deliver: target is down',
      'info: Publisher delivers again',
    ]);
    assert.deepEqual(publisher.status(), { state: 'ok' });
    assert.equal(clock.timers(), 0);
  });

  test('failures are counted by their code', async (t) => {
    const errors = ['E8010', 'E8012', 'E8010'] as const;
    let failures = 0;
    const { publisher, clock, metrics } = runner(t, () => {
      const code = errors[failures++];
      if (code !== undefined) throw new NephoscopeError(code, 'not now', { retry: 'transient' });
      return TAKEN;
    });
    await publisher.start(signal);
    const call = publisher.publish(['a'], signal);
    await clock.advance(1_000);
    await call;
    const lines = metrics.expose().match(/^nephoscope_publisher_failures_total\{.*$/gm);
    assert.deepEqual(lines, [
      'nephoscope_publisher_failures_total{publisher="publisher:under-test",code="E8010"} 2',
      'nephoscope_publisher_failures_total{publisher="publisher:under-test",code="E8012"} 1',
    ]);
  });

  test('a target that says when to come again is left alone until then, at most for the longest pause', async (t) => {
    const asked = [600, 86_400_000];
    const { publisher, calls, clock } = runner(t, () => {
      const retryAfterMillis = asked.shift();
      if (retryAfterMillis === undefined) return TAKEN;
      throw new HttpError('E8012', 'too many requests', {
        retry: 'transient',
        status: 429,
        retryAfterMillis,
      });
    });
    await publisher.start(signal);
    const call = publisher.publish(['a'], signal);
    await clock.advance(5_000);
    await call;
    assert.deepEqual(
      calls.map(({ at }) => at),
      [0, 600, 1_600],
    );
  });

  test('of a batch taken in part only the rest is given again', async (t) => {
    let rounds = 0;
    const { publisher, calls, clock } = runner(t, (items) => {
      if (rounds++ > 1) return TAKEN;
      return {
        ...TAKEN,
        postponed: { indexes: items.flatMap((_, at) => (at % 2 === 0 ? [at] : [])), error: down },
      };
    });
    await publisher.start(signal);
    const calls2 = [publisher.publish(['a0', 'a1'], signal), publisher.publish(['b0', 'b1'], signal)];
    await clock.advance(1_000);
    assert.deepEqual(await Promise.all(calls2), [
      { accepted: 2, duplicates: [], rejected: [] },
      { accepted: 2, duplicates: [], rejected: [] },
    ]);
    assert.deepEqual(calls, [
      { at: 0, items: ['a0', 'a1', 'b0', 'b1'] },
      { at: 100, items: ['a0', 'b0'] },
      { at: 200, items: ['a0'] },
    ]);
  });

  test('a caller that gives up takes its items with it, the others go on', async (t) => {
    let isDown = true;
    const { publisher, calls, clock } = runner(t, () => {
      if (isDown) throw down;
      return TAKEN;
    });
    await publisher.start(signal);
    const caller = new AbortController();
    const gone = assert.rejects(publisher.publish(['a0', 'a1'], caller.signal), {
      code: 'E8008',
      retry: 'transient',
    });
    const kept = publisher.publish(['b0', 'b1'], signal);
    await clock.advance(50);
    caller.abort();
    await gone;
    isDown = false;
    await clock.advance(100);
    assert.deepEqual(await kept, { accepted: 2, duplicates: [], rejected: [] });
    assert.deepEqual(calls.at(-1)?.items, ['b0', 'b1']);
  });

  test('an attempt for nobody ends at once', async (t) => {
    const { publisher, calls } = runner(
      t,
      (_, attempt) =>
        new Promise((_resolve, reject) => attempt.addEventListener('abort', () => reject(attempt.reason))),
    );
    await publisher.start(signal);
    const caller = new AbortController();
    const gone = assert.rejects(publisher.publish(['a'], caller.signal), { code: 'E8008' });
    await settle();
    caller.abort();
    await gone;
    await settle();
    const next = publisher.publish(['b'], signal);
    next.catch(() => {});
    await settle();
    assert.deepEqual(
      calls.map(({ items }) => items),
      [['a'], ['b']],
    );
    assert.deepEqual(publisher.status(), { state: 'ok' });
  });
});

suite('time limit', () => {
  test('an attempt that takes too long fails, is told so, and is repeated', async (t) => {
    let reason: unknown;
    let rounds = 0;
    const { publisher, clock, calls } = runner(t, (_, attempt) => {
      if (rounds++ > 0) return TAKEN;
      return new Promise((_resolve, reject) => {
        attempt.addEventListener('abort', () => {
          reason = attempt.reason;
          reject(attempt.reason);
        });
      });
    });
    await publisher.start(signal);
    const call = publisher.publish(['a'], signal);
    await clock.advance(1_050);
    assert.match(publisher.status().reason ?? '', /^E8001 It did not answer within 1 s/);
    await clock.advance(1_000);
    await call;
    assert.deepEqual([(reason as NephoscopeError).code, calls.map(({ at }) => at)], ['E8001', [0, 1_100]]);
  });

  test('one that ignores its signal is not called again before it ends, and what it says late counts', async (t) => {
    let end: (result: PublishResult) => void = () => {};
    const { publisher, clock, calls, value } = runner(t, () => new Promise((resolve) => (end = resolve)));
    await publisher.start(signal);
    const call = publisher.publish(['a'], signal);
    await clock.advance(60_000);
    assert.equal(publisher.status().state, 'degraded');
    end(TAKEN);
    assert.deepEqual(await call, { accepted: 1, duplicates: [], rejected: [] });
    assert.deepEqual([calls.length, value('accepted')], [1, 1]);
    assert.deepEqual(publisher.status(), { state: 'ok' });
  });
});

suite('poison', () => {
  test('a batch refused as a whole is halved until the bad items stand alone', async (t) => {
    const taken: string[] = [];
    const { publisher, calls } = runner(
      t,
      (items) => {
        if (items.includes('a5')) throw never;
        taken.push(...items);
        return TAKEN;
      },
      { batchSize: 100 },
    );
    await publisher.start(signal);
    const items = names('a', 16);
    const result = await publisher.publish(items, signal);
    assert.deepEqual(result, { accepted: 15, duplicates: [], rejected: [{ index: 5, error: never }] });
    assert.deepEqual(
      taken,
      items.filter((item) => item !== 'a5'),
    );
    assert.equal(calls.length, 9);
  });

  test('a part that fails without saying how is tried again some times, then the item is singled out', async (t) => {
    const { publisher, clock, calls } = runner(t, (items) => {
      if (items.includes('a1')) throw new TypeError('cannot read');
      return TAKEN;
    });
    await publisher.start(signal);
    const call = publisher.publish(names('a', 3), signal);
    await clock.advance(60_000);
    const { rejected, accepted } = await call;
    assert.deepEqual(
      [accepted, rejected.map(({ index, error }) => [index, error.code, error.message])],
      [2, [[1, 'E8004', 'It failed in an unexpected way: cannot read']]],
    );
    assert.equal(calls.filter(({ items }) => items.length === 3).length, 6);
  });
});

suite('policy=drop', () => {
  test('one attempt, then the items are dropped and counted', async (t) => {
    const { publisher, value, calls } = runner(
      t,
      () => {
        throw down;
      },
      { policy: 'drop' },
    );
    await publisher.start(signal);
    const result = await publisher.publish(names('a', 6), signal);
    assert.deepEqual(result, { accepted: 0, duplicates: [], rejected: [], dropped: 6 });
    assert.deepEqual([calls.length, value('dropped', 'policy')], [2, 6]);
  });

  test('a target that hangs holds up nobody', async (t) => {
    let end: (result: PublishResult) => void = () => {};
    const { publisher, clock, value, calls } = runner(t, () => new Promise((resolve) => (end = resolve)), {
      policy: 'drop',
    });
    await publisher.start(signal);
    const held = publisher.publish(names('a', 6), signal);
    await clock.advance(1_000);
    assert.deepEqual(await held, { accepted: 0, duplicates: [], rejected: [], dropped: 6 });
    assert.deepEqual(await publisher.publish(['b'], signal), { ...TAKEN, dropped: 1 });
    assert.equal(calls.length, 1);
    end(TAKEN);
    await settle();
    void publisher.publish(['c'], signal);
    await settle();
    end(TAKEN);
    await settle();
    assert.deepEqual([value('dropped', 'policy'), value('accepted')], [7, 1]);
  });
});

suite('stopping', () => {
  test('what is held has one more attempt, then it is given up', async (t) => {
    const { publisher, calls, clock } = runner(t, () => {
      throw down;
    });
    await publisher.start(signal);
    const refused = { code: 'E8003', retry: 'transient', message: /target is down/ };
    const call = assert.rejects(publisher.publish(names('a', 6), signal), refused);
    await clock.advance(50);
    await publisher.stop(createDeadline(1_000));
    await call;
    assert.deepEqual(
      calls.map(({ items }) => items.length),
      [4, 4],
    );
    assert.equal(clock.timers(), 0);
  });

  test('what the publisher is about to take is waited for', async (t) => {
    let end: (result: PublishResult) => void = () => {};
    const { publisher } = runner(t, () => new Promise((resolve) => (end = resolve)));
    await publisher.start(signal);
    const call = publisher.publish(['a'], signal);
    await settle();
    const stopped = publisher.stop(createDeadline(10_000));
    end(TAKEN);
    await stopped;
    assert.deepEqual(await call, { accepted: 1, duplicates: [], rejected: [] });
  });

  test('at the deadline everything is given up, though the publisher hangs', async (t) => {
    const { publisher } = runner(t, () => new Promise(() => {}));
    await publisher.start(signal);
    const call = assert.rejects(publisher.publish(names('a', 6), signal), { code: 'E8003' });
    await settle();
    await publisher.stop(createDeadline(20));
    await call;
  });

  test('a stop during the start leaves it stopped', async (t) => {
    const { publisher } = runner(t, () => TAKEN);
    const starting = publisher.start(signal);
    await publisher.stop(createDeadline(20));
    await starting;
    await assert.rejects(publisher.publish(['a'], signal), { code: 'E8003' });
  });
});

test('a direct publisher is called as it is, and counted', async (t) => {
  const { publisher, calls, value } = runner(t, () => ({ accepted: 2, duplicates: [1], rejected: [] }), {
    isDirect: true,
  });
  const items = names('a', 3);
  const result = await publisher.publish(items, signal);
  assert.deepEqual(result, { accepted: 2, duplicates: [1], rejected: [] });
  assert.equal(calls[0]?.items, items);
  assert.deepEqual([value('accepted'), value('duplicates')], [3, 1]);
});

test('gauges show what waits, and are gone with the publisher', async (t) => {
  const { publisher, metrics, clock } = runner(t, () => new Promise(() => {}));
  await publisher.start(signal);
  publisher.publish(names('a', 6), signal).catch(() => {});
  await clock.advance(500);
  const shown = (): readonly string[] =>
    metrics.expose().match(/^nephoscope_publisher_(?:in|wait|old).*$/gm) ?? [];
  assert.deepEqual(shown(), [
    'nephoscope_publisher_waiting_items{publisher="publisher:under-test"} 2',
    'nephoscope_publisher_oldest_seconds{publisher="publisher:under-test"} 0.5',
    'nephoscope_publisher_in_flight{publisher="publisher:under-test"} 4',
  ]);
  await publisher.stop(createDeadline(20));
  assert.equal(shown()[0], 'nephoscope_publisher_waiting_items{publisher="publisher:under-test"} 0');
});

test('whatever the target does, each item is taken once or refused, in order, and each caller learns which', async (t) => {
  const property = fc.asyncProperty(
    fc.array(fc.array(fc.boolean(), { maxLength: 9 }), { maxLength: 8 }),
    fc.array(fc.constantFrom('take', 'fail', 'half', 'crash'), { maxLength: 12 }),
    fc.integer({ min: 1, max: 7 }),
    async (shape, script, batchSize) => {
      const plan = [...script];
      const taken: string[] = [];
      const { publisher, clock } = runner(
        t,
        (items) => {
          const step = plan.shift() ?? 'take';
          if (step === 'fail') throw down;
          if (step === 'crash') throw new RangeError('boom');
          if (items.some((item) => item.endsWith('!'))) throw never;
          const count = step === 'half' ? Math.floor(items.length / 2) : items.length;
          taken.push(...items.slice(0, count));
          const indexes = items.map((_, index) => index).slice(count);
          return { ...TAKEN, postponed: { indexes, error: down } };
        },
        { batchSize },
      );
      await publisher.start(signal);
      const calls = shape.map((bad, call) =>
        bad.map((isBad, index) => `${call}.${index}${isBad ? '!' : ''}`),
      );
      const all = Promise.all(calls.map((items) => publisher.publish(items, signal)));
      await clock.advance(60_000);
      const results = await all;
      for (const [index, items] of calls.entries()) {
        const bad = items.flatMap((item, at) => (item.endsWith('!') ? [at] : []));
        assert.deepEqual(
          results[index]?.rejected.map((one) => one.index),
          bad,
        );
        assert.equal(results[index]?.accepted, items.length - bad.length);
      }
      assert.deepEqual(
        taken,
        calls.flat().filter((item) => !item.endsWith('!')),
      );
      await publisher.stop(createDeadline(100));
    },
  );
  await fc.assert(property, { numRuns: 40 });
});
