import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Value } from '@sinclair/typebox/value';
import { type RunningApi, runApi } from '../../test/api-v2/running-api.ts';
import { stubStore } from '../../test/api-v2/stub-store.ts';
import type { MessageOutcome } from '../notification/intake.ts';
import type { StoredParkedItem } from '../store/store.ts';
import { PARKED_ROUTES } from './parked.ts';

const ITEM: StoredParkedItem = {
  id: 7,
  code: 'E5002',
  reason: 'not JSON',
  origin: { source: 'amqp', exchange: 'nova', routingKey: 'notifications.info' },
  body: Buffer.from('{"_context_auth_token": "gAAA", "event_type": "a.b'),
  parkedMicros: 1_772_323_200_500_000,
  messageId: null,
  eventType: 'a.b',
  times: 2,
};

const SUMMARY = {
  id: 7,
  code: 'E5002',
  reason: 'not JSON',
  event_type: 'a.b',
  message_id: null,
  parked_at: '2026-03-01T00:00:00.500000Z',
  times: 2,
  size_bytes: 50,
  origin: { source: 'amqp', exchange: 'nova', routingKey: 'notifications.info' },
};

/** An API over one parked item; `outcome` is what processing it again gives, `then` how it lies there afterwards. */
async function parkedApi(item: StoredParkedItem, outcome: MessageOutcome = 'accepted', then = item) {
  const dropped: number[] = [];
  const taken: string[] = [];
  let current: StoredParkedItem = item;
  const store = stubStore({
    parked: async ({ code }) => (code === undefined || code === current.code ? [current] : []),
    parkedItem: async (id) => (id === current.id && !dropped.includes(id) ? current : null),
    dropParked: async (ids) => {
      const found = ids.filter((id) => id === current.id && !dropped.includes(id));
      dropped.push(...found);
      return found.length;
    },
  });
  const api = await runApi(store, {
    intake: {
      take: async (messages) => {
        taken.push(...messages.map(({ body, origin }) => `${origin['exchange']} ${Buffer.from(body)}`));
        current = then;
        return messages.map(() => outcome);
      },
    },
  });
  return { api, dropped, taken, [Symbol.asyncDispose]: () => api[Symbol.asyncDispose]() };
}

async function ask(api: RunningApi, path: string, method = 'GET') {
  const response = await fetch(`${api.address}/v1/parked${path}`, { method });
  const text = await response.text();
  return { status: response.status, body: text === '' ? null : JSON.parse(text) };
}

test('the list has everything but the bodies, and can be narrowed to a code', async () => {
  await using parked = await parkedApi(ITEM);
  const all = await ask(parked.api, '');
  assert.deepEqual(all, { status: 200, body: [SUMMARY] });
  assert.deepEqual((await ask(parked.api, '?code=E5001')).body, []);
  const schema = PARKED_ROUTES.find(({ path, method }) => path === '/v1/parked' && method === 'GET')?.answer;
  assert.ok(schema !== undefined && Value.Check(schema, all.body));
});

test('a body is shown as text with its credentials overwritten, or in base64 when it is no text', async () => {
  {
    await using parked = await parkedApi(ITEM);
    const body = '{"_context_auth_token": "***", "event_type": "a.b';
    assert.deepEqual(await ask(parked.api, '/7'), { status: 200, body: { ...SUMMARY, body } });
  }
  await using binary = await parkedApi({ ...ITEM, body: Buffer.from('\xff"password":"x"', 'latin1') });
  const { body } = await ask(binary.api, '/7');
  assert.equal(body.body, undefined);
  assert.equal(Buffer.from(body.body_base64, 'base64').toString('latin1'), '\xff"password":"***"');
});

test('a replayed message goes through the intake as it came and is dropped when it is taken', async () => {
  for (const outcome of ['accepted', 'duplicate'] as const) {
    await using parked = await parkedApi(ITEM, outcome);
    assert.deepEqual(await ask(parked.api, '/7/replay', 'POST'), { status: 200, body: { id: 7, outcome } });
    assert.deepEqual(parked.taken, [`nova ${Buffer.from(ITEM.body)}`]);
    assert.deepEqual(parked.dropped, [7]);
    assert.equal((await ask(parked.api, '/7')).status, 404);
  }
});

test('a message that is parked again stays, unless the reason is another one: then the old entry goes', async () => {
  {
    await using again = await parkedApi(ITEM, 'parked', { ...ITEM, times: 3 });
    assert.deepEqual((await ask(again.api, '/7/replay', 'POST')).body, { id: 7, outcome: 'parked' });
    assert.deepEqual(again.dropped, []);
  }
  await using other = await parkedApi(ITEM, 'parked');
  assert.deepEqual((await ask(other.api, '/7/replay', 'POST')).body, { id: 7, outcome: 'parked' });
  assert.deepEqual(other.dropped, [7]);
});

test('an item can be dropped once', async () => {
  await using parked = await parkedApi(ITEM);
  assert.deepEqual(await ask(parked.api, '/7', 'DELETE'), { status: 204, body: null });
  const gone = await ask(parked.api, '/7', 'DELETE');
  assert.deepEqual(
    [gone.status, gone.body.error.code, gone.body.error.message],
    [404, 'E4004', 'Parked notification 7 Not Found'],
  );
});
