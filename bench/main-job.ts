import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { OPTIONS } from '../src/app/options.ts';
import { makeIntake, makeRunners } from '../src/app/program.ts';
import { readSetup, type Setup } from '../src/app/setup.ts';
import { createDeadline } from '../src/component/component.ts';
import { loadConfigWithoutFiles } from '../src/config/load.ts';
import type { Event } from '../src/model/event.ts';
import type { Sample } from '../src/model/sample.ts';
import type { RawMessage } from '../src/notification/intake.ts';
import { silentLogger } from '../src/observe/logger.ts';
import { Metrics } from '../src/observe/metrics.ts';
import type { Publisher } from '../src/publishers/publisher.ts';
import { createEventStorePublisher, createSampleStorePublisher } from '../src/publishers/store.ts';
import { openStore } from '../src/store/open.ts';
import type { ParkingStore } from '../src/store/store.ts';
import { openBenchBroker } from './broker.ts';
import { figure, median, type Report } from './figure.ts';
import { refusingParking } from './notification-load.ts';
import { type Recorded, readRecording, withNewIds } from './recording.ts';

/** As the HTTP door hands them over, and as a busy broker does. */
const CONVERT_BATCH = 100;
const COMMIT_BATCH = 500;
const WARM_UP_ROUNDS = 4;
const ROUNDS = 9;
const BROKER_MESSAGES = 100_000;
const BROKER_ROUNDS = 3;

/** The main job: what a notification costs up to the pipeline's end, up to the commit, and from a real broker. */
export async function benchMainJob(report: Report): Promise<void> {
  const { messages } = readRecording();
  const setup = readSetup(loadConfigWithoutFiles(OPTIONS)).setup;
  report(figure('main.convert.cpu', await convertCpu(messages, setup), 'us', '<=15'));
  report(figure('main.commit.cpu', await commitCpu(messages, setup), 'us', '<=45'));
  await benchBroker(messages, report);
}

/** Bodies → events and samples → pipeline → a publisher that keeps nothing. */
async function convertCpu(messages: readonly Recorded[], setup: Setup): Promise<number> {
  const sink = nullPublisher();
  const take = intakeOf(setup, new Map([['store://', sink]]), new Map([['store://', sink]]), refusingParking);
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
  parking: Pick<ParkingStore, 'park'>,
): Take {
  const metrics = new Metrics();
  const intake = makeIntake(setup, {
    ...makeRunners(setup, { samplePublishers, eventPublishers, metrics }),
    parking,
    metrics,
    logger: silentLogger,
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
  await using broker = await openBenchBroker(messages);
  if (broker === null) {
    report({ name: 'main.broker.ratio', value: Number.NaN, unit: 'ratio', goal: '>=0.5', ok: false });
    return;
  }
  const rates: { readonly bare: number; readonly ours: number }[] = [];
  for (let round = 0; round < BROKER_ROUNDS; round++) {
    await broker.fill(BROKER_MESSAGES);
    const bare = await broker.bareRate(BROKER_MESSAGES);
    await broker.fill(BROKER_MESSAGES);
    rates.push({ bare, ours: (await broker.drain(BROKER_MESSAGES)).messagesPerSecond });
  }
  report(figure('main.broker.bare', median(rates.map(({ bare }) => bare)), 'msg/s', ''));
  report(figure('main.broker.serve', median(rates.map(({ ours }) => ours)), 'msg/s', ''));
  report(figure('main.broker.ratio', median(rates.map(({ bare, ours }) => ours / bare)), 'ratio', '>=0.5'));
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
