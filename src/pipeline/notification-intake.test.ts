import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { createDeadline } from '../component/component.ts';
import { NephoscopeError } from '../component/errors.ts';
import type { Event } from '../model/event.ts';
import type { Sample } from '../model/sample.ts';
import { createConverter } from '../notification/converter.ts';
import { decodeNotification } from '../notification/envelope.ts';
import type { RawMessage } from '../notification/intake.ts';
import { createWantedCheck } from '../notification/wanted.ts';
import { silentLogger } from '../observe/logger.ts';
import { Metrics } from '../observe/metrics.ts';
import { Taps } from '../observe/taps.ts';
import { deliver } from '../publishers/delivery.ts';
import type { DeliverySettings } from '../publishers/delivery-settings.ts';
import type { Publisher, PublishResult } from '../publishers/publisher.ts';
import type { ParkedItem } from '../store/store.ts';
import { createNotificationIntake, type IntakeParts } from './notification-intake.ts';
import type { PipelinePlan } from './plan.ts';
import { PipelineRunner } from './runner.ts';

const { signal } = new AbortController();

const DELIVERY: DeliverySettings = {
  isDirect: false,
  policy: 'default',
  maxQueueLength: 1,
  maxRetry: 1,
  batchSize: 1_000,
  batchTimeoutMillis: 0,
  attemptTimeoutMillis: 10_000,
  concurrency: 1,
};

function sampleMessage(index: number, deployment?: string, samples = 1): RawMessage {
  const body = JSON.stringify({
    message_id: `m-${index}`,
    event_type: 'telemetry.polling',
    priority: 'SAMPLE',
    publisher_id: 'p',
    timestamp: '2026-01-02 03:04:05',
    payload: {
      samples: Array.from({ length: samples }, (_, at) => ({
        message_id: at === 0 ? `s-${index}` : `s-${index}-${at}`,
        counter_name: 'cpu',
        counter_type: 'gauge',
        counter_volume: index,
        resource_id: 'r',
        timestamp: '2026-01-02T03:04:05',
      })),
    },
  });
  const origin = deployment === undefined ? { source: 'test' } : { source: 'test', deployment };
  return { body: Buffer.from(body), origin };
}

function otherMessage(eventType: string): RawMessage {
  return { body: Buffer.from(JSON.stringify({ event_type: eventType })), origin: { source: 'test' } };
}

/** An intake whose only sink is a publisher that answers as told. */
function fixture(
  answer: (samples: readonly Sample[]) => Promise<PublishResult>,
  given: Partial<IntakeParts> = {},
) {
  const metrics = new Metrics();
  const parked: ParkedItem[] = [];
  const publisher: Publisher<Sample> = {
    name: 'publisher:told',
    start: async () => {},
    stop: async () => {},
    status: () => ({ state: 'ok' }),
    publish: answer,
  };
  const pipeline = { name: 'a', source: 'a', sink: 'a', patterns: ['*'], transformers: [] };
  const plan: PipelinePlan = { kind: 'sample', pipelines: [{ ...pipeline, publishers: ['told://'] }] };
  const common = { metrics, nowMicros: () => 5 };
  const converter = createConverter({ events: null, meters: null });
  const intake = createNotificationIntake({
    decode: (body, deployment) => decodeNotification(body, { deployment }),
    convert: (notification) => converter.convert(notification),
    samples: new PipelineRunner<Sample>({
      ...common,
      plan,
      publishers: new Map([['told://', publisher]]),
      nameOf: ({ name }) => name,
    }),
    events: new PipelineRunner<Event>({
      ...common,
      plan: { kind: 'event', pipelines: [] },
      publishers: new Map(),
      nameOf: ({ eventType }) => eventType,
    }),
    parking: { park: async (items) => void parked.push(...items) },
    onProblem: () => {},
    ...common,
    ...given,
  });
  const count = (text: string) => new RegExp(`^${text} (\\d+)$`, 'm').exec(metrics.expose())?.[1];
  return { intake, parked, metrics, count };
}

const accepted = async (samples: readonly Sample[]): Promise<PublishResult> => ({
  accepted: samples.length,
  duplicates: [],
  rejected: [],
});

suite('notification intake', () => {
  test('publishes a large batch in pieces, in order, and lets the event loop turn between them', async () => {
    const pieces: number[][] = [];
    let turns = 0;
    const { intake } = fixture((samples) => {
      pieces.push(samples.map(({ volume }) => volume));
      setImmediate(() => turns++);
      return accepted(samples);
    });
    const outcomes = await intake.take(
      Array.from({ length: 1_000 }, (_, index) => sampleMessage(index)),
      signal,
    );
    assert.deepEqual(new Set(outcomes), new Set(['accepted']));
    assert.equal(outcomes.length, 1_000);
    assert.deepEqual(
      pieces.flat(),
      Array.from({ length: 1_000 }, (_, index) => index),
    );
    assert.ok(pieces.length > 2 && turns >= pieces.length - 1);
  });

  test('rejects the whole batch when a piece is not taken, and begins no further piece', async () => {
    let calls = 0;
    const error = new NephoscopeError('E3006', 'full', { retry: 'transient' });
    const { intake, count } = fixture(async (samples) => {
      calls++;
      if (calls === 2) throw error;
      return accepted(samples);
    });
    const batch = Array.from({ length: 5_000 }, (_, index) => sampleMessage(index));
    await assert.rejects(intake.take(batch, signal), error);
    assert.ok(calls < 5, `${calls} pieces`);
    assert.equal(count('nephoscope_notifications_total{outcome="accepted"}'), '0');
  });

  test('a batch of more products than a publisher lets wait gets through at once, each of them once', async () => {
    const seen = new Map<string, number>();
    const slow: Publisher<Sample> = {
      name: 'publisher:slow',
      start: async () => {},
      stop: async () => {},
      status: () => ({ state: 'ok' }),
      publish: async (samples) => {
        await new Promise((resolve) => setImmediate(resolve));
        for (const { id } of samples) seen.set(id, (seen.get(id) ?? 0) + 1);
        return await accepted(samples);
      },
    };
    const delivery = deliver(slow, DELIVERY, {
      name: 'publisher:slow',
      log: silentLogger,
      metrics: new Metrics(),
    });
    await delivery.start(signal);
    const { intake } = fixture((samples) => delivery.publish(samples, signal));
    const batch = Array.from({ length: 1_000 }, (_, index) => sampleMessage(index, undefined, 100));
    const outcomes = await Promise.all([
      intake.take(batch.slice(0, 600), signal),
      intake.take(batch.slice(600), signal),
    ]);
    assert.deepEqual(
      outcomes.flat(),
      Array.from(batch, () => 'accepted'),
    );
    assert.equal(seen.size, 100_000);
    assert.deepEqual(new Set(seen.values()), new Set([1]));
    await delivery.stop(createDeadline(1_000));
  });

  test('parks what a publisher refuses for good, with the bytes of its message, wherever it stands', async () => {
    const { intake, parked } = fixture(async (samples) => ({
      accepted: samples.length - 1,
      duplicates: [],
      rejected: samples.flatMap(({ volume }, index) =>
        volume === 700 ? [{ index, error: new NephoscopeError('E3009', 'odd') }] : [],
      ),
    }));
    const batch = Array.from({ length: 1_000 }, (_, index) => sampleMessage(index));
    const outcomes = await intake.take(batch, signal);
    assert.deepEqual(
      outcomes.flatMap((outcome, index) => (outcome === 'parked' ? [index] : [])),
      [700],
    );
    assert.deepEqual(
      parked.map(({ code, reason, body, parkedMicros }) => [code, reason, body, parkedMicros]),
      [['E3009', 'odd', batch[700]?.body, 5]],
    );
  });

  test('gives every record the deployment its message came from', async () => {
    const seen: (string | null)[] = [];
    const { intake } = fixture((samples) => {
      seen.push(...samples.map(({ deployment }) => deployment));
      return accepted(samples);
    });
    await intake.take([sampleMessage(1, 'east'), sampleMessage(2)], signal);
    assert.deepEqual(seen, ['east', null]);
  });

  test('takes what nothing wants without parsing it, unless somebody looks at what arrives', async () => {
    const taps = new Taps(new Metrics());
    const isWanted = createWantedCheck((eventType) => eventType === 'telemetry.polling');
    const { intake, parked, count } = fixture(accepted, { isWanted, taps });
    const batch = [otherMessage('noise'), sampleMessage(1), otherMessage('noise')];
    assert.deepEqual(await intake.take(batch, signal), ['accepted', 'accepted', 'accepted']);
    assert.deepEqual([parked.length, count('nephoscope_notifications_unwanted_total')], [0, '2']);
    const view = taps.listen('received', { wants: () => true, limit: 10 });
    assert.deepEqual(await intake.take(batch, signal), ['parked', 'accepted', 'parked']);
    const { items } = await view.next(AbortSignal.timeout(1_000));
    assert.deepEqual(
      items.map(({ item }) => item.notification.messageId),
      ['m-1'],
    );
    view.close();
  });
});
