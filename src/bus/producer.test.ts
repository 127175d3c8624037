import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { configOf } from '../../test/support/config.ts';
import { createDeadline } from '../component/component.ts';
import { silentLogger } from '../observe/logger.ts';
import { createProducer, type Producer } from './producer.ts';
import { readRabbitSettings } from './rabbit-settings.ts';
import { parseTransportUrl } from './transport-url.ts';

/** Nobody listens there. */
const AWAY = parseTransportUrl('rabbit://u:p@127.0.0.1:1/');
const MEGABYTE = 1_000_000;

/** Bytes of buffers that are still in use. */
function heldBytes(): number {
  setFlagsFromString('--expose-gc');
  runInNewContext('gc')();
  return process.memoryUsage().arrayBuffers;
}

async function startedWithoutBroker(): Promise<Producer> {
  const settings = readRabbitSettings(configOf({}), AWAY);
  const producer = createProducer({ name: 'test', url: AWAY, settings, log: silentLogger });
  await producer.start(AbortSignal.timeout(1_000));
  return producer;
}

async function publishInVain(producer: Producer, signal: AbortSignal): Promise<void> {
  const message = { exchange: 'x', routingKey: 'k', body: Buffer.alloc(MEGABYTE), properties: {} };
  await assert.rejects(producer.publish([message], signal), { code: 'E2010', retry: 'transient' });
}

test('while the broker is away nothing is kept of what its caller has given up', async () => {
  const producer = await startedWithoutBroker();
  const before = heldBytes();
  for (let round = 0; round < 150; round++) {
    const given = new AbortController();
    const published = publishInVain(producer, given.signal);
    given.abort();
    await published;
    await publishInVain(producer, AbortSignal.abort());
  }
  const kept = heldBytes() - before;
  assert.ok(kept < 100 * MEGABYTE, `${kept} bytes`);
  await producer.stop(createDeadline(1_000));
});

test('a stop while the broker is away does not wait for what its caller has given up', async () => {
  const producer = await startedWithoutBroker();
  await publishInVain(producer, AbortSignal.timeout(1));
  const begin = performance.now();
  await producer.stop(createDeadline(5_000));
  assert.ok(performance.now() - begin < 1_000);
});
