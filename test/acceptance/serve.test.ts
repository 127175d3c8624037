import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { nephoscope } from '../support/cli.ts';
import { spawnServer, startServer } from '../support/server.ts';
import { until } from '../support/until.ts';

const NOTIFICATION = {
  message_id: '7a1d87ba-da76-4b4c-b345-67d0a3c814c8',
  publisher_id: 'image.node-1',
  event_type: 'image.update',
  priority: 'INFO',
  timestamp: '2026-11-20 07:36:48.473873',
  payload: { id: 'image-1', owner: 'project-1', size: 4096, name: 'Zürich', status: 'active' },
};

async function post(url: string, body: string | Uint8Array<ArrayBuffer>, type = 'application/json') {
  const response = await fetch(`${url}/v1/notifications`, {
    method: 'POST',
    headers: { 'content-type': type },
    body,
  });
  return { status: response.status, body: await response.json() };
}

async function get(url: string): Promise<unknown> {
  return await (await fetch(url)).json();
}

test('serve without any configuration says what runs in at most eight lines and shows this host within 15 seconds', async () => {
  await using server = await startServer({ env: { OS_DEFAULT__POLLING_NAMESPACES: 'host' } });
  const lines = await until('the first lines', () =>
    server.stdout().endsWith('\n') ? server.stdout().trim().split('\n') : null,
  );
  assert.ok(lines.length <= 8, server.stdout());
  assert.match(server.stdout(), new RegExp(`is ready[\\s\\S]*${server.url}[\\s\\S]*Try next`));
  const query = 'q.field=meter&q.op=eq&q.value=hardware.cpu.util';
  const samples = await until(
    'the load of this host is measured',
    async () => {
      const found = await get(`${server.url}/v2/samples?${query}`);
      return Array.isArray(found) && found.length > 0 ? found : null;
    },
    15_000,
  );
  assert.equal(samples[0].unit, '%');
  assert.equal(await server.end('SIGTERM'), 0);
});

test('a notification is stored once, and the answer says what became of each', async () => {
  await using server = await startServer();
  const body = JSON.stringify(NOTIFICATION);
  const envelope = JSON.stringify({ 'oslo.version': '2.0', 'oslo.message': body });
  assert.deepEqual(await post(server.url, body), {
    status: 200,
    body: { accepted: 1, duplicate: 0, parked: 0 },
  });
  assert.deepEqual(await post(server.url, `${envelope}\n{"no":"event"}\n`, 'application/x-ndjson'), {
    status: 200,
    body: { accepted: 0, duplicate: 1, parked: 1 },
  });
  const events = await get(`${server.url}/v2/events`);
  assert.deepEqual(
    (events as { message_id: string; generated: string }[]).map(({ message_id, generated }) => [
      message_id,
      generated,
    ]),
    [[NOTIFICATION.message_id, '2026-11-20T07:36:48.473873']],
  );
  const [sample] = (await get(`${server.url}/v2/meters/image.size`)) as Record<string, unknown>[];
  assert.equal(sample?.['counter_volume'], 4096);
  assert.equal(sample?.['resource_id'], 'image-1');
  assert.deepEqual(
    await get(`${server.url}/v2/samples/${sample?.['message_id']}`).then((one) => (one as { id: string }).id),
    sample?.['message_id'],
  );
});

test('what was acknowledged is there after a restart', async (t) => {
  const stateDir = mkdtempSync(join(tmpdir(), 'nephoscope-restart-'));
  t.after(() => rmSync(stateDir, { recursive: true, force: true }));
  {
    const server = await startServer({ stateDir });
    await post(server.url, JSON.stringify(NOTIFICATION));
    assert.equal(await server.end('SIGKILL'), 'SIGKILL');
  }
  await using server = await startServer({ stateDir });
  assert.deepEqual(await post(server.url, JSON.stringify(NOTIFICATION)), {
    status: 200,
    body: { accepted: 0, duplicate: 1, parked: 0 },
  });
  assert.equal(statSync(stateDir).mode & 0o777, 0o700);
});

test('bad input of every kind is parked with its reason, or stored exactly; the server goes on', async () => {
  await using server = await startServer();
  const base = JSON.stringify(NOTIFICATION);
  const withPayload = (payload: string, id: string): string =>
    `{"message_id":"${id}","publisher_id":"p","event_type":"odd.thing","priority":"INFO","timestamp":"2026-11-20 07:36:48","payload":${payload}}`;
  const parked: readonly [string, string | Uint8Array<ArrayBuffer>][] = [
    ['E5002', '{"message_id": '],
    ['E5001', new Uint8Array([0x7b, 0x22, 0xff, 0xfe, 0x22, 0x7d])],
    ['E5003', '{"oslo.version":"2.0","oslo.message":"{broken"}'],
    ['E5004', '{"oslo.version":"3.0","oslo.message":"{}"}'],
    ['E5005', base.replace('event_type', 'event_typo')],
    ['E5006', base.replace('"image.update"', '17')],
    ['E5007', base.replace('INFO', 'SHOUT')],
    ['E5008', base.replace('2026-11-20 07:36:48.473873', 'yesterday')],
    ['E5011', withPayload(`"${'x'.repeat(2 * 1024 * 1024)}"`, 'big')],
    ['E5012', withPayload(`${'['.repeat(10_000)}${']'.repeat(10_000)}`, 'deep')],
    ['E5010', base.replace('Zürich', '\\ud800')],
  ];
  for (const [code, body] of parked) {
    assert.deepEqual((await post(server.url, body)).body, { accepted: 0, duplicate: 0, parked: 1 }, code);
  }
  const list = (await get(`${server.url}/v1/parked?limit=100`)) as { code: string }[];
  assert.deepEqual(list.map(({ code }) => code).sort(), parked.map(([code]) => code).sort());
  const stored = [
    base.replace(NOTIFICATION.message_id, 'proto').replace('"id"', '"__proto__":{"x":1},"id"'),
    base.replace(NOTIFICATION.message_id, 'large').replace('4096', '9007199254740993'),
    base.replace(NOTIFICATION.message_id, 'nul').replace('Zürich', 'a\\u0000b'),
  ];
  assert.deepEqual((await post(server.url, stored.join('\n'), 'application/x-ndjson')).body, {
    accepted: 3,
    duplicate: 0,
    parked: 0,
  });
  const large = (await get(`${server.url}/v2/events/large`)) as { traits: { name: string; value: string }[] };
  assert.equal(large.traits.find(({ name }) => name === 'size')?.value, '9007199254740993');
  assert.equal(await server.metric('nephoscope_parked_total'), parked.length);
});

test('parked messages can be listed, shown, replayed and dropped from the command line', async () => {
  await using server = await startServer();
  const api = ['--api-url', server.url];
  await post(server.url, 'not json');
  await post(server.url, JSON.stringify({ ...NOTIFICATION, priority: 'SHOUT' }));
  const listed = await nephoscope(['parked', 'list', '-f', 'json', ...api]);
  assert.equal(listed.code, 0, listed.stderr);
  const items: { id: number; code: string }[] = JSON.parse(listed.stdout);
  assert.deepEqual(items.map(({ code }) => code).sort(), ['E5002', 'E5007']);
  const [shown] = items.filter(({ code }) => code === 'E5002');
  assert.match((await nephoscope(['parked', 'show', String(shown?.id), ...api])).stdout, /not json/);
  const replayed = await nephoscope(['parked', 'replay', String(shown?.id), ...api]);
  assert.match(replayed.stdout + replayed.stderr, /parked/);
  const dropped = await nephoscope(['parked', 'drop', '--all', '--yes', ...api]);
  assert.equal(dropped.code, 0, dropped.stderr);
  assert.deepEqual(await get(`${server.url}/v1/parked`), []);
});

test('every mistake of every file is reported at once and nothing starts', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'nephoscope-bad-'));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  const file = (name: string, text: string): string => {
    writeFileSync(join(directory, name), text);
    return join(directory, name);
  };
  const pipeline = file(
    'pipeline.yaml',
    'sources: [{name: s, meters: ["*"], sinks: [nowhere]}]\nsinks: []\n',
  );
  const events = file(
    'events.yaml',
    '- event_type: "a.*"\n  traits: {size: {type: integer, fields: payload.size}}\n- event_type: good\n  traits: {}\n',
  );
  const config = file(
    'my.conf',
    `[DEFAULT]\npipeline_cfg_file = ${pipeline}\n[event]\ndefinitions_cfg_file = ${events}\n`,
  );
  const ended = await nephoscope(['serve', '--config-file', config, '--state-dir', directory]);
  assert.equal(ended.code, 78);
  assert.match(ended.stderr, /E1106 .*nowhere[\s\S]*pipeline\.yaml:1:44/);
  assert.match(ended.stderr, /E12\d\d [\s\S]*events\.yaml:2:/);
  const checked = await nephoscope(['config', 'check', '--config-file', config]);
  assert.equal(checked.code, 78);
  assert.match(checked.stdout, /sample pipelines +1 mistake +.*pipeline\.yaml\n/);
  assert.match(checked.stdout, /meter definitions +good +.*meters\.yaml\n/);
});

test('the first signal lets a request in hand finish, the second ends at once', async () => {
  await using server = await startServer();
  const body = new ReadableStream<Uint8Array>({
    start: (controller) => controller.enqueue(Buffer.from(`${JSON.stringify(NOTIFICATION)}\n`)),
  });
  const headers = { 'content-type': 'application/x-ndjson' };
  const unfinished = fetch(`${server.url}/v1/notifications`, {
    method: 'POST',
    headers,
    body,
    duplex: 'half',
  } as RequestInit).catch(() => null);
  const inFlight = () => server.metric('nephoscope_api_requests_in_flight');
  await until('the request is in hand beside the question', async () => (await inFlight()) === 2);
  server.child.kill('SIGTERM');
  await until('nothing new is taken', () =>
    fetch(`${server.url}/healthz`).then(
      () => false,
      () => true,
    ),
  );
  assert.equal(server.child.exitCode, null, 'it waits for the request');
  const startedAt = performance.now();
  assert.equal(await server.end('SIGTERM'), 143);
  assert.ok(performance.now() - startedAt < 3_000);
  await unfinished;
});

test('two servers cannot share a state directory', async () => {
  await using first = await startServer();
  const second = await spawnServer({ stateDir: first.stateDir });
  await assert.rejects(second.ready(), /E30\d\d/);
});

test('only loopback is listened on as long as there is no authentication', async () => {
  const server = await spawnServer({ env: { OS_API__HOST: '0.0.0.0' } });
  await using _ = server;
  await assert.rejects(server.ready(), /E4012/);
});
