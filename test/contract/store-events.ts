import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import type { Event, Trait, TraitType } from '../../src/model/event.ts';
import type { EventQuery, TraitCondition } from '../../src/store/query.ts';
import type { OpenForTest } from './store.ts';
import { eventsOf } from './store-model.ts';
import { DAY, eventOf, HOUR, SECOND, START } from './store-records.ts';

/** Events: conditions, order, catalogues. */
export function storeEventContract(name: string, open: OpenForTest): void {
  test(`${name}: trait conditions hold for the same event, by name, type and value`, async (t) => {
    const { store } = await open(t);
    const traits: readonly (readonly Trait[])[] = [
      [
        ['state', 1, 'active'],
        ['size', 2, 5],
        ['request_id', 1, 'req-1'],
        ['at', 4, '2026-03-01T00:00:00.5'],
      ],
      [
        ['state', 1, 'error'],
        ['size', 2, 50],
        ['request_id', 1, 'req-1'],
        ['at', 4, '2026-03-01T00:00:00'],
      ],
      [
        ['state', 1, 'active'],
        ['size', 3, 5],
        ['load', 3, 0.5],
        ['host', 1, 'a","b'],
      ],
      [
        ['size', 1, '5'],
        ['state', 1, '\u{ffff}'],
        ['big', 2, 9007199254740993n],
      ],
      [
        ['state', 1, '\u{10000}'],
        ['big', 2, 9007199254740991],
        ['size', 2, 5],
        ['size', 2, 7],
      ],
    ];
    await store.recordEvents(
      traits.map((list, index) =>
        eventOf({ messageId: `m${index}`, generatedMicros: START + index, traits: list }),
      ),
    );
    const find = async (...conditions: readonly TraitCondition[]): Promise<string> =>
      (await store.events({ traits: conditions })).map(({ messageId }) => messageId.slice(1)).join('');
    const on = (
      trait: string,
      type: TraitType,
      op: TraitCondition['op'],
      value: Trait[2],
    ): TraitCondition => ({
      name: trait,
      type,
      op,
      value,
    });
    assert.equal(await find(on('state', 1, 'eq', 'active')), '02');
    assert.equal(await find(on('state', 1, 'ne', 'active')), '134');
    assert.equal(await find(on('state', 1, 'ge', '\u{ffff}')), '34');
    assert.equal(await find(on('state', 1, 'gt', '\u{ffff}')), '4');
    assert.equal(await find(on('size', 2, 'eq', 5)), '04');
    assert.equal(await find(on('size', 3, 'eq', 5)), '2');
    assert.equal(await find(on('size', 1, 'eq', '5')), '3');
    assert.equal(await find(on('size', 2, 'gt', 9)), '1');
    assert.equal(await find(on('size', 2, 'ne', 5)), '14');
    assert.equal(await find(on('load', 3, 'le', 0.5)), '2');
    assert.equal(await find(on('host', 1, 'eq', 'a","b')), '2');
    assert.equal(await find(on('big', 2, 'eq', 9007199254740993n)), '3');
    assert.equal(await find(on('big', 2, 'lt', 9007199254740993n)), '4');
    assert.equal(await find(on('at', 4, 'gt', '2026-03-01T00:00:00')), '0');
    assert.equal(await find(on('at', 4, 'eq', '2026-03-01T00:00:00')), '1');
    assert.equal(await find(on('request_id', 1, 'eq', 'req-1')), '01');
    assert.equal(await find(on('request_id', 1, 'eq', 'req-2')), '');
    assert.equal(await find(on('request_id', 1, 'eq', 'req-1'), on('state', 1, 'eq', 'active')), '0');
    // N-01 of the recorded answers: both hold, but not for one event.
    assert.equal(await find(on('state', 1, 'eq', 'error'), on('size', 2, 'eq', 5)), '');
    assert.equal(await find(on('state', 1, 'eq', 'active'), on('state', 1, 'eq', 'error')), '');
    assert.equal(await find(on('nope', 1, 'ne', 'x')), '');
  });

  test(`${name}: events come in order of generation, either way, within time bounds and limit`, async (t) => {
    const { store } = await open(t);
    const hours = [5, 1, 3, 1, 40];
    await store.recordEvents(
      hours.map((hour, index) =>
        eventOf({
          messageId: `m${index}`,
          generatedMicros: START + hour * HOUR,
          eventType: index % 2 === 0 ? 'even' : 'odd',
          traits: [['request_id', 1, 'req-1']],
        }),
      ),
    );
    const find = async (query: EventQuery): Promise<string> =>
      (await store.events(query)).map(({ messageId }) => messageId.slice(1)).join('');
    for (const traits of [undefined, [{ name: 'request_id', type: 1, op: 'eq', value: 'req-1' }]] as const) {
      const query = traits === undefined ? {} : { traits };
      assert.equal(await find(query), '13204');
      assert.equal(await find({ ...query, order: 'desc' }), '40231');
      assert.equal(await find({ ...query, limit: 2 }), '13');
      assert.equal(await find({ ...query, limit: 2, order: 'desc' }), '40');
      assert.equal(await find({ ...query, limit: 0 }), '');
      assert.equal(
        await find({ ...query, startMicros: START + 3 * HOUR, endMicros: START + 5 * HOUR }),
        '20',
      );
      assert.equal(await find({ ...query, eventType: 'even', endMicros: START + 5 * HOUR }), '20');
      assert.equal(await find({ ...query, eventType: 'nope' }), '');
    }
    await store.recordEvents([
      eventOf({ messageId: 'm5', deployment: 'east', generatedMicros: START + 99 * HOUR }),
      eventOf({ messageId: 'm6', deployment: 'west', generatedMicros: START + 99 * HOUR }),
    ]);
    assert.deepEqual([await find({ deployment: 'east' }), await find({ deployment: 'south' })], ['5', '']);
    assert.equal((await store.event('m6'))?.deployment, 'west');
    const failure = { messageId: 'm7', priority: 'error', generatedMicros: START + 98 * HOUR } as const;
    await store.recordEvents([eventOf(failure)]);
    assert.equal(await find({ priority: 'error' }), '7');
    assert.equal(await find({ messageId: 'm2' }), '2');
    assert.equal(await find({ messageId: 'm2', eventType: 'odd' }), '');
    assert.equal(await find({ messageId: 'm2', endMicros: START }), '');
  });

  test(`${name}: events of a project, or of none, can be asked for`, async (t) => {
    const { store } = await open(t);
    const traits: readonly (readonly Trait[])[] = [
      [['project_id', 1, 'p1']],
      [['project_id', 1, 'p2']],
      [['state', 1, 'active']],
      [],
      [['project_id', 2, 7]],
    ];
    await store.recordEvents(traits.map((list, index) => eventOf({ messageId: `m${index}`, traits: list })));
    const found = await store.events({ projectOrNone: 'p1' });
    assert.deepEqual(
      found.map(({ messageId }) => messageId),
      ['m0', 'm2', 'm3', 'm4'],
    );
  });

  test(`${name}: event types and trait descriptions are those of the events`, async (t) => {
    const { store } = await open(t);
    assert.deepEqual(await store.eventTypes(), []);
    await store.recordEvents([
      eventOf({
        messageId: 'm1',
        eventType: 'b',
        traits: [
          ['state', 1, 'x'],
          ['n', 2, 1],
          ['n', 1, '1'],
        ],
      }),
      eventOf({ messageId: 'm2', eventType: 'a', traits: [] }),
      eventOf({ messageId: 'm3', eventType: '\u{10000}' }),
      eventOf({
        messageId: 'm4',
        eventType: '\u{ffff}',
        traits: [
          ['at', 4, '2026-03-01T00:00:00'],
          ['f', 3, 1],
        ],
      }),
      eventOf({
        messageId: 'm5',
        eventType: 'b',
        traits: [
          ['host', 1, 'h'],
          ['state', 1, 'y'],
        ],
      }),
    ]);
    assert.deepEqual(await store.eventTypes(), ['a', 'b', '\u{ffff}', '\u{10000}']);
    assert.deepEqual(await store.traitDescriptions('b'), [
      { name: 'host', type: 1 },
      { name: 'n', type: 1 },
      { name: 'n', type: 2 },
      { name: 'state', type: 1 },
    ]);
    assert.deepEqual(await store.traitDescriptions('a'), []);
    assert.deepEqual(await store.traitDescriptions('nope'), []);
  });

  test(`${name}: every occurrence of a trait of a type is listed, oldest first`, async (t) => {
    const { store } = await open(t);
    await store.recordEvents([
      eventOf({ messageId: 'm1', generatedMicros: START + DAY, traits: [['n', 2, 3]] }),
      eventOf({
        messageId: 'm2',
        traits: [
          ['n', 2, 1],
          ['x', 1, 'n'],
          ['n', 3, 1.5],
        ],
      }),
      eventOf({ messageId: 'm3', eventType: 'other', traits: [['n', 2, 9]] }),
    ]);
    const type = 'compute.instance.update';
    const all = [
      ['n', 2, 1],
      ['n', 3, 1.5],
      ['n', 2, 3],
    ];
    assert.deepEqual(await store.traits(type, 'n', undefined), all);
    assert.deepEqual(await store.traits(type, 'n', 2), all.slice(0, 2));
    assert.deepEqual(await store.traits(type, 'n', 0), []);
    assert.deepEqual(await store.traits(type, 'nope', undefined), []);
  });

  test(`${name}: random event queries find what the model finds`, async (t) => {
    const { store } = await open(t);
    const pool = fc.sample(events, { numRuns: 200, seed: 20260302 });
    const recorded: Event[] = [];
    for (const event of pool) {
      const { duplicates } = await store.recordEvents([event]);
      if (duplicates.length === 0) recorded.push(event);
    }
    assert.ok(recorded.length < pool.length, 'some must collide');
    await fc.assert(
      fc.asyncProperty(queries, async (query) => {
        const found = await store.events(query);
        assert.deepEqual(found, eventsOf(recorded, query).slice(0, query.limit));
      }),
      { numRuns: 300 },
    );
  });
}

const names = fc.constantFrom('state', 'request_id', 'project_id', 'size', ']["');
const textValues = fc.constantFrom('a', 'b', '', '5', '"],["', '\u{ffff}', '\u{10000}');
const numberValues = fc.constantFrom<number | bigint>(0, 5, -5, 9007199254740993n, 9007199254740991);
const trait: fc.Arbitrary<Trait> = fc.oneof(
  fc.tuple(names, fc.constant(1 as const), textValues),
  fc.tuple(names, fc.constant(2 as const), numberValues),
  fc.tuple(names, fc.constant(3 as const), fc.constantFrom(0, 5, 0.5, 1e21, 1e-7)),
);
const events: fc.Arbitrary<Event> = fc
  .record({
    messageId: fc.constantFrom('m1', 'm2', 'm3', 'm4', 'm5', 'm6', 'm7', 'm8', 'm9', 'm10'),
    eventType: fc.constantFrom('a', 'b'),
    generatedMicros: fc.nat(20).map((n) => START + n * SECOND),
    traits: fc.array(trait, { maxLength: 4 }),
  })
  .map((given) => eventOf(given));
const queries: fc.Arbitrary<EventQuery> = fc.record(
  {
    eventType: fc.constantFrom('a', 'b', 'c'),
    messageId: fc.constantFrom('m1', 'm2', 'nope'),
    startMicros: fc.nat(20).map((n) => START + n * SECOND),
    endMicros: fc.nat(20).map((n) => START + n * SECOND),
    traits: fc.array(
      fc
        .tuple(trait, fc.constantFrom<TraitCondition['op']>('lt', 'le', 'eq', 'ne', 'ge', 'gt'))
        .map(([[name, type, value], op]) => ({ name, type, value, op })),
      { maxLength: 2 },
    ),
    order: fc.constantFrom('asc' as const, 'desc' as const),
    limit: fc.nat(10),
    projectOrNone: fc.constantFrom('a', 'b'),
  },
  { requiredKeys: [] },
);
