import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite, type TestContext, test } from 'node:test';
import { createBare } from '../../test/contract/publisher-fixture.ts';
import { eventNumber, sampleNumber } from '../../test/contract/publisher-items.ts';
import { configOf } from '../../test/support/config.ts';
import { httpTargetFor, type Reaction, type ReceivedRequest } from '../../test/support/http-target.ts';
import { ConfigurationError } from '../component/errors.ts';
import { type Config, Secret } from '../config/option.ts';
import type { Sample } from '../model/sample.ts';
import { Metrics } from '../observe/metrics.ts';
import { GNOCCHI_PUBLISHER } from './gnocchi.ts';

/** What a real Gnocchi does not do on demand. It takes everything unless a test says otherwise. */
interface FakeGnocchi {
  readonly config: Config;
  /** Method and path of each request so far. */
  asked(): readonly string[];
  /** Null: as a Gnocchi that is well. */
  react(reaction: (request: ReceivedRequest, path: string) => Reaction | null): void;
}

const BATCH = '/v1/batch/resources/metrics/measures?create_metrics=true';
const CRASH: Reaction = { raw: '', close: true };

async function startFake(t: TestContext): Promise<FakeGnocchi> {
  const target = await httpTargetFor(t);
  let own: (request: ReceivedRequest, path: string) => Reaction | null = () => null;
  target.react((request) => own(request, request.path) ?? { status: request.path === BATCH ? 202 : 200 });
  return {
    config: configOf({
      'service_credentials/auth_type': 'gnocchi-basic',
      'service_credentials/endpoint': `http://127.0.0.1:${target.port}`,
    }),
    asked: () => target.requests.map(({ method, path }) => `${method} ${path}`),
    react: (reaction) => {
      own = reaction;
    },
  };
}

function refusal(status: number, description: unknown): Reaction {
  return { status, body: JSON.stringify({ code: status, title: 'No', description }) };
}

function createSamples(t: TestContext, config: Config, query = '') {
  const metrics = new Metrics();
  const publisher = createBare(t, GNOCCHI_PUBLISHER, 'samples', `gnocchi://${query}`, { config, metrics });
  return { publisher, metrics };
}

function cpu(index: number, changes: Partial<Sample> = {}): Sample {
  return sampleNumber(index, { name: 'cpu', unit: 'ns', resourceMetadata: { host: 'h' }, ...changes });
}

function cpus(count: number): readonly Sample[] {
  return Array.from({ length: count }, (_, index) => cpu(index));
}

suite('gnocchi:// with a Gnocchi in trouble', () => {
  test('a value on which Gnocchi crashes is rejected when its neighbours are taken', async (t) => {
    const fake = await startFake(t);
    fake.react(({ body }, path) => (path === BATCH && body.includes('resource-5"') ? CRASH : null));
    const { publisher } = createSamples(t, fake.config);
    const { accepted, rejected, postponed } = await publisher.publish(cpus(12), t.signal);
    assert.deepEqual(
      [
        accepted,
        postponed,
        rejected.map(({ index, error }) => [index, error.code, error.retry, error.message]),
      ],
      [
        11,
        undefined,
        [
          [
            5,
            'E8042',
            'permanent',
            'Gnocchi refused a value of cpu of "resource-5" (500): "the connection was closed without an answer"',
          ],
        ],
      ],
    );
  });

  test('a value on which Gnocchi crashes is rejected also when it comes alone, if Gnocchi works', async (t) => {
    const fake = await startFake(t);
    fake.react(({ body }, path) => (path === BATCH && body.includes('resource-5"') ? CRASH : null));
    const { publisher } = createSamples(t, fake.config);
    await assert.rejects(publisher.publish([cpu(5)], t.signal), { code: 'E8042', retry: 'transient' });
    await publisher.publish([cpu(0)], t.signal);
    const { rejected } = await publisher.publish([cpu(5)], t.signal);
    assert.deepEqual(
      rejected.map(({ index, error }) => [index, error.retry]),
      [[0, 'permanent']],
    );
  });

  test('a Gnocchi that fails at everything is given up after few requests, and nothing is rejected', async (t) => {
    const fake = await startFake(t);
    const { publisher } = createSamples(t, fake.config);
    for (const reaction of [CRASH, refusal(500, 'no'), refusal(403, 'Insufficient privileges')]) {
      fake.react((_, path) => (path === BATCH ? reaction : null));
      const before = fake.asked().length;
      await assert.rejects(publisher.publish(cpus(100), t.signal), { code: 'E8038', retry: 'transient' });
      assert.ok(fake.asked().length - before <= 24, `${fake.asked().length - before} requests`);
    }
    for (const status of [404, 418, 429, 503]) {
      fake.react((_, path) => (path === BATCH ? { status, body: '<html>' } : null));
      await assert.rejects(publisher.publish(cpus(100), t.signal), { retry: 'transient' });
    }
    fake.react((_, path) => (path === BATCH ? { status: 400, body: '<html>a proxy</html>' } : null));
    await assert.rejects(publisher.publish(cpus(2), t.signal), { code: 'E8039', retry: 'transient' });
    await assert.rejects(
      publisher.publish([], AbortSignal.abort()).then(() => publisher.publish(cpus(1), AbortSignal.abort())),
      {
        retry: 'transient',
      },
    );
  });

  test('a request that is too large is cut', async (t) => {
    const fake = await startFake(t);
    fake.react(({ body }, path) =>
      path === BATCH && body.length > 2_000 ? { status: 413, body: '' } : null,
    );
    const { publisher } = createSamples(t, fake.config);
    assert.deepEqual(await publisher.publish(cpus(100), t.signal), {
      accepted: 100,
      duplicates: [],
      rejected: [],
    });
  });

  test('a batch that takes Gnocchi too long is asked for in smaller requests, until it is quick again', async (t) => {
    const fake = await startFake(t);
    const sizes: number[] = [];
    let patience = 30;
    fake.react(({ body }, path) => {
      if (path !== BATCH) return null;
      sizes.push(Object.keys(JSON.parse(String(body))).length);
      return (sizes.at(-1) ?? 0) > patience ? 'hang' : null;
    });
    const { publisher } = createSamples(t, fake.config, '?timeout=0.1');
    for (const taken of [0, 0, 100]) {
      const outcome = publisher.publish(cpus(100), t.signal);
      if (taken === 0) await assert.rejects(outcome, { code: 'E8036', retry: 'transient' });
      else assert.equal((await outcome).accepted, taken);
    }
    assert.deepEqual(sizes.slice(0, 4), [100, 50, 25, 25]);
    patience = 1_000;
    for (const _ of [1, 2]) await publisher.publish(cpus(100), t.signal);
    assert.equal(sizes.at(-1), 100);
  });

  test('what may not be written is rejected when its neighbours are taken', async (t) => {
    const fake = await startFake(t);
    fake.react(({ body }, path) =>
      path === BATCH && body.includes('resource-7"') ? refusal(403, 'no') : null,
    );
    const { publisher } = createSamples(t, fake.config);
    const { accepted, rejected } = await publisher.publish(cpus(9), t.signal);
    assert.deepEqual(
      [accepted, rejected.map(({ index, error }) => [index, error.retry])],
      [8, [[7, 'permanent']]],
    );
  });

  test('a resource that stays unknown after it was created waits, the others are taken', async (t) => {
    const fake = await startFake(t);
    fake.react(({ body }, path) => {
      if (path !== BATCH || !body.includes('resource-1"')) return null;
      return refusal(400, { cause: 'Unknown resources', detail: [{ original_resource_id: 'resource-1' }] });
    });
    const { publisher } = createSamples(t, fake.config);
    const { accepted, rejected, postponed } = await publisher.publish(cpus(3), t.signal);
    assert.deepEqual([accepted, rejected, postponed?.indexes, postponed?.error.code], [2, [], [1], 'E8043']);
  });

  test('an answer that names other resources than ours settles the batch', async (t) => {
    const fake = await startFake(t);
    for (const detail of [[], [{ original_resource_id: 'another' }], 'x', [null]]) {
      fake.react((_, path) => (path === BATCH ? refusal(400, { cause: 'Unknown resources', detail }) : null));
      const { publisher } = createSamples(t, fake.config);
      const outcome = await publisher.publish(cpus(3), t.signal).then(
        ({ rejected }) => rejected.length,
        (thrown: { readonly retry: string }) => thrown.retry,
      );
      assert.ok(outcome === 'transient' || outcome === 3, String(outcome));
    }
  });

  test('a name with pictographs on which the database fails goes without them', async (t) => {
    const fake = await startFake(t);
    let isKnown = false;
    const created: unknown[] = [];
    fake.react(({ body, method }, path) => {
      if (path === BATCH && !isKnown) {
        return refusal(400, { cause: 'Unknown resources', detail: [{ original_resource_id: 'resource-0' }] });
      }
      if (method !== 'POST' || path !== '/v1/resource/instance') return null;
      if (body.includes('😀')) return CRASH;
      isKnown = true;
      created.push(JSON.parse(String(body)));
      return { status: 201, body: '{}' };
    });
    const { publisher } = createSamples(t, fake.config);
    await publisher.publish([cpu(0, { resourceMetadata: { display_name: 'a😀b' } })], t.signal);
    assert.deepEqual(created, [
      { id: 'resource-0', user_id: 'user-1', project_id: 'project-é', display_name: 'a\ufffdb' },
    ]);
  });

  test('a refused archive policy holds everything back and is shown', async (t) => {
    const fake = await startFake(t);
    fake.react(({ method }, path) => {
      if (!path.startsWith('/v1/archive_policy')) return null;
      return method === 'POST' ? refusal(403, 'Insufficient privileges') : refusal(404, 'none');
    });
    const { publisher } = createSamples(t, fake.config);
    await publisher.start(t.signal);
    const message = 'Gnocchi refused the archive policy ceilometer-low (403): "Insufficient privileges"';
    await assert.rejects(publisher.publish(cpus(1), t.signal), {
      code: 'E8044',
      retry: 'transient',
      message,
    });
    assert.deepEqual(publisher.status(), { state: 'degraded', reason: message });
    fake.react(() => null);
    await publisher.publish(cpus(1), t.signal);
    assert.deepEqual(publisher.status(), { state: 'ok' });
  });

  test('attributes that are refused are not told with every batch', async (t) => {
    const fake = await startFake(t);
    fake.react(({ method }) => (method === 'PATCH' ? refusal(403, 'no') : null));
    const { publisher } = createSamples(t, fake.config);
    for (const _ of [1, 2, 3]) await publisher.publish(cpus(1), t.signal);
    assert.equal(fake.asked().filter((one) => one.startsWith('PATCH')).length, 1);
  });
});

suite('the project that gnocchi:// leaves out', () => {
  /** A Keystone that knows projects, in front of the same Gnocchi. */
  async function startCloud(t: TestContext, own: string) {
    const target = await httpTargetFor(t);
    const url = `http://127.0.0.1:${target.port}`;
    const catalog = [{ type: 'metric', name: 'gnocchi', endpoints: [{ interface: 'public', url }] }];
    const project = { id: 'own', name: own, domain: { name: 'Default' } };
    target.react(({ path }) => {
      if (path === '/v3/auth/tokens') {
        return {
          status: 201,
          headers: { 'x-subject-token': 't' },
          body: JSON.stringify({ token: { catalog, project } }),
        };
      }
      if (path === '/v3/domains?name=Default') return { status: 200, body: '{"domains":[{"id":"d"}]}' };
      if (path === '/v3/projects?name=service&domain_id=d')
        return { status: 200, body: '{"projects":[{"id":"found"}]}' };
      if (path.startsWith('/v3/projects')) return { status: 200, body: '{"projects":[]}' };
      return { status: path === BATCH ? 202 : 200 };
    });
    const config = configOf({
      'service_credentials/auth_type': 'password',
      'service_credentials/auth_url': url,
      'service_credentials/user_id': 'u',
      'service_credentials/password': new Secret('p'),
    });
    const sent = () =>
      target.requests
        .filter(({ path }) => path === BATCH)
        .map(({ body }) => Object.keys(JSON.parse(String(body))));
    return {
      config,
      sent,
      asked: () => target.requests.filter(({ path }) => path.startsWith('/v3/')).length,
    };
  }

  const samples = [
    cpu(0, { projectId: 'own' }),
    cpu(1, { projectId: 'found' }),
    cpu(2, { projectId: 'other' }),
  ];

  test('it is our own when it has that name, else it is looked up, once', async (t) => {
    for (const [own, left, questions] of [
      ['service', ['resource-1', 'resource-2'], 1],
      ['elsewhere', ['resource-0', 'resource-2'], 3],
    ] as const) {
      const cloud = await startCloud(t, own);
      const { publisher, metrics } = createSamples(t, cloud.config);
      await publisher.publish(samples, t.signal);
      await publisher.publish(samples, t.signal);
      assert.deepEqual([cloud.sent(), cloud.asked()], [[left, left], questions]);
      assert.match(
        metrics.expose(),
        /dropped_total\{publisher="publisher:gnocchi:1",reason="filtered_project"\} 2\n/,
      );
    }
  });

  test('none is left out when it is nowhere, or when the URL says so', async (t) => {
    for (const query of ['?filter_project=nowhere', '?enable_filter_project=false', '?filter_project=']) {
      const cloud = await startCloud(t, 'elsewhere');
      const { publisher } = createSamples(t, cloud.config, query);
      await publisher.publish(samples, t.signal);
      assert.equal(cloud.sent()[0]?.length, query === '?filter_project=' ? 2 : 3, query);
    }
  });
});

suite('the making of gnocchi://', () => {
  test('all mistakes of the definitions file are told, and a missing one is named', (t) => {
    const directory = mkdtempSync(join(tmpdir(), 'nephoscope-gnocchi-'));
    t.after(() => rmSync(directory, { recursive: true }));
    const file = join(directory, 'mine.yaml');
    writeFileSync(file, 'resources:\n  - {resource_type: a, metrics: 1}\n  - {metrics: [m]}\n');
    const config: Config = {
      ...configOf({ 'service_credentials/auth_type': 'gnocchi-basic' }),
      findFile: (name) => (name === 'mine.yaml' ? file : null),
    };
    assert.throws(
      () => createSamples(t, config, '?resources_definition_file=mine.yaml'),
      (thrown) => {
        assert.ok(thrown instanceof ConfigurationError);
        assert.deepEqual(
          thrown.problems.map(({ code, position }) => [code, position?.file, position?.line]),
          [
            ['E8040', file, 2],
            ['E8040', file, 3],
          ],
        );
        return true;
      },
    );
    assert.throws(() => createSamples(t, config, '?resources_definition_file=none.yaml'), { code: 'E1001' });
    assert.throws(() => createSamples(t, configOf({})), { code: 'E8030', retry: 'permanent' });
  });

  test('an event that Gnocchi always refuses is rejected when Gnocchi works, else it waits', async (t) => {
    const fake = await startFake(t);
    const { config } = fake;
    const publisher = createBare(t, GNOCCHI_PUBLISHER, 'events', 'gnocchi://', { config });
    const event = eventNumber(0, { eventType: 'image.delete', traits: [['resource_id', 1, 'i']] });
    for (const reaction of [CRASH, refusal(403, 'no')]) {
      fake.react(({ method }, path) => {
        if (path === '/v1/resource_type/image') return { status: 200, body: '{"attributes":{}}' };
        return method === 'PATCH' ? reaction : null;
      });
      const { rejected } = await publisher.publish([event], t.signal);
      assert.deepEqual(
        rejected.map(({ error }) => [error.code, error.retry]),
        [['E8043', 'permanent']],
      );
      fake.react(() => reaction);
      await assert.rejects(publisher.publish([event], t.signal), { code: 'E8043', retry: 'transient' });
    }
  });

  test('events behind one that cannot be handled now wait with it, those of other resources do not', async (t) => {
    const fake = await startFake(t);
    fake.react((_, path) => (path.includes('image-1') ? { status: 503, body: '' } : null));
    const { config } = fake;
    const publisher = createBare(t, GNOCCHI_PUBLISHER, 'events', 'gnocchi://', { config });
    const gone = (index: number, id: string) =>
      eventNumber(index, { eventType: 'image.delete', traits: [['resource_id', 1, id]] });
    const events = [gone(0, 'image-0'), gone(1, 'image-1'), gone(2, 'image-2'), gone(3, 'image-1')];
    const { accepted, rejected, postponed } = await publisher.publish(events, t.signal);
    assert.deepEqual(
      [accepted, rejected, postponed?.indexes, postponed?.error.code],
      [2, [], [1, 3], 'E8038'],
    );
  });
});
