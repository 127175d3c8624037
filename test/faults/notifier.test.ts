import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createDeadline } from '../../src/component/component.ts';
import { parseExact } from '../../src/lib/exact-json.ts';
import { NOTIFIER_PUBLISHER } from '../../src/publishers/notifier.ts';
import { fullSampleContract } from '../contract/publisher.ts';
import { range, startUnderTest } from '../contract/publisher-fixture.ts';
import { sampleNumber } from '../contract/publisher-items.ts';
import { configOf } from '../support/config.ts';
import { createVhost } from '../support/rabbit.ts';
import { rabbitAvailable, skipUnless } from '../support/services.ts';
import { createTcpProxy } from '../support/tcp-proxy.ts';
import { until } from '../support/until.ts';

const skip = skipUnless(await rabbitAvailable());
const COUNT = 100_000;
const CALL = 500;
const IN_FLIGHT = 8;
const FAULTS = 12;

test('100,000 samples through a broker that is cut off, closed and away lose none', {
  skip,
  timeout: 60_000,
}, async (t) => {
  await using vhost = await createVhost();
  await using proxy = await createTcpProxy(5672);
  const query = 'topic=oracle&rabbit_retry_interval=0.05&rabbit_interval_max=0.2';
  const { publisher } = await startUnderTest(
    t,
    fullSampleContract({
      definition: NOTIFIER_PUBLISHER,
      open: async () => ({ url: '', arrived: () => [] }),
    }),
    {
      url: `notifier://guest:guest@127.0.0.1:${proxy.port}/${vhost.name}?${query}`,
      arrived: () => [],
      context: { config: configOf({}) },
    },
  );
  t.after(() => publisher.stop(createDeadline(2000)));
  let taken = 0;
  let next = 0;
  const send = async (): Promise<void> => {
    while (next < COUNT) {
      const start = next;
      next += CALL;
      const items = range(start, CALL).map((index) => sampleNumber(index, { resourceMetadata: {} }));
      const result = await publisher.publish(items, t.signal);
      assert.deepEqual(result, { accepted: CALL, duplicates: [], rejected: [] });
      taken += CALL;
    }
  };
  const sending = Promise.all(range(0, IN_FLIGHT).map(send));
  for (let fault = 1; fault <= FAULTS; fault++) {
    await until('some more is taken', () => taken >= (fault * COUNT) / (FAULTS + 1), 30_000);
    if (fault % 3 === 0) await vhost.closeAllConnections();
    else if (fault % 3 === 1) proxy.cut();
    else {
      await proxy.down();
      await proxy.up();
    }
  }
  await sending;
  assert.equal(taken, COUNT);
  assert.equal(await countDistinct(vhost), COUNT);
});

async function countDistinct(vhost: Awaited<ReturnType<typeof createVhost>>): Promise<number> {
  await using client = await vhost.open();
  const ids = new Set<string>();
  for (;;) {
    const got = await client.channel.get('oracle.sample', { noAck: true });
    if (got === false) return ids.size;
    const { 'oslo.message': inner } = JSON.parse(got.content.toString());
    const message = parseExact(inner) as { readonly payload: readonly { readonly message_id: string }[] };
    for (const { message_id } of message.payload) ids.add(message_id);
  }
}
