import assert from 'node:assert/strict';
import test, { type TestContext } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { createDeadline } from '../component/component.ts';
import type { NephoscopeError } from '../component/errors.ts';
import type { Sample } from '../model/sample.ts';
import type { Logger } from '../observe/logger.ts';
import { Metrics } from '../observe/metrics.ts';
import type { DeliverSamples } from './pollster-runner.ts';
import type { PollContext, Pollster } from './pollsters/pollster.ts';
import { createPollingSource, type PollingSourceParts } from './scheduler.ts';

const START_MICROS = Date.UTC(2026, 0, 2, 3, 4, 5) * 1_000;

/** A source on a clock that moves only when told to. */
function setUp(t: TestContext, pollsters: readonly Pollster[], more: Partial<PollingSourceParts> = {}) {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  let millis = 0;
  const metrics = new Metrics();
  const delivered: (readonly Sample[])[] = [];
  const logged: string[] = [];
  const source = createPollingSource({
    pollsters,
    host: 'node1',
    intervalSeconds: 10,
    deliver: async (samples) => void delivered.push(samples),
    clock: { nowMicros: () => START_MICROS + millis * 1_000, monotonicMillis: () => millis },
    metrics,
    logger: recordingLogger(logged),
    ...more,
  });
  /** Lets `span` milliseconds pass in steps of `step`, and everything happen that is due. */
  async function pass(span: number, step = 100): Promise<void> {
    for (let passed = 0; passed < span; passed += step) {
      millis += step;
      t.mock.timers.tick(step);
      await turn();
    }
  }
  /** The process stands still: its next timer, due after `timer` milliseconds, fires only after `span`. */
  async function standStill(span: number, timer: number): Promise<void> {
    millis += span;
    t.mock.timers.tick(timer);
    await turn();
  }
  const count = (name: string): Record<string, number> => readSeries(metrics, name);
  return { source, pass, standStill, delivered, logged, count };
}

function recordingLogger(lines: string[]): Logger {
  const log = (level: string) => (first: unknown, message?: string) => {
    const error = (first as { err?: NephoscopeError }).err;
    lines.push(
      [level, message ?? first, ...(error === undefined ? [] : [error.code, error.message])].join(' | '),
    );
  };
  const logger: Logger = {
    trace: log('trace'),
    debug: log('debug'),
    info: log('info'),
    warn: log('warn'),
    error: log('error'),
    fatal: log('fatal'),
    child: () => logger,
  };
  return logger;
}

/** The values of one metric by their labels, as `a,ok`. */
function readSeries(metrics: Metrics, name: string): Record<string, number> {
  const series = [...metrics.expose().matchAll(new RegExp(`^${name}{(.*)} (.*)$`, 'gm'))];
  const labels = (text = '') => [...text.matchAll(/"(.*?)"/g)].map((match) => match[1]).join();
  return Object.fromEntries(series.map((match) => [labels(match[1]), Number(match[2])]));
}

function pollster(name: string, poll: (context: PollContext) => Promise<readonly Sample[]>): Pollster {
  return { name, namespace: 'host', meters: [], poll };
}

function sampleOf(context: PollContext): Sample {
  const identity = { userId: null, userName: null, projectId: null, projectName: null, source: 'hardware' };
  const time = {
    timestamp: context.timestamp,
    timestampMicros: context.timestampMicros,
    deployment: null,
    monotonicTime: context.monotonicSeconds,
  };
  const what = {
    id: 'i',
    name: 'm',
    type: 'gauge',
    unit: null,
    volume: 1,
    resourceId: context.host,
  } as const;
  return { ...identity, ...time, ...what, resourceMetadata: {} };
}

const steady = (name: string): Pollster => pollster(name, async (context) => [sampleOf(context)]);

test('pollsters run at the start and at every interval, each run with one timestamp', async (t) => {
  const { source, pass, delivered, count } = setUp(t, [steady('a'), steady('b')]);
  assert.deepEqual(source.status(), { state: 'stopped', reason: 'It was not started, or was stopped' });
  await source.start(new AbortController().signal);
  await turn();
  assert.equal(delivered.length, 2);
  await pass(20_000);
  assert.deepEqual(
    delivered.map((samples) => samples.map(({ timestamp, monotonicTime }) => [timestamp, monotonicTime])),
    [0, 0, 10, 10, 20, 20].map((second) => [
      [`2026-01-02T03:04:${String(5 + second).padStart(2, '0')}`, second],
    ]),
  );
  assert.deepEqual(source.status(), { state: 'ok' });
  assert.deepEqual(count('nephoscope_polling_runs_total'), { 'a,ok': 3, 'b,ok': 3 });
  assert.deepEqual(count('nephoscope_polling_samples_total'), { a: 3, b: 3 });
  await source.stop(createDeadline(100));
  await pass(30_000, 1_000);
  assert.equal(delivered.length, 6);
});

test('a pollster that is still busy is skipped and counted, the others go on', async (t) => {
  let running = 0;
  const slow = pollster('slow', async (context) => {
    assert.equal(running++, 0);
    await context.wait(25_000);
    running--;
    return [sampleOf(context)];
  });
  const { source, pass, count, logged } = setUp(t, [slow, steady('quick')], { timeoutSeconds: 60 });
  await source.start(new AbortController().signal);
  await pass(20_000);
  assert.deepEqual(source.status(), {
    state: 'degraded',
    reason: 'slow is due again and its last run has not ended',
  });
  await pass(9_000);
  assert.deepEqual(count('nephoscope_polling_runs_total'), {
    'slow,skipped': 2,
    'slow,ok': 1,
    'quick,ok': 3,
  });
  assert.deepEqual(count('nephoscope_polling_duration_seconds'), { slow: 25, quick: 0 });
  assert.deepEqual(source.status(), { state: 'ok' });
  assert.deepEqual(logged, [
    'warn | Polling failed | E7001 | slow is due again and its last run has not ended',
    'info | Polling works again',
  ]);
  await source.stop(createDeadline(100));
});

test('a failing pollster harms no other, is told once and again when it works', async (t) => {
  let broken = true;
  const failing = pollster('failing', () => {
    if (broken) throw new TypeError('no such disk');
    return Promise.resolve([]);
  });
  const { source, pass, delivered, count, logged } = setUp(t, [failing, steady('good')]);
  await source.start(new AbortController().signal);
  await pass(10_000);
  assert.deepEqual(source.status(), { state: 'degraded', reason: 'failing: no such disk' });
  broken = false;
  await pass(10_000);
  assert.deepEqual(source.status(), { state: 'ok' });
  assert.deepEqual(logged, [
    'warn | Polling failed | E7002 | failing: no such disk',
    'info | Polling works again',
  ]);
  assert.deepEqual(count('nephoscope_polling_runs_total'), {
    'failing,error': 2,
    'good,ok': 3,
    'failing,ok': 1,
  });
  assert.equal(delivered.length, 3);
  await source.stop(createDeadline(100));
});

test('a poll over its time limit is given up, is not started twice, and what it gives late is dropped', async (t) => {
  let finish: (samples: readonly Sample[]) => void = () => {};
  let context: PollContext | undefined;
  const deaf = pollster('deaf', (given) => {
    context = given;
    return new Promise((resolve) => {
      finish = resolve;
    });
  });
  const { source, pass, delivered, count, logged } = setUp(t, [deaf], { timeoutSeconds: 4 });
  await source.start(new AbortController().signal);
  await pass(20_000);
  assert.deepEqual(source.status(), { state: 'degraded', reason: 'deaf has not ended after 4 s' });
  assert.deepEqual(logged, ['warn | Polling failed | E7001 | deaf has not ended after 4 s']);
  assert.ok(context?.signal.aborted);
  finish([sampleOf(context)]);
  await pass(9_000);
  assert.deepEqual(count('nephoscope_polling_runs_total'), { 'deaf,timeout': 1, 'deaf,skipped': 2 });
  assert.deepEqual(count('nephoscope_polling_dropped_samples_total'), { 'deaf,late': 1 });
  assert.deepEqual(delivered, []);
  await source.stop(createDeadline(100));
});

test('samples the next stage refuses are counted as lost and the next run tries again', async (t) => {
  let refusing = true;
  const deliver: DeliverSamples = async () => {
    if (refusing) throw new Error('disk full');
  };
  const { source, pass, count, logged } = setUp(t, [steady('a')], { deliver });
  await source.start(new AbortController().signal);
  await turn();
  const reason = '1 samples of a could not be handed on: disk full';
  assert.deepEqual(source.status(), { state: 'degraded', reason });
  refusing = false;
  await pass(10_000);
  assert.deepEqual(source.status(), { state: 'ok' });
  assert.deepEqual(count('nephoscope_polling_dropped_samples_total'), { 'a,delivery': 1 });
  assert.deepEqual(logged, [`warn | Polling failed | E7003 | ${reason}`, 'info | Polling works again']);
  await source.stop(createDeadline(100));
});

test('runs missed while the process stood still are counted and not made up for', async (t) => {
  const { source, pass, standStill, delivered, count } = setUp(t, [steady('a')]);
  await source.start(new AbortController().signal);
  await turn();
  await standStill(35_000, 10_000);
  assert.equal(delivered.length, 2);
  assert.deepEqual(count('nephoscope_polling_runs_total'), { 'a,ok': 2, 'a,skipped': 2 });
  await pass(5_000);
  assert.equal(delivered.length, 3);
  await source.stop(createDeadline(100));
});

test('a stop waits for the run under way and its delivery', async (t) => {
  const slow = pollster('slow', async (context) => {
    await context.wait(3_000);
    return [sampleOf(context)];
  });
  const { source, pass, delivered } = setUp(t, [slow]);
  await source.start(new AbortController().signal);
  let stopped = false;
  const deadline = { signal: new AbortController().signal, remainingMillis: () => 5_000 };
  const stop = source.stop(deadline).then(() => {
    stopped = true;
  });
  assert.equal(source.stop(deadline), source.stop(deadline));
  await pass(2_900);
  assert.equal(stopped, false);
  await pass(200);
  await stop;
  assert.equal(delivered.length, 1);
  assert.equal(source.status().state, 'stopped');
});

test('a stop gives up what is left at its deadline', async (t) => {
  const signals: AbortSignal[] = [];
  const deliver: DeliverSamples = (_, signal) => {
    signals.push(signal);
    return new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
  };
  const { source, count, logged } = setUp(t, [steady('a')], { deliver });
  await source.start(new AbortController().signal);
  await turn();
  const deadline = new AbortController();
  const stop = source.stop({ signal: deadline.signal, remainingMillis: () => 0 });
  deadline.abort();
  await stop;
  await turn();
  assert.deepEqual(
    signals.map(({ aborted }) => aborted),
    [true],
  );
  assert.deepEqual(count('nephoscope_polling_dropped_samples_total'), { 'a,stop': 1 });
  assert.deepEqual(logged, []);
});

test('a source can be stopped before it starts and started again after it stopped', async (t) => {
  const { source, delivered } = setUp(t, [steady('a')]);
  await source.stop(createDeadline(100));
  for (const round of [1, 2]) {
    await Promise.all([
      source.start(new AbortController().signal),
      source.start(new AbortController().signal),
    ]);
    await turn();
    assert.equal(delivered.length, round);
    await source.stop(createDeadline(100));
  }
});

test('a start during a stop begins anew after it', async (t) => {
  const { source, delivered } = setUp(t, [steady('a')]);
  await source.start(new AbortController().signal);
  const stop = source.stop(createDeadline(100));
  await source.start(new AbortController().signal);
  await stop;
  await turn();
  assert.equal(source.status().state, 'ok');
  assert.equal(delivered.length, 2);
  await source.stop(createDeadline(100));
});
