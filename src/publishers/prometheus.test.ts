import assert from 'node:assert/strict';
import { suite, type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Peer, samplePublisherContract } from '../../test/contract/publisher.ts';
import { createBare, httpFaults, startBare } from '../../test/contract/publisher-fixture.ts';
import { sampleNumber } from '../../test/contract/publisher-items.ts';
import { configOf } from '../../test/support/config.ts';
import { type FakeHttpTarget, httpTargetFor } from '../../test/support/http-target.ts';
import type { Sample } from '../model/sample.ts';
import { PROMETHEUS_PUBLISHER } from './prometheus.ts';
import type { Publisher } from './publisher.ts';

const JOB = '/metrics/job/openstack';

/** A gateway that takes everything but a meter named poison. */
async function openPeer(t: TestContext, path: string): Promise<Peer> {
  const target = await httpTargetFor(t);
  const taken: string[] = [];
  target.react(({ body }) => {
    const text = String(body);
    if (text.includes('poison')) return { status: 400, body: 'pushed metrics are invalid' };
    for (const [, id = ''] of text.matchAll(/resource_id="([^"]*)"/g)) taken.push(id);
    return { status: 200 };
  });
  return {
    url: `prometheus://127.0.0.1:${target.port}${path}`,
    arrived: () => taken,
    ...httpFaults(target),
  };
}

suite('the contract of publishers, a group for each resource', () => {
  samplePublisherContract({
    definition: PROMETHEUS_PUBLISHER,
    open: (t) => openPeer(t, JOB),
    identify: ({ resourceId }) => resourceId,
    poison: (index) => sampleNumber(index, { name: 'poison' }),
    ordered: false,
    count: 400,
  });
});

suite('the contract of publishers, one group', () => {
  samplePublisherContract({
    definition: PROMETHEUS_PUBLISHER,
    open: (t) => openPeer(t, `${JOB}/cloud/east`),
    identify: ({ resourceId }) => resourceId,
    poison: (index) => sampleNumber(index, { name: 'poison' }),
    ordered: false,
  });
});

async function opened(
  t: TestContext,
  path: string,
  options: Readonly<Record<string, unknown>> = {},
): Promise<{ readonly target: FakeHttpTarget; readonly publisher: Publisher<Sample> }> {
  const target = await httpTargetFor(t);
  const url = `prometheus://127.0.0.1:${target.port}${path}`;
  const config = configOf(options);
  const publisher = await startBare(t, PROMETHEUS_PUBLISHER, 'samples', url, { config });
  return { target, publisher };
}

function pushed({ requests }: FakeHttpTarget): readonly (readonly [string, string])[] {
  return requests
    .map(({ path, body }) => [path, String(body)] as const)
    .toSorted(([a], [b]) => (a < b ? -1 : 1));
}

const all = (accepted: number) => ({ accepted, duplicates: [], rejected: [] });

test('with nothing but the job in the path each resource is a group', async (t) => {
  const { target, publisher } = await opened(t, `${JOB}/?x=1`);
  const samples = [
    sampleNumber(0, { resourceId: 'vm-1', name: 'cpu', type: 'cumulative', volume: 5 }),
    sampleNumber(1, { resourceId: 'vm-2', name: 'cpu', type: 'cumulative', volume: 6 }),
    sampleNumber(2, { resourceId: 'vm-1', name: 'disk.read-bytes', type: 'delta', volume: 7 }),
    sampleNumber(3, { resourceId: 'vm-1', name: 'memory.usage', volume: 0.5, projectId: null, userId: null }),
  ];
  assert.deepEqual(await publisher.publish(samples, t.signal), all(4));
  const labels = (id: string): string => `{project_id="project-é",resource_id="${id}",user_id="user-1"}`;
  assert.deepEqual(pushed(target), [
    [
      '/metrics/job/openstack/resource_id/vm-1?x=1',
      `# TYPE cpu counter\ncpu${labels('vm-1')} 5\n` +
        `disk_read_bytes${labels('vm-1')} 7\n` +
        '# TYPE memory_usage gauge\nmemory_usage{resource_id="vm-1"} 0.5\n',
    ],
    ['/metrics/job/openstack/resource_id/vm-2?x=1', `# TYPE cpu counter\ncpu${labels('vm-2')} 6\n`],
  ]);
  assert.deepEqual(
    [...new Set(target.requests.map(({ method, headers }) => `${method} ${headers['content-type']}`))],
    ['POST text/plain; version=0.0.4; charset=utf-8'],
  );
});

test('an id that a path cannot hold goes in base64, and no id at all goes to the job', async (t) => {
  const { target, publisher } = await opened(t, '/gate/metrics/job@base64/b3BlbnN0YWNr');
  const ids = ['a/b', '..', 'é', 'a b', '', '5f0f9c5e-0b44-4f4c-9d7c-3f4a0a6f0001', 'host.domain_1'];
  await publisher.publish(
    ids.map((resourceId, index) => sampleNumber(index, { resourceId })),
    t.signal,
  );
  assert.deepEqual(
    pushed(target).map(([path]) => path.replace('/gate/metrics/job@base64/b3BlbnN0YWNr', '')),
    [
      '',
      '/resource_id/5f0f9c5e-0b44-4f4c-9d7c-3f4a0a6f0001',
      '/resource_id/host.domain_1',
      '/resource_id@base64/Li4',
      '/resource_id@base64/YS9i',
      '/resource_id@base64/YSBi',
      '/resource_id@base64/w6k',
    ],
  );
});

test('with grouping labels there is one push, with a type line for each name', async (t) => {
  const { target, publisher } = await opened(t, `${JOB}/cloud/east`);
  await publisher.publish(
    [
      sampleNumber(0, { resourceId: 'a', userId: null, projectId: '', volume: 1 }),
      sampleNumber(1, { resourceId: 'q"\\\n', userId: null, projectId: '', deployment: 'dc', volume: -2.5 }),
      sampleNumber(2, { name: '1 odd name/ü', resourceId: 'c', userId: null, projectId: null }),
    ],
    t.signal,
  );
  assert.deepEqual(pushed(target), [
    [
      '/metrics/job/openstack/cloud/east',
      '# TYPE cpu_utilization gauge\n' +
        'cpu_utilization{resource_id="a"} 1\n' +
        'cpu_utilization{deployment="dc",resource_id="q\\"\\\\\\n"} -2.5\n' +
        '# TYPE _1_odd_name__ gauge\n_1_odd_name__{resource_id="c"} 2.5\n',
    ],
  ]);
});

test('of several samples of a series the latest by time goes out', async (t) => {
  const { target, publisher } = await opened(t, `${JOB}/cloud/east`);
  const at = (index: number, volume: number): Sample =>
    sampleNumber(index, { resourceId: 'a', userId: null, projectId: null, volume });
  assert.deepEqual(await publisher.publish([at(5, 50), at(9, 90), at(7, 70)], t.signal), all(3));
  assert.equal(pushed(target)[0]?.[1], '# TYPE cpu_utilization gauge\ncpu_utilization{resource_id="a"} 90\n');
});

test('meters of several types under one name have none', async (t) => {
  const { target, publisher } = await opened(t, `${JOB}/cloud/east`);
  const bare = { userId: null, projectId: null, volume: 1 };
  await publisher.publish(
    [
      sampleNumber(0, { ...bare, name: 'a.b' }),
      sampleNumber(1, { ...bare, name: 'a-b', type: 'cumulative' }),
    ],
    t.signal,
  );
  assert.equal(pushed(target)[0]?.[1], 'a_b{resource_id="resource-0"} 1\na_b{resource_id="resource-1"} 1\n');
});

test('one bad name does not lose the others of its resource', async (t) => {
  const { target, publisher } = await opened(t, JOB);
  target.react(({ body }) => ({ status: String(body).includes('poison') ? 400 : 200, body: 'bad' }));
  const names = ['a', 'b', 'poison', 'c', 'poison', 'd'];
  const samples = names.map((name, index) => sampleNumber(index, { name, resourceId: 'vm' }));
  const { rejected, ...rest } = await publisher.publish(samples, t.signal);
  assert.deepEqual(rest, { accepted: 4, duplicates: [] });
  assert.deepEqual(
    rejected.map(({ index, error }) => [index, error.code]),
    [
      [2, 'E8013'],
      [4, 'E8013'],
    ],
  );
});

test('pushes overlap, no more than permitted, and after a failure no further one is begun', async (t) => {
  const { target, publisher } = await opened(t, JOB, { 'DEFAULT/max_parallel_requests': 3 });
  const samples = Array.from({ length: 60 }, (_, index) => sampleNumber(index));
  target.react(async ({ path }) => {
    // Long enough for the others to come in.
    await sleep(2);
    return { status: path.endsWith('-30') ? 503 : 200 };
  });
  const { accepted, postponed } = await publisher.publish(samples, t.signal);
  const waiting = postponed?.indexes ?? [];
  assert.deepEqual([accepted + waiting.length, postponed?.error.code], [60, 'E8012']);
  assert.ok(accepted >= 30 && waiting.includes(30) && waiting.includes(59), `${accepted} accepted`);
  assert.ok(target.requests.length <= 33, `${target.requests.length} requests`);
  assert.ok(target.mostAtOnce() > 1 && target.mostAtOnce() <= 3, `${target.mostAtOnce()} at once`);
});

test('a URL without a path is refused when it is read, with the usual path', (t) => {
  for (const url of ['prometheus://gateway:9091', 'prometheus://gateway:9091/?ssl=1']) {
    assert.throws(() => createBare(t, PROMETHEUS_PUBLISHER, 'samples', url), {
      code: 'E1113',
      message: 'Bad publisher URL: it has no path; the usual one is /metrics/job/NAME',
    });
  }
});
