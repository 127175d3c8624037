import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { sampleNumber } from '../contract/publisher-items.ts';
import { collected } from '../support/collected.ts';
import { until } from '../support/until.ts';

const WRITER = fileURLToPath(new URL('../support/queue-writer.ts', import.meta.url));
const KILLS = 12;

/** Starts a writer and kills it a little after it took something; gives the number of the last call it took. */
async function runAndKill(url: string, queue: string, first: number, lifeMillis: number): Promise<number> {
  const child = spawn(process.execPath, [WRITER, url, queue, String(first)], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const stdout = collected(child.stdout);
  const stderr = collected(child.stderr);
  const ended = new Promise((resolve) => child.once('close', resolve));
  try {
    await until('it takes something', () => stdout() !== '' || child.exitCode !== null);
    assert.equal(child.exitCode, null, stderr());
    await new Promise((resolve) => setTimeout(resolve, lifeMillis));
  } finally {
    child.kill('SIGKILL');
    await ended;
  }
  return Number(stdout().trim().split('\n').at(-1));
}

test('what the queue on disk has taken arrives, though its process is killed at random instants', {
  timeout: 120_000,
}, async (t) => {
  const root = mkdtempSync(join(tmpdir(), 'nephoscope-spool-kill-'));
  t.after(() => rmSync(root, { recursive: true, force: true }));
  const target = join(root, 'target');
  const queue = join(root, 'queue');
  const url = `file://${target}/lines?json&sync=false&policy=queue&max_queue_length=0`;
  const taken: number[] = [];
  let next = 0;
  for (let kill = 0; kill < KILLS; kill++) {
    // Each other time the target is away, so that some batches wait and others are on their way.
    if (kill % 2 === 0) {
      if (existsSync(target)) renameSync(target, `${target}.away`);
      writeFileSync(target, 'no directory');
    }
    const last = await runAndKill(url, queue, next, 20 + Math.random() * 150);
    for (; next <= last; next++) taken.push(next);
    // The call after may have been taken without being said: its numbers are not used again.
    next += 1;
    if (kill % 2 === 0) {
      rmSync(target);
      if (existsSync(`${target}.away`)) renameSync(`${target}.away`, target);
    }
  }
  const drained = runAndKillWhenEmpty(url, queue, next);
  await drained;
  const arrived = new Set(idsIn(join(target, 'lines')));
  const wanted = taken.flatMap((call) =>
    Array.from({ length: 10 }, (_, index) => sampleNumber(call * 10 + index).id),
  );
  const lost = wanted.filter((id) => !arrived.has(id));
  t.diagnostic(
    JSON.stringify({ kills: KILLS, taken: wanted.length, arrived: arrived.size, lost: lost.length }),
  );
  assert.deepEqual(lost, []);
});

/** Lets a last writer live until all that lay in the queue before it is gone. */
async function runAndKillWhenEmpty(url: string, queue: string, first: number): Promise<void> {
  const left = batchesIn(queue);
  const child = spawn(process.execPath, [WRITER, url, queue, String(first)], { stdio: 'ignore' });
  const ended = new Promise((resolve) => child.once('close', resolve));
  try {
    await until('the queue is sent', () => !batchesIn(queue).some((name) => left.includes(name)), 60_000);
  } finally {
    child.kill('SIGKILL');
    await ended;
  }
}

function batchesIn(queue: string): readonly string[] {
  return readdirSync(queue).filter((name) => name.endsWith('.spool'));
}

function idsIn(path: string): readonly string[] {
  // The last line may be half: its process was killed.
  return readFileSync(path, 'utf8')
    .split('\n')
    .flatMap((line) => {
      try {
        return [String(JSON.parse(line).id)];
      } catch {
        return [];
      }
    });
}
