import assert from 'node:assert/strict';
import test from 'node:test';
import { NephoscopeError } from '../component/errors.ts';
import type { Event } from '../model/event.ts';
import { Metrics } from './metrics.ts';
import { Taps } from './taps.ts';

const NEVER = new AbortController().signal;

function event(eventType: string): Event {
  return {
    messageId: eventType,
    eventType,
    generated: '2026-01-02T03:04:05',
    generatedMicros: 0,
    priority: 'info',
    deployment: null,
    traits: [],
    raw: null,
  };
}

const everything = { wants: () => true, limit: 1_000_000 };

test('a stage is closed until somebody listens, and again when the last one has gone', () => {
  const taps = new Taps(new Metrics());
  assert.equal(taps.event.isOpen, false);
  taps.event.offer(event('a'));
  const first = taps.listen('event', everything);
  const second = taps.listen('event', everything);
  assert.deepEqual([taps.event.isOpen, taps.sample.isOpen], [true, false]);
  first.close();
  first.close();
  assert.equal(taps.event.isOpen, true);
  second.close();
  assert.equal(taps.event.isOpen, false);
});

test('a listener gets what it wants in order, by reference, and ends at its limit', async () => {
  const taps = new Taps(new Metrics());
  const listener = taps.listen('event', { wants: ({ eventType }) => eventType.startsWith('a'), limit: 2 });
  const waiting = listener.next(NEVER);
  const wanted = [event('a.1'), event('a.2')];
  for (const one of [event('b'), ...wanted, event('a.3')]) taps.event.offer(one);
  const batch = await waiting;
  assert.deepEqual([batch.missed, batch.isLast, batch.items.length], [0, true, 2]);
  assert.equal(batch.items[0]?.item, wanted[0]);
  assert.equal(batch.items[1]?.item, wanted[1]);
  assert.equal(taps.event.isOpen, false);
  assert.deepEqual(await listener.next(NEVER), { items: [], missed: 0, isLast: true });
});

test('who is behind misses, is told how much, and it is counted', async () => {
  const metrics = new Metrics();
  const taps = new Taps(metrics);
  const listener = taps.listen('event', everything);
  for (let index = 0; index < 200; index++) taps.event.offer(event(`e.${index}`));
  const batch = await listener.next(NEVER);
  assert.deepEqual([batch.items.length, batch.missed, batch.isLast], [128, 72, false]);
  taps.event.offer(event('after'));
  const next = await listener.next(NEVER);
  assert.deepEqual([next.items.map(({ item }) => item.eventType), next.missed], [['after'], 0]);
  assert.match(metrics.expose(), /^nephoscope_tap_missed_total\{stage="event"\} 72$/m);
  assert.match(metrics.expose(), /^nephoscope_taps_open 1$/m);
});

test('a condition that fails shows nothing and hurts nobody', async () => {
  const taps = new Taps(new Metrics());
  const broken = taps.listen('event', {
    wants: () => {
      throw new Error('broken');
    },
    limit: 1,
  });
  const sound = taps.listen('event', everything);
  taps.event.offer(event('a'));
  assert.equal((await sound.next(NEVER)).items.length, 1);
  assert.deepEqual(await broken.next(AbortSignal.abort()), { items: [], missed: 0, isLast: false });
});

test('waiting ends by its signal, and when all views are closed', async () => {
  const taps = new Taps(new Metrics());
  const listener = taps.listen('sample', everything as never);
  const controller = new AbortController();
  const waiting = listener.next(controller.signal);
  controller.abort();
  assert.deepEqual(await waiting, { items: [], missed: 0, isLast: false });
  const last = listener.next(NEVER);
  taps.closeAll();
  assert.deepEqual(await last, { items: [], missed: 0, isLast: true });
});

test('the ninth view is refused and may come again', () => {
  const taps = new Taps(new Metrics());
  const listeners = Array.from({ length: 8 }, () => taps.listen('event', everything));
  assert.throws(
    () => taps.listen('parked', everything as never),
    (thrown) => thrown instanceof NephoscopeError && thrown.code === 'E6030' && thrown.retry === 'transient',
  );
  listeners[0]?.close();
  taps.listen('parked', everything as never);
});
