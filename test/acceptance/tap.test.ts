import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { nephoscope } from '../support/cli.ts';
import { collected } from '../support/collected.ts';
import { type Server, startServer } from '../support/server.ts';
import { until } from '../support/until.ts';

const BIN = fileURLToPath(new URL('../../bin/nephoscope', import.meta.url));

const NOTIFICATION = {
  message_id: '0d1f6a55-54e2-4b0c-9f6a-1c9b1f6f8d01',
  publisher_id: 'image.node-1',
  event_type: 'image.update',
  priority: 'INFO',
  timestamp: '2026-11-20 07:36:48.473873',
  _context_auth_token: 'canary-1',
  payload: {
    id: 'image-1',
    owner: 'project-1',
    size: 4096,
    name: 'web',
    status: 'active',
    admin_pass: 'canary-2',
  },
};

async function post(server: Server, body: string): Promise<void> {
  const response = await fetch(`${server.url}/v1/notifications`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body,
  });
  assert.equal(response.status, 200, await response.text());
}

/** A `nephoscope tap` in a process of its own. */
function startTap(server: Server, args: readonly string[]) {
  const child: ChildProcess = spawn(process.execPath, [BIN, 'tap', ...args, '--url', server.url], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const stdout = collected(child.stdout as NonNullable<ChildProcess['stdout']>);
  const stderr = collected(child.stderr as NonNullable<ChildProcess['stderr']>);
  const ended = new Promise<number | null>((resolve) => child.once('close', (code) => resolve(code)));
  return {
    child,
    ended,
    stdout,
    stderr,
    [Symbol.asyncDispose]: async () => {
      child.kill('SIGKILL');
      await ended;
    },
  };
}

async function openViews(server: Server, count: number): Promise<void> {
  await until(`${count} views are open`, async () => (await server.metric('nephoscope_taps_open')) === count);
}

test('every stage shows what passes it, without credentials, and ends at its limit', async () => {
  await using server = await startServer();
  const stages = ['received', 'event', 'sample', 'published', 'parked'];
  const views = stages.map((stage) => startTap(server, [stage, '--limit', '1', '-f', 'json']));
  try {
    await openViews(server, stages.length);
    await post(server, JSON.stringify(NOTIFICATION));
    await post(server, '{"auth_token": "canary-3", broken');
    assert.deepEqual(await Promise.all(views.map(({ ended }) => ended)), [0, 0, 0, 0, 0]);
    const records = views.map(({ stdout }) => JSON.parse(stdout()).record);
    assert.ok(!JSON.stringify(records).includes('canary'), JSON.stringify(records));
    const [received, event, sample, published, parked] = records;
    assert.deepEqual([received.event_type, received.payload.admin_pass], ['image.update', '***']);
    assert.equal(event.message_id, NOTIFICATION.message_id);
    assert.deepEqual([sample.name, sample.resource_id], ['image.size', 'image-1']);
    assert.match(published.publisher, /store/);
    assert.deepEqual([parked.code, parked.origin], ['E5002', { source: 'http' }]);
    await openViews(server, 0);
  } finally {
    for (const view of views) await view[Symbol.asyncDispose]();
  }
});

test('only what fits is shown, as a line for people; Ctrl-C ends it', async () => {
  await using server = await startServer();
  await using view = startTap(server, ['received', '--match', 'payload.name=web*', '--match', 'image.*']);
  await openViews(server, 1);
  const other = { ...NOTIFICATION, message_id: 'other', payload: { ...NOTIFICATION.payload, name: 'db' } };
  const hostile = {
    ...NOTIFICATION,
    message_id: 'h',
    payload: { ...NOTIFICATION.payload, name: 'web\u001b[31m' },
  };
  for (const one of [other, NOTIFICATION, hostile]) await post(server, JSON.stringify(one));
  await until('both lines are there', () => view.stdout().split('\n').length === 3);
  const [first = '', second = ''] = view.stdout().split('\n');
  assert.match(
    first,
    /^\d\d:\d\d:\d\d\.\d{3} {2}INFO {3}image\.update {2}image\.node-1 {2}message_id=0d1f6a55\S* id=image-1 .*name=web /,
  );
  assert.match(second, /name=web\\u001b\[31m /);
  view.child.kill('SIGINT');
  assert.equal(await view.ended, 130);
  await openViews(server, 0);
});

test('a server that stops ends its views at once and says so', async () => {
  await using server = await startServer();
  await using view = startTap(server, ['event']);
  await openViews(server, 1);
  const startedAt = performance.now();
  assert.equal(await server.end('SIGTERM'), 0);
  assert.ok(performance.now() - startedAt < 5_000, 'the view does not hold up the stop');
  assert.equal(await view.ended, 69);
  assert.match(view.stderr(), /^E6032 The server stops\n/);
});

test('a condition that cannot be, too many views and no server are errors with what to do', async () => {
  await using server = await startServer();
  const url = ['--url', server.url];
  const unknown = await nephoscope(['tap', 'sample', '--match', 'nam=cpu', ...url]);
  assert.deepEqual([unknown.code, unknown.stdout], [2, '']);
  assert.match(unknown.stderr, /Stage sample has no "nam"; it has name, type, /);
  const controllers = Array.from({ length: 8 }, () => new AbortController());
  const open = await Promise.all(
    controllers.map(({ signal }) => fetch(`${server.url}/v1/tap/event`, { signal })),
  );
  assert.deepEqual(
    open.map(({ status }) => status),
    Array(8).fill(200),
  );
  const ninth = await nephoscope(['tap', 'event', ...url]);
  assert.equal(ninth.code, 69);
  assert.match(ninth.stderr, /There are 8 live views already/);
  for (const controller of controllers) controller.abort();
  await openViews(server, 0);
  const nobody = await nephoscope(['tap', '--url', 'http://127.0.0.1:9']);
  assert.equal(nobody.code, 69);
  const quiet = await nephoscope(['tap', 'dropped', '--seconds', '1', ...url]);
  assert.deepEqual([quiet.code, quiet.stdout], [0, '']);
  assert.match(quiet.stderr, /^Nothing passed in 1 s\./);
});
