import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import fc from 'fast-check';
import { NephoscopeError } from '../component/errors.ts';
import { parseExact, stringifyExact } from '../lib/exact-json.ts';
import { formatUtc } from '../lib/timestamp.ts';
import { type Event, TRAIT_TYPE, type Trait } from '../model/event.ts';
import { FloatToken, type JsonObject, type JsonValue } from '../model/json.ts';
import { PRIORITIES } from '../model/notification.ts';
import { SAMPLE_TYPES, type Sample } from '../model/sample.ts';
import { parseEventMessage, toEventMessage } from './event-message.ts';
import { hasValidSignature, signMessage } from './message-signature.ts';
import { parseMeteringMessage, toMeteringMessage } from './metering-message.ts';
import { parseSampleMapping, sampleMappingText, toSampleMapping } from './sample-mapping.ts';
import { eventMessageText, meteringMessageText } from './signed-text.ts';

const text = fc.string({ unit: 'binary', maxLength: 10 });
const someText = fc.string({ unit: 'binary', minLength: 1, maxLength: 10 });
const orNull = <Value>(arbitrary: fc.Arbitrary<Value>): fc.Arbitrary<Value | null> =>
  fc.option(arbitrary, { nil: null });
const finite = fc.double({ noNaN: true, noDefaultInfinity: true });
const float = finite.map((value) => (Number.isInteger(value) ? new FloatToken(value) : value));
const integer = fc.oneof(fc.maxSafeInteger(), fc.constantFrom(2n ** 53n, -(2n ** 64n)));
const document = fc.letrec<{ readonly any: JsonValue }>((tie) => ({
  any: fc.oneof(
    { maxDepth: 3, withCrossShrink: true },
    text,
    float,
    integer,
    fc.boolean(),
    fc.constant(null),
    fc.array(tie('any'), { maxLength: 3 }),
    fc.dictionary(text, tie('any'), { maxKeys: 3, noNullPrototype: true }),
  ),
})).any;
const mapping = fc.dictionary(text, document, { maxKeys: 4, noNullPrototype: true });
const micros = fc.integer({ min: Date.UTC(1990) * 1000, max: Date.UTC(2200) * 1000 });

const sample: fc.Arbitrary<Sample> = fc
  .record({
    id: someText,
    name: someText,
    type: fc.constantFrom(...SAMPLE_TYPES),
    unit: orNull(text),
    volume: fc.oneof(finite, fc.maxSafeInteger()),
    userId: orNull(text),
    userName: orNull(text),
    projectId: orNull(text),
    projectName: orNull(text),
    resourceId: text,
    timestampMicros: micros,
    resourceMetadata: mapping,
    source: text,
    deployment: orNull(text),
    monotonicTime: orNull(finite),
  })
  .map((fields) => ({ ...fields, timestamp: `${formatUtc(fields.timestampMicros)}+00:00` }));

const trait: fc.Arbitrary<Trait> = fc.oneof(
  fc.tuple(text, fc.constant(TRAIT_TYPE.text), text),
  fc.tuple(text, fc.constant(TRAIT_TYPE.integer), integer),
  fc.tuple(text, fc.constant(TRAIT_TYPE.float), finite),
  fc.tuple(text, fc.constant(TRAIT_TYPE.datetime), micros.map(formatUtc)),
);
const event: fc.Arbitrary<Event> = fc
  .record({
    messageId: someText,
    eventType: someText,
    generatedMicros: micros,
    priority: orNull(fc.constantFrom(...PRIORITIES)),
    deployment: orNull(text),
    traits: fc.array(trait, { maxLength: 4 }),
    raw: orNull(mapping.filter((raw) => Object.keys(raw).length > 0)),
  })
  .map((fields) => ({ ...fields, generated: formatUtc(fields.generatedMicros) }));

function overJson(value: JsonValue): JsonValue {
  return parseExact(stringifyExact(value));
}

const SAMPLE: Sample = {
  id: 'i-1',
  name: 'memory.usage',
  type: 'gauge',
  unit: 'MiB',
  volume: 512,
  userId: null,
  userName: null,
  projectId: 'p-1',
  projectName: 'demo',
  resourceId: 'vm-1',
  timestamp: '2026-01-02T03:04:05+00:00',
  timestampMicros: Date.UTC(2026, 0, 2, 3, 4, 5) * 1000,
  resourceMetadata: { host: 'node-1' },
  source: 'openstack',
  deployment: null,
  monotonicTime: null,
};

suite('messages of samples', () => {
  test('a metering message has the keys of the original, in a fixed order', () => {
    assert.equal(
      stringifyExact(toMeteringMessage(SAMPLE)),
      '{"source":"openstack","counter_name":"memory.usage","counter_type":"gauge","counter_unit":"MiB","counter_volume":512,"user_id":null,"user_name":null,"project_id":"p-1","project_name":"demo","resource_id":"vm-1","timestamp":"2026-01-02T03:04:05+00:00","resource_metadata":{"host":"node-1"},"message_id":"i-1","monotonic_time":null}',
    );
  });

  test('the internal mapping has the keys of the original, in a fixed order', () => {
    assert.equal(
      stringifyExact(toSampleMapping({ ...SAMPLE, deployment: 'east' })),
      '{"name":"memory.usage","type":"gauge","unit":"MiB","volume":512,"user_id":null,"user_name":null,"project_id":"p-1","project_name":"demo","resource_id":"vm-1","timestamp":"2026-01-02T03:04:05+00:00","resource_metadata":{"host":"node-1"},"source":"openstack","id":"i-1","monotonic_time":null,"deployment":"east"}',
    );
  });

  test('a sample comes back from both forms as it was', () => {
    fc.assert(
      fc.property(sample, (given) => {
        assert.deepEqual(parseMeteringMessage(overJson(toMeteringMessage(given))), given);
        assert.deepEqual(parseSampleMapping(overJson(toSampleMapping(given))), given);
      }),
      { numRuns: 500 },
    );
  });

  test('the texts written in one walk say the same as the mappings, and their signature is valid', () => {
    fc.assert(
      fc.property(sample, event, (oneSample, oneEvent) => {
        assert.equal(sampleMappingText(oneSample), stringifyExact(toSampleMapping(oneSample)));
        const message = toMeteringMessage(oneSample);
        const signed = parseExact(meteringMessageText(oneSample, 'k')) as JsonObject;
        assert.deepEqual(signed, overJson({ ...message, message_signature: signMessage(message, 'k') }));
        assert.equal(hasValidSignature(signed, ['k']), true);
        const unsigned = parseExact(meteringMessageText(oneSample, '')) as JsonObject;
        assert.deepEqual(unsigned, overJson({ ...message, message_signature: '' }));
        assert.equal(
          hasValidSignature(parseExact(eventMessageText(oneEvent, 'k')) as JsonObject, ['k']),
          true,
        );
      }),
      { numRuns: 500 },
    );
  });

  test('a message of a release without names, clocks and ids is taken, and is the same sample each time', () => {
    const old = {
      source: 'openstack',
      counter_name: 'cpu',
      counter_type: 'cumulative',
      counter_unit: 'ns',
      counter_volume: '1.5e3',
      user_id: 'u',
      project_id: 'p',
      resource_id: 7,
      timestamp: '2026-01-02 03:04:05',
      resource_metadata: null,
      message_signature: 'x',
      something_new: { a: 1 },
    };
    const expected: Sample = {
      id: parseMeteringMessage(old).id,
      name: 'cpu',
      type: 'cumulative',
      unit: 'ns',
      volume: 1500,
      userId: 'u',
      userName: null,
      projectId: 'p',
      projectName: null,
      resourceId: '7',
      timestamp: '2026-01-02T03:04:05+00:00',
      timestampMicros: Date.UTC(2026, 0, 2, 3, 4, 5) * 1000,
      resourceMetadata: {},
      source: 'openstack',
      deployment: null,
      monotonicTime: null,
    };
    assert.deepEqual(parseMeteringMessage(old), expected);
    assert.match(expected.id, /^[0-9a-f-]{36}$/);
    assert.notEqual(parseMeteringMessage({ ...old, counter_volume: 2 }).id, expected.id);
  });

  test('every form of a timestamp is read, and an offset is kept', () => {
    const read = (timestamp: string): string =>
      parseMeteringMessage({ ...toMeteringMessage(SAMPLE), timestamp }).timestamp;
    assert.deepEqual(
      [
        '2026-01-02T03:04:05Z',
        '2026-01-02T03:04:05.100000',
        '2026-01-02 03:04:05.5+02:00',
        '20260102T030405',
        '2026-01-02T03:04:05.000000+00:00',
      ].map(read),
      [
        '2026-01-02T03:04:05+00:00',
        '2026-01-02T03:04:05.100000+00:00',
        '2026-01-02T03:04:05.500000+02:00',
        '2026-01-02T03:04:05+00:00',
        '2026-01-02T03:04:05+00:00',
      ],
    );
  });

  test('what is no sample is refused for good, with the reason', () => {
    const whole = toMeteringMessage(SAMPLE);
    const reasons = (
      [
        null,
        [whole],
        { ...whole, counter_name: null },
        { ...whole, counter_type: 'count' },
        { ...whole, counter_volume: 'much' },
        { ...whole, counter_volume: null },
        { ...whole, resource_id: null },
        { ...whole, timestamp: 'yesterday' },
        { ...whole, timestamp: 17 },
      ] satisfies JsonValue[]
    ).map((given) => refusal(() => parseMeteringMessage(given)));
    assert.deepEqual(reasons, [
      'E5020 permanent The message is null, not a mapping',
      'E5020 permanent The message is a list, not a mapping',
      'E5020 permanent The message has no counter_name',
      'E5020 permanent counter_type is "count", none of gauge, delta, cumulative',
      'E5020 permanent counter_volume is "much", no finite number',
      'E5020 permanent counter_volume is null, no finite number',
      'E5020 permanent The message has no resource_id',
      'E5020 permanent timestamp is "yesterday", no date and time',
      'E5020 permanent timestamp is 17, no date and time',
    ]);
  });

  test('readers of any document give a result or their own error', () => {
    const keys = fc.constantFrom(
      ...Object.keys(toMeteringMessage(SAMPLE)),
      ...Object.keys(toEventMessage(EVENT)),
      'name',
      'type',
      'volume',
    );
    fc.assert(
      fc.property(fc.dictionary(keys, document), (broken) => {
        for (const whole of [toMeteringMessage(SAMPLE), toSampleMapping(SAMPLE), toEventMessage(EVENT), {}]) {
          for (const parse of [parseMeteringMessage, parseSampleMapping, parseEventMessage]) {
            try {
              parse({ ...whole, ...broken });
            } catch (thrown) {
              assert.ok(thrown instanceof NephoscopeError && thrown.retry === 'permanent', String(thrown));
            }
          }
        }
      }),
      { numRuns: 500 },
    );
  });
});

const EVENT: Event = {
  messageId: 'e-1',
  eventType: 'compute.instance.update',
  generated: '2026-01-02T03:04:05.123456',
  generatedMicros: Date.UTC(2026, 0, 2, 3, 4, 5) * 1000 + 123456,
  priority: null,
  deployment: null,
  traits: [
    ['state', 1, 'active'],
    ['memory_mb', 2, 512],
    ['load', 3, 2],
    ['launched_at', 4, '2026-01-02T03:00:00'],
  ],
  raw: null,
};

suite('messages of events', () => {
  test('an event message has the keys of the original, a float trait stays a float', () => {
    assert.equal(
      stringifyExact(toEventMessage(EVENT)),
      '{"message_id":"e-1","event_type":"compute.instance.update","generated":"2026-01-02T03:04:05.123456","traits":[["state",1,"active"],["memory_mb",2,512],["load",3,2.0],["launched_at",4,"2026-01-02T03:00:00"]],"raw":{}}',
    );
    const more = toEventMessage({ ...EVENT, priority: 'error', deployment: 'east', raw: { a: 1 } });
    assert.deepEqual(more, {
      ...toEventMessage(EVENT),
      raw: { a: 1 },
      priority: 'error',
      deployment: 'east',
    });
  });

  test('an event comes back from its message as it was', () => {
    fc.assert(
      fc.property(event, (given) => {
        assert.deepEqual(parseEventMessage(overJson(toEventMessage(given))), given);
      }),
      { numRuns: 500 },
    );
  });

  test('traits as mappings, missing keys, other forms of time and unknown keys are read', () => {
    const parsed = parseEventMessage({
      message_id: 'e-2',
      event_type: 't',
      generated: '2026-01-02 05:04:05+02:00',
      traits: [
        { name: 'a', dtype: 2, value: '12' },
        { name: 'b', dtype: 4, value: '2026-01-02 03:00:00' },
        ['c', 1, true],
        ['d', 1, null],
      ],
      priority: 'URGENT',
      new_key: 1,
    });
    assert.deepEqual(parsed, {
      messageId: 'e-2',
      eventType: 't',
      generated: '2026-01-02T03:04:05',
      generatedMicros: Date.UTC(2026, 0, 2, 3, 4, 5) * 1000,
      priority: null,
      deployment: null,
      traits: [
        ['a', 2, 12],
        ['b', 4, '2026-01-02T03:00:00'],
        ['c', 1, 'True'],
      ],
      raw: null,
    });
  });

  test('what is no event is refused for good, with the reason', () => {
    const whole = toEventMessage(EVENT);
    const reasons = (
      [
        'text',
        { ...whole, message_id: '' },
        { ...whole, event_type: null },
        { ...whole, generated: null },
        { ...whole, traits: {} },
        { ...whole, traits: ['a'] },
        { ...whole, traits: [['a', 9, 'x']] },
        { ...whole, traits: [['a', 2, 'x']] },
        { ...whole, traits: [[1, 1, 'x']] },
      ] satisfies JsonValue[]
    ).map((given) => refusal(() => parseEventMessage(given)));
    assert.deepEqual(reasons, [
      'E5021 permanent The message is "text", not a mapping',
      'E5021 permanent The message has no message_id',
      'E5021 permanent The message has no event_type',
      'E5021 permanent generated is null, no date and time',
      'E5021 permanent traits is a mapping, not a list',
      'E5021 permanent a trait is "a", neither list nor mapping',
      'E5021 permanent trait "a" has the type 9, not 0 to 4',
      'E5021 permanent trait "a" has the value "x", which is none of its type',
      'E5021 permanent the name of a trait is 1, not text',
    ]);
  });
});

function refusal(act: () => unknown): string {
  try {
    return `accepted: ${JSON.stringify(act())}`;
  } catch (thrown) {
    assert.ok(thrown instanceof NephoscopeError);
    return `${thrown.code} ${thrown.retry} ${thrown.message}`;
  }
}
