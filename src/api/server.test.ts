import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { test } from 'node:test';
import { apiConfig, runApi } from '../../test/api-v2/running-api.ts';
import { stubStore } from '../../test/api-v2/stub-store.ts';
import { createDeadline } from '../component/component.ts';
import { NephoscopeError } from '../component/errors.ts';
import { silentLogger } from '../observe/logger.ts';
import { Metrics } from '../observe/metrics.ts';
import { Taps } from '../observe/taps.ts';
import { createApiServer } from './server.ts';

/** Status and parsed body of a request. */
async function ask(address: string, path: string, options: RequestInit = {}) {
  const response = await fetch(address + path, options);
  const text = await response.text();
  return { status: response.status, body: text === '' ? null : JSON.parse(text), headers: response.headers };
}

function fault(faultcode: 'Client' | 'Server', faultstring: string) {
  return { error_message: { faultcode, faultstring, debuginfo: null } };
}

/** What a raw socket gets back until the server closes it. */
function raw(address: string, request: string): Promise<string> {
  const { hostname, port } = new URL(address);
  return new Promise((resolve, reject) => {
    let text = '';
    const socket = connect(Number(port), hostname, () => socket.write(request));
    socket.setEncoding('utf8');
    socket.on('data', (chunk) => {
      text += chunk;
    });
    socket.on('close', () => resolve(text));
    socket.on('error', reject);
  });
}

test('an address that is not loopback is refused before anything listens', () => {
  const parts = {
    store: stubStore(),
    intake: { take: async () => [] },
    metrics: new Metrics(),
    taps: new Taps(new Metrics()),
  };
  const create = () =>
    createApiServer({
      ...parts,
      config: apiConfig({ host: '0.0.0.0' }),
      statuses: () => [],
      logger: silentLogger,
    });
  assert.throws(create, {
    code: 'E4012',
    message: 'The API would listen on 0.0.0.0, which others can reach',
  });
});

test('an address that is taken is a named error, and the server can be started once it is free', async () => {
  const first = await runApi(stubStore());
  const { port } = new URL(first.address);
  const second = createApiServer({
    config: apiConfig({ port: Number(port) }),
    store: stubStore(),
    intake: { take: async () => [] },
    metrics: new Metrics(),
    taps: new Taps(new Metrics()),
    statuses: () => [],
    logger: silentLogger,
  });
  const signal = AbortSignal.timeout(5_000);
  const message = `The API cannot listen on ${first.address}: another program listens there`;
  await assert.rejects(second.start(signal), { code: 'E4013', message });
  assert.deepEqual(second.status(), { state: 'failed', reason: message });
  await first[Symbol.asyncDispose]();
  await second.start(signal);
  assert.deepEqual(second.status(), { state: 'ok' });
  await Promise.all([second.stop(createDeadline(1_000)), second.stop(createDeadline(1_000))]);
  assert.deepEqual(second.status(), { state: 'stopped', reason: 'stopped' });
});

test('every answer has a request id of its own and the type of JSON', async () => {
  await using api = await runApi(stubStore());
  const ids = new Set<string | null>();
  for (const path of ['/', '/v2/meters', '/v2/nope', '/v2/meters?limit=x', '/v2/resources/%ff', '/healthz']) {
    const { headers } = await ask(api.address, path);
    assert.equal(headers.get('content-type'), 'application/json', path);
    assert.match(
      headers.get('x-openstack-request-id') ?? '',
      /^req-[\da-f]{8}-[\da-f]{4}-4[\da-f]{3}-[\da-f-]{17}$/,
    );
    ids.add(headers.get('x-openstack-request-id'));
  }
  assert.equal(ids.size, 6);
});

test('the version document names the address that was asked', async () => {
  await using api = await runApi(stubStore());
  const { body } = await ask(api.address, '/');
  assert.deepEqual(body.versions.values[0].links[0], { href: `${api.address}/v2`, rel: 'self' });
  assert.deepEqual(body.versions.values[0]['media-types'], [
    { base: 'application/json', type: 'application/vnd.openstack.telemetry-v2+json' },
    { base: 'application/xml', type: 'application/vnd.openstack.telemetry-v2+xml' },
  ]);
});

test('an unknown path and a wrong method are routing errors that can be read as faults too', async () => {
  await using api = await runApi(stubStore());
  const unknown = await ask(api.address, '/v2/nope');
  assert.equal(unknown.status, 404);
  assert.deepEqual(unknown.body, {
    error_message: {
      code: 404,
      title: 'Not Found',
      description: 'There is no path /v2/nope',
      faultcode: 'Client',
      faultstring: 'There is no path /v2/nope',
      debuginfo: null,
    },
  });
  const wrong = await ask(api.address, '/v2/meters/cpu', { method: 'DELETE' });
  assert.equal(wrong.status, 405);
  assert.equal(wrong.headers.get('allow'), 'GET, HEAD');
  assert.equal(wrong.body.error_message.title, 'Method Not Allowed');
  assert.equal((await ask(api.address, '/v2/query/samples', { method: 'POST', body: '{}' })).status, 404);
  assert.equal((await ask(api.address, '/v2/meters/cpu', { method: 'POST', body: '[]' })).status, 405);
  assert.equal((await ask(api.address, '/v2/alarms')).status, 410);
});

test('hostile requests are refused, never failed on', async () => {
  await using api = await runApi(stubStore());
  const q = (field: string, value: string, more = '') =>
    `/v2/samples?${new URLSearchParams([
      ['q.field', field],
      ['q.value', value],
    ])}${more}`;
  const refused = [
    '/v2/samples?limit=-9999999999999999999999',
    '/v2/samples?limit=1e3',
    '/v2/samples?__proto__=1',
    '/v2/samples?constructor=1',
    '/v2/samples/%00',
    '/v2/resources/a%00b',
    '/v2/resources/%c3%28',
    q('timestamp', '99999-01-01', '&q.op=ge'),
    q('timestamp', '2026-02-30', '&q.op=ge'),
    q('user', '\0'),
    q('__proto__', 'x'),
    q('metadata.', 'x'),
    `/v2/samples?q.field=${'a'.repeat(40_000)}&q.value=1`,
    `/v2/samples?x=${'a'.repeat(100_000)}`,
    '/v2/meters/cpu/statistics?period=99999999999999999999',
    '/v2/events?q.field=start_timestamp&q.value=zz&q.op=ge',
    '/v1/parked/99999999999999999999',
    '/v1/parked/-1',
  ];
  for (const path of refused) {
    const { status } = await ask(api.address, path);
    assert.ok(status >= 400 && status < 500, `${status} ${path.slice(0, 80)}`);
  }
  const harmless = [
    '/v2/samples?limit=99999999999999999999',
    q('metadata.__proto__', 'x'),
    q('metadata.a', '1'.repeat(30_000)),
    q('timestamp', '0001-01-01T00:00:00', '&q.op=ge'),
    q('timestamp', '9999-12-31T23:59:59.999999', '&q.op=le'),
    '/v2/resources/__proto__',
  ];
  for (const path of harmless) {
    const { status } = await ask(api.address, path);
    assert.ok(status === 200 || status === 404, `${status} ${path.slice(0, 80)}`);
  }
});

test('what is no HTTP gets an answer of one line of JSON and the connection is closed', async () => {
  await using api = await runApi(stubStore());
  assert.match(
    await raw(api.address, 'NONSENSE\r\n\r\n'),
    /^HTTP\/1\.1 400 Bad Request\r\nConnection: close\r\n/,
  );
  const answer = await raw(api.address, 'GET / HTTP/1.1\r\nHost: evil.test\r\nConnection: close\r\n\r\n');
  assert.match(answer, /^HTTP\/1\.1 403 Forbidden\r\n/);
  assert.match(answer, /The Host header does not name this machine: evil\.test/);
});

test('a page from elsewhere cannot make a browser post notifications', async () => {
  let taken = 0;
  const intake = { take: async () => [...Array(++taken)].map(() => 'accepted' as const) };
  await using api = await runApi(stubStore(), { intake });
  const headers = { 'content-type': 'text/plain', origin: 'http://evil.test' };
  const answer = await ask(api.address, '/v1/notifications', { method: 'POST', headers, body: '{}' });
  assert.deepEqual([answer.status, answer.body.error.code, taken], [403, 'E4010', 0]);
});

test('a store that is away gives 503 and when to come again; one that refuses the question gives 400', async () => {
  const away = new NephoscopeError('E3012', 'The store is not running', { retry: 'transient' });
  const bad = new NephoscopeError('E3013', 'No such field');
  await using api = await runApi(
    stubStore({
      eventTypes: async () => Promise.reject(away),
      meters: async () => Promise.reject(bad),
      sample: async () => Promise.reject(new TypeError('secret detail')),
    }),
  );
  const unavailable = await ask(api.address, '/v2/event_types');
  assert.deepEqual([unavailable.status, unavailable.headers.get('retry-after')], [503, '1']);
  assert.deepEqual(unavailable.body, fault('Server', 'The store is not running'));
  const refused = await ask(api.address, '/v2/meters');
  assert.deepEqual([refused.status, refused.body], [400, fault('Client', 'No such field')]);
  const failed = await ask(api.address, '/v2/samples/1');
  assert.deepEqual([failed.status, failed.body], [500, fault('Server', 'The request failed unexpectedly')]);
});

test('an answer that would hold more than the bound is refused, whatever the limit; the default limit is applied', async () => {
  const limits: (number | undefined)[] = [];
  const stored = Array.from({ length: 8 }, (_, index) => `type-${index}`);
  await using api = await runApi(
    stubStore({
      events: async ({ limit }) => {
        limits.push(limit);
        return stored.slice(0, limit).map((eventType) => ({
          messageId: eventType,
          eventType,
          generated: '2026-03-01T00:00:00',
          generatedMicros: 0,
          priority: null,
          deployment: null,
          traits: [],
          raw: null,
        }));
      },
    }),
    { settings: { default_api_return_limit: 3, maximum_return_items: 5 } },
  );
  assert.equal((await ask(api.address, '/v2/events')).body.length, 3);
  assert.equal((await ask(api.address, '/v2/events?limit=5')).body.length, 5);
  const tooMany = await ask(api.address, '/v2/events?limit=1000000000');
  assert.deepEqual(
    [tooMany.status, tooMany.body],
    [400, fault('Client', 'The answer would hold more than 5 items')],
  );
  assert.deepEqual(limits, [3, 5, 6]);
});

test('long lists asked for at once are made one after another, short ones beside them', async () => {
  const asked: (number | undefined)[] = [];
  const gate = Promise.withResolvers<void>();
  await using api = await runApi(
    stubStore({
      events: async ({ limit }) => {
        asked.push(limit);
        if (asked.length === 1) await gate.promise;
        return [];
      },
    }),
    { settings: { default_api_return_limit: 1, maximum_return_items: 5 } },
  );
  const first = ask(api.address, '/v2/events?limit=4');
  const short = ask(api.address, '/v2/events');
  assert.deepEqual((await short).status, 200);
  const long = ask(api.address, '/v2/events?limit=5');
  assert.deepEqual((await ask(api.address, '/healthz')).status, 200);
  assert.deepEqual(asked, [4, 1]);
  gate.resolve();
  assert.deepEqual([(await first).status, (await long).status], [200, 200]);
  assert.deepEqual(asked, [4, 1, 5]);
});

test('readiness is the worst state of all parts, with reasons', async () => {
  const store = stubStore();
  await using api = await runApi(store);
  assert.deepEqual((await ask(api.address, '/readyz')).body, {
    state: 'ok',
    components: [
      { name: 'store:stub', state: 'ok' },
      { name: 'api', state: 'ok' },
    ],
  });
  store.status = () => ({ state: 'degraded', reason: 'slow disk' });
  assert.equal((await ask(api.address, '/readyz')).status, 200);
  store.status = () => ({ state: 'failed', reason: 'disk full' });
  const failed = await ask(api.address, '/readyz');
  assert.deepEqual(
    [failed.status, failed.body.state, failed.body.components[0]],
    [503, 'failed', { name: 'store:stub', state: 'failed', reason: 'disk full' }],
  );
  assert.equal((await ask(api.address, '/healthz')).status, 200);
});

test('requests are counted under their route, unknown paths together', async () => {
  await using api = await runApi(stubStore());
  for (const path of ['/v2/meters/a', '/v2/meters/b', '/v2/x', '/v2/y', '/v2/meters/a?limit=0'])
    await ask(api.address, path);
  const text = await (await fetch(`${api.address}/metrics`)).text();
  const counts = text.split('\n').filter((line) => line.startsWith('nephoscope_api_requests_total{'));
  assert.deepEqual(counts, [
    'nephoscope_api_requests_total{route="/v2/meters/:meter",method="GET",status="200"} 2',
    'nephoscope_api_requests_total{route="(none)",method="GET",status="404"} 2',
    'nephoscope_api_requests_total{route="/v2/meters/:meter",method="GET",status="400"} 1',
  ]);
});

test('a stop lets a running request finish', async () => {
  const asked = Promise.withResolvers<void>();
  const release = Promise.withResolvers<void>();
  const api = await runApi(
    stubStore({
      eventTypes: async () => {
        asked.resolve();
        await release.promise;
        return ['late'];
      },
    }),
  );
  const answer = ask(api.address, '/v2/event_types');
  await asked.promise;
  const stopped = api[Symbol.asyncDispose]();
  release.resolve();
  assert.deepEqual((await answer).body, ['late']);
  await stopped;
});

test('a stop cuts what is still running at its deadline', async () => {
  const asked = Promise.withResolvers<AbortSignal>();
  const intake = {
    take: async (_messages: unknown, signal: AbortSignal) => {
      asked.resolve(signal);
      await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
      throw new NephoscopeError('E3012', 'stopped', { retry: 'transient' });
    },
  };
  const server = createApiServer({
    config: apiConfig({ port: 0 }),
    store: stubStore(),
    intake,
    metrics: new Metrics(),
    taps: new Taps(new Metrics()),
    statuses: () => [],
    logger: silentLogger,
  });
  await server.start(AbortSignal.timeout(5_000));
  const answer = fetch(`${server.address()}/v1/notifications`, {
    method: 'POST',
    body: '{}',
    headers: { 'content-type': 'application/json' },
  });
  const signal = await asked.promise;
  const started = performance.now();
  await Promise.all([server.stop(createDeadline(100)), assert.rejects(answer)]);
  assert.ok(signal.aborted);
  assert.ok(performance.now() - started < 2_000);
});
