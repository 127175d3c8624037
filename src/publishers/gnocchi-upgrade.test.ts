import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { configOf } from '../../test/support/config.ts';
import { httpTargetFor, type Reaction } from '../../test/support/http-target.ts';
import { createGnocchiClient } from './gnocchi.ts';
import { RESOURCE_TYPES } from './gnocchi-types.ts';
import { upgradeGnocchi } from './gnocchi-upgrade.ts';

/** What the real Gnocchi of the other tests does not do: other versions, and refusing. */
async function upgradeOf(t: TestContext, reaction: (method: string, path: string) => Reaction) {
  const target = await httpTargetFor(t);
  target.react(({ method, path }) => reaction(method, path));
  const client = createGnocchiClient(
    configOf({
      'service_credentials/auth_type': 'gnocchi-basic',
      'service_credentials/endpoint': `http://127.0.0.1:${target.port}`,
    }),
  );
  t.after(() => client.close());
  return await upgradeGnocchi(client, t.signal);
}

test('a server that is too old, or no Gnocchi, is left alone', async (t) => {
  const version = (build: string) => () => ({ status: 200, body: JSON.stringify({ build }) });
  await assert.rejects(upgradeOf(t, version('4.1.5')), {
    code: 'E8047',
    retry: 'permanent',
    message: 'Gnocchi 4.1.5 is too old; 4.2 or later is needed',
  });
  await assert.rejects(upgradeOf(t, version('3.9')), { code: 'E8047' });
  await assert.rejects(
    upgradeOf(t, () => ({ status: 200, body: '<html>' })),
    { code: 'E8047', retry: 'transient' },
  );
});

test('what is refused is listed, and the rest is done', async (t) => {
  const refused = { status: 403, body: JSON.stringify({ description: 'Insufficient privileges' }) };
  const found = (names: readonly string[]): Reaction => ({
    status: 200,
    body: JSON.stringify({ attributes: Object.fromEntries(names.map((name) => [name, {}])) }),
  });
  const { version, createdTypes, addedAttributes, unchangedTypes, failures } = await upgradeOf(
    t,
    (method, path) => {
      if (path === '/') return { status: 200, body: '{"build":"4.7.0"}' };
      if (path === '/v1/resource_type/image')
        return method === 'PATCH' ? refused : found(['name', 'disk_format']);
      if (path === '/v1/resource_type/volume') return refused;
      if (path === '/v1/resource_type/stack') return found([]);
      return method === 'GET' ? { status: 404, body: '{}' } : { status: 201, body: '{}' };
    },
  );
  const others = RESOURCE_TYPES.map(({ name }) => name).filter(
    (name) => !/^(image|volume|stack)$/.test(name),
  );
  assert.deepEqual(
    [version, createdTypes, addedAttributes, unchangedTypes],
    ['4.7.0', others, [], ['stack']],
  );
  assert.deepEqual(
    failures.map(({ code, message }) => `${code} ${message}`),
    [
      'E8046 The attribute image.container_format cannot be added (403): "Insufficient privileges"',
      'E8046 The resource type volume cannot be read (403): "Insufficient privileges"',
    ],
  );
});
