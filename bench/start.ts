import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { spawnServer, startServer } from '../test/support/server.ts';
import { figure, median, type Report } from './figure.ts';

const BIN = fileURLToPath(new URL('../bin/nephoscope', import.meta.url));
const REPLAYED = 100_000;

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
  replay(server.url);
  const residentBytes = await server.metric('process_resident_memory_bytes');
  report(figure('start.resident_after_100k', residentBytes / 1e6, 'MB', '<=150'));
}

function helpMillis(): number {
  const startedAt = performance.now();
  const { status } = spawnSync(process.execPath, [BIN, '--help'], { stdio: 'ignore' });
  if (status !== 0) throw new Error(`--help ended with ${status}`);
  return performance.now() - startedAt;
}

/** As a user does it: `nephoscope replay`, the recording again and again with new ids. */
function replay(url: string): void {
  const file = fileURLToPath(new URL('../../shared/data/notifications.jsonl.gz', import.meta.url));
  const args = ['replay', file, '--to', url, '--repeat', '100', '--new-ids', '--limit', String(REPLAYED)];
  const { status } = spawnSync(process.execPath, [BIN, ...args], { stdio: 'ignore' });
  if (status !== 0) throw new Error(`replay ended with ${status}`);
}
