import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  closeSync,
  constants,
  mkdtempSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';
import { until } from '../../test/support/until.ts';
import { NephoscopeError } from '../component/errors.ts';
import { createLogger, silentLogger } from './logger.ts';

function temporaryDirectory(t: TestContext): string {
  const directory = mkdtempSync(join(tmpdir(), 'nephoscope-log-'));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

function readLines(file: string): unknown[] {
  const lines = readFileSync(file, 'utf8').split('\n').slice(0, -1);
  return lines.map((line) => {
    const { time, ...rest } = JSON.parse(line);
    assert.match(String(time), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
    return rest;
  });
}

test('JSON lines carry level, message, fields and those of the child logger', async (t) => {
  const file = join(temporaryDirectory(t), 'a.log');
  const output = createLogger({ level: 'info', format: 'json', destination: file });
  output.logger.child({ part: 'api' }).warn({ port: 8777 }, 'Listening');
  output.logger.debug('Hidden below the level');
  output.logger.info('Ready');
  await output.close(1_000);
  assert.deepEqual(readLines(file), [
    { level: 'warn', part: 'api', port: 8777, msg: 'Listening' },
    { level: 'info', msg: 'Ready' },
  ]);
  assert.equal(statSync(file).mode & 0o777, 0o640 & ~process.umask());
  assert.equal(output.dropped(), 0);
});

test('secrets are hidden by name and inside URLs', async (t) => {
  const file = join(temporaryDirectory(t), 'a.log');
  const output = createLogger({ level: 'info', format: 'json', destination: file });
  const options = { password: 'canary', user: 'nova' };
  const headers = { 'X-Auth-Token': 'canary' };
  output.logger.info({ options, headers, token: 'canary', url: 'amqp://nova:canary@mq' }, 'Login');
  await output.close(1_000);
  assert.deepEqual(readLines(file), [
    {
      level: 'info',
      options: { password: '(secret)', user: 'nova' },
      headers: { 'X-Auth-Token': '(secret)' },
      token: '(secret)',
      url: 'amqp://nova:(secret)@mq',
      msg: 'Login',
    },
  ]);
});

test('an error is logged with its code and hint', async (t) => {
  const file = join(temporaryDirectory(t), 'a.log');
  const output = createLogger({ level: 'info', format: 'text', destination: file });
  output.logger.error({ err: new NephoscopeError('E7002', 'No disk', { hint: 'Add one.' }) }, 'Failed');
  await output.close(1_000);
  const [, ...words] = readFileSync(file, 'utf8').split(' ');
  assert.equal(words.join(' '), 'ERROR Failed  error="No disk" code=E7002 hint="Add one."\n');
});

test('a rotated log file goes on under its old name', async (t) => {
  const directory = temporaryDirectory(t);
  const file = join(directory, 'a.log');
  const output = createLogger({ level: 'info', format: 'json', destination: file });
  output.logger.info('Before');
  await until('the first line is written', () => readFileSync(file, 'utf8') !== '');
  renameSync(file, `${file}.1`);
  output.reopen();
  await until('the file is there again', () => statSync(file, { throwIfNoEntry: false }) !== undefined);
  output.logger.info('After');
  await output.close(1_000);
  assert.deepEqual(readLines(`${file}.1`), [{ level: 'info', msg: 'Before' }]);
  assert.deepEqual(readLines(file), [{ level: 'info', msg: 'After' }]);
});

test('a log file that cannot be opened is refused at once', (t) => {
  const file = join(temporaryDirectory(t), 'missing', 'a.log');
  assert.throws(
    () => createLogger({ level: 'info', format: 'json', destination: file }),
    (thrown) => thrown instanceof NephoscopeError && thrown.code === 'E6001' && thrown.message.includes(file),
  );
});

test('a reader that never reads holds up neither the work nor the end, and the loss is counted', async (t) => {
  const pipe = join(temporaryDirectory(t), 'pipe');
  execFileSync('mkfifo', [pipe]);
  const descriptor = openSync(pipe, constants.O_RDWR | constants.O_NONBLOCK);
  t.after(() => closeSync(descriptor));
  const output = createLogger({
    level: 'info',
    format: 'json',
    destination: descriptor,
    maxBufferedBytes: 10_000,
  });
  const start = performance.now();
  for (let index = 0; index < 5_000; index++) output.logger.info({ index }, 'A line of some length');
  await output.close(50);
  assert.ok(performance.now() - start < 2_000);
  assert.ok(output.dropped() > 4_000, `dropped ${output.dropped()}`);
});

test('the silent logger takes everything', () => {
  assert.equal(silentLogger.child({ part: 'api' }).error({ err: new Error('x') }, 'Lost'), undefined);
});
