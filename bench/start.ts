import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { spawnServer, startServer } from '../test/support/server.ts';
import { figure, median, type Report } from './figure.ts';
import { readRecording, withNewIds } from './recording.ts';

const BIN = fileURLToPath(new URL('../bin/nephoscope', import.meta.url));
const REPLAYED = 100_000;
const MESSAGES_PER_REQUEST = 1_000;

/** How quickly it is there, and how much memory it holds after work. */
export async function benchStart(report: Report): Promise<void> {
  report(figure('start.help', median(Array.from({ length: 9 }, helpMillis)), 'ms', '<=150'));
  const ready: number[] = [];
  for (let run = 0; run < 5; run++) {
    await using server = await spawnServer();
    ready.push(await server.ready());
  }
  report(figure('start.ready', median(ready), 'ms', '<=1000'));
  await using server = await startServer();
  await replayOverHttp(server.url);
  const residentBytes = await server.metric('process_resident_memory_bytes');
  report(figure('start.resident_after_100k', residentBytes / 1e6, 'MB', '<=150'));
}

function helpMillis(): number {
  const startedAt = performance.now();
  const { status } = spawnSync(process.execPath, [BIN, '--help'], { stdio: 'ignore' });
  if (status !== 0) throw new Error(`--help ended with ${status}`);
  return performance.now() - startedAt;
}

async function replayOverHttp(url: string): Promise<void> {
  const { messages } = readRecording();
  for (let sent = 0; sent < REPLAYED; sent += MESSAGES_PER_REQUEST) {
    const lines = Array.from({ length: MESSAGES_PER_REQUEST }, (_, offset) => {
      const at = sent + offset;
      const recorded = messages[at % messages.length];
      return recorded === undefined
        ? ''
        : withNewIds(recorded, Math.floor(at / messages.length)).body.toString();
    });
    const response = await fetch(`${url}/v1/notifications`, {
      method: 'POST',
      headers: { 'content-type': 'application/x-ndjson' },
      body: lines.join('\n'),
    });
    if (!response.ok) throw new Error(`the server answered ${response.status}`);
  }
}
