import assert from 'node:assert/strict';
import { after, before, suite, type TestContext, test } from 'node:test';
import { createDeadline } from '../src/component/component.ts';
import type { Config } from '../src/config/option.ts';
import type { Event } from '../src/model/event.ts';
import type { Sample } from '../src/model/sample.ts';
import { silentLogger } from '../src/observe/logger.ts';
import { Metrics } from '../src/observe/metrics.ts';
import { deliver } from '../src/publishers/delivery.ts';
import { readDeliverySettings, urlSyntaxOf } from '../src/publishers/delivery-settings.ts';
import { createGnocchiClient, GNOCCHI_PUBLISHER } from '../src/publishers/gnocchi.ts';
import { RESOURCE_TYPES } from '../src/publishers/gnocchi-types.ts';
import { type GnocchiUpgrade, upgradeGnocchi } from '../src/publishers/gnocchi-upgrade.ts';
import type { Publisher, PublishResult } from '../src/publishers/publisher.ts';
import { parsePublisherUrl } from '../src/publishers/publisher-url.ts';
import { type Peer, samplePublisherContract } from './contract/publisher.ts';
import { publisherContext } from './contract/publisher-fixture.ts';
import { eventNumber, sampleNumber } from './contract/publisher-items.ts';
import { configOf } from './support/config.ts';
import { type Gnocchi, gnocchiAvailable, startGnocchi } from './support/gnocchi.ts';
import { skipUnless } from './support/services.ts';
import { createTcpProxy } from './support/tcp-proxy.ts';

/** Against the real Gnocchi, one for this file: what each test writes belongs to a user of its own. */
const skip = skipUnless(await gnocchiAvailable());
let gnocchi: Gnocchi;
let firstUpgrade: GnocchiUpgrade;
let users = 0;

before(async () => {
  if (skip !== false) return;
  gnocchi = await startGnocchi();
  // As an older release may have left it, and with an attribute of the operator's own.
  await gnocchi.request('POST', '/v1/resource_type', {
    name: 'instance',
    attributes: {
      display_name: { type: 'string', required: true },
      mine: { type: 'string', required: false },
    },
  });
  await gnocchi.request('POST', '/v1/resource/instance', { id: 'old', display_name: 'vm' });
  const client = createGnocchiClient(configFor(gnocchi.url, 'admin'));
  firstUpgrade = await upgradeGnocchi(client, AbortSignal.timeout(20_000));
  await client.close();
  // Only the administrator may create archive policies; all tests share them.
  const admin = createSamples(null, 'admin');
  await admin.publisher.publish([], AbortSignal.timeout(20_000));
  await admin.publisher.stop(createDeadline(1_000));
});
after(async () => {
  await gnocchi?.[Symbol.asyncDispose]();
});

function configFor(url: string, user: string): Config {
  return configOf({
    'service_credentials/auth_type': 'gnocchi-basic',
    'service_credentials/endpoint': url,
    'service_credentials/user': user,
  });
}

function newUser(): string {
  users++;
  return `user-${users}`;
}

interface Created<Item> {
  readonly publisher: Publisher<Item>;
  readonly metrics: Metrics;
}

function createSamples(t: TestContext | null, user: string, query = ''): Created<Sample> {
  return create(t, user, query, (url, context) => GNOCCHI_PUBLISHER.samples?.(url, context));
}

function createEvents(t: TestContext | null, user: string): Created<Event> {
  return create(t, user, '', (url, context) => GNOCCHI_PUBLISHER.events?.(url, context));
}

function create<Item>(
  t: TestContext | null,
  user: string,
  query: string,
  make: (...parts: Parameters<NonNullable<typeof GNOCCHI_PUBLISHER.samples>>) => Publisher<Item> | undefined,
): Created<Item> {
  const metrics = new Metrics();
  const given = {
    name: 'publisher:gnocchi',
    config: configFor(gnocchi.url, user),
    metrics,
    stateDir: '/none',
  };
  const context = publisherContext(t as TestContext, given);
  const publisher = make(parsePublisherUrl(`gnocchi://${query}`, GNOCCHI_PUBLISHER), context);
  assert.ok(publisher !== undefined);
  t?.after(() => publisher.stop(createDeadline(1_000)));
  return { publisher, metrics };
}

type Json = Record<string, unknown>;

async function get(path: string, user: string): Promise<unknown> {
  const { status, body } = await gnocchi.request('GET', path, undefined, user);
  return status === 200 ? body : status;
}

/** `[timestamp, value]` of one granularity in seconds. */
async function measures(
  user: string,
  resource: string,
  meter: string,
  granularity: number,
): Promise<unknown> {
  const path = `/v1/resource/generic/${encodeURIComponent(resource)}/metric/${encodeURIComponent(meter)}/measures`;
  const found = await get(`${path}?granularity=${granularity}&refresh=true`, user);
  return Array.isArray(found) ? found.map(([time, , value]) => [time, value]) : found;
}

/** A resource without what is different each time. */
async function resource(user: string, type: string, id: string): Promise<unknown> {
  const found = (await get(`/v1/resource/${type}/${encodeURIComponent(id)}`, user)) as Json;
  if (typeof found === 'number') return found;
  const {
    id: _id,
    started_at,
    revision_start,
    revision_end,
    created_by_project_id,
    metrics,
    ...rest
  } = found;
  return { ...rest, metrics: Object.keys(metrics as Json).sort() };
}

function cpuSample(index: number, changes: Partial<Sample> = {}): Sample {
  return sampleNumber(index, {
    name: 'cpu',
    type: 'cumulative',
    unit: 'ns',
    resourceId: 'server-1',
    resourceMetadata: { display_name: 'vm', host: 'compute-1', flavor: { id: '42', name: 'm1.tiny' } },
    ...changes,
  });
}

samplePublisherContract({
  definition: GNOCCHI_PUBLISHER,
  skip,
  open: openPeer,
  item: (index) => cpuSample(index),
  identify: ({ timestamp }) => timestamp,
  // Gnocchi takes no time before 1970.
  poison: (index) => cpuSample(index, { timestampMicros: -1e15 }),
  ordered: false,
});

async function openPeer(t: TestContext): Promise<Peer> {
  const proxy = await createTcpProxy(Number(new URL(gnocchi.url).port));
  t.after(() => proxy[Symbol.asyncDispose]());
  const user = newUser();
  return {
    // Detail by the second, so that each sample can be told from the others.
    url: 'gnocchi://?archive_policy=ceilometer-high',
    arrived: async () => {
      const found = await measures(user, 'server-1', 'cpu', 1);
      return Array.isArray(found) ? found.map(([time]) => String(time)) : [];
    },
    breakDown: () => proxy.down(),
    repair: () => proxy.up(),
    hang: () => gnocchi.freeze(),
    release: () => gnocchi.thaw(),
    context: { config: configFor(`http://127.0.0.1:${proxy.port}`, user) },
  };
}

suite('gnocchi:// with samples, in a real Gnocchi', { skip }, () => {
  test('resources of their types, metrics with their policies and measures can be read back', async (t) => {
    const user = newUser();
    const { publisher } = createSamples(t, user);
    const disk = cpuSample(0, {
      name: 'disk.device.read.bytes',
      unit: 'B',
      resourceId: 'server/1-vda',
      resourceMetadata: { disk_name: 'vda', instance_id: '5f2c3d0e-4f6c-4c5f-9f39-1f0c5dbe5a11' },
    });
    const samples = [
      cpuSample(0),
      cpuSample(60),
      disk,
      cpuSample(0, { name: 'memory', unit: 'MB', volume: 512 }),
    ];
    assert.deepEqual(await publisher.publish(samples, t.signal), {
      accepted: 4,
      duplicates: [],
      rejected: [],
    });
    assert.deepEqual(await resource(user, 'instance', 'server-1'), {
      type: 'instance',
      original_resource_id: 'server-1',
      creator: user,
      created_by_user_id: user,
      user_id: 'user-1',
      project_id: 'project-é',
      ended_at: null,
      display_name: 'vm',
      host: 'compute-1',
      flavor_id: '42',
      flavor_name: 'm1.tiny',
      availability_zone: null,
      image_ref: null,
      server_group: null,
      launched_at: null,
      created_at: null,
      deleted_at: null,
      mine: null,
      metrics: ['cpu', 'memory'],
    });
    const created = (await resource(user, 'instance_disk', 'server_1-vda')) as Json;
    assert.deepEqual([created['name'], created['metrics']], ['vda', ['disk.device.read.bytes']]);
    const cpu = (await get('/v1/resource/generic/server-1/metric/cpu', user)) as Json;
    assert.deepEqual([cpu['unit'], (cpu['archive_policy'] as Json)['name']], ['ns', 'ceilometer-low-rate']);
    assert.deepEqual(await measures(user, 'server-1', 'cpu', 300), [
      ['2026-01-02T03:00:00+00:00', 0.5],
      ['2026-01-02T03:05:00+00:00', 60.5],
    ]);
    assert.deepEqual(await measures(user, 'server-1', 'memory', 300), [['2026-01-02T03:00:00+00:00', 512]]);
  });

  test('a bad value, a bad resource and bad texts do not take their neighbours with them', async (t) => {
    const user = newUser();
    const { publisher, metrics } = createSamples(t, user);
    const samples = [
      cpuSample(0),
      cpuSample(1, { timestampMicros: -1 }),
      cpuSample(2, { name: 'memory', unit: 'u'.repeat(40) }),
      // The type needs the name of the disk.
      cpuSample(3, { name: 'disk.device.usage', resourceId: 'nameless', resourceMetadata: {} }),
      // Longer than an id may be.
      cpuSample(4, { resourceId: 'x'.repeat(400) }),
      // What no database takes.
      cpuSample(5, { resourceId: 'nul\0-\ud800', unit: null }),
      // An attribute of another form than Gnocchi wants.
      cpuSample(6, {
        resourceId: 'late',
        resourceMetadata: { display_name: 'vm', launched_at: 'never', flavor: { id: 1, name: 'n' } },
      }),
      cpuSample(7, { name: 'no.such.meter' }),
      cpuSample(8, { resourceId: 'server-2' }),
    ];
    const result = await publisher.publish(samples, t.signal);
    assert.deepEqual(result.rejected.map(({ index, error }) => [index, error.code]).toSorted(), [
      [1, 'E8042'],
      [3, 'E8043'],
      [4, 'E8042'],
    ]);
    assert.equal(result.postponed, undefined);
    for (const id of ['server-1', 'nul-\ufffd', 'late', 'server-2']) {
      assert.equal(((await measures(user, id, 'cpu', 300)) as unknown[]).length, 1, id);
    }
    assert.match(
      metrics.expose(),
      /dropped_total\{publisher="publisher:gnocchi",reason="unknown_meter"\} 1\n/,
    );
    assert.match(metrics.expose(), /attributes_refused_total\{publisher="publisher:gnocchi"\} [1-9]/);
  });

  test('one wrong value among many of the same meter is found', async (t) => {
    const user = newUser();
    const { publisher } = createSamples(t, user, '?archive_policy=ceilometer-high');
    const samples = Array.from({ length: 500 }, (_, index) =>
      cpuSample(index, index % 100 === 33 ? { timestampMicros: -5e6 } : {}),
    );
    const result = await publisher.publish(samples, t.signal);
    assert.deepEqual(
      result.rejected.map(({ index }) => index).toSorted((a, b) => a - b),
      [33, 133, 233, 333, 433],
    );
    assert.match(
      result.rejected[0]?.error.message ?? '',
      /^Gnocchi refused a value of cpu of "server-1" \(400\): "Invalid input: .*must be after Epoch/,
    );
    assert.equal(((await measures(user, 'server-1', 'cpu', 1)) as unknown[]).length, 495);
  });

  test('a policy that does not exist costs only the meters that name it', async (t) => {
    const user = newUser();
    const { publisher } = createSamples(t, user, '?archive_policy=nowhere');
    const { rejected } = await publisher.publish([cpuSample(0), cpuSample(1)], t.signal);
    assert.deepEqual(
      rejected.map(({ error }) => error.message),
      [0, 1].map(
        () => 'Gnocchi refused a value of cpu of "server-1" (400): "Archive policy nowhere does not exist"',
      ),
    );
  });

  test('a resource type that was never made is made when it is needed', async (t) => {
    const type = '/v1/resource_type/ceph_account';
    const deleted = await fetch(gnocchi.url + type, {
      method: 'DELETE',
      headers: { authorization: `Basic ${Buffer.from('admin:').toString('base64')}` },
    });
    assert.equal(deleted.status, 204);
    const sample = cpuSample(0, { name: 'radosgw.objects', resourceId: 'account', resourceMetadata: {} });
    const stranger = createSamples(t, newUser());
    const { rejected } = await stranger.publisher.publish([sample, cpuSample(0)], t.signal);
    assert.deepEqual(
      rejected.map(({ index, error }) => [index, error.message]),
      [
        [
          0,
          'Gnocchi refused the resource "account" of type ceph_account (404): "Resource type ceph_account does not exist"',
        ],
      ],
    );
    const admin = createSamples(t, 'admin');
    assert.equal((await admin.publisher.publish([sample], t.signal)).accepted, 1);
    assert.deepEqual((await get(type, 'admin')) as Json, {
      name: 'ceph_account',
      attributes: {},
      state: 'active',
    });
  });

  test('attributes are told when they change, and not again while they do not', async (t) => {
    const user = newUser();
    const { publisher, metrics } = createSamples(t, user);
    const updates = (): string => /resources_updated_total\S* (\d+)/.exec(metrics.expose())?.[1] ?? '';
    const moved = { display_name: 'vm', host: 'compute-2', flavor: { id: '42', name: 'm1.tiny' } };
    await publisher.publish([cpuSample(0)], t.signal);
    await publisher.publish([cpuSample(1)], t.signal);
    assert.equal(updates(), '0');
    await publisher.publish([cpuSample(2, { resourceMetadata: moved })], t.signal);
    await publisher.publish([cpuSample(3, { resourceMetadata: moved })], t.signal);
    assert.equal(updates(), '1');
    assert.equal(((await resource(user, 'instance', 'server-1')) as Json)['host'], 'compute-2');
  });

  test('a resource that exists with other attributes is completed', async (t) => {
    const user = newUser();
    const first = createSamples(t, user);
    await first.publisher.publish([cpuSample(0)], t.signal);
    const next = createSamples(t, user);
    await next.publisher.publish([cpuSample(1, { resourceMetadata: { host: 'compute-9' } })], t.signal);
    const found = (await resource(user, 'instance', 'server-1')) as Json;
    assert.deepEqual([found['host'], found['display_name']], ['compute-9', 'vm']);
  });

  test('while Gnocchi is stopped everything is transient, and after its start nothing is lost', async (t) => {
    const user = newUser();
    const { publisher: bare, metrics } = createSamples(t, user, '?archive_policy=ceilometer-high');
    const url = parsePublisherUrl('gnocchi://', urlSyntaxOf(GNOCCHI_PUBLISHER));
    const settings = readDeliverySettings(GNOCCHI_PUBLISHER, url);
    const retry = { initialMillis: 10, maxMillis: 100 };
    const publisher = deliver(bare, settings, { name: 'gnocchi', log: silentLogger, metrics, retry });
    await publisher.start(t.signal);
    t.after(() => publisher.stop(createDeadline(1_000)));
    const calls = Array.from({ length: 40 }, (_, call) =>
      Array.from({ length: 25 }, (_, index) => cpuSample(call * 25 + index)),
    );
    const waiting: Promise<PublishResult>[] = [];
    const give = (from: number, to: number) => {
      for (const call of calls.slice(from, to)) waiting.push(publisher.publish(call, t.signal));
    };
    give(0, 10);
    await waiting[0];
    give(10, 20);
    await gnocchi.down();
    give(20, 40);
    await assert.rejects(bare.publish([cpuSample(0)], t.signal), { code: 'E8036', retry: 'transient' });
    await gnocchi.up();
    for (const result of await Promise.all(waiting)) {
      assert.deepEqual(result, { accepted: 25, duplicates: [], rejected: [] });
    }
    assert.equal(((await measures(user, 'server-1', 'cpu', 1)) as unknown[]).length, 1_000);
  });
});

suite('gnocchi:// with events, in a real Gnocchi', { skip }, () => {
  const id = '5f2c3d0e-4f6c-4c5f-9f39-1f0c5dbe5a11';
  const traits: Event['traits'] = [
    ['instance_id', 1, id],
    ['display_name', 1, 'vm'],
    ['host', 1, 'compute-1'],
    ['instance_flavor_id', 1, '42'],
    ['instance_type', 1, 'm1.tiny'],
    ['user_id', 1, 'u'],
    ['project_id', 1, 'p'],
  ];

  test('a server is created, and ends with its disks and interfaces', async (t) => {
    const user = 'admin';
    const { publisher } = createEvents(t, user);
    const samples = createSamples(t, user);
    const created = eventNumber(0, { eventType: 'compute.instance.create.end', traits });
    assert.deepEqual(await publisher.publish([created, created, eventNumber(1)], t.signal), {
      accepted: 3,
      duplicates: [],
      rejected: [],
    });
    const found = (await resource(user, 'instance', id)) as Json;
    assert.deepEqual(
      [found['display_name'], found['flavor_id'], found['project_id'], found['ended_at']],
      ['vm', '42', 'p', null],
    );
    const disk = cpuSample(0, {
      name: 'disk.device.usage',
      resourceId: `${id}-vda`,
      resourceMetadata: { disk_name: 'vda', instance_id: id },
    });
    await samples.publisher.publish([disk], t.signal);
    const at = Date.now() * 1000 + 3_600_000_000;
    const generated = new Date(at / 1000).toISOString().slice(0, 19);
    const deleted = eventNumber(2, {
      eventType: 'compute.instance.delete.start',
      traits,
      generated,
      generatedMicros: at,
    });
    const result = await publisher.publish([deleted, { ...deleted, messageId: 'again' }], t.signal);
    assert.deepEqual(result, { accepted: 2, duplicates: [], rejected: [] });
    for (const [type, one] of [
      ['instance', id],
      ['instance_disk', `${id}-vda`],
    ] as const) {
      assert.equal(((await resource(user, type, one)) as Json)['ended_at'], `${generated}+00:00`);
    }
  });

  test('an end from before Gnocchi knew the resource is an end now', async (t) => {
    const user = newUser();
    const { publisher } = createEvents(t, user);
    const samples = createSamples(t, user);
    await samples.publisher.publish(
      [cpuSample(0, { name: 'image.size', resourceId: 'image-1', resourceMetadata: { name: 'i' } })],
      t.signal,
    );
    const event = eventNumber(0, { eventType: 'image.delete', traits: [['resource_id', 1, 'image-1']] });
    await publisher.publish([event], t.signal);
    const ended = ((await resource(user, 'image', 'image-1')) as Json)['ended_at'];
    assert.ok(Math.abs(Date.parse(String(ended)) - Date.now()) < 60_000, String(ended));
  });

  test('a volume changes its project, and what Gnocchi does not have is no error', async (t) => {
    const user = newUser();
    const { publisher } = createEvents(t, user);
    const samples = createSamples(t, user);
    await samples.publisher.publish(
      [cpuSample(0, { name: 'volume.size', resourceId: 'volume-1', resourceMetadata: {} })],
      t.signal,
    );
    const transfer = (resourceId: string): Event =>
      eventNumber(0, {
        eventType: 'volume.transfer.accept.end',
        traits: [
          ['resource_id', 1, resourceId],
          ['project_id', 1, 'new'],
        ],
      });
    const withoutId = eventNumber(3, { eventType: 'volume.delete.end', traits: [] });
    const result = await publisher.publish([transfer('volume-1'), transfer('nobody'), withoutId], t.signal);
    assert.deepEqual(
      [result.accepted, result.rejected.map(({ index, error }) => [index, error.code])],
      [2, [[2, 'E8045']]],
    );
    assert.equal(((await resource(user, 'volume', 'volume-1')) as Json)['project_id'], 'new');
  });
});

suite('the upgrade of a real Gnocchi', { skip }, () => {
  test('it has made all types, and doing it again changes nothing', async (t) => {
    const client = createGnocchiClient(configFor(gnocchi.url, 'admin'));
    t.after(() => client.close());
    assert.deepEqual(await upgradeGnocchi(client, t.signal), {
      version: '4.4.2',
      createdTypes: [],
      addedAttributes: [],
      unchangedTypes: RESOURCE_TYPES.map(({ name }) => name),
      failures: [],
    });
  });

  test('attributes that are missing were added, also required ones of a type in use', async () => {
    assert.deepEqual(
      firstUpgrade.addedAttributes.toSorted(),
      [
        'availability_zone',
        'created_at',
        'deleted_at',
        'flavor_id',
        'flavor_name',
        'host',
        'image_ref',
        'launched_at',
        'server_group',
      ].map((name) => `instance.${name}`),
    );
    const others = RESOURCE_TYPES.map(({ name }) => name).filter((name) => name !== 'instance');
    assert.deepEqual([firstUpgrade.createdTypes, firstUpgrade.failures], [others, []]);
    const { display_name, flavor_id, mine } = (await get('/v1/resource/instance/old', 'admin')) as Json;
    assert.deepEqual({ display_name, flavor_id, mine }, { display_name: 'vm', flavor_id: '', mine: null });
  });
});
