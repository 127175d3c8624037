import assert from 'node:assert/strict';
import test from 'node:test';
import type { OpenForTest } from './store.ts';
import { DAY, eventOf, HOUR, parkedOf, SECOND, START, sampleOf } from './store-records.ts';

/** Deleting what is too old. */
export function storeExpiryContract(name: string, open: OpenForTest): void {
  const never = new AbortController().signal;

  test(`${name}: samples and events older than allowed go, with all that only they had`, async (t) => {
    const { store, setNow } = await open(t);
    setNow(START + 3 * DAY);
    await store.recordSamples([
      sampleOf({ resourceId: 'gone', name: 'old', projectId: 'gone', id: 'foreign-1' }),
      sampleOf({ resourceId: 'kept', name: 'old', resourceMetadata: { n: 1 } }),
      sampleOf({ resourceId: 'kept', timestampMicros: START + DAY, resourceMetadata: { n: 2 } }),
      sampleOf({
        resourceId: 'kept',
        timestampMicros: START + 2 * DAY,
        id: 'foreign-2',
        resourceMetadata: { n: 2 },
      }),
    ]);
    await store.recordEvents([
      eventOf({ messageId: 'm1', eventType: 'old', traits: [['request_id', 1, 'req-1']] }),
      eventOf({ messageId: 'm2', generatedMicros: START + 2 * DAY, traits: [['request_id', 1, 'req-1']] }),
    ]);
    await store.park([parkedOf()]);
    const policy = { sampleTtlSeconds: (2 * DAY) / SECOND, eventTtlSeconds: DAY / SECOND };
    assert.deepEqual(await store.expire(policy, START + 3 * DAY, never), { samples: 2, events: 1 });

    assert.deepEqual(
      (await store.samples({})).map(({ timestampMicros }) => timestampMicros - START),
      [2 * DAY, DAY],
    );
    assert.deepEqual(
      (await store.meters(undefined, undefined)).map((meter) => [meter.name, meter.resourceId]),
      [['cpu_util', 'kept']],
    );
    assert.deepEqual(
      (await store.resources(undefined, undefined)).map((resource) => [
        resource.resourceId,
        resource.firstSampleMicros - START,
        resource.lastSampleMicros - START,
        resource.meters,
      ]),
      [['kept', DAY, 2 * DAY, ['cpu_util']]],
    );
    assert.equal(await store.sample('foreign-1'), null);
    assert.equal((await store.sample('foreign-2'))?.resourceId, 'kept');
    const traits = [{ name: 'request_id', type: 1, op: 'eq', value: 'req-1' }] as const;
    assert.deepEqual(
      (await store.events({ traits })).map(({ messageId }) => messageId),
      ['m2'],
    );
    assert.equal(await store.event('m1'), null);
    assert.deepEqual(await store.eventTypes(), ['compute.instance.update']);
    assert.equal(await store.parkedCount(), 1);
    assert.deepEqual(await store.expire(policy, START + 3 * DAY, never), { samples: 0, events: 0 });
  });

  test(`${name}: null keeps for ever, and a record exactly at the limit is kept`, async (t) => {
    const { store } = await open(t);
    await store.recordSamples([sampleOf(), sampleOf({ timestampMicros: START - 1 })]);
    await store.recordEvents([eventOf(), eventOf({ messageId: 'm2', generatedMicros: START - 1 })]);
    const keep = { sampleTtlSeconds: null, eventTtlSeconds: null };
    assert.deepEqual(await store.expire(keep, START + DAY, never), { samples: 0, events: 0 });
    const hour = { sampleTtlSeconds: 3_600, eventTtlSeconds: 3_600 };
    assert.deepEqual(await store.expire(hour, START + HOUR, never), { samples: 1, events: 1 });
  });

  test(`${name}: what expired may be recorded again, and late records after expiry are seen`, async (t) => {
    const { store, setNow } = await open(t);
    setNow(START + DAY);
    await store.recordSamples([sampleOf(), sampleOf({ resourceId: 'r2', timestampMicros: START + DAY })]);
    await store.expire({ sampleTtlSeconds: 3_600, eventTtlSeconds: null }, START + DAY, never);
    assert.deepEqual(
      (await store.resources(undefined, undefined)).map(({ resourceId }) => resourceId),
      ['r2'],
    );
    assert.deepEqual(await store.recordSamples([sampleOf()]), { recorded: 1, duplicates: [], rejected: [] });
    const found = await store.resources(undefined, undefined);
    assert.deepEqual(found.map((resource) => [resource.resourceId, resource.firstSampleMicros]).sort(), [
      ['r1', START],
      ['r2', START + DAY],
    ]);
    assert.equal((await store.meters(undefined, undefined)).length, 2);
  });

  test(`${name}: a series whose newest sample lies ahead of the clock outlives its older ones`, async (t) => {
    const { store, setNow } = await open(t);
    setNow(START + HOUR);
    await store.recordSamples([sampleOf(), sampleOf({ timestampMicros: START + 2 * HOUR })]);
    const expired = await store.expire({ sampleTtlSeconds: 0, eventTtlSeconds: null }, START + HOUR, never);
    assert.deepEqual(expired, { samples: 1, events: 0 });
    assert.equal((await store.meters(undefined, undefined)).length, 1);
    const [resource] = await store.resources(undefined, undefined);
    assert.deepEqual(
      [resource?.firstSampleMicros, resource?.lastSampleMicros],
      [START + 2 * HOUR, START + 2 * HOUR],
    );
  });

  test(`${name}: many records go in steps, while others are written, and an abort ends it early`, async (t) => {
    const { store } = await open(t);
    const batch = (start: number): ReturnType<typeof sampleOf>[] =>
      Array.from({ length: 12_000 }, (_, n) =>
        sampleOf({ timestampMicros: START + start + n, resourceId: `r${n % 7}` }),
      );
    await store.recordSamples(batch(0));
    await store.recordSamples(batch(12_000));
    const policy = { sampleTtlSeconds: 3_600, eventTtlSeconds: null };
    const aborted = AbortSignal.abort();
    assert.deepEqual(await store.expire(policy, START + DAY, aborted), { samples: 0, events: 0 });
    const expiring = store.expire(policy, START + DAY, never);
    const writing = store.recordSamples([sampleOf({ timestampMicros: START + DAY })]);
    assert.equal((await writing).recorded, 1);
    assert.deepEqual(await expiring, { samples: 24_000, events: 0 });
    assert.equal((await store.samples({})).length, 1);
  });
}
