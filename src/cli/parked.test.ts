import assert from 'node:assert/strict';
import { test } from 'node:test';
import { runApi } from '../../test/api-v2/running-api.ts';
import { stubStore } from '../../test/api-v2/stub-store.ts';
import { runCommand } from '../../test/support/captured.ts';
import type { StoredParkedItem } from '../store/store.ts';
import { registerParked } from './parked.ts';

function item(id: number, code: string): StoredParkedItem {
  return {
    id,
    code,
    reason: `bad \u001b[31m${id}`,
    origin: { source: 'http' },
    body: Buffer.from(`{"n": ${id}, "auth_token": "t"`),
    parkedMicros: 1_772_323_200_000_000,
    messageId: null,
    eventType: null,
    times: 1,
  };
}

/** An API over three parked messages, of which 3 is parked again when it is replayed. */
async function parkedApi() {
  const items = new Map([item(3, 'E5002'), item(2, 'E5001'), item(1, 'E5002')].map((one) => [one.id, one]));
  const store = stubStore({
    parked: async ({ code, limit }) =>
      [...items.values()].filter((one) => code === undefined || one.code === code).slice(0, limit),
    parkedItem: async (id) => items.get(id) ?? null,
    dropParked: async (ids) => ids.filter((id) => items.delete(id)).length,
  });
  const api = await runApi(store, {
    intake: {
      take: async (messages) =>
        messages.map(({ body }) => {
          if (!Buffer.from(body).includes('"n": 3')) return 'accepted';
          items.set(3, { ...item(3, 'E5002'), times: 2 });
          return 'parked';
        }),
    },
  });
  return { api, items, [Symbol.asyncDispose]: () => api[Symbol.asyncDispose]() };
}

const parked = (address: string, ...argv: readonly string[]) =>
  runCommand(registerParked, ['parked', ...argv, '--api-url', address]);

test('the list shows why, with nothing a terminal would act on', async () => {
  await using running = await parkedApi();
  const result = await parked(running.api.address, 'list', '--code', 'E5001', '-c', 'id', '-c', 'reason');
  assert.deepEqual(result, {
    exitCode: 0,
    stderr: '',
    stdout: [
      '+----+-----------------+',
      '| id | reason          |',
      '+----+-----------------+',
      '|  2 | bad \\u001b[31m2 |',
      '+----+-----------------+',
      '',
    ].join('\n'),
  });
  assert.match((await parked(running.api.address, 'list', '--code', 'E1')).stderr, /^Nothing is parked\.\n$/);
});

test('one message can be shown, without its credentials', async () => {
  await using running = await parkedApi();
  const result = await parked(running.api.address, 'show', '2', '-f', 'value', '-c', 'code', '-c', 'body');
  assert.deepEqual(result, { exitCode: 0, stderr: '', stdout: 'E5001\n{"n": 2, "auth_token": "***"\n' });
  const missing = await parked(running.api.address, 'show', '9');
  assert.deepEqual(
    [missing.exitCode, missing.stderr.split('\n')[0]],
    [4, 'E4032 Parked notification 9 Not Found'],
  );
});

test('all of one reason can be replayed; one that is parked again makes the command fail', async () => {
  await using running = await parkedApi();
  const dry = await parked(running.api.address, 'replay', '--all', '--code', 'E5002', '--dry-run');
  assert.deepEqual(dry, { exitCode: 0, stderr: '', stdout: 'would replay 3\nwould replay 1\n' });
  const result = await parked(running.api.address, 'replay', '--all', '--code', 'E5002', '-f', 'csv');
  assert.deepEqual(result, { exitCode: 1, stderr: '', stdout: 'id,outcome\n3,parked\n1,accepted\n' });
  assert.deepEqual([...running.items.keys()], [3, 2]);
  assert.equal((await parked(running.api.address, 'replay', '2')).exitCode, 0);
});

test('dropping asks for --yes, and for which ones', async () => {
  await using running = await parkedApi();
  const asked = await parked(running.api.address, 'drop', '1', '2');
  assert.deepEqual(asked, {
    exitCode: 2,
    stdout: '',
    stderr: 'This deletes 2 parked messages for good. Add --yes to do it, --dry-run to see which.\n',
  });
  for (const argv of [['drop'], ['drop', '1', '--all'], ['drop', '1', '--code', 'E5001']]) {
    const unclear = await parked(running.api.address, ...argv, '--yes');
    assert.deepEqual([unclear.exitCode, unclear.stderr.split('\n')[0]], [2, 'E4034 Which parked messages?']);
  }
  const done = await parked(running.api.address, 'drop', '1', '--yes');
  assert.deepEqual(done, { exitCode: 0, stdout: '', stderr: 'Dropped 1 parked message.\n' });
  assert.deepEqual([...running.items.keys()], [3, 2]);
});
