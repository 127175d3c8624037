import assert from 'node:assert/strict';
import { test } from 'node:test';
import { NephoscopeError } from '../component/errors.ts';
import { Metrics } from '../observe/metrics.ts';
import type { Publisher, PublishResult } from '../publishers/publisher.ts';
import type { Pipeline } from './plan.ts';
import { PipelineRunner } from './runner.ts';

interface Item {
  readonly name: string;
}

/** A publisher that keeps what it gets and answers as told. */
function publisher(name: string, answer: (items: readonly Item[]) => Promise<Partial<PublishResult>>) {
  const batches: string[][] = [];
  const part: Publisher<Item> = {
    name,
    start: async () => {},
    stop: async () => {},
    status: () => ({ state: 'ok' }),
    publish: async (items) => {
      batches.push(items.map((item) => item.name));
      return { accepted: items.length, duplicates: [], rejected: [], ...(await answer(items)) };
    },
  };
  return { part, batches };
}

function pipeline(name: string, patterns: readonly string[], publishers: readonly string[]): Pipeline {
  return { name, source: name, sink: name, patterns, transformers: [], publishers };
}

function runner(pipelines: readonly Pipeline[], parts: Record<string, Publisher<Item>>) {
  return new PipelineRunner<Item>({
    plan: { kind: 'sample', pipelines },
    publishers: new Map(Object.entries(parts)),
    nameOf: (item) => item.name,
    metrics: new Metrics(),
    nowMicros: () => 0,
  });
}

const ITEMS = ['cpu', 'memory', 'disk.root', 'cpu'].map((name) => ({ name }));
const signal = new AbortController().signal;

test('each publisher of a matching pipeline gets the items that match, in order', async () => {
  const all = publisher('all', async () => ({}));
  const some = publisher('some', async () => ({}));
  const under = runner([pipeline('a', ['*'], ['all']), pipeline('b', ['cpu', 'memory'], ['some', 'all'])], {
    all: all.part,
    some: some.part,
  });
  const delivery = await under.publish(ITEMS, signal);
  assert.deepEqual(all.batches, [
    ['cpu', 'memory', 'disk.root', 'cpu'],
    ['cpu', 'memory', 'cpu'],
  ]);
  assert.deepEqual(some.batches, [['cpu', 'memory', 'cpu']]);
  assert.deepEqual([...delivery.wanted], [3, 3, 1, 3]);
});

test('duplicates and refusals come back by the index of the item', async () => {
  const error = new NephoscopeError('E1113', 'never');
  const odd = publisher('odd', async () => ({ duplicates: [0], rejected: [{ index: 1, error }] }));
  const under = runner([pipeline('a', ['!memory'], ['odd'])], { odd: odd.part });
  const delivery = await under.publish(ITEMS, signal);
  assert.deepEqual([...delivery.wanted], [1, 0, 1, 1]);
  assert.deepEqual([...delivery.duplicates], [1, 0, 0, 0]);
  assert.deepEqual(delivery.rejections, [{ index: 2, error }]);
});

test('a transient failure of one publisher is the answer for the batch, after the others have answered', async () => {
  const slow = publisher('slow', () => new Promise((resolve) => setImmediate(() => resolve({}))));
  const down = publisher('down', async () => {
    throw new NephoscopeError('E1113', 'not now', { retry: 'transient' });
  });
  const under = runner([pipeline('a', ['*'], ['down', 'slow'])], { down: down.part, slow: slow.part });
  await assert.rejects(under.publish(ITEMS, signal), { message: 'not now', retry: 'transient' });
  assert.equal(slow.batches.length, 1);
});

test('a batch refused for good is each of its items refused', async () => {
  const error = new NephoscopeError('E1113', 'never');
  const closed = publisher('closed', async () => {
    throw error;
  });
  const under = runner([pipeline('a', ['disk.*'], ['closed'])], { closed: closed.part });
  assert.deepEqual((await under.publish(ITEMS, signal)).rejections, [{ index: 2, error }]);
});

test('wanted is what some pipeline takes', () => {
  const some = publisher('some', async () => ({}));
  const under = runner([pipeline('a', ['cpu'], ['some'])], { some: some.part });
  assert.deepEqual(
    ['cpu', 'memory'].map((name) => under.wants(name)),
    [true, false],
  );
});
