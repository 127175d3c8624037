import assert from 'node:assert/strict';
import { resolve } from 'node:path';
import { test } from 'node:test';
import { loadConfigWithoutFiles } from '../config/load.ts';
import { silentLogger } from '../observe/logger.ts';
import { OPTIONS } from './options.ts';
import { createProgram } from './program.ts';

function program(stateDir: string, environment: Record<string, string> = {}) {
  const config = loadConfigWithoutFiles(OPTIONS, environment);
  const log = { logger: silentLogger, dropped: () => 0, reopen: () => {}, close: async () => {} };
  return createProgram({ config, stateDir, log, version: '0' });
}

test('a relative state directory lies in the working directory', () => {
  assert.equal(program('state').summary().store, `sqlite://${resolve('state')}/telemetry.sqlite`);
});

test('sources are those the configuration asks for', () => {
  assert.deepEqual(program('s', { OS_DEFAULT__POLLING_NAMESPACES: '' }).summary().sources, []);
  const environment = { OS_DEFAULT__TRANSPORT_URL: 'rabbit://127.0.0.1/' };
  assert.deepEqual(program('s', environment).summary().sources, ['source:polling', 'source:amqp']);
});
