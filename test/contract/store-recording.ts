import assert from 'node:assert/strict';
import test from 'node:test';
import { FloatToken } from '../../src/model/json.ts';
import type { OpenForTest } from './store.ts';
import { eventOf, MINUTE, parkedOf, SECOND, START, sampleOf } from './store-records.ts';

/** Recording: idempotent, as a whole or not at all, each call by itself. */
export function storeRecordingContract(name: string, open: OpenForTest): void {
  test(`${name}: a sample comes back as it was recorded`, async (t) => {
    const { store, setNow } = await open(t);
    setNow(START + MINUTE);
    const metadata = {
      'a.b': { c: [1, 'x', null, true] },
      nul: 'x\0y',
      astral: '\u{1f600}',
      n: 1.5,
      empty: {},
    };
    const sample = sampleOf({
      unit: null,
      userId: null,
      projectId: null,
      volume: -0.25,
      deployment: 'east',
      resourceMetadata: metadata,
    });
    assert.deepEqual(await store.recordSamples([sample]), { recorded: 1, duplicates: [], rejected: [] });
    const [stored] = await store.samples({});
    assert.deepEqual(stored, {
      id: sample.id,
      name: 'cpu_util',
      type: 'gauge',
      unit: null,
      volume: -0.25,
      userId: null,
      projectId: null,
      resourceId: 'r1',
      source: 'openstack',
      deployment: 'east',
      timestampMicros: START,
      recordedMicros: START + MINUTE,
      metadataJson: JSON.stringify(metadata),
    });
    assert.deepEqual(await store.sample(sample.id), stored);
  });

  test(`${name}: numbers in metadata keep what their text said`, async (t) => {
    const { store } = await open(t);
    const resourceMetadata = { big: 9007199254740993n, float: new FloatToken(2), value: { value: 2 } };
    await store.recordSamples([sampleOf({ resourceMetadata })]);
    const [stored] = await store.samples({});
    assert.equal(stored?.metadataJson, '{"big":9007199254740993,"float":2.0,"value":{"value":2}}');
  });

  test(`${name}: metadata that differ only in the kind of a number are not mixed up`, async (t) => {
    const { store } = await open(t);
    const values = [
      1,
      new FloatToken(1),
      true,
      '1',
      9007199254740993n,
      9007199254740992,
      { a: 1 },
      [1],
      null,
      {},
    ];
    const samples = values.map((v, index) =>
      sampleOf({ timestampMicros: START + index * SECOND, resourceMetadata: { v } }),
    );
    await store.recordSamples(samples);
    const stored = await store.samples({ orderBy: [{ field: 'timestamp', direction: 'asc' }] });
    assert.deepEqual(
      stored.map(({ metadataJson }) => metadataJson),
      ['1', '1.0', 'true', '"1"', '9007199254740993', '9007199254740992', '{"a":1}', '[1]', 'null', '{}'].map(
        (text) => `{"v":${text}}`,
      ),
    );
  });

  test(`${name}: a repeated sample counts as duplicate, within a call and across calls`, async (t) => {
    const { store, reopen } = await open(t);
    const [a, b] = [sampleOf(), sampleOf({ resourceId: 'r2' })];
    assert.deepEqual(await store.recordSamples([a, b, a]), { recorded: 2, duplicates: [2], rejected: [] });
    assert.deepEqual(await store.recordSamples([sampleOf({ resourceId: 'r3' }), b]), {
      recorded: 1,
      duplicates: [1],
      rejected: [],
    });
    const reopened = await reopen();
    assert.deepEqual(await reopened.recordSamples([a]), { recorded: 0, duplicates: [0], rejected: [] });
    assert.equal((await reopened.samples({})).length, 3);
  });

  test(`${name}: samples with ids of other programs are told apart, found by id, and keep it`, async (t) => {
    const { store } = await open(t);
    const ids = [
      '688c6c2e-e4b6-11f1-bd79-02fc00000001',
      'x',
      '',
      'Ünï\0code',
      sampleOf({ resourceId: 'r9' }).id,
    ];
    // The last is of our own form, but made for another resource and time.
    const samples = ids.map((id) => sampleOf({ id, timestampMicros: START + SECOND }));
    assert.deepEqual(await store.recordSamples(samples), { recorded: 5, duplicates: [], rejected: [] });
    assert.deepEqual(await store.recordSamples(samples), {
      recorded: 0,
      duplicates: [0, 1, 2, 3, 4],
      rejected: [],
    });
    for (const id of ids) assert.equal((await store.sample(id))?.id, id);
    assert.equal(await store.sample('nope'), null);
    assert.equal(await store.sample(sampleOf().id), null);
  });

  test(`${name}: the same id at another time, or of another meter, is another sample`, async (t) => {
    const { store } = await open(t);
    const samples = [
      sampleOf({ id: 'same' }),
      sampleOf({ id: 'same', timestampMicros: START + 1 }),
      sampleOf({ id: 'same', name: 'memory' }),
      sampleOf({ id: 'same', unit: 'B' }),
    ];
    assert.deepEqual(await store.recordSamples(samples), { recorded: 4, duplicates: [], rejected: [] });
  });

  test(`${name}: an event comes back as it was recorded`, async (t) => {
    const { store } = await open(t);
    const event = eventOf({
      generatedMicros: START + 5,
      traits: [
        ['state', 1, 'active\0"\\ \u{1f600}'],
        ['size', 2, 9007199254740993n],
        ['size', 2, -5],
        ['load', 3, 0.25],
        ['tiny', 3, 1e-7],
        ['whole', 3, 2],
        ['launched_at', 4, '2026-03-01T00:00:00.000005'],
      ],
      raw: { payload: { n: 9007199254740993n, f: new FloatToken(3) }, list: [] },
    });
    assert.deepEqual(await store.recordEvents([event]), { recorded: 1, duplicates: [], rejected: [] });
    assert.deepEqual(await store.event('m1'), event);
    assert.deepEqual(await store.events({}), [event]);
    assert.equal(await store.event('m2'), null);
  });

  test(`${name}: an event is the same when message id and time are`, async (t) => {
    const { store } = await open(t);
    const [a, b] = [eventOf(), eventOf({ generatedMicros: START + 1 })];
    assert.deepEqual(await store.recordEvents([a, b, a]), { recorded: 2, duplicates: [2], rejected: [] });
    assert.deepEqual(await store.recordEvents([b, eventOf({ messageId: 'm2' })]), {
      recorded: 1,
      duplicates: [0],
      rejected: [],
    });
    assert.deepEqual(await store.event('m1'), a);
  });

  test(`${name}: nothing to record is recorded at once`, async (t) => {
    const { store } = await open(t);
    assert.deepEqual(await store.recordSamples([]), { recorded: 0, duplicates: [], rejected: [] });
    assert.deepEqual(await store.recordEvents([]), { recorded: 0, duplicates: [], rejected: [] });
    await store.park([]);
    assert.equal(await store.dropParked([]), 0);
  });

  test(`${name}: concurrent calls of every kind are all recorded`, async (t) => {
    const { store } = await open(t);
    const calls = Array.from({ length: 40 }, (_, call) => [
      store.recordSamples(
        Array.from({ length: 25 }, (_, n) =>
          sampleOf({ resourceId: `r${n}`, timestampMicros: START + call * SECOND }),
        ),
      ),
      store.recordEvents([eventOf({ messageId: `m${call}` })]),
      store.park([parkedOf({ body: new Uint8Array([call]) })]),
    ]);
    await Promise.all(calls.flat());
    assert.equal((await store.samples({})).length, 1_000);
    assert.equal((await store.events({})).length, 40);
    assert.equal(await store.parkedCount(), 40);
  });

  test(`${name}: reads see what was recorded before them`, async (t) => {
    const { store } = await open(t);
    for (let round = 1; round <= 20; round += 1) {
      await store.recordSamples([sampleOf({ timestampMicros: START + round * SECOND })]);
      assert.equal((await store.samples({})).length, round);
    }
  });

  test(`${name}: a poisonous item is refused for good and takes no other one with it`, async (t) => {
    const { store } = await open(t);
    const results = await Promise.all([
      store.recordSamples([sampleOf()]),
      store.recordSamples([
        sampleOf({ resourceId: 'r3', volume: Number.NaN }),
        sampleOf({ resourceId: 'r2' }),
        sampleOf(),
      ]),
      store.recordEvents([eventOf()]),
      store.recordSamples([sampleOf({ resourceId: 'r4', timestampMicros: Number.MAX_SAFE_INTEGER + 1 })]),
      store.recordEvents([
        eventOf({ messageId: 'm2', generatedMicros: Number.NaN, generated: '' }),
        eventOf(),
      ]),
      store.recordEvents([eventOf({ messageId: 'm3', traits: [['load', 3, Number.POSITIVE_INFINITY]] })]),
      store.recordSamples([sampleOf({ resourceId: 'r5' })]),
    ]);
    await store.park([parkedOf()]);
    assert.deepEqual(
      results.map(({ recorded, duplicates, rejected }) => [
        recorded,
        duplicates,
        rejected.map(({ index, error }) => [index, error.code, error.retry]),
      ]),
      [
        [1, [], []],
        [1, [2], [[0, 'E3009', 'permanent']]],
        [1, [], []],
        [0, [], [[0, 'E3009', 'permanent']]],
        [0, [1], [[0, 'E3009', 'permanent']]],
        [0, [], [[0, 'E3009', 'permanent']]],
        [1, [], []],
      ],
    );
    const kept = ['r1', 'r2', 'r5'];
    assert.deepEqual((await store.samples({})).map(({ resourceId }) => resourceId).sort(), kept);
    const resources = await store.resources(undefined, undefined);
    assert.deepEqual(
      resources.map(({ resourceId }) => resourceId),
      kept,
    );
    assert.deepEqual(await store.events({}), [eventOf()]);
    assert.deepEqual(store.status(), { state: 'ok' });
  });

  test(`${name}: documents nested too deeply are refused for good`, async (t) => {
    const { store } = await open(t);
    let deep: object = {};
    for (let level = 0; level < 20_000; level += 1) deep = { deep };
    const poisoned = sampleOf({ resourceId: 'r9', resourceMetadata: deep as Record<string, never> });
    const { recorded, rejected } = await store.recordSamples([poisoned, sampleOf()]);
    assert.deepEqual(
      [recorded, rejected.map(({ index, error }) => [index, error.code])],
      [1, [[0, 'E3009']]],
    );
  });

  test(`${name}: a store that is not running refuses for now, and can be started again`, async (t) => {
    const { store, reopen } = await open(t);
    await store.recordSamples([sampleOf()]);
    const second = await reopen();
    assert.notEqual(second, store);
    assert.deepEqual(store.status(), { state: 'stopped', reason: 'Not started, or stopped' });
    const refused = { code: 'E3012', retry: 'transient' };
    await assert.rejects(store.recordSamples([sampleOf()]), refused);
    await assert.rejects(store.recordEvents([eventOf()]), refused);
    await assert.rejects(store.park([parkedOf()]), refused);
    await assert.rejects(store.samples({}), refused);
    assert.equal((await second.samples({})).length, 1);
  });
}
