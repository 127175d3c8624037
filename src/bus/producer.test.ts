import assert from 'node:assert/strict';
import { test } from 'node:test';
import { configOf } from '../../test/support/config.ts';
import { until } from '../../test/support/until.ts';
import { createDeadline } from '../component/component.ts';
import { silentLogger } from '../observe/logger.ts';
import { createProducer, type Producer } from './producer.ts';
import { readRabbitSettings } from './rabbit-settings.ts';
import { parseTransportUrl } from './transport-url.ts';

/** Nobody listens there. */
const AWAY = parseTransportUrl('rabbit://u:p@127.0.0.1:1/');
const MEGABYTE = 1_000_000;

/** More garbage, so that what is not held is collected sooner or later. */
function arrayBufferBytes(): number {
  for (let round = 0; round < 4; round++) Buffer.alloc(8 * MEGABYTE);
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
  const before = process.memoryUsage().arrayBuffers;
  for (let round = 0; round < 150; round++) {
    const given = new AbortController();
    const published = publishInVain(producer, given.signal);
    given.abort();
    await published;
    await publishInVain(producer, AbortSignal.abort());
  }
  const limit = before + 100 * MEGABYTE;
  await until('what was given up is collected', () => arrayBufferBytes() < limit);
  await producer.stop(createDeadline(1_000));
});

test('a stop while the broker is away does not wait for what its caller has given up', async () => {
  const producer = await startedWithoutBroker();
  await publishInVain(producer, AbortSignal.timeout(1));
  const begin = performance.now();
  await producer.stop(createDeadline(5_000));
  assert.ok(performance.now() - begin < 1_000);
});
