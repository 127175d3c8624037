import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { runApi } from '../../test/api-v2/running-api.ts';
import { stubStore } from '../../test/api-v2/stub-store.ts';
import { runCommand } from '../../test/support/captured.ts';
import type { SampleQuery, StoredSample } from '../store/query.ts';
import { registerQuery } from './query.ts';

const SAMPLE: StoredSample = {
  id: 's1',
  name: 'cpu',
  type: 'gauge',
  unit: '%',
  volume: 20,
  userId: 'u1',
  projectId: 'p1',
  resourceId: 'r1',
  source: 'openstack',
  deployment: null,
  timestampMicros: 1_772_323_200_000_000,
  recordedMicros: 1_772_323_200_500_000,
  metadataJson: '{"display_name": "my vm"}',
};

const query = (address: string, ...argv: readonly string[]) =>
  runCommand(registerQuery, ['query', ...argv, '--api-url', address]);

test('samples are asked for with the conditions of --where and shown as a table', async () => {
  const asked: SampleQuery[] = [];
  const store = stubStore({
    samples: async (question) => {
      asked.push(question);
      return [SAMPLE];
    },
  });
  await using api = await runApi(store);
  const where = "project=p1 and metadata.display_name='my vm'";
  const result = await query(api.address, 'samples', '--meter', 'cpu', '--where', where, '--limit', '5');
  assert.deepEqual(result, {
    exitCode: 0,
    stderr: '',
    stdout: [
      '+---------------------+-------+-------+--------+------+-------------+',
      '| timestamp           | meter | type  | volume | unit | resource_id |',
      '+---------------------+-------+-------+--------+------+-------------+',
      '| 2026-03-01T00:00:00 | cpu   | gauge |   20.0 | %    | r1          |',
      '+---------------------+-------+-------+--------+------+-------------+',
      '',
    ].join('\n'),
  });
  assert.deepEqual(asked, [
    {
      filter: {
        kind: 'and',
        members: [
          { kind: 'compare', field: 'name', op: 'eq', value: 'cpu' },
          { kind: 'compare', field: 'projectId', op: 'eq', value: 'p1' },
          { kind: 'compare', field: 'metadata.display_name', op: 'eq', value: 'my vm' },
        ],
      },
      limit: 5,
    },
  ]);
});

test('columns can be chosen, also inside the metadata, in every format', async () => {
  await using api = await runApi(stubStore({ samples: async () => [SAMPLE] }));
  const columns = ['-c', 'volume', '-c', 'metadata.display_name'];
  const shown = async (format: string) =>
    (await query(api.address, 'samples', '-f', format, ...columns)).stdout;
  assert.equal(await shown('value'), '20.0 my vm\n');
  assert.equal(await shown('csv'), 'volume,metadata.display_name\n20.0,my vm\n');
  assert.equal(
    await shown('json'),
    '[\n  {\n    "volume": 20.0,\n    "metadata.display_name": "my vm"\n  }\n]\n',
  );
});

test('the request can be shown, in the order of the old client and for curl', async () => {
  await using api = await runApi(stubStore({ statistics: async () => [] }));
  const result = await query(
    ...([api.address, 'statistics', '--meter', 'a/b', '--period', '60', '--groupby', 'user_id'] as const),
    ...[
      '--aggregate',
      'max',
      '--aggregate',
      'cardinality:resource_id',
      '--where',
      'user=u1',
      '--show-request',
    ],
  );
  const parameters =
    'q.field=user&q.op=eq&q.type=&q.value=u1&period=60&groupby=user_id' +
    '&aggregate.func=cardinality&aggregate.func=max&aggregate.param=resource_id';
  assert.deepEqual(result, {
    exitCode: 0,
    stdout: '\n',
    stderr:
      'GET /v2/meters/a%2Fb/statistics\n' +
      parameters
        .split('&')
        .map((pair) => `  ${pair.replace('=', ' = ')}\n`)
        .join('') +
      `curl '${api.address}/v2/meters/a%2Fb/statistics?${parameters}'\n\n` +
      'Nothing found: the API has no statistics that fit.\n',
  });
});

test('traits are asked for in three steps', async () => {
  const store = stubStore({
    eventTypes: async () => ['a.b'],
    traitDescriptions: async () => [{ name: 'size', type: 2 }],
    traits: async () => [['size', 2, 5]],
  });
  await using api = await runApi(store);
  const shown = async (...argv: string[]) =>
    (await query(api.address, 'traits', '-f', 'csv', ...argv)).stdout;
  assert.equal(await shown(), 'event_type\na.b\n');
  assert.equal(await shown('--event-type', 'a.b'), 'type,name\ninteger,size\n');
  assert.equal(await shown('--event-type', 'a.b', '--trait', 'size'), 'name,value,type\nsize,5,integer\n');
});

test('mistakes have exit codes and say what to do', async () => {
  await using api = await runApi(stubStore());
  const usage = await query(api.address, 'samples', '--where', 'projct=x');
  assert.equal(usage.exitCode, 2);
  assert.equal(
    usage.stderr,
    'E4030 There is no field projct here\n  projct=x\n  ^\n  help: Did you mean project? Known: project, user, ' +
      'resource, source, meter, message_id, deployment, timestamp, metadata.KEY.\n',
  );
  const refused = await query(api.address, 'samples', '--limit', '0');
  assert.deepEqual(
    [refused.exitCode, refused.stderr],
    [
      1,
      'E4032 Limit must be positive\n  help: Correct what the message names; --show-request shows what was asked.\n',
    ],
  );
});

test('a server that cannot be reached is exit code 69 with what to do', async () => {
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  const address = `http://127.0.0.1:${port}`;
  assert.deepEqual(await query(address, 'meters'), {
    exitCode: 69,
    stdout: '',
    stderr:
      `E4031 The API at ${address} cannot be reached: nothing listens there\n` +
      '  help: Start it with: nephoscope serve; or name another address with --api-url.\n',
  });
  const nonsense = await query('ftp://x', 'meters');
  assert.deepEqual(
    [nonsense.exitCode, nonsense.stderr.split('\n')[0]],
    [2, 'E4031 --api-url is no HTTP address: ftp://x'],
  );
});

test('a server that is no API is named as such', async () => {
  const server = createServer((_request, response) => response.end('<html>')).listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address() as AddressInfo;
  const result = await query(`http://127.0.0.1:${port}`, 'meters');
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  assert.deepEqual(
    [result.exitCode, result.stderr.split('\n')[0]],
    [1, `E4033 http://127.0.0.1:${port} answered with status 200 and no JSON`],
  );
});
