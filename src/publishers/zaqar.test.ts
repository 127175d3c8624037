import assert from 'node:assert/strict';
import { suite, type TestContext, test } from 'node:test';
import { eventPublisherContract, type Peer, samplePublisherContract } from '../../test/contract/publisher.ts';
import { createBare, httpFaults, startBare } from '../../test/contract/publisher-fixture.ts';
import { eventNumber, sampleNumber } from '../../test/contract/publisher-items.ts';
import { configOf } from '../../test/support/config.ts';
import { httpTargetFor } from '../../test/support/http-target.ts';
import type { Config } from '../config/option.ts';
import { ZAQAR_PUBLISHER } from './zaqar.ts';

interface PostedMessage {
  readonly ttl: number;
  readonly body: Readonly<Record<string, unknown>>;
}

/** The part of Zaqar's API that is used: queues that must exist, a bound on a request, messages it does not like. */
async function startZaqar(t: TestContext) {
  const target = await httpTargetFor(t);
  const queues = new Map<string, PostedMessage[]>();
  target.react(({ method, path, headers, body }) => {
    if (headers['client-id'] === undefined) return refusal(400, 'no client');
    const [, queue = '', messages] = /^\/v2\/queues\/([^/]+)(\/messages)?$/.exec(path) ?? [];
    if (method === 'PUT') queues.set(queue, []);
    if (messages === undefined) return { status: 204 };
    const stored = queues.get(queue);
    if (stored === undefined) return refusal(404, 'no such queue');
    if (body.length > 262_144) return refusal(400, 'Message collection size is too large');
    if (body.includes('poison')) return refusal(400, 'Bad message');
    const posted: readonly PostedMessage[] = JSON.parse(String(body)).messages;
    stored.push(...posted);
    return { status: 201, body: '{"resources":[]}' };
  });
  return { target, queues };
}

function refusal(status: number, description: string) {
  return { status, body: JSON.stringify({ title: 'Refused', description }) };
}

function configFor(port: number): Config {
  return configOf({
    'service_credentials/auth_type': 'none',
    'service_credentials/endpoint': `http://127.0.0.1:${port}`,
  });
}

async function openPeer(t: TestContext): Promise<Peer> {
  const { target, queues } = await startZaqar(t);
  return {
    url: 'zaqar://?queue=q',
    arrived: () => (queues.get('q') ?? []).map(({ body }) => String(body['id'] ?? body['message_id'])),
    ...httpFaults(target),
    context: { config: configFor(target.port) },
  };
}

samplePublisherContract({
  definition: ZAQAR_PUBLISHER,
  open: openPeer,
  poison: (index) => sampleNumber(index, { resourceId: 'poison' }),
});

eventPublisherContract({
  definition: ZAQAR_PUBLISHER,
  open: openPeer,
  poison: (index) => eventNumber(index, { eventType: 'poison' }),
});

suite('zaqar://', () => {
  test('a message is the internal mapping of a sample with its time to live', async (t) => {
    const { target, queues } = await startZaqar(t);
    const url = 'zaqar://?queue=a%20b&ttl=120';
    const config = configFor(target.port);
    const publisher = await startBare(t, ZAQAR_PUBLISHER, 'samples', url, { config });
    await publisher.publish([sampleNumber(0)], t.signal);
    assert.deepEqual(
      [...queues],
      [
        [
          'a%20b',
          [
            {
              ttl: 120,
              body: {
                name: 'cpu.utilization',
                type: 'gauge',
                unit: '%',
                volume: 0.5,
                user_id: 'user-1',
                user_name: null,
                project_id: 'project-é',
                project_name: null,
                resource_id: 'resource-0',
                timestamp: '2026-01-02T03:04:05+00:00',
                resource_metadata: {
                  display_name: 'it\'s "quoted"',
                  flavor: { vcpus: 2 },
                  tags: ['a', 'é'],
                },
                source: 'openstack',
                id: '10000000-0000-4000-8000-000000000000',
                monotonic_time: null,
              },
            },
          ],
        ],
      ],
    );
  });

  test('without a queue, and without credentials, it cannot be made', (t) => {
    const make = (url: string, config: Config) => createBare(t, ZAQAR_PUBLISHER, 'events', url, { config });
    assert.throws(() => make('zaqar://', configFor(1)), { code: 'E1113', retry: 'permanent' });
    assert.throws(() => make('zaqar://?queue=q', configOf({})), {
      code: 'E8030',
      retry: 'permanent',
      message: '[service_credentials] does not set auth_type',
    });
  });
});
