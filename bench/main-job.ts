import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Channel, connect } from 'amqplib';
import { OPTIONS } from '../src/app/options.ts';
import { readSetup, type Setup } from '../src/app/setup.ts';
import { createDeadline } from '../src/component/component.ts';
import { loadConfig } from '../src/config/load.ts';
import type { Event } from '../src/model/event.ts';
import { PRIORITIES } from '../src/model/notification.ts';
import type { Sample } from '../src/model/sample.ts';
import { decodeNotification } from '../src/notification/envelope.ts';
import type { RawMessage } from '../src/notification/intake.ts';
import { Metrics } from '../src/observe/metrics.ts';
import { createNotificationIntake } from '../src/pipeline/notification-intake.ts';
import { PipelineRunner } from '../src/pipeline/runner.ts';
import type { Publisher } from '../src/publishers/publisher.ts';
import { createEventStorePublisher, createSampleStorePublisher } from '../src/publishers/store.ts';
import { openStore } from '../src/store/open.ts';
import type { ParkingStore } from '../src/store/store.ts';
import { startServer } from '../test/support/server.ts';
import { figure, median, type Report } from './figure.ts';
import { type Recorded, readRecording, withNewIds } from './recording.ts';

/** As the HTTP door hands them over, and as a busy broker does. */
const CONVERT_BATCH = 100;
const COMMIT_BATCH = 500;
const WARM_UP_ROUNDS = 4;
const ROUNDS = 9;
const BROKER = process.env['NEPHOSCOPE_BENCH_BROKER'] ?? 'amqp://guest:guest@127.0.0.1:5672/';
const BROKER_MESSAGES = 100_000;
const BROKER_ROUNDS = 3;
const BARE_PREFETCH = 500;

/** The main job: what a notification costs up to the pipeline's end, up to the commit, and from a real broker. */
export async function benchMainJob(report: Report): Promise<void> {
  const { messages } = readRecording();
  const setup = readSetup(shippedConfig()).setup;
  report(figure('main.convert.cpu', await convertCpu(messages, setup), 'us', '<=15'));
  report(figure('main.commit.cpu', await commitCpu(messages, setup), 'us', '<=45'));
  await benchBroker(messages, report);
}

function shippedConfig() {
  const { config } = loadConfig({
    options: OPTIONS,
    files: [],
    dirs: [],
    environment: {},
    home: '/nonexistent',
  });
  if (config === null) throw new Error('the defaults do not load');
  return config;
}

/** Bodies → events and samples → pipeline → a publisher that keeps nothing. */
async function convertCpu(messages: readonly Recorded[], setup: Setup): Promise<number> {
  const sink = nullPublisher();
  const take = intakeOf(setup, new Map([['store://', sink]]), new Map([['store://', sink]]), noParking);
  return await cpuPerMessage(messages, take, CONVERT_BATCH);
}

/** The same, into the embedded store: event, its queryable traits and its samples committed, batches of 500. */
async function commitCpu(messages: readonly Recorded[], setup: Setup): Promise<number> {
  const directory = mkdtempSync(join(tmpdir(), 'nephoscope-bench-'));
  const store = openStore(`sqlite:///${join(directory, 'telemetry.sqlite')}`, {});
  await store.start(new AbortController().signal);
  try {
    const samples = new Map([['store://', createSampleStorePublisher(store)]]);
    const events = new Map([['store://', createEventStorePublisher(store)]]);
    return await cpuPerMessage(messages, intakeOf(setup, samples, events, store), COMMIT_BATCH);
  } finally {
    await store.stop(createDeadline(5_000));
    rmSync(directory, { recursive: true, force: true });
  }
}

type Take = (messages: readonly RawMessage[]) => Promise<unknown>;

function intakeOf(
  setup: Setup,
  samplePublishers: ReadonlyMap<string, Publisher<Sample>>,
  eventPublishers: ReadonlyMap<string, Publisher<Event>>,
  parking: ParkingStore,
): Take {
  const metrics = new Metrics();
  const intake = createNotificationIntake({
    decode: (body, deployment) => decodeNotification(body, { deployment }),
    convert: (notification) => setup.converter.convert(notification),
    samples: new PipelineRunner<Sample>({
      plan: setup.samplePlan,
      publishers: samplePublishers,
      nameOf: ({ name }) => name,
      metrics,
      nowMicros,
    }),
    events: new PipelineRunner<Event>({
      plan: setup.eventPlan,
      publishers: eventPublishers,
      nameOf: ({ eventType }) => eventType,
      metrics,
      nowMicros,
    }),
    parking,
    metrics,
    nowMicros,
    onProblem: () => {},
  });
  const { signal } = new AbortController();
  return (messages) => intake.take(messages, signal);
}

/** Microseconds of CPU per message: the median of some rounds with ids of their own, once the code is compiled. */
async function cpuPerMessage(messages: readonly Recorded[], take: Take, batch: number): Promise<number> {
  const perMessage: number[] = [];
  for (let round = 0; round < WARM_UP_ROUNDS + ROUNDS; round++) {
    const bodies = messages.map((message) => withNewIds(message, round));
    const before = process.cpuUsage();
    for (let start = 0; start < bodies.length; start += batch) {
      await take(
        bodies.slice(start, start + batch).map(({ body }) => ({ body, origin: { source: 'bench' } })),
      );
    }
    const { user, system } = process.cpuUsage(before);
    if (round >= WARM_UP_ROUNDS) perMessage.push((user + system) / messages.length);
  }
  return median(perMessage);
}

/** Backlogs of the same messages, emptied in turn by a bare consumer that parses and acknowledges and by `serve`. */
async function benchBroker(messages: readonly Recorded[], report: Report): Promise<void> {
  const connection = await connect(BROKER).catch(() => null);
  if (connection === null) {
    report({ name: 'main.broker.ratio', value: Number.NaN, unit: 'ratio', goal: '>=0.5', ok: false });
    return;
  }
  const topic = `bench-${randomUUID()}`;
  const queue = `${topic}.info`;
  try {
    const channel = await connection.createConfirmChannel();
    await channel.assertExchange('nova', 'topic', { durable: false });
    await channel.assertQueue(queue, { durable: false });
    await channel.bindQueue(queue, 'nova', queue);
    const fill = async (salt: number): Promise<void> => {
      for (let sent = 0; sent < BROKER_MESSAGES; sent++) {
        const recorded = messages[sent % messages.length];
        if (recorded === undefined) break;
        const { body } = withNewIds(recorded, salt + Math.floor(sent / messages.length));
        channel.publish('nova', queue, body, { contentType: 'application/json' });
        if (sent % 1_000 === 999) await channel.waitForConfirms();
      }
      await channel.waitForConfirms();
    };
    const rates: { readonly bare: number; readonly ours: number }[] = [];
    for (let round = 0; round < BROKER_ROUNDS; round++) {
      await fill(round * 200);
      const bare = await bareRate(channel, queue);
      await fill(round * 200 + 100);
      rates.push({ bare, ours: await serveRate(topic) });
    }
    report(figure('main.broker.bare', median(rates.map(({ bare }) => bare)), 'msg/s', ''));
    report(figure('main.broker.serve', median(rates.map(({ ours }) => ours)), 'msg/s', ''));
    report(figure('main.broker.ratio', median(rates.map(({ bare, ours }) => ours / bare)), 'ratio', '>=0.5'));
    for (const priority of PRIORITIES) await channel.deleteQueue(`${topic}.${priority}`);
  } finally {
    await connection.close();
  }
}

async function bareRate(channel: Channel, queue: string): Promise<number> {
  await channel.prefetch(BARE_PREFETCH);
  const startedAt = performance.now();
  let count = 0;
  const { promise, resolve } = Promise.withResolvers<void>();
  const { consumerTag } = await channel.consume(queue, (message) => {
    if (message === null) return;
    const envelope = JSON.parse(message.content.toString());
    JSON.parse(envelope['oslo.message'] ?? '{}');
    count++;
    if (count % 100 === 0 || count === BROKER_MESSAGES) channel.ack(message, true);
    if (count === BROKER_MESSAGES) resolve();
  });
  await promise;
  const seconds = (performance.now() - startedAt) / 1_000;
  await channel.cancel(consumerTag);
  return BROKER_MESSAGES / seconds;
}

/** From the first batch seen until all are taken: start-up is a figure of its own. */
async function serveRate(topic: string): Promise<number> {
  await using server = await startServer({
    env: {
      OS_DEFAULT__TRANSPORT_URL: BROKER.replace('amqp:', 'rabbit:'),
      OS_OSLO_MESSAGING_NOTIFICATIONS__TOPICS: topic,
      OS_NOTIFICATION__NOTIFICATION_CONTROL_EXCHANGES: 'nova',
    },
  });
  let first = { count: 0, at: 0 };
  for (;;) {
    const count = await server.metric('nephoscope_notifications_total');
    const at = performance.now();
    if (first.count === 0 && count > 0) first = { count, at };
    if (count >= BROKER_MESSAGES) return ((count - first.count) / (at - first.at)) * 1_000;
    await sleep(100);
  }
}

function nullPublisher(): Publisher<unknown> {
  return {
    name: 'publisher:null',
    start: async () => {},
    stop: async () => {},
    status: () => ({ state: 'ok' }),
    publish: async (items) => ({ accepted: items.length, duplicates: [], rejected: [] }),
  };
}

const noParking: ParkingStore = {
  park: async (items) => {
    if (items.length > 0)
      throw new Error(`the recording holds a message that is parked: ${items[0]?.reason}`);
  },
  parked: async () => [],
  parkedItem: async () => null,
  parkedCount: async () => 0,
  dropParked: async () => 0,
};

function nowMicros(): number {
  return Date.now() * 1_000;
}
