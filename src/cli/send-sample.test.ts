import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { runApi } from '../../test/api-v2/running-api.ts';
import { stubStore } from '../../test/api-v2/stub-store.ts';
import { type CommandResult, runCommand } from '../../test/support/captured.ts';
import { createVhost } from '../../test/support/rabbit.ts';
import { rabbitAvailable, skipUnless } from '../../test/support/services.ts';
import { isJsonObject, type JsonObject } from '../model/json.ts';
import { decodeNotification } from '../notification/envelope.ts';
import type { MessageOutcome } from '../notification/intake.ts';
import { registerSendSample } from './send-sample.ts';

/** An API that gives this outcome for everything, and the samples that came. */
async function samplesApi(outcome: MessageOutcome = 'accepted') {
  const samples: JsonObject[] = [];
  const api = await runApi(stubStore(), {
    intake: {
      take: async (messages) =>
        messages.map(({ body }) => {
          samples.push(onlySample(body));
          return outcome;
        }),
    },
  });
  return { samples, address: api.address, [Symbol.asyncDispose]: () => api[Symbol.asyncDispose]() };
}

/** The metering message in a notification of a polling agent. */
function onlySample(body: Uint8Array): JsonObject {
  const { eventType, priority, payload } = decodeNotification(body);
  assert.deepEqual([eventType, priority], ['telemetry.polling', 'sample']);
  const samples = isJsonObject(payload) ? payload['samples'] : null;
  assert.ok(Array.isArray(samples) && samples.length === 1);
  return samples[0];
}

const send = (...argv: readonly string[]): Promise<CommandResult> =>
  runCommand(registerSendSample, ['send-sample', ...argv]);

test('the sample goes through the server with everything the options say, long or short', async () => {
  await using api = await samplesApi();
  const metadata = "{'name': 'web', 'tags': ('a', None)}";
  const short = ['-n', 'cpu', '-y', 'delta', '-U', 'ns', '-l', '2.5', '-r', 'vm-1', '-u', 'u-1', '-p', 'p-1'];
  const result = await send(...short, '-i', '2026-01-02T03:04:05', '-m', metadata, '--url', api.address);
  assert.deepEqual([result.exitCode, result.stderr], [0, `Taken by ${api.address}/v1/notifications.\n`]);
  const [sample] = api.samples;
  assert.deepEqual(sample, {
    source: 'openstack',
    counter_name: 'cpu',
    counter_type: 'delta',
    counter_unit: 'ns',
    counter_volume: 2.5,
    user_id: 'u-1',
    user_name: null,
    project_id: 'p-1',
    project_name: null,
    resource_id: 'vm-1',
    timestamp: '2026-01-02T03:04:05+00:00',
    resource_metadata: { name: 'web', tags: ['a', null] },
    message_id: result.stdout.trim(),
    monotonic_time: null,
  });
  const long = ['--sample-name', 'cpu', '--sample-resource', 'vm-1', '--sample-metadata', '{"name": "web"}'];
  assert.equal((await send(...long, '--to', api.address)).exitCode, 0);
  const { counter_type: type, counter_unit: unit, counter_volume: volume } = api.samples[1] ?? {};
  assert.deepEqual([type, unit, volume], ['gauge', null, 1]);
});

test('what is put aside or refused is a failure', async () => {
  await using api = await samplesApi('parked');
  const result = await send('-n', 'cpu', '-r', 'vm-1', '--api-url', api.address);
  assert.deepEqual([result.exitCode, result.stdout], [1, '']);
  assert.match(result.stderr, /^E6035 .* put it aside\n {2}help: nephoscope parked list/);
});

test('bad options are named before anything is sent', async () => {
  const cases: readonly (readonly [argument: readonly string[], message: RegExp])[] = [
    [['-n', ' '], /^E6033 --sample-name " " is empty/],
    [['-y', 'counter'], /^E6033 --sample-type "counter" is none of gauge, delta, cumulative/],
    [['-l', 'many'], /^E6033 --sample-volume "many" is no number/],
    [['-l', '1e999'], /^E6033 --sample-volume/],
    [['-i', 'yesterday'], /^E6033 --sample-timestamp "yesterday" is no time/],
    [['-m', '[1]'], /^E6033 --sample-metadata "\[1\]" is no mapping/],
    [['-m', "__import__('os')"], /^E6034 --sample-metadata: "__import__" is no value at character 1/],
  ];
  for (const [argument, message] of cases) {
    const result = await send('-n', 'cpu', '-r', 'vm-1', '--url', 'http://127.0.0.1:9', ...argument);
    assert.deepEqual([result.exitCode, result.stdout], [2, ''], argument.join(' '));
    assert.match(result.stderr, message);
  }
});

test('without a server the command says so', async () => {
  const result = await send('-n', 'cpu', '-r', 'vm-1', '--url', 'http://127.0.0.1:9');
  assert.equal(result.exitCode, 69);
  assert.match(result.stderr, /^E4031 /);
});

suite('over the bus', { skip: skipUnless(await rabbitAvailable()) }, () => {
  test('the sample lies in the queue of polled samples, confirmed', async () => {
    await using vhost = await createVhost();
    const result = await send('-n', 'cpu', '-r', 'vm-1', '--to', vhost.url());
    assert.equal(result.exitCode, 0, result.stderr);
    assert.ok(!result.stderr.includes('guest:guest'));
    await using client = await vhost.open();
    const message = await client.channel.get('notifications.sample', { noAck: true });
    assert.ok(message !== false);
    assert.equal(message.fields.exchange, 'ceilometer');
    assert.equal(onlySample(message.content)['message_id'], result.stdout.trim());
  });

  test('a virtual host that is not there is said at once', async () => {
    const url = 'rabbit://guest:canary@127.0.0.1/no-such-vhost';
    const result = await send('-n', 'cpu', '-r', 'vm-1', '--to', url, '--timeout', '5');
    assert.equal(result.exitCode, 69);
    assert.ok(!result.stderr.includes('canary'));
  });
});
