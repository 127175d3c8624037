import assert from 'node:assert/strict';
import { test } from 'node:test';
import { runApi } from '../../test/api-v2/running-api.ts';
import { stubStore } from '../../test/api-v2/stub-store.ts';
import { NephoscopeError } from '../component/errors.ts';
import type { Intake, MessageOutcome } from '../notification/intake.ts';

/** An intake that remembers what it was given; the body of a message names its outcome. */
function recordingIntake() {
  const batches: string[][] = [];
  const intake: Intake = {
    take: async (messages) => {
      const bodies = messages.map(({ body, origin }) => {
        assert.deepEqual(origin, { source: 'http' });
        return Buffer.from(body).toString();
      });
      batches.push(bodies);
      return bodies.map((body): MessageOutcome => {
        if (body.includes('duplicate')) return 'duplicate';
        return body.includes('parked') ? 'parked' : 'accepted';
      });
    },
  };
  return { intake, batches };
}

async function post(address: string, type: string | null, body: string, more: RequestInit = {}) {
  const response = await fetch(`${address}/v1/notifications`, {
    method: 'POST',
    headers: type === null ? {} : { 'content-type': type },
    body,
    ...more,
  });
  return { status: response.status, headers: response.headers, body: JSON.parse(await response.text()) };
}

test('lines are taken in batches and counted by outcome', async () => {
  const { intake, batches } = recordingIntake();
  await using api = await runApi(stubStore(), { intake });
  const lines = [...Array(101).keys()].map((n) => `{"n":${n}}`);
  const body = [...lines, '', '{"duplicate"}\r', '  ', 'parked garbage'].join('\n');
  const answer = await post(api.address, 'application/x-ndjson', body);
  assert.deepEqual([answer.status, answer.body], [200, { accepted: 101, duplicate: 1, parked: 1 }]);
  assert.deepEqual(
    batches.map(({ length }) => length),
    [100, 3],
  );
});

test('a JSON body is one notification, over several lines too', async () => {
  const { intake, batches } = recordingIntake();
  await using api = await runApi(stubStore(), { intake });
  const answer = await post(api.address, 'application/json; charset=utf-8', '{\n"a": 1\n}');
  assert.deepEqual([answer.status, answer.body], [200, { accepted: 1, duplicate: 0, parked: 0 }]);
  assert.deepEqual(batches, [['{\n"a": 1\n}']]);
});

test('a body without notification, of another type, or compressed is refused with what to do', async () => {
  const { intake, batches } = recordingIntake();
  await using api = await runApi(stubStore(), { intake });
  const empty = await post(api.address, 'text/plain', '\n \n');
  assert.deepEqual([empty.status, empty.body.error.message], [400, 'The request body holds no notification']);
  const form = await post(api.address, 'application/x-www-form-urlencoded', '{}');
  assert.deepEqual([form.status, form.body.error.code], [415, 'E4009']);
  assert.match(form.body.error.hint, /application\/x-ndjson/);
  const zipped = await post(api.address, 'application/json', 'x', {
    headers: { 'content-type': 'application/json', 'content-encoding': 'gzip' },
  });
  assert.deepEqual(
    [zipped.status, zipped.body.error.message],
    [415, 'The content encoding gzip is not understood'],
  );
  assert.deepEqual(batches, []);
});

test('a body over the limit is refused: at once when it is announced, else where the limit is passed', async () => {
  const { intake, batches } = recordingIntake();
  await using api = await runApi(stubStore(), { intake, settings: { max_request_bytes: 2_048 } });
  const announced = await post(api.address, 'text/plain', '{}\n'.repeat(1_000));
  assert.deepEqual([announced.status, announced.body.error.code, batches.length], [413, 'E4008', 0]);
  const stream = new ReadableStream<Uint8Array>({
    pull: (controller) => controller.enqueue(Buffer.from('{}\n'.repeat(300))),
  });
  const streamed = await fetch(`${api.address}/v1/notifications`, {
    method: 'POST',
    headers: { 'content-type': 'application/x-ndjson' },
    body: stream,
    duplex: 'half',
  } as RequestInit);
  assert.equal(streamed.status, 413);
  const { error } = (await streamed.json()) as { error: { message: string } };
  assert.equal(
    error.message,
    'The request body is larger than 2048 bytes (600 notifications before it were taken; send all of them again)',
  );
});

test('when the store is away the sender is told to come again, and how much was taken', async () => {
  let calls = 0;
  const intake: Intake = {
    take: async (messages) => {
      calls++;
      if (calls > 1) throw new NephoscopeError('E3012', 'The store is away', { retry: 'transient' });
      return messages.map(() => 'accepted');
    },
  };
  await using api = await runApi(stubStore(), { intake });
  const answer = await post(api.address, 'application/x-ndjson', '{}\n'.repeat(700));
  assert.deepEqual([answer.status, answer.headers.get('retry-after')], [503, '1']);
  assert.deepEqual(answer.body.error, {
    code: 'E3012',
    message: 'The store is away (100 notifications before it were taken; send all of them again)',
    hint: answer.body.error.hint,
  });
});

test('only so many requests with notifications are worked on at a time', async () => {
  const release = Promise.withResolvers<void>();
  const sixteen = Promise.withResolvers<void>();
  let taking = 0;
  const intake: Intake = {
    take: async (messages) => {
      taking++;
      if (taking === 16) sixteen.resolve();
      await release.promise;
      return messages.map(() => 'accepted');
    },
  };
  await using api = await runApi(stubStore(), { intake });
  const first = [...Array(16)].map(() => post(api.address, 'application/json', '{}'));
  await sixteen.promise;
  const refused = await post(api.address, 'application/json', '{}');
  assert.deepEqual(
    [refused.status, refused.body.error.code, refused.headers.get('retry-after')],
    [503, 'E4011', '1'],
  );
  release.resolve();
  assert.deepEqual(
    (await Promise.all(first)).map(({ status }) => status),
    Array(16).fill(200),
  );
  assert.equal((await post(api.address, 'application/json', '{}')).status, 200);
});
