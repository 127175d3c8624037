import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { startServer } from '../test/support/server.ts';
import { openBenchBroker } from './broker.ts';
import { figure, type Report } from './figure.ts';
import { readRecording } from './recording.ts';

const WAITING_MESSAGES = 1_000_000;
const DOWN_MILLIS = 5 * 60_000;
const LOOK_MILLIS = 1_000;

/** The most memory of `serve` while a million messages wait at the broker and its only sink has been down for five minutes. */
export async function benchMemory(report: Report): Promise<void> {
  await using broker = await openBenchBroker(readRecording().messages);
  if (broker === null) {
    report({ name: 'memory.sink_down', value: Number.NaN, unit: 'MB', goal: '<=250', ok: false });
    return;
  }
  await broker.fill(WAITING_MESSAGES);
  const directory = mkdtempSync(join(tmpdir(), 'nephoscope-bench-'));
  await using server = await startServer({ env: { ...broker.env, ...deadSink(directory) } });
  let peak = 0;
  const end = performance.now() + DOWN_MILLIS;
  while (performance.now() < end) {
    peak = Math.max(peak, await server.metric('process_resident_memory_bytes'));
    await sleep(LOOK_MILLIS);
  }
  rmSync(directory, { recursive: true, force: true });
  report(figure('memory.sink_down', peak / 1e6, 'MB', '<=250'));
}

/** Nothing listens on the discard port. */
function deadSink(directory: string): Readonly<Record<string, string>> {
  const sinks = 'sinks: [{name: gone, publishers: ["http://127.0.0.1:9/"]}]\n';
  const samples = join(directory, 'pipeline.yaml');
  const events = join(directory, 'event_pipeline.yaml');
  writeFileSync(samples, `sources: [{name: all, meters: ["*"], sinks: [gone]}]\n${sinks}`);
  writeFileSync(events, `sources: [{name: all, events: ["*"], sinks: [gone]}]\n${sinks}`);
  return { OS_DEFAULT__PIPELINE_CFG_FILE: samples, OS_DEFAULT__EVENT_PIPELINE_CFG_FILE: events };
}
