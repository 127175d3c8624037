import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import test from 'node:test';
import { listen } from '../../../test/support/listen.ts';
import { notificationTopology } from '../../bus/topology.ts';
import { parseTransportUrl } from '../../bus/transport-url.ts';
import { Secret } from '../../config/option.ts';
import { askManagement } from './broker-management.ts';
import type { Finding } from './finding.ts';
import type { OpenBroker } from './open-broker.ts';

const BROKER = {
  label: 'east',
  deployment: {
    name: 'east',
    id: 'east',
    where: 'test',
    url: parseTransportUrl('rabbit://telemetry:canary@127.0.0.1/cloud%2Fa'),
    topology: notificationTopology(['nova'], ['notifications'], ['info', 'error']),
    shadow: null,
    takeover: false,
  },
  context: {
    request: { watchSeconds: 2 },
    server: async () => null,
    signal: new AbortController().signal,
  },
} as unknown as OpenBroker;

/** A management API that gives these answers, and the logins it was asked with. */
async function management(answers: Readonly<Record<string, unknown>>) {
  const logins = new Set<string>();
  const server = createServer((request, response) => {
    logins.add(Buffer.from(request.headers.authorization?.slice('Basic '.length) ?? '', 'base64').toString());
    const answer = answers[request.url ?? ''];
    response.statusCode = answer === undefined ? 401 : 200;
    response.end(JSON.stringify(answer ?? { error: 'not_authorised' }));
  });
  const port = await listen(server, 0);
  return {
    port,
    logins,
    [Symbol.asyncDispose]: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function kinds(findings: readonly Finding[]): readonly string[] {
  return findings.map(({ severity, id, what }) => `${severity} ${id}: ${what}`);
}

test('alarms, rights, queues no one asked for and exchanges outside the list are found', async () => {
  await using api = await management({
    '/api/whoami': { name: 'telemetry', tags: ['administrator'] },
    '/api/nodes': [
      { name: 'rabbit@a', mem_alarm: true, disk_free_alarm: true },
      { name: 'rabbit@b', mem_alarm: false, disk_free_alarm: false },
    ],
    '/api/queues/cloud%2Fa': [
      { name: 'notifications.info', consumers: 0, messages_ready: 7 },
      {
        name: 'notifications_designate.info',
        consumers: 0,
        messages_ready: 9,
        messages_ready_details: { rate: 1.5 },
      },
      { name: 'conductor', consumers: 0, messages_ready: 9 },
      { name: 'other.info', consumers: 1, messages_ready: 9 },
    ],
    '/api/bindings/cloud%2Fa': [
      { source: '', destination: 'notifications.info' },
      { source: 'nova', destination: 'notifications.info' },
      { source: 'octavia', destination: 'notifications.info' },
      { source: 'other', destination: 'conductor' },
    ],
  });
  const findings = await askManagement(BROKER, new Secret(`http://127.0.0.1:${api.port}`));
  assert.deepEqual(kinds(findings), [
    'warning broker-superuser: east: our user "telemetry" is an administrator of the broker',
    'failure broker-alarm: east: node rabbit@a has raised its memory and disk alarm',
    'warning queue-without-consumer: east: nobody reads notifications_designate.info (9): 9 messages wait, growing by 1.5 a second',
    'warning exchange-not-in-list: east: exchanges outside our list are bound to our queues: octavia',
  ]);
  assert.deepEqual([...api.logins], ['telemetry:canary']);
});

test('a login in the URL is used instead, and a refusal is a warning without it', async () => {
  await using api = await management({});
  const url = new Secret(`http://watcher:canary%402@127.0.0.1:${api.port}/`);
  const findings = await askManagement(BROKER, url);
  assert.deepEqual(kinds(findings), [
    'warning management-unreachable: east: the management API cannot be asked: /api/whoami answered 401',
  ]);
  assert.deepEqual([...api.logins], ['watcher:canary@2']);
  assert.ok(!JSON.stringify(findings).includes('canary'));
});

test('a login is never sent in plain text to another machine', async () => {
  const findings = await askManagement(BROKER, new Secret('http://mq.example:15672'));
  assert.match(findings[0]?.what ?? '', /by https:\/\/ only/);
});
