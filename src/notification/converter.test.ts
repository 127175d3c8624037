import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import * as fc from 'fast-check';
import { message, notification, yaml } from '../../test/notification/notifications.ts';
import type { JsonObject } from '../model/json.ts';
import { PRIORITIES } from '../model/notification.ts';
import { type ConverterOptions, createConverter } from './converter.ts';
import { NotificationError } from './envelope.ts';
import { loadEventDefinitions } from './event-definitions.ts';
import { loadMeterDefinitions } from './meter-definitions.ts';

const events = loadEventDefinitions(
  yaml(`
- event_type: compute.*
  traits:
    id: payload.id
    size: {type: int, fields: payload.size}
    when: {type: datetime, fields: payload.when}
    everything: payload
`),
  { dropUnmatched: false, storeRaw: [] },
).definitions;

const meters = loadMeterDefinitions([
  yaml(`
metric:
  - {name: size, event_type: compute, type: gauge, unit: B, volume: $.payload.size, resource_id: $.payload.id}
  - name: $.payload.list[*].name
    event_type: compute
    type: delta
    unit: B
    volume: $.payload.list[*].volume
    resource_id: $.payload.id
    timestamp: $.payload.when
    lookup: [name, volume]
`),
]).definitions;

function convert(fields: JsonObject, options: Partial<ConverterOptions> = {}) {
  return createConverter({ events, meters, ...options }).convert(notification(fields));
}

const payload = { id: 'r-1', size: 5 };

describe('a converter', () => {
  test('gives the event and the samples of a notification', () => {
    const { events: made, samples, dropped, problems } = convert({ payload });
    assert.deepEqual(
      [made.map(({ messageId }) => messageId), samples.map(({ name }) => name), dropped, problems],
      [['m-1'], ['size'], [], []],
    );
  });

  test('makes events of every priority and samples of info and sample, unless told otherwise', () => {
    const counts = (options: Partial<ConverterOptions> = {}) =>
      Object.fromEntries(
        PRIORITIES.map((priority) => {
          const made = convert({ payload, priority }, options);
          return [priority, `${made.events.length} ${made.samples.length}`];
        }),
      );
    assert.deepEqual(counts(), {
      audit: '1 0',
      debug: '1 0',
      info: '1 1',
      warn: '1 0',
      error: '1 0',
      critical: '1 0',
      sample: '1 1',
    });
    assert.deepEqual(counts({ eventPriorities: ['info', 'error'], samplePriorities: PRIORITIES }), {
      audit: '0 1',
      debug: '0 1',
      info: '1 1',
      warn: '0 1',
      error: '1 1',
      critical: '0 1',
      sample: '0 1',
    });
  });

  test('gives samples the configured source', () => {
    assert.deepEqual(
      convert({ payload }, { sampleSource: 'west' }).samples.map(({ source }) => source),
      ['west'],
    );
  });

  test('works with events or meters alone', () => {
    assert.deepEqual(convert({ payload }, { events: null }).events, []);
    assert.deepEqual(convert({ payload }, { meters: null }).samples, []);
  });

  test('makes no event of a notification that only carries samples', () => {
    for (const event_type of ['telemetry.polling', 'telemetry.api']) {
      assert.deepEqual(convert({ event_type, priority: 'SAMPLE', payload: { samples: [] } }).events, []);
    }
  });

  test('reports what was left out of the event and of the samples together', () => {
    const { events: made, problems } = convert({
      payload: { ...payload, when: 'soon', list: [{ name: 'a' }] },
    });
    assert.equal(made.length, 1);
    assert.deepEqual(problems, [
      { code: 'E5013', message: 'trait when is left out: "soon" is no date and time' },
      {
        code: 'E5015',
        message: 'meter $.payload.list[*].name is left out: volume has 0 values for 1 meters',
      },
    ]);
  });

  test('takes a notification that another part of the program made, with a document alone', () => {
    const document = { ...message, payload, _context_user_id: 'u', ctxt: { user_id: 'u' }, metadata: {} };
    const foreign = {
      messageId: 'm-1',
      eventType: message.event_type,
      priority: 'info',
      publisherId: message.publisher_id,
      deployment: null,
      timestamp: message.timestamp,
      timestampMicros: 0,
      payload,
      context: { user_id: 'u' },
      document,
      exact: () => foreign,
    } as const;
    const { events: made, samples } = createConverter({ events, meters }).convert(foreign);
    assert.deepEqual(made[0]?.traits.slice(0, 3), [
      ['service', 1, 'compute.host-1'],
      ['user_id', 1, 'u'],
      ['id', 1, 'r-1'],
    ]);
    assert.equal(samples[0]?.userId, 'u');
  });
});

test('whatever a payload holds, converting gives a conversion or a NotificationError, and always the same', () => {
  const leaf = fc.oneof(
    fc.jsonValue(),
    fc.constantFrom('2026-01-02T03:04:05', '5', '', 'nan', 1e308, -0, 2 ** 53),
  );
  const anyPayload = fc.oneof(
    leaf,
    fc.record({ id: leaf, size: leaf, when: leaf, list: fc.array(fc.record({ name: leaf, volume: leaf })) }),
    fc.record({ samples: fc.array(leaf), payload: leaf, node_uuid: leaf, request: leaf }),
  );
  const types = fc.constantFrom(
    'compute.a',
    'telemetry.polling',
    'hardware.ipmi.metrics',
    'http.request',
    'other',
  );
  const converter = createConverter({ events, meters });
  fc.assert(
    fc.property(anyPayload, types, (anything, event_type) => {
      const convertOnce = () =>
        converter.convert(notification({ payload: anything as JsonObject, event_type }));
      try {
        const conversion = convertOnce();
        for (const sample of conversion.samples) {
          assert.ok(Number.isFinite(sample.volume));
          assert.equal(typeof sample.resourceId, 'string');
        }
        for (const [, , value] of conversion.events.flatMap(({ traits }) => traits)) {
          assert.ok(['string', 'number', 'bigint'].includes(typeof value));
        }
        assert.deepEqual(convertOnce(), conversion);
      } catch (error) {
        assert.ok(error instanceof NotificationError, String(error));
      }
    }),
    { numRuns: 500 },
  );
});
