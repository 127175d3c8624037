import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createDeadline } from '../../src/component/component.ts';
import type { FullContract } from './publisher.ts';
import {
  assertArrived,
  createUnderTest,
  inCalls,
  isDirect,
  openPeer,
  range,
  startUnderTest,
} from './publisher-fixture.ts';

/** What holds while all is well. */
export function publisherBasicsContract<Item>(contract: FullContract<Item>): void {
  const items = range(0, contract.count).map(contract.item);

  test('everything is delivered in order, in calls of all sizes', async (t) => {
    const peer = await openPeer(t, contract);
    const { publisher } = await startUnderTest(t, contract, peer);
    const calls = inCalls(items);
    const results = await Promise.all(calls.map((call) => publisher.publish(call, t.signal)));
    assert.deepEqual(
      results,
      calls.map((call) => ({ accepted: call.length, duplicates: [], rejected: [] })),
    );
    await assertArrived(contract, peer, items);
    assert.deepEqual(publisher.status(), { state: 'ok' });
  });

  test('one call after another is delivered in order', async (t) => {
    const peer = await openPeer(t, contract);
    const { publisher } = await startUnderTest(t, contract, peer);
    for (const index of range(0, 10)) await publisher.publish([contract.item(index)], t.signal);
    await assertArrived(contract, peer, items.slice(0, 10));
  });

  test('a call without items is answered', async (t) => {
    const peer = await openPeer(t, contract);
    const { publisher } = await startUnderTest(t, contract, peer);
    assert.deepEqual(await publisher.publish([], t.signal), { accepted: 0, duplicates: [], rejected: [] });
  });

  test('it can be stopped before it was started, and twice, and started again', async (t) => {
    const peer = await openPeer(t, contract);
    const { publisher } = createUnderTest(t, contract, peer);
    await publisher.stop(createDeadline(1_000));
    await publisher.start(t.signal);
    await Promise.all([publisher.stop(createDeadline(1_000)), publisher.stop(createDeadline(1_000))]);
    await publisher.start(t.signal);
    await publisher.publish([contract.item(0)], t.signal);
    await assertArrived(contract, peer, items.slice(0, 1));
  });

  if (isDirect(contract)) return;

  test('it takes nothing before its start and after its stop', async (t) => {
    const peer = await openPeer(t, contract);
    const { publisher } = createUnderTest(t, contract, peer);
    const refused = { code: 'E8003', retry: 'transient' };
    await assert.rejects(publisher.publish([contract.item(0)], t.signal), refused);
    await publisher.start(t.signal);
    await publisher.stop(createDeadline(1_000));
    await assert.rejects(publisher.publish([contract.item(0)], t.signal), refused);
    assert.deepEqual(await peer.arrived(), []);
  });

  test('a call whose signal has fired is refused', async (t) => {
    const peer = await openPeer(t, contract);
    const { publisher } = await startUnderTest(t, contract, peer);
    const refused = { code: 'E8008', retry: 'transient' };
    await assert.rejects(publisher.publish([contract.item(0)], AbortSignal.abort()), refused);
    assert.deepEqual(await peer.arrived(), []);
  });
}
