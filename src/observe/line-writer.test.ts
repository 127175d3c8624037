import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { closeSync, constants, mkdtempSync, openSync, readFileSync, readSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';
import { createLineWriter } from './line-writer.ts';

const LIMIT = 1024 * 1024;

function temporaryDirectory(t: TestContext): string {
  const directory = mkdtempSync(join(tmpdir(), 'nephoscope-lines-'));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

/** A pipe whose both ends are this process and which never blocks it. */
function openPipe(t: TestContext): number {
  const path = join(temporaryDirectory(t), 'pipe');
  execFileSync('mkfifo', [path]);
  const descriptor = openSync(path, constants.O_RDWR | constants.O_NONBLOCK);
  t.after(() => closeSync(descriptor));
  return descriptor;
}

test('lines arrive whole and in order, also those longer than one write', async (t) => {
  const file = join(temporaryDirectory(t), 'a');
  const writer = createLineWriter(file, LIMIT);
  const lines = Array.from({ length: 200 }, (_, index) => `${index} ${'ä'.repeat(index * 10)}\n`);
  for (const line of lines) writer.write(line);
  await writer.close(1_000);
  assert.equal(readFileSync(file, 'utf8'), lines.join(''));
  assert.equal(writer.dropped(), 0);
});

test('lines held back by a full pipe follow when there is room again', async (t) => {
  const pipe = openPipe(t);
  const writer = createLineWriter(pipe, LIMIT);
  const line = `${'x'.repeat(999)}\n`;
  for (let index = 0; index < 200; index++) writer.write(line);
  const closed = writer.close(5_000);
  let received = 0;
  const buffer = Buffer.alloc(256 * 1024);
  while (received < 200_000) {
    await new Promise((resolve) => setTimeout(resolve, 1));
    received += tryRead(pipe, buffer);
  }
  await closed;
  assert.equal(received, 200_000);
  assert.equal(writer.dropped(), 0);
});

test('lines beyond the bound are dropped and counted, the earlier ones kept', async (t) => {
  const file = join(temporaryDirectory(t), 'a');
  const writer = createLineWriter(file, 10);
  for (const line of ['first\n', 'much too long\n', 'abc\n', 'd\n']) writer.write(line);
  await writer.close(1_000);
  assert.equal(readFileSync(file, 'utf8'), 'first\nabc\n');
  assert.equal(writer.dropped(), 2);
});

test('what a full disk refuses is counted and the writer goes on', async () => {
  const writer = createLineWriter('/dev/full', LIMIT);
  writer.write('one\n');
  writer.write('two\n');
  await writer.close(1_000);
  assert.equal(writer.dropped(), 2);
});

test('closing gives up on a pipe nobody reads, in time, and counts what was left', async (t) => {
  const writer = createLineWriter(openPipe(t), LIMIT);
  for (let index = 0; index < 500; index++) writer.write(`${'x'.repeat(999)}\n`);
  const start = performance.now();
  await Promise.all([writer.close(30), writer.close(30)]);
  assert.ok(performance.now() - start < 1_000);
  assert.ok(writer.dropped() > 300, `dropped ${writer.dropped()}`);
  const before = writer.dropped();
  writer.write('too late\n');
  assert.equal(writer.dropped(), before + 1);
});

function tryRead(descriptor: number, buffer: Buffer): number {
  try {
    return readSync(descriptor, buffer);
  } catch (error) {
    assert.equal((error as NodeJS.ErrnoException).code, 'EAGAIN');
    return 0;
  }
}
