import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startFileLoad, writeFilePipelines } from './notification-load.ts';
import { readRecording, withNewIds } from './recording.ts';

/**
 * One of the processes that `bench/notification.ts` compares: says `ready` once its code is compiled, waits for `go`, works
 * for some seconds, and tells how many notifications it took.
 */
const BATCH = 500;
const WARM_UP_ROUNDS = 3;
const WORK_MILLIS = 4_000;

const directory = mkdtempSync(join(tmpdir(), 'nephoscope-bench-'));
const load = await startFileLoad(directory, writeFilePipelines(directory));
const { messages } = readRecording();
const raw = messages.map((message) => ({
  body: withNewIds(message, process.pid).body,
  origin: { source: 'bench' },
}));

async function round(until: number): Promise<number> {
  let taken = 0;
  for (let start = 0; start < raw.length && performance.now() < until; start += BATCH) {
    const batch = raw.slice(start, start + BATCH);
    await load.take(batch);
    taken += batch.length;
  }
  return taken;
}

for (let warm = 0; warm < WARM_UP_ROUNDS; warm++) await round(Number.POSITIVE_INFINITY);
process.send?.('ready');
process.once('message', async () => {
  const end = performance.now() + WORK_MILLIS;
  let taken = 0;
  while (performance.now() < end) taken += await round(end);
  await load.stop();
  rmSync(directory, { recursive: true, force: true });
  process.send?.(taken / (WORK_MILLIS / 1_000));
  process.disconnect();
});
