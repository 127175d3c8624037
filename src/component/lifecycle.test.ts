import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Component, createDeadline } from './component.ts';
import { Lifecycle } from './lifecycle.ts';

function recorded(name: string, log: string[], behaviour: Partial<Component> = {}): Component {
  return {
    name,
    start: async () => void log.push(`start ${name}`),
    stop: async () => void log.push(`stop ${name}`),
    status: () => ({ state: 'ok' }),
    ...behaviour,
  };
}

test('components start in the given order and stop in the reverse one', async () => {
  const log: string[] = [];
  const lifecycle = new Lifecycle(['store', 'publisher', 'source'].map((name) => recorded(name, log)));
  await lifecycle.start();
  assert.deepEqual(await lifecycle.stop(createDeadline(1_000)), []);
  assert.deepEqual(log, [
    'start store',
    'start publisher',
    'start source',
    'stop source',
    'stop publisher',
    'stop store',
  ]);
});

test('a component that fails to start stops those started before it and itself', async () => {
  const log: string[] = [];
  const broken = recorded('api', log, { start: () => Promise.reject(new Error('port taken')) });
  const lifecycle = new Lifecycle([recorded('store', log), broken, recorded('source', log)]);
  await assert.rejects(lifecycle.start(), { message: 'port taken' });
  assert.deepEqual(log, ['start store', 'stop api', 'stop store']);
});

test('a component that never stops is left behind after the deadline and the others still stop', async () => {
  const log: string[] = [];
  const stuck = recorded('stuck', log, { stop: () => new Promise(() => {}) });
  const lifecycle = new Lifecycle([recorded('store', log), stuck]);
  await lifecycle.start();
  const errors = await lifecycle.stop(createDeadline(20));
  assert.deepEqual(
    errors.map(({ message }) => message),
    ['stuck did not stop cleanly: the deadline has passed'],
  );
  assert.deepEqual(log, ['start store', 'start stuck', 'stop store']);
});

test('stopping twice, and stopping while starting, stop each component once', async () => {
  const log: string[] = [];
  let release: () => void = () => {};
  const slow = recorded('slow', log, {
    start: (signal) =>
      new Promise((resolve) => {
        release = resolve;
        signal.addEventListener('abort', () => resolve());
      }),
  });
  const lifecycle = new Lifecycle([slow, recorded('source', log)]);
  const starting = lifecycle.start();
  await Promise.all([lifecycle.stop(createDeadline(1_000)), lifecycle.stop(createDeadline(1_000)), starting]);
  release();
  assert.deepEqual(log, ['stop slow']);
});
