import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { type TestContext, test } from 'node:test';
import { configOf } from '../../test/support/config.ts';
import { sumMetric } from '../../test/support/server.ts';
import { until } from '../../test/support/until.ts';
import { createDeadline } from '../component/component.ts';
import { NephoscopeError } from '../component/errors.ts';
import { encodeMsgpack } from '../lib/msgpack.ts';
import { FloatToken } from '../model/json.ts';
import type { Intake, RawMessage } from '../notification/intake.ts';
import { silentLogger } from '../observe/logger.ts';
import { Metrics } from '../observe/metrics.ts';
import { createDatagramNotificationSources } from './datagram-notifications.ts';
import type { Source } from './source.ts';

const PLAIN = { event_type: 'a.b', message_id: '1', payload: { value: 1.5 } };

interface Listening {
  readonly source: Source;
  /** Bodies that were taken, as text. */
  readonly bodies: string[];
  readonly messages: RawMessage[];
  send(datagram: string | Buffer): Promise<void>;
  dropped(reason: string): number;
  metric(name: string): number;
}

async function create(
  t: TestContext,
  values: Readonly<Record<string, unknown>> = {},
  take: Intake['take'] = async (messages) => messages.map(() => 'accepted'),
): Promise<Listening> {
  const sender = createSocket('udp4');
  const probe = createSocket('udp4');
  t.after(() => sender.close());
  await new Promise<void>((resolve) => probe.bind(0, '127.0.0.1', resolve));
  const { port } = probe.address();
  await new Promise<void>((resolve) => probe.close(() => resolve()));
  const messages: RawMessage[] = [];
  const bodies: string[] = [];
  const metrics = new Metrics();
  const intake: Intake = {
    take: async (batch, signal) => {
      const outcomes = await take(batch, signal);
      messages.push(...batch);
      bodies.push(...batch.map(({ body }) => Buffer.from(body).toString()));
      return outcomes;
    },
  };
  const config = configOf({ 'notification_udp/enabled': true, 'notification_udp/port': port, ...values });
  const [source] = createDatagramNotificationSources({ config, intake, log: silentLogger, metrics });
  assert.ok(source !== undefined);
  t.after(() => source.stop(createDeadline(1000)));
  return {
    source,
    bodies,
    messages,
    send: (datagram) =>
      new Promise((resolve, reject) => {
        sender.send(datagram, port, '127.0.0.1', (error) => (error === null ? resolve() : reject(error)));
      }),
    dropped: (reason) =>
      sumMetric(
        metrics.expose().replaceAll(`{reason="${reason}"}`, `_${reason}`),
        `nephoscope_notification_udp_dropped_total_${reason}`,
      ),
    metric: (name) => sumMetric(metrics.expose(), name),
  };
}

async function start(...parameters: Parameters<typeof create>): Promise<Listening> {
  const listening = await create(...parameters);
  await listening.source.start(parameters[0].signal);
  return listening;
}

test('it is off unless it is asked for, and an address that is none is refused', () => {
  const made = (values: Readonly<Record<string, unknown>>) =>
    createDatagramNotificationSources({
      config: configOf(values),
      intake: { take: async () => [] },
      log: silentLogger,
      metrics: new Metrics(),
    });
  assert.deepEqual(made({}), []);
  const wrong = { 'notification_udp/enabled': true, 'notification_udp/address': 'here' };
  assert.throws(() => made(wrong), { code: 'E5040' });
});

test('a JSON datagram is given on as it is, with its sender', async (t) => {
  const { source, send, messages, bodies } = await start(t);
  const text = JSON.stringify(PLAIN, null, 1);
  await send(text);
  await until('it is taken', () => bodies.length === 1);
  assert.deepEqual(bodies, [text]);
  assert.deepEqual(messages[0]?.origin, { source: 'udp', sender: '127.0.0.1' });
  assert.deepEqual(source.status(), { state: 'ok' });
});

test('a msgpack datagram is given on as JSON with its numbers as they were', async (t) => {
  const { send, bodies } = await start(t);
  await send(
    encodeMsgpack({ event_type: 'a.b', payload: { whole: 1, float: new FloatToken(1), big: 2n ** 60n } }),
  );
  await until('it is taken', () => bodies.length === 1);
  assert.deepEqual(bodies, [
    '{"event_type":"a.b","payload":{"whole":1,"float":1.0,"big":1152921504606846976}}',
  ]);
});

test('an envelope of the bus is a notification', async (t) => {
  const { send, bodies } = await start(t);
  const text = JSON.stringify({ 'oslo.version': '2.0', 'oslo.message': JSON.stringify(PLAIN) });
  await send(text);
  await until('it is taken', () => bodies.length === 1);
  assert.deepEqual(bodies, [text]);
});

test('what is no notification is counted and dropped, and the next one is taken', async (t) => {
  const { send, bodies, dropped } = await start(t);
  const wrong = [
    '',
    'x',
    '{',
    '[]',
    '{}',
    '{"event_type":1}',
    'null',
    Buffer.from([0x81]),
    Buffer.from([0x80]),
  ];
  for (const datagram of wrong) await send(datagram);
  await send(JSON.stringify(PLAIN));
  await until('the good one is taken', () => bodies.length === 1);
  assert.equal(dropped('not_a_notification'), wrong.length);
});

test('senders that may not send are counted and not heard', async (t) => {
  const { send, bodies, dropped } = await start(t, { 'notification_udp/allowed_sources': ['10.0.0.0/8'] });
  await send(JSON.stringify(PLAIN));
  await until('it was counted', () => dropped('not_allowed') === 1);
  assert.deepEqual(bodies, []);
});

test('what the intake does not take now is given again, and what is too much is dropped', async (t) => {
  let isDown = true;
  const { source, send, bodies, dropped, metric } = await start(
    t,
    { 'notification_udp/max_waiting': 5 },
    async (messages) => {
      if (isDown) throw new NephoscopeError('E3010', 'away', { retry: 'transient' });
      return messages.map(() => 'accepted' as const);
    },
  );
  for (let index = 0; index < 8; index++) await send(JSON.stringify({ ...PLAIN, message_id: `${index}` }));
  await until('some were dropped', () => dropped('full') === 3);
  await until('the status says so', () => source.status().state === 'degraded');
  assert.equal(metric('nephoscope_source_in_flight'), 5);
  isDown = false;
  await until('the others are taken', () => bodies.length === 5);
  assert.deepEqual(
    bodies.map((body) => JSON.parse(body).message_id),
    ['0', '1', '2', '3', '4'],
  );
  assert.equal(metric('nephoscope_source_received_total'), 8);
});

test('a stop takes what has arrived, is safe at any time, and another start goes on', async (t) => {
  const { source, send, bodies } = await create(t);
  await source.stop(createDeadline(1000));
  const starting = source.start(t.signal);
  await source.stop(createDeadline(1000));
  await starting;
  await source.start(t.signal);
  for (let index = 0; index < 50; index++) await send(JSON.stringify(PLAIN));
  await Promise.all([source.stop(createDeadline(1000)), source.stop(createDeadline(1000))]);
  assert.equal(bodies.length, 50);
  assert.equal(source.status().state, 'stopped');
});
