import assert from 'node:assert/strict';
import { Readable } from 'node:stream';
import test from 'node:test';
import fc from 'fast-check';
import { stubStore } from '../../test/api-v2/stub-store.ts';
import { NephoscopeError } from '../component/errors.ts';
import { TRAIT_TYPE } from '../model/event.ts';
import type { Sample } from '../model/sample.ts';
import { decodeNotification } from '../notification/envelope.ts';
import { Metrics } from '../observe/metrics.ts';
import { Taps } from '../observe/taps.ts';
import type { ApiContext } from './route.ts';
import { TAP_ROUTES } from './taps.ts';

const SAMPLE: Sample = {
  id: 'id-1',
  name: 'cpu',
  type: 'cumulative',
  unit: 'ns',
  volume: 5,
  userId: null,
  userName: null,
  projectId: 'p-1',
  projectName: null,
  resourceId: 'vm-1',
  timestamp: '2026-01-02T03:04:05+00:00',
  timestampMicros: 0,
  resourceMetadata: { display_name: 'web', 'server.group': 'a', admin_pass: 'canary' },
  source: 'openstack',
  deployment: null,
  monotonicTime: null,
};

const [route] = TAP_ROUTES;

/** A view of a stage of a program with these parts: the lines that are there, and the way to end it. */
function open(
  taps: Taps,
  stage: string,
  query: Readonly<Record<string, readonly string[]>> = {},
  parts: readonly string[] = [],
) {
  const gone = new AbortController();
  const context = {
    store: stubStore(),
    intake: { take: async () => [] },
    metrics: new Metrics(),
    statuses: () => parts.map((name) => ({ name, status: { state: 'ok' } })),
    limits: { defaultReturnLimit: 1, maximumReturnItems: 1, maxRequestBytes: 1 },
    taps,
  };
  const request = {
    path: { stage },
    query: new Map(Object.entries(query)),
    headers: {},
    body: undefined,
    baseUrl: '',
    signal: gone.signal,
  };
  const answer = route?.handle(context as ApiContext, request);
  return { answer, gone };
}

async function linesOf(view: ReturnType<typeof open>): Promise<readonly Record<string, unknown>[]> {
  const answer = await view.answer;
  assert.equal(answer?.type, 'application/x-ndjson');
  assert.ok(answer.body instanceof Readable);
  const text = (await answer.body.toArray()).join('');
  return text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
}

function withoutTime(lines: readonly Record<string, unknown>[]): readonly unknown[] {
  return lines.map(({ at, ...rest }) => rest);
}

test('a view gives what passes the stage and fits, and ends at its limit', async () => {
  const taps = new Taps(new Metrics());
  const view = open(taps, 'sample', { match: ['cp*', 'metadata.server.group=a'], limit: ['1'] });
  const lines = linesOf(view);
  await view.answer;
  for (const one of [
    { ...SAMPLE, name: 'memory' },
    { ...SAMPLE, resourceMetadata: {} },
    SAMPLE,
    { ...SAMPLE, id: 'id-2' },
  ])
    taps.sample.offer(one);
  assert.deepEqual(withoutTime(await lines), [
    { type: 'open', stage: 'sample', limit: 1, seconds: 60 },
    {
      type: 'record',
      stage: 'sample',
      record: {
        name: 'cpu',
        type: 'cumulative',
        unit: 'ns',
        volume: 5,
        resource_id: 'vm-1',
        project_id: 'p-1',
        user_id: null,
        timestamp: '2026-01-02T03:04:05+00:00',
        id: 'id-1',
        source: 'openstack',
        deployment: null,
        metadata: { display_name: 'web', 'server.group': 'a', admin_pass: '***' },
      },
    },
    { type: 'end', reason: 'limit', shown: 1, missed: 0 },
  ]);
  assert.equal(taps.sample.isOpen, false);
});

test('a view of a program with workers says at once that it does not see what they convert', async () => {
  const taps = new Taps(new Metrics());
  const lines = linesOf(open(taps, 'received', {}, ['api', 'workers', 'worker-1:parent']));
  await new Promise(setImmediate);
  taps.closeAll();
  const [{ unseen, ...first } = {}] = await lines;
  assert.deepEqual(first, { type: 'open', stage: 'received', limit: 20, seconds: 60 });
  assert.match(String(unseen), /^Worker processes convert .* not seen here/);
});

test('a view ends by its time and when the server stops, and says so', async () => {
  const taps = new Taps(new Metrics());
  const timed = linesOf(open(taps, 'event', { seconds: ['1'] }));
  const stopped = linesOf(open(taps, 'published'));
  await new Promise(setImmediate);
  taps.published.offer({ publisher: 'publisher:store', pipeline: 's:k', item: SAMPLE });
  await new Promise(setImmediate);
  taps.closeAll();
  const [, record, end] = await stopped;
  assert.deepEqual(
    [(record as { record: { publisher: string } }).record.publisher, end],
    ['publisher:store', { type: 'end', reason: 'server stops', shown: 1, missed: 0 }],
  );
  // The same call closed the other one, too; its own time is tested with nobody else there.
  assert.equal((await timed).at(-1)?.['reason'], 'server stops');
  const alone = await linesOf(open(taps, 'event', { seconds: ['1'] }));
  assert.deepEqual(alone.at(-1), { type: 'end', reason: 'time', shown: 0, missed: 0 });
});

test('a client that goes away ends its view at once', async () => {
  const taps = new Taps(new Metrics());
  const view = open(taps, 'event');
  await view.answer;
  assert.equal(taps.event.isOpen, true);
  view.gone.abort();
  assert.equal(taps.event.isOpen, false);
  assert.equal((await linesOf(view)).at(-1)?.['type'], 'end');
});

test('credentials are overwritten wherever they are: context, payload, traits, broken bodies, URLs', async () => {
  const taps = new Taps(new Metrics());
  const views = ['received', 'event', 'parked', 'dropped'].map((stage) =>
    linesOf(open(taps, stage, { limit: ['1'] })),
  );
  await new Promise(setImmediate);
  const message = {
    message_id: 'm-1',
    event_type: 'a.b',
    publisher_id: 'p.host',
    priority: 'INFO',
    timestamp: '2026-01-02 03:04:05',
    _context_auth_token: 'canary-1',
    _context_user: 'u-1',
    payload: {
      size: 9_007_199_254_740_993n,
      dump: '{"auth_token": "canary-2"}',
      admin_pass: 'canary-3',
      link: 'http://u:canary-4@host/',
    },
  };
  const body = JSON.stringify(message, (_, value) => (typeof value === 'bigint' ? 0 : value)).replace(
    '"size":0',
    '"size":9007199254740993',
  );
  taps.received.offer({
    notification: decodeNotification(Buffer.from(body)),
    origin: { source: 'http', redelivered: false, exchange: undefined },
  });
  taps.event.offer({
    messageId: 'm-1',
    eventType: 'a.b',
    generated: '2026-01-02T03:04:05',
    generatedMicros: 0,
    priority: 'info',
    deployment: 'east',
    traits: [
      ['state', TRAIT_TYPE.text, 'active'],
      ['auth_token', TRAIT_TYPE.text, 'canary-5'],
    ],
    raw: null,
  });
  taps.parked.offer({
    code: 'E5002',
    reason: 'amqp://u:canary-6@host is odd',
    origin: { source: 'amqp' },
    messageId: null,
    eventType: null,
    body: Buffer.from('{"auth_token": "canary-7", "x": "\u001b[31m'),
  });
  taps.dropped.offer({
    kind: 'sample',
    reason: 'late',
    name: 'cpu',
    by: 'converter',
    detail: { password: 'canary-8' },
  });
  const all = (await Promise.all(views)).map((lines) => lines[1]?.['record']);
  assert.ok(!/canary/.test(JSON.stringify(all)), JSON.stringify(all));
  const [received, event, parked, dropped] = all;
  assert.deepEqual(received, {
    event_type: 'a.b',
    priority: 'info',
    publisher_id: 'p.host',
    message_id: 'm-1',
    timestamp: '2026-01-02 03:04:05',
    deployment: null,
    context: { user: 'u-1' },
    payload: {
      size: 9007199254740992,
      dump: '{"auth_token": "***"}',
      admin_pass: '***',
      link: 'http://u:(secret)@host/',
    },
    origin: { source: 'http', redelivered: false },
  });
  assert.deepEqual((event as { traits: unknown }).traits, [
    { name: 'state', type: 'string', value: 'active' },
    { name: 'auth_token', type: 'string', value: '***' },
  ]);
  assert.equal((parked as { body: string }).body, '{"auth_token": "***", "x": "\u001b[31m');
  assert.deepEqual(dropped, {
    kind: 'sample',
    reason: 'late',
    name: 'cpu',
    by: 'converter',
    detail: { password: '***' },
  });
});

test('a record that is too long is cut, and the line is JSON all the same', async () => {
  const taps = new Taps(new Metrics());
  const lines = linesOf(open(taps, 'sample', { limit: ['1'] }));
  await new Promise(setImmediate);
  taps.sample.offer({ ...SAMPLE, resourceMetadata: { text: 'x'.repeat(1_000_000), password: 'canary' } });
  const record = (await lines)[1]?.['record'] as { is_truncated: boolean; text: string };
  assert.deepEqual([record.is_truncated, record.text.length], [true, 65_536]);
});

test('whatever is offered comes out as one line of JSON without the secret', async () => {
  const taps = new Taps(new Metrics());
  await fc.assert(
    fc.asyncProperty(fc.jsonValue(), fc.string({ unit: 'binary' }), async (value, text) => {
      const lines = linesOf(open(taps, 'sample', { limit: ['1'] }));
      await new Promise(setImmediate);
      const nested = JSON.stringify({ auth_token: 'canary', [text]: value });
      const resourceMetadata = { value, [text]: nested, password: 'canary' } as Sample['resourceMetadata'];
      taps.sample.offer({ ...SAMPLE, resourceMetadata });
      const found = await lines;
      assert.equal(found.length, 3);
      assert.ok(!JSON.stringify(found).includes('canary'));
    }),
    { numRuns: 100 },
  );
});

test('a stage, a limit or a condition that is none is refused with what there is', async () => {
  const taps = new Taps(new Metrics());
  const refused = async (stage: string, query: Readonly<Record<string, readonly string[]>>) => {
    const thrown: unknown = await open(taps, stage, query).answer?.then(
      () => null,
      (error: unknown) => error,
    );
    assert.ok(thrown instanceof NephoscopeError);
    return [thrown.code, thrown.message];
  };
  assert.deepEqual(await refused('events', {}), [
    'E4004',
    'Stage (one of received, event, sample, published, parked, dropped) events Not Found',
  ]);
  assert.equal((await refused('event', { limit: ['0'] }))[0], 'E4002');
  assert.equal((await refused('event', { seconds: ['4000'] }))[0], 'E4002');
  assert.deepEqual(await refused('event', { match: ['event_typ=a'] }), [
    'E6031',
    'Stage event has no "event_typ"; it has event_type, message_id, priority, deployment, traits.NAME',
  ]);
  assert.equal((await refused('event', { match: ['event_type='] }))[0], 'E6031');
  assert.equal((await refused('sample', { match: ['constructor=x'] }))[0], 'E6031');
  assert.equal(taps.event.isOpen, false);
});
