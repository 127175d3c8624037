import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { createDeadline } from '../../src/component/component.ts';
import { NephoscopeError } from '../../src/component/errors.ts';
import type { Publisher } from '../../src/publishers/publisher.ts';
import { until } from '../support/until.ts';
import type { FullContract } from './publisher.ts';
import { assertArrived, inCalls, openPeer, range, startUnderTest } from './publisher-fixture.ts';

/** What holds when something goes wrong. */
export function publisherFaultContract<Item>(contract: FullContract<Item>): void {
  const items = range(0, contract.count).map(contract.item);
  const { poison } = contract;

  if (poison !== null) {
    test('an item that is refused for good does not take its neighbours with it', async (t) => {
      const peer = await openPeer(t, contract);
      const { publisher } = await startUnderTest(t, contract, peer);
      const good = items.slice(0, 40);
      const mixed = [...good.slice(0, 11), poison(11), ...good.slice(11, 30), poison(31), ...good.slice(30)];
      const result = await publisher.publish(mixed, t.signal);
      assert.deepEqual(
        result.rejected.map(({ index, error }) => [index, error instanceof NephoscopeError, error.retry]),
        [
          [11, true, 'permanent'],
          [31, true, 'permanent'],
        ],
      );
      assert.deepEqual({ ...result, rejected: [] }, { accepted: 40, duplicates: [], rejected: [] });
      await assertArrived(contract, peer, good);
    });

    test('a call of nothing but refused items is answered, and what follows is delivered', async (t) => {
      const peer = await openPeer(t, contract);
      const { publisher } = await startUnderTest(t, contract, peer);
      const result = await publisher.publish([poison(0), poison(1)], t.signal);
      assert.deepEqual(
        result.rejected.map(({ index }) => index),
        [0, 1],
      );
      await publisher.publish(items.slice(0, 5), t.signal);
      await assertArrived(contract, peer, items.slice(0, 5));
    });
  }

  if (!contract.mayLose && !contract.without.includes('breakDown')) {
    breakdownContract(contract, items);
    queueContract(contract, items);
  }
  if (!contract.without.includes('hang')) hangContract(contract, items);

  test('a stop while it is busy settles every call, and what was taken has arrived', async (t) => {
    const peer = await openPeer(t, contract);
    const { publisher } = await startUnderTest(t, contract, peer);
    const calls = inCalls(items);
    const settled = calls.map((call) => outcomeOf(publisher, call, t.signal));
    await publisher.stop(createDeadline(2_000));
    const outcomes = await Promise.all(settled);
    const taken = calls.flatMap((call, index) => (outcomes[index] === 'taken' ? call : []));
    const arrived = new Set(await peer.arrived());
    const lost = taken.map(contract.identify).filter((name) => !arrived.has(name));
    assert.deepEqual(contract.mayLose ? [] : lost, []);
  });

  test('another instance takes over while it is busy, and nothing is lost', async (t) => {
    const peer = await openPeer(t, contract);
    const old = await startUnderTest(t, contract, peer, { name: 'publisher:old' });
    const calls = inCalls(items);
    const first = calls.slice(0, calls.length / 2).map((call) => outcomeOf(old.publisher, call, t.signal));
    const next = await startUnderTest(t, contract, peer, { name: 'publisher:next' });
    const second = calls.slice(calls.length / 2).map((call) => next.publisher.publish(call, t.signal));
    await old.publisher.stop(createDeadline(2_000));
    const outcomes = await Promise.all(first);
    // What the old one gave up is given again, as the pipeline does it.
    const again = calls.filter((_, index) => outcomes[index] === 'transient');
    await Promise.all(again.map((call) => next.publisher.publish(call, t.signal)));
    await Promise.all(second);
    await assertArrived(contract, peer, items, { allowRepeats: true });
  });
}

/** The peer goes away and comes back. */
function breakdownContract<Item>(contract: FullContract<Item>, items: readonly Item[]): void {
  test('while the peer is down callers wait, and all of it arrives when it is back', async (t) => {
    const peer = await openPeer(t, contract);
    const { publisher } = await startUnderTest(t, contract, peer);
    const calls = inCalls(items.slice(0, 300));
    await publisher.publish(calls[0] ?? [], t.signal);
    await peer.breakDown?.();
    let settled = 0;
    const waiting = calls.slice(1).map((call) => publisher.publish(call, t.signal).finally(() => settled++));
    await until('the status says so', () => publisher.status().state === 'degraded');
    assert.match(publisher.status().reason ?? '', /^E\d{4} .* \(since \d{4}-\d\d-\d\dT[\d:.]+Z\)$/s);
    assert.equal(settled, 0);
    await peer.repair?.();
    await Promise.all(waiting);
    await assertArrived(contract, peer, items.slice(0, 300), { allowRepeats: true });
    assert.deepEqual(publisher.status(), { state: 'ok' });
  });

  test('a caller that gives up while the peer is down is told so', async (t) => {
    const peer = await openPeer(t, contract);
    const { publisher } = await startUnderTest(t, contract, peer);
    await peer.breakDown?.();
    const caller = new AbortController();
    const waiting = publisher.publish(items.slice(0, 10), caller.signal);
    await until('the status says so', () => publisher.status().state === 'degraded');
    caller.abort();
    await assert.rejects(waiting, { code: 'E8008', retry: 'transient' });
    await peer.repair?.();
    await publisher.publish(items.slice(10, 20), t.signal);
    await assertArrived(contract, peer, items.slice(10, 20), { allowRepeats: true });
  });

  test('a stop while the peer is down ends in time and gives everything back', async (t) => {
    const peer = await openPeer(t, contract);
    const { publisher } = await startUnderTest(t, contract, peer);
    await peer.breakDown?.();
    const outcome = outcomeOf(publisher, items.slice(0, 10), t.signal);
    await until('the status says so', () => publisher.status().state === 'degraded');
    const begin = performance.now();
    await publisher.stop(createDeadline(1_000));
    assert.ok(performance.now() - begin < 1_500);
    assert.equal(await outcome, 'transient');
    await peer.repair?.();
  });

  test('with policy=drop a batch for a peer that is down is dropped and counted', async (t) => {
    const peer = await openPeer(t, contract);
    const { publisher } = await startUnderTest(t, contract, peer, { query: 'policy=drop' });
    await peer.breakDown?.();
    const result = await publisher.publish(items.slice(0, 10), t.signal);
    assert.deepEqual(result, { accepted: 0, duplicates: [], rejected: [], dropped: 10 });
    assert.equal(publisher.status().state, 'degraded');
    await peer.repair?.();
    await until('it takes again', async () => {
      return (await publisher.publish(items.slice(10, 11), t.signal)).dropped === undefined;
    });
    await assertArrived(contract, peer, items.slice(10, 11), { allowRepeats: true });
  });
}

/** `policy=queue`: the queue on disk takes what the peer does not. */
function queueContract<Item>(contract: FullContract<Item>, items: readonly Item[]): void {
  test('with policy=queue items are taken while the peer is down, outlive a restart, and arrive', async (t) => {
    const peer = await openPeer(t, contract);
    const stateDir = mkdtempSync(join(tmpdir(), 'nephoscope-queue-'));
    const options = { query: 'policy=queue', stateDir };
    const old = await startUnderTest(t, contract, peer, options);
    await peer.breakDown?.();
    const calls = inCalls(items.slice(0, 300));
    const first = await Promise.all(calls.slice(0, 2).map((call) => old.publisher.publish(call, t.signal)));
    assert.deepEqual(
      first,
      calls.slice(0, 2).map((call) => ({ accepted: call.length, duplicates: [], rejected: [] })),
    );
    await until('the status says so', () => old.publisher.status().state === 'degraded');
    await old.publisher.stop(createDeadline(1_000));
    const next = await startUnderTest(t, contract, peer, options);
    t.after(() => rmSync(stateDir, { recursive: true, force: true }));
    for (const call of calls.slice(2)) await next.publisher.publish(call, t.signal);
    await peer.repair?.();
    await assertArrived(contract, peer, items.slice(0, 300), { allowRepeats: true });
    await until('nothing lies on the disk', () => spooledIn(stateDir).length === 0);
    await until('all is well', () => next.publisher.status().state === 'ok');
    assert.deepEqual(next.parked, []);
  });
}

function spooledIn(stateDir: string): readonly string[] {
  return readdirSync(join(stateDir, 'spool')).filter((name) => name.endsWith('.spool'));
}

/** The peer neither answers nor closes. */
function hangContract<Item>(contract: FullContract<Item>, items: readonly Item[]): void {
  test('a peer that hangs is given up in time, never called twice at a time, and gets all of it later', async (t) => {
    const peer = await openPeer(t, contract);
    const options = { query: 'delivery_timeout=0.2' };
    const { publisher, mostOpenCalls, concurrency } = await startUnderTest(t, contract, peer, options);
    await peer.hang?.();
    const waiting = inCalls(items.slice(0, 300)).map((call) => publisher.publish(call, t.signal));
    await until('the status says so', () => publisher.status().state === 'degraded');
    await peer.release?.();
    await Promise.all(waiting);
    await assertArrived(contract, peer, items.slice(0, 300), { allowRepeats: true });
    assert.ok(mostOpenCalls() <= concurrency, `${mostOpenCalls()} calls were open at a time`);
    assert.deepEqual(publisher.status(), { state: 'ok' });
  });
}

type Outcome = 'taken' | 'transient';

async function outcomeOf<Item>(
  publisher: Publisher<Item>,
  call: readonly Item[],
  signal: AbortSignal,
): Promise<Outcome> {
  try {
    const { rejected } = await publisher.publish(call, signal);
    assert.deepEqual(rejected, []);
    return 'taken';
  } catch (thrown) {
    assert.ok(thrown instanceof NephoscopeError && thrown.retry === 'transient', String(thrown));
    return 'transient';
  }
}
