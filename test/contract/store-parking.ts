import assert from 'node:assert/strict';
import test from 'node:test';
import type { OpenForTest } from './store.ts';
import { MINUTE, parkedOf, START } from './store-records.ts';

/** What is put aside. */
export function storeParkingContract(name: string, open: OpenForTest): void {
  test(`${name}: a parked item comes back byte for byte`, async (t) => {
    const { store, reopen } = await open(t);
    const item = parkedOf({ messageId: 'm1', eventType: 'x.y' });
    await store.park([item]);
    const reopened = await reopen();
    const [stored] = await reopened.parked({});
    assert.ok(stored);
    const { id, times, ...rest } = stored;
    assert.deepEqual({ ...rest, body: [...rest.body] }, { ...item, body: [...item.body] });
    assert.equal(times, 1);
    assert.deepEqual(await reopened.parkedItem(id), stored);
    assert.equal(await reopened.parkedItem(id + 1), null);
  });

  test(`${name}: the same bytes for the same reason count up, others are items of their own`, async (t) => {
    const { store } = await open(t);
    await store.park([parkedOf(), parkedOf({ code: 'E5003' }), parkedOf({ body: new Uint8Array(0) })]);
    await store.park([parkedOf({ parkedMicros: START + MINUTE, reason: 'Still not JSON' })]);
    const items = await store.parked({});
    assert.deepEqual(
      items.map(({ code, reason, body, times }) => [code, reason, body.length, times]),
      [
        ['E5002', 'Still not JSON', 4, 2],
        ['E5002', 'Not JSON', 0, 1],
        ['E5003', 'Not JSON', 4, 1],
      ],
    );
    assert.equal(await store.parkedCount(), 3);
  });

  test(`${name}: parked items are listed newest first, by code, within the limit, and dropped by number`, async (t) => {
    const { store } = await open(t);
    const codes = ['E5001', 'E5002', 'E5001', 'E5002'];
    await store.park(
      codes.map((code, index) =>
        parkedOf({ code, body: new Uint8Array([index]), parkedMicros: START + ((index * 3) % 4) * MINUTE }),
      ),
    );
    const numbers = async (query: { code?: string; limit?: number }): Promise<readonly number[]> =>
      (await store.parked(query)).map(({ body }) => Number(body[0]));
    assert.deepEqual(await numbers({}), [1, 2, 3, 0]);
    assert.deepEqual(await numbers({ code: 'E5001' }), [2, 0]);
    assert.deepEqual(await numbers({ limit: 2 }), [1, 2]);
    const [first, second] = await store.parked({});
    assert.equal(await store.dropParked([first?.id ?? 0, second?.id ?? 0, 999_999]), 2);
    assert.deepEqual(await numbers({}), [3, 0]);
    assert.equal(await store.parkedCount(), 2);
  });
}
