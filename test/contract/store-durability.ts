import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import test from 'node:test';
import type { OpenForTest } from './store.ts';

/** What was acknowledged is there, however the process ended. */
export function storeDurabilityContract(name: string, open: OpenForTest): void {
  test(`${name}: everything acknowledged survives kill -9 of the writer, and nothing is there in part`, async (t) => {
    const under = await open(t);
    await under.store.stop({ signal: AbortSignal.timeout(5_000), remainingMillis: () => 5_000 });
    let acknowledged = 0;
    for (const stopAfter of [3, 40, 11]) {
      acknowledged = await writeAndKill(under.url, acknowledged, stopAfter);
      const store = await under.reopen();
      const samples = await store.samples({});
      const events = await store.events({});
      // The batch in flight may have been committed without its acknowledgement having come through.
      const batches = new Set(samples.map(({ volume }) => volume));
      for (let batch = 1; batch <= acknowledged; batch += 1)
        assert.ok(batches.has(batch), `batch ${batch} is lost`);
      const perBatch = Map.groupBy(samples, ({ volume }) => volume);
      for (const [batch, members] of perBatch)
        assert.equal(members.length, 50, `batch ${batch} is there in part`);
      assert.ok(events.length >= acknowledged);
      const resources = await store.resources(undefined, undefined);
      const newest = Math.max(...samples.map(({ timestampMicros }) => timestampMicros));
      assert.equal(Math.max(...resources.map(({ lastSampleMicros }) => lastSampleMicros)), newest);
      assert.equal(resources.length, 50);
      await store.stop({ signal: AbortSignal.timeout(5_000), remainingMillis: () => 5_000 });
      acknowledged = batches.size;
    }
  });
}

/** Lets another process write batches from number `from` + 1 on; kills it after some are acknowledged. */
async function writeAndKill(url: string, from: number, stopAfter: number): Promise<number> {
  const script = new URL('./store-writer.ts', import.meta.url).pathname;
  const child = spawn(process.execPath, [script, url, String(from)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const exit = once(child, 'exit');
  let acknowledged = from;
  for await (const line of createInterface({ input: child.stdout })) {
    acknowledged = Math.max(acknowledged, Number(line));
    if (acknowledged >= from + stopAfter) child.kill('SIGKILL');
  }
  const [code, signal] = await exit;
  assert.deepEqual([code, signal], [null, 'SIGKILL'], 'the writer must end by the kill');
  return acknowledged;
}
