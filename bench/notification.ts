import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { RawMessage } from '../src/notification/intake.ts';
import { openBenchBroker } from './broker.ts';
import { cpuMicros, figure, median, type Report } from './figure.ts';
import { startFileLoad, writeFilePipelines } from './notification-load.ts';
import { type Recorded, readRecording, withNewIds } from './recording.ts';

const MESSAGES = 200_000;
const ROUNDS = 3;
const BATCH = 500;
const EVENT_TYPES = 16;
/** Of the workers of a server with a broker. */
const WORKER_FLAGS = ['--max-semi-space-size=16', '--initial-old-space-size=96', '--no-parallel-scavenge'];
const WORKER = fileURLToPath(new URL('./notification-worker.ts', import.meta.url));

/** The notification agent: from a real broker into files and into the embedded store, and what bounds it without one. */
export async function benchNotification(report: Report): Promise<void> {
  const { messages } = readRecording();
  await benchBroker(messages, report);
  report(figure('notification.unwanted.ratio', await unwantedRatio(messages), 'ratio', '>=2.5'));
  const one = await rateOf(1);
  const two = await rateOf(2);
  report(figure('notification.workers.one', one, 'msg/s', ''));
  report(figure('notification.workers.two', two, 'msg/s', ''));
  report(figure('notification.workers.ratio', two / one, 'ratio', '>=1.7'));
}

async function benchBroker(messages: readonly Recorded[], report: Report): Promise<void> {
  await using broker = await openBenchBroker(messages);
  if (broker === null) {
    for (const [name, goal] of [
      ['notification.file.cpu', '<=25'],
      ['notification.file.ratio', '>=0.7'],
      ['notification.sqlite.cpu', '<=50'],
    ] as const) {
      report({ name, value: Number.NaN, unit: '', goal, ok: false });
    }
    return;
  }
  const rounds: { readonly bare: number; readonly file: number; readonly cpu: number }[] = [];
  const sqlite: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const directory = mkdtempSync(join(tmpdir(), 'nephoscope-bench-'));
    await broker.fill(MESSAGES);
    const bare = await broker.bareRate(MESSAGES);
    await broker.fill(MESSAGES);
    const file = await broker.drain(MESSAGES, writeFilePipelines(directory));
    rounds.push({ bare, file: file.messagesPerSecond, cpu: file.cpuMicros });
    await broker.fill(MESSAGES);
    sqlite.push((await broker.drain(MESSAGES)).cpuMicros);
    rmSync(directory, { recursive: true, force: true });
  }
  report(figure('notification.file.cpu', median(rounds.map(({ cpu }) => cpu)), 'us', '<=25'));
  report(figure('notification.bare.rate', median(rounds.map(({ bare }) => bare)), 'msg/s', ''));
  report(figure('notification.file.rate', median(rounds.map(({ file }) => file)), 'msg/s', ''));
  const ratio = median(rounds.map(({ bare, file }) => file / bare));
  report(figure('notification.file.ratio', ratio, 'ratio', '>=0.7'));
  report(figure('notification.sqlite.cpu', median(sqlite), 'us', '<=50'));
}

/** How much more is taken when the pipelines want one of sixteen event types than when they want all; by CPU. */
async function unwantedRatio(messages: readonly Recorded[]): Promise<number> {
  const all = await cpuPerMessage(messages, '"*"');
  const one = await cpuPerMessage(messages, '"bench.type.0"');
  return all / one;
}

async function cpuPerMessage(messages: readonly Recorded[], wanted: string): Promise<number> {
  const directory = mkdtempSync(join(tmpdir(), 'nephoscope-bench-'));
  const load = await startFileLoad(directory, writeFilePipelines(directory, wanted));
  const perMessage: number[] = [];
  for (let round = 0; round < ROUNDS + 2; round++) {
    const raw = messages.map((message, index) => ofType(withNewIds(message, round), index % EVENT_TYPES));
    const used = await cpuMicros(async () => {
      for (let start = 0; start < raw.length; start += BATCH)
        await load.take(raw.slice(start, start + BATCH));
    });
    if (round >= 2) perMessage.push(used / raw.length);
  }
  await load.stop();
  rmSync(directory, { recursive: true, force: true });
  return median(perMessage);
}

/** The message under another event type, of which nothing but events is made. */
function ofType({ body }: Recorded, type: number): RawMessage {
  const text = body.toString('latin1');
  const renamed = text.replace(/(event_type\\?": \\?")[^"\\]+/, `$1bench.type.${type}`);
  return { body: Buffer.from(renamed, 'latin1'), origin: { source: 'bench' } };
}

/** Notifications per second of `count` processes that work at the same time, each on messages it holds in memory. */
async function rateOf(count: number): Promise<number> {
  const workers: ChildProcess[] = [];
  for (let index = 0; index < count; index++) {
    const worker = fork(WORKER, { execArgv: WORKER_FLAGS });
    await once(worker, 'message');
    workers.push(worker);
  }
  const rates = workers.map(async (worker) => {
    const [rate] = await once(worker, 'message');
    return Number(rate);
  });
  for (const worker of workers) worker.send('go');
  return (await Promise.all(rates)).reduce((sum, rate) => sum + rate, 0);
}
