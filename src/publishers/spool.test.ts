import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite, type TestContext, test } from 'node:test';
import fc from 'fast-check';
import { eventNumber, sampleNumber } from '../../test/contract/publisher-items.ts';
import { until } from '../../test/support/until.ts';
import { createDeadline } from '../component/component.ts';
import { NephoscopeError } from '../component/errors.ts';
import { FloatToken } from '../model/json.ts';
import type { Sample } from '../model/sample.ts';
import { createConverter } from '../notification/converter.ts';
import { decodeNotification } from '../notification/envelope.ts';
import { silentLogger } from '../observe/logger.ts';
import { Metrics } from '../observe/metrics.ts';
import type { ParkedItem } from '../store/store.ts';
import { deliver } from './delivery.ts';
import type { DeliverySettings } from './delivery-settings.ts';
import type { Publisher, PublishResult } from './publisher.ts';
import { Spool } from './spool.ts';
import { EVENT_CODEC, SAMPLE_CODEC } from './spool-codec.ts';

const SETTINGS: DeliverySettings = {
  isDirect: false,
  policy: 'queue',
  maxQueueLength: 1_024,
  maxRetry: 100,
  batchSize: 10,
  batchTimeoutMillis: 0,
  attemptTimeoutMillis: 5_000,
  concurrency: 1,
};
const signal = new AbortController().signal;
const down = new NephoscopeError('E8001', 'target is down', { retry: 'transient' });

function directoryFor(t: TestContext): string {
  const directory = mkdtempSync(join(tmpdir(), 'nephoscope-spool-'));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  return join(directory, 'spool', 'test');
}

function files(directory: string): readonly string[] {
  return readdirSync(directory).filter((name) => /\.spool(\.|$)/.test(name));
}

interface Target {
  isDown: boolean;
  readonly arrived: string[];
  readonly parked: ParkedItem[];
  parkingFails: number;
  refuses: (sample: Sample) => boolean;
}

/** A publisher with a queue on disk, before a target that is up or down as told. */
function queued(
  t: TestContext,
  directory: string,
  given: Partial<Target> = {},
  settings: Partial<DeliverySettings> = {},
) {
  const target: Target = {
    isDown: false,
    arrived: [],
    parked: [],
    parkingFails: 0,
    refuses: () => false,
    ...given,
  };
  const metrics = new Metrics();
  const inner: Publisher<Sample> = {
    name: 'inner',
    start: async () => {},
    stop: async () => {},
    status: () => ({ state: 'ok' }),
    publish: async (items): Promise<PublishResult> => {
      if (target.isDown) throw down;
      const rejected = items.flatMap((item, index) =>
        target.refuses(item) ? [{ index, error: new NephoscopeError('E8010' as 'E1113', 'never') }] : [],
      );
      target.arrived.push(
        ...items.filter((item) => !target.refuses(item)).map(({ resourceId }) => resourceId),
      );
      return { accepted: items.length - rejected.length, duplicates: [], rejected };
    },
  };
  const publisher = deliver(
    inner,
    { ...SETTINGS, ...settings },
    {
      name: 'publisher:under-test',
      log: silentLogger,
      metrics,
      retry: { initialMillis: 5, maxMillis: 20 },
      spool: {
        directory,
        codec: SAMPLE_CODEC,
        parking: {
          park: async (items) => {
            if (target.parkingFails-- > 0) throw new NephoscopeError('E3006', 'full', { retry: 'transient' });
            target.parked.push(...items);
          },
        },
      },
    },
  );
  t.after(() => publisher.stop(createDeadline(500)));
  const value = (name: string, reason?: string): number => {
    const labels = reason === undefined ? '[^,}]*' : `.*reason="${reason}"`;
    return Number(
      new RegExp(`^nephoscope_publisher_${name}{${labels}} (\\S+)$`, 'm').exec(metrics.expose())?.[1],
    );
  };
  return { publisher, target, value };
}

function samples(from: number, count: number): readonly Sample[] {
  return Array.from({ length: count }, (_, index) => sampleNumber(from + index));
}

function resources(from: number, count: number): readonly string[] {
  return samples(from, count).map(({ resourceId }) => resourceId);
}

suite('queue on disk', () => {
  test('items are taken while the target is down, and sent in order when it is back', async (t) => {
    const directory = directoryFor(t);
    const { publisher, target, value } = queued(t, directory, { isDown: true });
    await publisher.start(signal);
    for (let round = 0; round < 8; round++) await publisher.publish(samples(round * 10, 10), signal);
    assert.deepEqual([files(directory).length, target.arrived.length], [8, 0]);
    await until('the status says so', () => publisher.status().state === 'degraded');
    // The oldest is on its way.
    assert.equal(value('queued_batches'), 7);
    assert.ok(value('oldest_seconds') > 0);
    target.isDown = false;
    await until('all arrived', () => files(directory).length === 0);
    assert.deepEqual(target.arrived, resources(0, 80));
    assert.deepEqual(publisher.status(), { state: 'ok' });
    assert.equal(value('queued_batches'), 0);
  });

  test('a batch is one private file, written as a whole', async (t) => {
    const directory = directoryFor(t);
    const { publisher } = queued(t, directory, { isDown: true });
    await publisher.start(signal);
    await publisher.publish(samples(0, 3), signal);
    const [name = ''] = files(directory);
    assert.match(name, /^\d{16}-\d+-\d{6}-3\.spool$/);
    assert.equal(statSync(directory).mode & 0o777, 0o700);
    assert.equal(statSync(join(directory, name)).mode & 0o777, 0o600);
    const [header, ...lines] = readFileSync(join(directory, name), 'utf8').split('\n');
    assert.deepEqual([header, lines.length, lines.at(-1)], ['nephoscope-spool 1 samples', 4, '']);
  });

  test('what waits outlives a stop', async (t) => {
    const directory = directoryFor(t);
    const first = queued(t, directory, { isDown: true });
    await first.publisher.start(signal);
    for (let round = 0; round < 10; round++) await first.publisher.publish(samples(round * 5, 5), signal);
    await first.publisher.stop(createDeadline(500));
    const second = queued(t, directory);
    await second.publisher.start(signal);
    await until('all arrived', () => files(directory).length === 0);
    assert.deepEqual(second.target.arrived, resources(0, 50));
  });

  test('when it is full the oldest batches are dropped and counted', async (t) => {
    const directory = directoryFor(t);
    const { publisher, target, value } = queued(t, directory, { isDown: true }, { maxQueueLength: 3 });
    await publisher.start(signal);
    for (let round = 0; round < 9; round++) {
      await publisher.publish(samples(round * 10, 10), signal);
      if (round === 0) await until('the first is on its way', () => publisher.status().state === 'degraded');
    }
    assert.equal(files(directory).length, 4);
    assert.equal(value('dropped_total', 'queue_full'), 50);
    target.isDown = false;
    await until('all arrived', () => files(directory).length === 0);
    // The first was on its way, so it is not among the dropped.
    assert.deepEqual(target.arrived, [...resources(0, 10), ...resources(60, 30)]);
  });

  test('after so many attempts a batch is parked as a notification that can be given again', async (t) => {
    const directory = directoryFor(t);
    const { publisher, target, value } = queued(
      t,
      directory,
      { isDown: true, parkingFails: 2 },
      { maxRetry: 3 },
    );
    await publisher.start(signal);
    await publisher.publish(samples(0, 4), signal);
    await until('it is parked', () => files(directory).length === 0);
    const [parked, ...more] = target.parked;
    assert.deepEqual([more, value('parked_total')], [[], 4]);
    assert.deepEqual(
      [parked?.code, parked?.reason, parked?.origin, parked?.eventType],
      [
        'E8005',
        'Not taken in 3 attempts; the last: target is down',
        { source: 'publisher:under-test' },
        'telemetry.polling',
      ],
    );
    assert.deepEqual(samplesOf(parked), samples(0, 4));
  });

  test('what is refused for good is parked, and the rest delivered', async (t) => {
    const directory = directoryFor(t);
    const { publisher, target } = queued(t, directory, { refuses: ({ volume }) => volume === 2.5 });
    await publisher.start(signal);
    await publisher.publish(samples(0, 4), signal);
    await until('it is done', () => files(directory).length === 0);
    assert.deepEqual(target.arrived, ['resource-0', 'resource-1', 'resource-3']);
    assert.deepEqual(samplesOf(target.parked[0]), samples(2, 1));
  });

  test('a damaged file is put aside, what can be read of it is sent, and the others go on', async (t) => {
    const directory = directoryFor(t);
    const first = queued(t, directory, { isDown: true });
    await first.publisher.start(signal);
    for (let round = 0; round < 3; round++) await first.publisher.publish(samples(round * 5, 5), signal);
    await first.publisher.stop(createDeadline(500));
    const [, second = '', third = ''] = files(directory);
    writeFileSync(join(directory, second), readFileSync(join(directory, second)).subarray(0, 1_200));
    writeFileSync(join(directory, third), 'something else\n');
    const next = queued(t, directory);
    await next.publisher.start(signal);
    await until('it is done', () => files(directory).every((name) => name.endsWith('.unreadable')));
    assert.deepEqual(files(directory), [`${second}.unreadable`, `${third}.unreadable`]);
    const whole = resources(0, 5);
    assert.deepEqual(next.target.arrived.slice(0, 5), whole);
    assert.ok(next.target.arrived.length > 5 && next.target.arrived.length < 10);
    assert.equal(next.value('dropped_total', 'unreadable'), 15 - next.target.arrived.length);
  });

  test('two instances share a directory: both append, one sends, the other takes over', async (t) => {
    const directory = directoryFor(t);
    const old = queued(t, directory, { isDown: true });
    await old.publisher.start(signal);
    await old.publisher.publish(samples(0, 5), signal);
    const next = queued(t, directory);
    await next.publisher.start(signal);
    await next.publisher.publish(samples(5, 5), signal);
    await old.publisher.publish(samples(10, 5), signal);
    assert.deepEqual([files(directory).length, next.target.arrived], [3, []]);
    await old.publisher.stop(createDeadline(500));
    await until('all arrived', () => files(directory).length === 0);
    assert.deepEqual(next.target.arrived, resources(0, 15));
    assert.deepEqual(old.target.arrived, []);
  });

  test('a disk that takes nothing holds up the callers, and the status says so', async (t) => {
    const directory = directoryFor(t);
    rmSync(join(directory, '..', '..'), { recursive: true });
    writeFileSync(join(directory, '..', '..'), 'no directory');
    const { publisher, target } = queued(t, directory);
    await publisher.start(signal);
    const call = publisher.publish(samples(0, 3), signal);
    await until('the status says so', () => publisher.status().state === 'degraded');
    assert.match(publisher.status().reason ?? '', /^E\d{4} .*spool/);
    rmSync(join(directory, '..', '..'));
    assert.deepEqual(await call, { accepted: 3, duplicates: [], rejected: [] });
    await until('all arrived', () => target.arrived.length === 3);
    await until('all is well', () => publisher.status().state === 'ok');
  });
});

suite('form of the queue on disk', () => {
  test('samples and events come out as they went in', () => {
    const metadata = {
      n: new FloatToken(2),
      big: 2n ** 60n,
      text: 'a\n\u2028"é😀',
      deep: { list: [null, true, 0.1] },
    };
    const sample = sampleNumber(1, { resourceMetadata: metadata, deployment: 'cell-1', monotonicTime: 12.5 });
    assert.deepEqual(SAMPLE_CODEC.decode(SAMPLE_CODEC.encode(sample)), sample);
    const event = eventNumber(1, { raw: { payload: metadata }, deployment: 'cell-1', priority: 'error' });
    assert.deepEqual(EVENT_CODEC.decode(EVENT_CODEC.encode(event)), event);
  });

  test('any text and number survives', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: 'grapheme' }),
        fc.double({ noNaN: true, noDefaultInfinity: true }),
        (text, volume) => {
          const sample = sampleNumber(1, {
            volume,
            unit: text,
            resourceMetadata: { [`k${text}`]: [text] },
          });
          const line = SAMPLE_CODEC.encode(sample);
          assert.ok(!line.includes('\n'));
          const decoded = SAMPLE_CODEC.decode(line);
          assert.deepEqual({ ...decoded, resourceMetadata: {} }, { ...sample, resourceMetadata: {} });
          assert.deepEqual(decoded.resourceMetadata, sample.resourceMetadata);
        },
      ),
    );
  });

  test('an item that cannot be written is refused, its neighbours are kept', async (t) => {
    const directory = directoryFor(t);
    const deep = JSON.parse(`${'{"a":'.repeat(600)}1${'}'.repeat(600)}`);
    const spool = new Spool<Sample>({
      directory,
      codec: SAMPLE_CODEC,
      maxBatches: 10,
      nowMicros: () => 1_000,
      onDropped: () => {},
    });
    const given = [sampleNumber(0), sampleNumber(1, { resourceMetadata: deep }), sampleNumber(2)];
    const result = await spool.append(given);
    assert.deepEqual(
      [result.accepted, result.rejected.map(({ index, error }) => [index, error.code, error.retry])],
      [2, [[1, 'E8052', 'permanent']]],
    );
    assert.deepEqual((await spool.take())?.items, [given[0], given[2]]);
  });

  test('many parked samples are several notifications, each small enough to be given again', () => {
    const large = samples(0, 1_000).map((sample) => ({
      ...sample,
      resourceMetadata: { text: 'x'.repeat(2_000) },
    }));
    const reason = { source: 'publisher:a', error: down, nowMicros: 1 };
    const parked = SAMPLE_CODEC.toParked(large, reason);
    assert.ok(parked.length > 3 && parked.every(({ body }) => body.length < 1_000_000));
    assert.deepEqual(parked.flatMap(samplesOf), large);
    assert.deepEqual(SAMPLE_CODEC.toParked(large, reason), parked);
  });

  test('a parked event is its notification where the event holds it', () => {
    const raw = {
      ctxt: {},
      publisher_id: 'compute.node-1',
      event_type: 'compute.instance.update',
      payload: { state: 'active' },
      metadata: { message_id: 'm-1', timestamp: '2026-01-02 03:04:05.000006' },
    };
    const reason = { source: 'publisher:a', error: down, nowMicros: 1 };
    const [parked] = EVENT_CODEC.toParked([eventNumber(1, { raw, priority: 'error' })], reason);
    const { messageId, publisherId, priority, payload } = decodeNotification(
      parked?.body ?? new Uint8Array(),
    );
    assert.deepEqual(
      { messageId, publisherId, priority, payload },
      { messageId: 'm-1', publisherId: 'compute.node-1', priority: 'error', payload: { state: 'active' } },
    );
  });
});

/** What the intake makes of a parked body. */
function samplesOf(parked: ParkedItem | undefined): readonly Sample[] {
  assert.ok(parked !== undefined);
  const converter = createConverter({ events: null, meters: null });
  return converter.convert(decodeNotification(parked.body)).samples;
}
