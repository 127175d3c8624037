import assert from 'node:assert/strict';
import { suite, type TestContext, test } from 'node:test';
import { eventPublisherContract, type Peer, samplePublisherContract } from '../../test/contract/publisher.ts';
import { createBare, httpFaults, startBare } from '../../test/contract/publisher-fixture.ts';
import { eventNumber, sampleNumber } from '../../test/contract/publisher-items.ts';
import { createCertificates, opensslAvailable } from '../../test/support/certificates.ts';
import { httpTargetFor, type ReceivedRequest, startHttpTarget } from '../../test/support/http-target.ts';
import { skipUnless } from '../../test/support/services.ts';
import type { JsonObject } from '../model/json.ts';
import { Metrics } from '../observe/metrics.ts';
import { HTTP_PUBLISHER } from './http.ts';
import type { PublisherContext } from './publisher.ts';

interface Document {
  readonly id?: string;
  readonly message_id?: string;
}

function documentsOf({ body }: ReceivedRequest): readonly Document[] {
  const value: Document | readonly Document[] = JSON.parse(String(body));
  return Array.isArray(value) ? value : [value as Document];
}

/** The smallest service: takes what it can read, and refuses a request with a poisoned item in it. */
async function openPeer(t: TestContext, query = ''): Promise<Peer> {
  const target = await httpTargetFor(t);
  const taken: string[] = [];
  target.react((request) => {
    const documents = documentsOf(request);
    if (String(request.body).includes('poison')) return { status: 422, body: 'no poison, please' };
    taken.push(...documents.map(({ id, message_id }) => id ?? message_id ?? ''));
    return { status: 201 };
  });
  return {
    url: `http://127.0.0.1:${target.port}/in${query}`,
    arrived: () => taken,
    ...httpFaults(target),
  };
}

suite('the contract of publishers', () => {
  samplePublisherContract({
    definition: HTTP_PUBLISHER,
    open: (t) => openPeer(t),
    poison: (index) => sampleNumber(index, { resourceId: 'poison' }),
  });
  eventPublisherContract({
    definition: HTTP_PUBLISHER,
    open: (t) => openPeer(t),
    poison: (index) => eventNumber(index, { eventType: 'poison' }),
  });
  suite('one request for each', () => {
    samplePublisherContract({
      definition: HTTP_PUBLISHER,
      open: (t) => openPeer(t, '?batch=False'),
      poison: (index) => sampleNumber(index, { resourceId: 'poison' }),
      count: 500,
    });
  });
});

const startSamples = (t: TestContext, url: string, given: Partial<PublisherContext> = {}) =>
  startBare(t, HTTP_PUBLISHER, 'samples', url, given);

const startEvents = (t: TestContext, url: string, metrics = new Metrics()) =>
  startBare(t, HTTP_PUBLISHER, 'events', url, { metrics });

const ACCEPTED_ONE = { accepted: 1, duplicates: [], rejected: [] };

test('samples go out as a list of internal mappings, to the path with the rest of the query', async (t) => {
  const target = await httpTargetFor(t);
  const url = `http://us%40er:p%3Aw@127.0.0.1:${target.port}/a%20b?timeout=3&x=1&max_retries=9&y=%26`;
  const publisher = await startSamples(t, url);
  const sample = sampleNumber(7, { volume: 1e21, resourceMetadata: { big: 12_345_678_901_234_567_890n } });
  assert.deepEqual(await publisher.publish([sample], t.signal), ACCEPTED_ONE);
  const [{ method, path, headers, body } = assert.fail()] = target.requests;
  assert.deepEqual(
    [method, path, headers['content-type'], headers.authorization],
    ['POST', '/a%20b?x=1&y=%26', 'application/json', `Basic ${btoa('us@er:p:w')}`],
  );
  const [text = ''] = /^\[(.*)\]$/s.exec(String(body))?.slice(1) ?? [];
  assert.match(text, /"volume":1e\+21/);
  assert.match(text, /"resource_metadata":\{"big":12345678901234567890\}/);
  const { resource_metadata, ...rest } = JSON.parse(text);
  assert.deepEqual(rest, {
    name: 'cpu.utilization',
    type: 'gauge',
    unit: '%',
    volume: 1e21,
    user_id: 'user-1',
    user_name: null,
    project_id: 'project-é',
    project_name: null,
    resource_id: 'resource-7',
    timestamp: '2026-01-02T03:04:12+00:00',
    source: 'openstack',
    id: '10000000-0000-4000-8000-000000000007',
    monotonic_time: null,
  });
});

test('events go out in their serialized form', async (t) => {
  const target = await httpTargetFor(t);
  const publisher = await startEvents(t, `http://127.0.0.1:${target.port}`);
  await publisher.publish([eventNumber(1), eventNumber(2)], t.signal);
  const [request = assert.fail()] = target.requests;
  assert.equal(request.path, '/');
  const documents: readonly JsonObject[] = JSON.parse(String(request.body));
  assert.deepEqual(
    documents.map((one) => [one['message_id'], one['event_type'], one['generated'], one['raw']]),
    [1, 2].map((index) => [
      `20000000-0000-4000-8000-00000000000${index}`,
      'compute.instance.update',
      `2026-01-02T03:04:0${index + 5}`,
      {},
    ]),
  );
  assert.deepEqual(documents[0]?.['traits'], eventNumber(1).traits);
});

test('with raw_only the payloads of the notifications go out, and events without one are counted', async (t) => {
  const target = await httpTargetFor(t);
  const metrics = new Metrics();
  const publisher = await startEvents(t, `http://127.0.0.1:${target.port}/?raw_only=1`, metrics);
  const raw = { event_type: 'a.b', payload: { state: 'active' } };
  const events = [eventNumber(1, { raw }), eventNumber(2), eventNumber(3, { raw: { event_type: 'a.b' } })];
  assert.deepEqual(await publisher.publish(events, t.signal), { ...ACCEPTED_ONE, accepted: 3 });
  assert.deepEqual(
    target.requests.map(({ body }) => JSON.parse(String(body))),
    [[{ state: 'active' }]],
  );
  assert.match(
    metrics.expose(),
    /^nephoscope_http_publisher_without_payload_total\{publisher="publisher:http:1"\} 2$/m,
  );
  await publisher.publish([eventNumber(4)], t.signal);
  assert.equal(target.requests.length, 1, 'nothing to send makes no request');
});

test('one by one, what was taken stays taken, what is refused is rejected, and after a failure the rest waits', async (t) => {
  const target = await httpTargetFor(t);
  const answers = [200, 400, 200, 503, 200];
  target.react(() => ({ status: answers[target.requests.length - 1] ?? 500 }));
  const publisher = await startSamples(t, `http://127.0.0.1:${target.port}/?batch=no`);
  const result = await publisher.publish(
    [0, 1, 2, 3, 4].map((index) => sampleNumber(index)),
    t.signal,
  );
  const { rejected, postponed, ...rest } = result;
  assert.deepEqual(rest, { accepted: 2, duplicates: [] });
  assert.deepEqual(
    rejected.map(({ index, error }) => [index, error.code, error.retry]),
    [[1, 'E8013', 'permanent']],
  );
  assert.deepEqual([postponed?.indexes, postponed?.error.code], [[3, 4], 'E8012']);
  assert.equal(target.requests.length, 4);
  assert.equal(documentsOf(target.requests[0] ?? assert.fail())[0]?.id, sampleNumber(0).id);
});

test('one by one, a failure of the first is a failure of the batch', async (t) => {
  const target = await httpTargetFor(t);
  target.react(() => ({ status: 500 }));
  const publisher = await startSamples(t, `http://127.0.0.1:${target.port}/?batch=0`);
  await assert.rejects(publisher.publish([sampleNumber(0), sampleNumber(1)], t.signal), {
    code: 'E8012',
    retry: 'transient',
    message: `http://127.0.0.1:${target.port}/ answers 500 Internal Server Error`,
  });
  assert.equal(target.requests.length, 1);
});

for (const [status, code, retry] of [
  [500, 'E8012', 'transient'],
  [429, 'E8012', 'transient'],
  [401, 'E8014', 'transient'],
  [302, 'E8014', 'transient'],
  [400, 'E8013', 'permanent'],
  [413, 'E8013', 'permanent'],
] as const) {
  test(`a batch answered with ${status} is ${retry}ly not taken`, async (t) => {
    const target = await httpTargetFor(t);
    target.react(() => ({ status, body: 'because', headers: { location: 'http://127.0.0.1:1/' } }));
    const publisher = await startSamples(t, `http://user:hunter2@127.0.0.1:${target.port}/in?token=abc`);
    const error = await publisher.publish([sampleNumber(0)], t.signal).catch((thrown: Error) => thrown);
    assert.ok(error instanceof Error && 'code' in error && 'retry' in error);
    assert.deepEqual([error.code, error.retry], [code, retry]);
    assert.match(error.message, new RegExp(`^http://127\\.0\\.0\\.1:\\d+/in answers ${status} .*"because"$`));
    assert.equal(target.requests.length, 1);
  });
}

test('an answer that repeats the password is not shown with it', async (t) => {
  const target = await httpTargetFor(t);
  target.react(({ headers }) => ({ status: 400, body: `hunter2 ${headers.authorization}` }));
  const publisher = await startSamples(t, `http://user:hunter2@127.0.0.1:${target.port}/`);
  await assert.rejects(publisher.publish([sampleNumber(0)], t.signal), {
    message: `http://127.0.0.1:${target.port}/ answers 400 Bad Request "(secret) Basic (secret)"`,
  });
});

test('a URL that names no target, or a key without its certificate, is refused when it is read', (t) => {
  const reasonOf = (url: string): string => {
    try {
      createBare(t, HTTP_PUBLISHER, 'samples', url);
    } catch (thrown) {
      assert.ok(thrown instanceof Error && 'code' in thrown);
      return `${thrown.code} ${thrown.message}`;
    }
    return 'taken';
  };
  assert.equal(reasonOf('http://'), 'E1113 Bad publisher URL: it names no host');
  assert.equal(
    reasonOf('http://a%b/'),
    'E1113 Bad publisher URL: its host is not the name or address of a machine',
  );
  assert.equal(
    reasonOf('https://h/?clientkey=/k'),
    'E1113 Bad publisher URL: clientkey is given without clientcert',
  );
  assert.equal(reasonOf('https://[::1]:1/?clientkey=/k&clientcert=/c'), 'taken');
});

test('what is nested too deeply to be written is refused for good, and one by one it is refused alone', async (t) => {
  const target = await httpTargetFor(t);
  let deep: JsonObject = {};
  for (let level = 0; level < 600; level++) deep = { deep };
  const samples = [sampleNumber(0), sampleNumber(1, { resourceMetadata: deep }), sampleNumber(2)];
  const together = await startSamples(t, `http://127.0.0.1:${target.port}/`);
  await assert.rejects(together.publish(samples, t.signal), { code: 'E5012', retry: 'permanent' });
  const oneByOne = await startSamples(t, `http://127.0.0.1:${target.port}/?batch=false`);
  const { accepted, rejected } = await oneByOne.publish(samples, t.signal);
  assert.deepEqual([accepted, rejected.map(({ index, error }) => [index, error.code])], [2, [[1, 'E5012']]]);
});

test('over TLS the URL names authority, certificate and key, and switching verification off can be seen', {
  skip: skipUnless(await opensslAvailable()),
}, async (t) => {
  await using certificates = await createCertificates();
  const files = await certificates.read();
  await using target = await startHttpTarget({ ...files, requestCert: true, rejectUnauthorized: true });
  const { caFile, certFile, keyFile } = certificates;
  const url = `https://localhost:${target.port}/in?clientcert=${certFile}&clientkey=${keyFile}`;
  const distrustful = await startSamples(t, url);
  await assert.rejects(distrustful.publish([sampleNumber(0)], t.signal), {
    code: 'E8016',
    retry: 'transient',
  });
  const trusting = await startSamples(t, `${url}&verify_ssl=${caFile}`);
  assert.deepEqual(await trusting.publish([sampleNumber(0)], t.signal), ACCEPTED_ONE);
  const metrics = new Metrics();
  const careless = await startSamples(t, `${url}&verify_ssl=off`, { metrics });
  assert.deepEqual(await careless.publish([sampleNumber(1)], t.signal), ACCEPTED_ONE);
  assert.match(
    metrics.expose(),
    /^nephoscope_http_publisher_tls_unverified\{publisher="publisher:http:1"\} 1$/m,
  );
  const missing = createBare(t, HTTP_PUBLISHER, 'samples', `${url}&verify_ssl=/nonexistent`);
  await assert.rejects(missing.start(t.signal), { code: 'E8017', retry: 'permanent' });
  assert.deepEqual(missing.status(), { state: 'stopped', reason: 'not started' });
});
