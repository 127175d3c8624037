import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { tryParseTimestamp } from '../lib/timestamp.ts';
import { FloatToken } from '../model/json.ts';
import { CONDITIONS } from './conditions.ts';
import { ApiError } from './errors.ts';
import { eventConditions } from './event-conditions.ts';
import { LIMIT } from './parameters.ts';
import { parseQueryString } from './query-parameters.ts';
import { METER_FIELDS, RESOURCE_FIELDS, SAMPLE_FIELDS, sampleConditions } from './sample-conditions.ts';
import { AGGREGATES, GROUP_BY, PERIOD } from './statistics-parameters.ts';

const NOON = tryParseTimestamp('2026-03-01T12:00:00') ?? 0;
const HOUR = 3_600_000_000;

function conditions(query: string) {
  return CONDITIONS.read(parseQueryString(query));
}

function samples(query: string) {
  return sampleConditions(conditions(query), SAMPLE_FIELDS);
}

/** Status and text of the error a call gives. */
function refusal(call: () => unknown): string {
  try {
    call();
  } catch (thrown) {
    assert.ok(thrown instanceof ApiError, String(thrown));
    return `${thrown.status} ${thrown.message}`;
  }
  return 'no error';
}

test('parallel parameters belong together by position', () => {
  assert.deepEqual(
    conditions('q.field=user&q.field=metadata.n&q.op=&q.op=eq&q.type=&q.type=integer&q.value=u&q.value=5'),
    [
      { field: 'user', op: 'eq', value: 'u', type: null },
      { field: 'metadata.n', op: 'eq', value: '5', type: 'integer' },
    ],
  );
});

test('parallel parameters of different number are refused', () => {
  assert.equal(
    refusal(() => conditions('q.field=a')),
    '400 0 q.value for 1 q.field: give one for each condition',
  );
  assert.equal(
    refusal(() => conditions('q.value=a')),
    '400 1 q.value for 0 q.field: give one for each condition',
  );
  assert.equal(
    refusal(() => conditions('q.field=a&q.value=b&q.op=eq&q.op=eq')),
    '400 2 q.op for 1 q.field: give one for each condition',
  );
});

test('fields, metadata and times become one filter; of equal fields the last counts', () => {
  const query =
    'q.field=user&q.field=user_id&q.field=resource_metadata.a.b&q.field=timestamp&q.op=eq&q.op=eq&q.op=eq&q.op=ge' +
    '&q.value=x&q.value=None&q.value=2.0&q.value=2026-03-01T13:00:00%2B01:00';
  assert.deepEqual(samples(query), {
    filter: {
      kind: 'and',
      members: [
        { kind: 'compare', field: 'userId', op: 'eq', value: null },
        { kind: 'compare', field: 'metadata.a.b', op: 'eq', value: new FloatToken(2) },
        { kind: 'compare', field: 'timestamp', op: 'ge', value: NOON },
      ],
    },
    start: { micros: NOON, op: 'ge' },
    end: null,
    askedStartMicros: NOON,
    askedEndMicros: null,
  });
});

test('search_offset widens the range but not the one durations are cut to', () => {
  const query =
    'q.field=timestamp&q.field=timestamp&q.field=search_offset&q.op=gt&q.op=le&q.op=eq' +
    '&q.value=2026-03-01T12:00&q.value=2026-03-01T13:00&q.value=60';
  const { start, end, askedStartMicros, askedEndMicros } = samples(query);
  assert.deepEqual(
    { start, end, askedStartMicros, askedEndMicros },
    {
      start: { micros: NOON - HOUR, op: 'gt' },
      end: { micros: NOON + 2 * HOUR, op: 'le' },
      askedStartMicros: NOON,
      askedEndMicros: NOON + HOUR,
    },
  );
});

test('every wrong condition on samples has the text of the original', () => {
  const cases: readonly (readonly [string, string])[] = [
    ['q.field=timestamp&q.op=eq&q.value=2026', "op. Value: 'eq'. unimplemented operator for timestamp"],
    ['q.field=timestamp&q.op=ge&q.value=zz', "timestamp. Value: 'zz'. invalid timestamp format"],
    ['q.field=user&q.op=ne&q.value=x', "op. Value: 'ne'. unimplemented operator for user"],
    [
      'q.field=search_offset&q.value=1',
      "field. Value: 'search_offset'. search_offset cannot be used without timestamp",
    ],
  ];
  for (const [query, text] of cases) {
    assert.equal(
      refusal(() => samples(query)),
      `400 Invalid input for field/attribute ${text}`,
    );
  }
  assert.equal(
    refusal(() => sampleConditions(conditions('q.field=timestamp&q.op=ge&q.value=2026'), METER_FIELDS)),
    '400 Unknown argument: "timestamp": not valid for this resource',
  );
  assert.equal(
    refusal(() => sampleConditions(conditions('q.field=volume&q.value=1'), RESOURCE_FIELDS)),
    "400 Unknown argument: \"volume\": unrecognized field in query: [<Query 'volume' eq '1' Unset>], " +
      "valid keys: ['project', 'resource', 'search_offset', 'source', 'timestamp', 'user']",
  );
  assert.equal(
    refusal(() => samples('q.field=metadata.x&q.type=blob&q.value=1')),
    '400 The data type blob is not supported. The supported data type list is: ' +
      "['integer', 'float', 'string', 'boolean', 'datetime']",
  );
});

test('conditions on events are fields of their own and traits by type', () => {
  const query =
    'q.field=event_type&q.field=start_timestamp&q.field=end_timestamp&q.field=size&q.field=at&q.field=state' +
    '&q.op=eq&q.op=ge&q.op=eq&q.op=lt&q.op=ne&q.op=eq' +
    '&q.type=&q.type=&q.type=&q.type=integer&q.type=datetime&q.type=' +
    '&q.value=a.b&q.value=2026-03-01T12:00&q.value=2026-03-01T13:00&q.value=5&q.value=2026-03-01T12:00Z&q.value=up';
  assert.deepEqual(eventConditions(conditions(query)), {
    eventType: 'a.b',
    startMicros: NOON,
    endMicros: NOON + HOUR,
    traits: [
      { name: 'size', type: 2, op: 'lt', value: 5 },
      { name: 'at', type: 4, op: 'ne', value: '2026-03-01T12:00:00' },
      { name: 'state', type: 1, op: 'eq', value: 'up' },
    ],
  });
});

test('groups and aggregates are taken once each and paired by position', () => {
  const query = parseQueryString(
    'groupby=user_id&groupby=resource_metadata.instance_type&groupby=user_id&period=60' +
      '&aggregate.func=cardinality&aggregate.param=resource_id&aggregate.func=count&aggregate.func=count',
  );
  assert.deepEqual(GROUP_BY.read(query), ['userId', 'metadata.instance_type']);
  assert.equal(PERIOD.read(query), 60);
  assert.deepEqual(AGGREGATES.read(query), [
    { name: 'cardinality/resource_id', aggregate: { func: 'cardinality', field: 'resourceId' } },
    { name: 'count', aggregate: { func: 'count' } },
  ]);
});

test('wrong groups, periods and aggregates have the texts of the original', () => {
  const read = (query: string) => () => {
    const parameters = parseQueryString(query);
    return [
      PERIOD.read(parameters),
      GROUP_BY.read(parameters),
      AGGREGATES.read(parameters),
      LIMIT.read(parameters),
    ];
  };
  assert.equal(refusal(read('groupby=bogus')), '400 Unknown argument: "{\'bogus\'}": Invalid groupby fields');
  assert.equal(refusal(read('period=-1')), '400 Period must be positive.');
  assert.equal(
    refusal(read('period=10000000000000')),
    '400 Invalid period 10000000000000: date value out of range',
  );
  assert.equal(refusal(read('aggregate.func=bogus')), '400 Invalid aggregation function: bogus');
  assert.equal(
    refusal(read('aggregate.func=cardinality&aggregate.param=zz')),
    '400 Bad aggregate: cardinality.zz',
  );
  assert.equal(refusal(read('aggregate.func=stddev&aggregate.param=x')), '400 Bad aggregate: stddev.x');
  assert.equal(refusal(read('limit=0')), '400 Limit must be positive');
  assert.match(refusal(read('limit=1&limit=2')), /^400 Invalid input for field\/attribute limit/);
});

const KNOWN = fc.constantFrom(
  ...[
    'user',
    'timestamp',
    'search_offset',
    'metadata.a',
    'metadata.',
    '__proto__',
    'start_timestamp',
    'message_id',
  ],
);
const VALUES = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.constantFrom('5', 'None', '2026-03-01', '1e400', '-1'),
);
const NAMES = fc.constantFrom(
  ...[
    'q.field',
    'q.op',
    'q.type',
    'q.value',
    'limit',
    'period',
    'groupby',
    'aggregate.func',
    'aggregate.param',
  ],
);
const OPS = fc.constantFrom('lt', 'le', 'eq', 'ne', 'ge', 'gt', 'constructor', '');
const TYPES = fc.constantFrom('integer', 'float', 'string', 'boolean', 'datetime', '', 'toString');

test('no query whatever makes the grammar throw anything but its own error', () => {
  const readers = [CONDITIONS, LIMIT, PERIOD, GROUP_BY, AGGREGATES];
  const pairs = fc.array(fc.tuple(NAMES, fc.oneof(KNOWN, VALUES, OPS, TYPES)), { maxLength: 12 });
  const whole = fc
    .array(fc.tuple(fc.oneof(KNOWN, VALUES), OPS, TYPES, VALUES), { maxLength: 5 })
    .map((rows) =>
      rows.flatMap(([field, op, type, value]) => [
        ['q.field', field],
        ['q.op', op],
        ['q.type', type],
        ['q.value', value],
      ]),
    );
  const queries = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.oneof(pairs, whole).map((list) => new URLSearchParams(list as [string, string][]).toString()),
  );
  fc.assert(
    fc.property(queries, (query) => {
      for (const use of [
        () => readers.map((reader) => reader.read(parseQueryString(query))),
        () => sampleConditions(conditions(query), SAMPLE_FIELDS),
        () => sampleConditions(conditions(query), METER_FIELDS),
        () => eventConditions(conditions(query)),
      ]) {
        refusal(use);
      }
    }),
    { numRuns: 2_000 },
  );
});
