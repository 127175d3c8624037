import assert from 'node:assert/strict';
import { createServer } from 'node:net';
import { suite, type TestContext, test } from 'node:test';
import { inspect } from 'node:util';
import { createCertificates, opensslAvailable } from '../../test/support/certificates.ts';
import { configOf } from '../../test/support/config.ts';
import { type FakeHttpTarget, httpTargetFor, type Reaction } from '../../test/support/http-target.ts';
import { skipUnless } from '../../test/support/services.ts';
import { until } from '../../test/support/until.ts';
import { Secret } from '../config/option.ts';
import { readServiceAccess } from './credentials.ts';
import { createServiceClient, type ServiceClient } from './service-client.ts';

/** A Keystone and a service behind one address, as far as a client sees them. */
interface Cloud {
  readonly target: FakeHttpTarget;
  readonly url: string;
  /** Bodies of the logins so far. */
  logins(): readonly unknown[];
  /** What the service is asked, with the token that came with it. */
  calls(): readonly string[];
  /** Tokens the service does not take. */
  readonly revoked: Set<string>;
  answer: Reaction;
  login: Reaction | null;
  lifeMillis: number;
}

async function startCloud(
  t: TestContext,
  tls?: { readonly key: Buffer; readonly cert: Buffer },
): Promise<Cloud> {
  const target = await httpTargetFor(t, tls);
  const url = tls === undefined ? `http://127.0.0.1:${target.port}` : `https://localhost:${target.port}`;
  const requests = (isLogin: boolean) =>
    target.requests.filter(({ path }) => (path === '/id/v3/auth/tokens') === isLogin);
  const cloud: Cloud = {
    target,
    url,
    logins: () => requests(true).map(({ body }) => JSON.parse(String(body))),
    calls: () => requests(false).map(({ path, headers }) => `${headers['x-auth-token']} ${path}`),
    revoked: new Set(),
    answer: { status: 200, body: '{"ok":true}' },
    login: null,
    lifeMillis: 3_600_000,
  };
  target.react(({ path, headers }) => {
    if (path === '/id/v3/auth/tokens') return cloud.login ?? tokenAnswer(cloud);
    const token = String(headers['x-auth-token']);
    return cloud.revoked.has(token) ? { status: 401, body: '' } : cloud.answer;
  });
  return cloud;
}

function tokenAnswer(cloud: Cloud): Reaction {
  const endpoint = (name: string, region: string) => ({
    interface: name,
    region_id: region,
    url: `${cloud.url}/${region}/${name}/`,
  });
  const endpoints = [endpoint('admin', 'one'), endpoint('public', 'one'), endpoint('public', 'two')];
  const now = Date.parse('2026-01-02T03:04:05.000Z');
  const token = {
    issued_at: new Date(now).toISOString(),
    expires_at: new Date(now + cloud.lifeMillis).toISOString(),
    project: { id: 'p1', name: 'service', domain: { id: 'default', name: 'Default' } },
    catalog: [
      {
        type: 'metric',
        name: 'other',
        endpoints: [{ interface: 'public', region_id: 'one', url: 'http://x' }],
      },
      { type: 'metric', name: 'gnocchi', endpoints },
    ],
  };
  const name = `token-${cloud.logins().length}`;
  return { status: 201, headers: { 'x-subject-token': name }, body: JSON.stringify({ token }) };
}

const PASSWORD = new Secret('s3cret');

function accessOf(url: string, values: Readonly<Record<string, unknown>> = {}) {
  const all = {
    auth_type: 'password',
    auth_url: `${url}/id`,
    username: 'nephoscope',
    password: PASSWORD,
    user_domain_name: 'Default',
    project_name: 'service',
    project_domain_id: 'default',
    ...values,
  };
  const entries = Object.entries(all).map(([name, value]) => [`service_credentials/${name}`, value]);
  return readServiceAccess(configOf(Object.fromEntries(entries)), 'gnocchi');
}

function clientOf(t: TestContext, url: string, values?: Readonly<Record<string, unknown>>): ServiceClient {
  const client = createServiceClient({
    access: accessOf(url, values),
    service: { type: 'metric', name: 'gnocchi' },
    timeoutMillis: 5_000,
    connections: 4,
  });
  t.after(() => client.close());
  return client;
}

async function ask(client: ServiceClient, t: TestContext): Promise<unknown> {
  return (await client.call({ method: 'GET', path: '/v1/x' }, t.signal)).json();
}

suite('a service of the cloud', () => {
  test('one login with its scope serves many calls, at the endpoint of the catalogue', async (t) => {
    const cloud = await startCloud(t);
    const client = clientOf(t, cloud.url);
    assert.deepEqual(await Promise.all([ask(client, t), ask(client, t)]), [{ ok: true }, { ok: true }]);
    await ask(client, t);
    const identity = {
      methods: ['password'],
      password: { user: { name: 'nephoscope', domain: { name: 'Default' }, password: 's3cret' } },
    };
    const scope = { project: { name: 'service', domain: { id: 'default' } } };
    assert.deepEqual(cloud.logins(), [{ auth: { identity, scope } }]);
    assert.deepEqual(
      cloud.calls(),
      Array.from({ length: 3 }, () => 'token-1 /one/public/v1/x'),
    );
    assert.deepEqual(await client.project(t.signal), { id: 'p1', name: 'service', domain: 'Default' });
  });

  test('region and interface choose among the endpoints', async (t) => {
    const cloud = await startCloud(t);
    await ask(clientOf(t, cloud.url, { region_name: 'two' }), t);
    await ask(clientOf(t, cloud.url, { interface: 'adminURL' }), t);
    assert.deepEqual(cloud.calls(), ['token-1 /two/public/v1/x', 'token-2 /one/admin/v1/x']);
  });

  test('a service that is not in the catalogue is looked for again, and what is there is named', async (t) => {
    const cloud = await startCloud(t);
    await assert.rejects(ask(clientOf(t, cloud.url, { region_name: 'three' }), t), {
      code: 'E8034',
      retry: 'transient',
      message:
        'The catalogue of Keystone has no endpoint for type metric, name gnocchi, interface public, region three; ' +
        'it has metric (other), metric (gnocchi)',
    });
  });

  test('a token that is no longer taken is replaced once', async (t) => {
    const cloud = await startCloud(t);
    const client = clientOf(t, cloud.url);
    await ask(client, t);
    cloud.revoked.add('token-1');
    assert.deepEqual(await ask(client, t), { ok: true });
    assert.deepEqual(cloud.calls().slice(1), ['token-1 /one/public/v1/x', 'token-2 /one/public/v1/x']);
    for (const name of ['token-2', 'token-3']) cloud.revoked.add(name);
    await assert.rejects(ask(client, t), {
      code: 'E8037',
      retry: 'transient',
      message: `${cloud.url}/one/public/v1/x answered 401: our credentials are not taken`,
    });
    assert.equal(cloud.logins().length, 3);
  });

  test('a token is renewed before it ends, by the time it lives and not by our clock', async (t) => {
    const cloud = await startCloud(t);
    cloud.lifeMillis = 40;
    const client = clientOf(t, cloud.url);
    await ask(client, t);
    await until('another login was made', async () => {
      await ask(client, t);
      return cloud.logins().length > 1;
    });
  });

  test('a login by application credential has no scope, one by token has', async (t) => {
    const cloud = await startCloud(t);
    const credential = { application_credential_secret: new Secret('a') };
    const byId = { auth_type: 'v3applicationcredential', application_credential_id: 'c1', ...credential };
    const byName = { auth_type: 'v3applicationcredential', application_credential_name: 'c', ...credential };
    const byToken = { auth_type: 'v3token', token: new Secret('t'), project_id: 'p' };
    for (const values of [byId, byName, byToken]) await ask(clientOf(t, cloud.url, values), t);
    const user = { name: 'nephoscope', domain: { name: 'Default' } };
    const methods = ['application_credential'];
    assert.deepEqual(cloud.logins(), [
      { auth: { identity: { methods, application_credential: { id: 'c1', secret: 'a' } } } },
      { auth: { identity: { methods, application_credential: { name: 'c', user, secret: 'a' } } } },
      { auth: { identity: { methods: ['token'], token: { id: 't' } }, scope: { project: { id: 'p' } } } },
    ]);
  });

  test('trust, system and domain are scopes, too', async (t) => {
    const cloud = await startCloud(t);
    const scopes = [
      { trust_id: 'x' },
      { system_scope: 'all' },
      { domain_name: 'd' },
      { project_name: null, default_domain_id: 'default', user_domain_name: null },
    ];
    for (const values of scopes) await ask(clientOf(t, cloud.url, values), t);
    assert.deepEqual(
      cloud.logins().map((login) => (login as { auth: { scope?: unknown } }).auth.scope),
      [{ 'OS-TRUST:trust': { id: 'x' } }, { system: { all: true } }, { domain: { name: 'd' } }, undefined],
    );
  });

  test('a refused login is transient and names no password', async (t) => {
    const cloud = await startCloud(t);
    cloud.login = { status: 401, body: '{"error":{"message":"s3cret is wrong"}}' };
    await assert.rejects(ask(clientOf(t, cloud.url), t), (thrown) => {
      assert.doesNotMatch(inspect(thrown, { depth: null }), /s3cret/);
      assert.equal((thrown as Error).message, `Keystone refused the login: ${cloud.url}/id/v3 answered 401`);
      return true;
    });
    for (const [answer, code] of [
      [{ status: 503, body: '' }, 'E8031'],
      [{ status: 500, body: '' }, 'E8031'],
      [{ status: 201, body: '<html>' }, 'E8033'],
      [{ status: 201, headers: { 'x-subject-token': 't' }, body: '[]' }, 'E8033'],
    ] as const) {
      cloud.login = answer;
      await assert.rejects(ask(clientOf(t, cloud.url), t), { code, retry: 'transient' });
    }
  });

  test('what the service cannot do now is transient, redirects are not followed', async (t) => {
    const cloud = await startCloud(t);
    const client = clientOf(t, cloud.url);
    for (const [status, code] of [
      [429, 'E8038'],
      [503, 'E8038'],
      [302, 'E8039'],
    ] as const) {
      cloud.answer = { status, headers: { location: `${cloud.url}/elsewhere` }, body: '' };
      await assert.rejects(ask(client, t), { code, retry: 'transient' });
    }
    assert.equal(cloud.calls().length, 3);
    cloud.answer = { status: 200, body: 'x'.repeat(17 * 1024 * 1024) };
    await assert.rejects(ask(client, t), { code: 'E8039', retry: 'transient' });
  });

  test('a connection closed while it lay idle is no failure', async (t) => {
    const cloud = await startCloud(t);
    const client = clientOf(t, cloud.url);
    await ask(client, t);
    let broken = 0;
    cloud.target.react(() => (broken++ === 0 ? { raw: '', close: true } : { status: 200, body: '{"ok":2}' }));
    assert.deepEqual([await ask(client, t), broken], [{ ok: 2 }, 2]);
  });

  test('nobody there, and somebody who does not answer, are transient', async (t) => {
    const unreachable = clientOf(t, 'http://127.0.0.1:1');
    await assert.rejects(ask(unreachable, t), { code: 'E8036', retry: 'transient' });
    const silent = createServer(() => {}).listen(0, '127.0.0.1');
    await new Promise((resolve) => silent.once('listening', resolve));
    t.after(() => silent.close());
    const address = silent.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    const given = AbortSignal.timeout(20);
    const client = clientOf(t, `http://127.0.0.1:${port}`);
    await assert.rejects(client.call({ method: 'GET', path: '/' }, given), {
      message: `The request to http://127.0.0.1:${port}/id/v3/auth/tokens was given up`,
    });
    await client.close();
  });

  test('it can be closed twice and used again', async (t) => {
    const cloud = await startCloud(t);
    const client = clientOf(t, cloud.url);
    await client.close();
    await client.open();
    assert.deepEqual(await ask(client, t), { ok: true });
    await Promise.all([client.close(), client.close()]);
    assert.deepEqual(await ask(client, t), { ok: true });
  });
});

suite('TLS with services', { skip: skipUnless(await opensslAvailable()) }, () => {
  test('certificates are verified, by the authority that is named', async (t) => {
    await using certificates = await createCertificates();
    const cloud = await startCloud(t, await certificates.read());
    assert.deepEqual(await ask(clientOf(t, cloud.url, { cafile: certificates.caFile }), t), { ok: true });
    assert.deepEqual(await ask(clientOf(t, cloud.url, { insecure: true }), t), { ok: true });
    await assert.rejects(ask(clientOf(t, cloud.url), t), { code: 'E8035', retry: 'transient' });
    const missing = clientOf(t, cloud.url, { cafile: '/nowhere/ca.pem' });
    await assert.rejects(missing.open(), { code: 'E8035', retry: 'permanent' });
  });
});
