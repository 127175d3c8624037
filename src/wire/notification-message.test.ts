import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decodeNotification } from '../notification/envelope.ts';
import {
  encodeNotification,
  listPayload,
  notificationKey,
  type OutgoingNotification,
} from './notification-message.ts';

const GIVEN: OutgoingNotification = {
  messageId: '0d4a0d4a-0d4a-40d4-80d4-0d4a0d4a0d4a',
  uniqueId: '5f0c5f0c5f0c5f0c5f0c5f0c5f0c5f0c',
  publisherId: 'telemetry.publisher.nöde-1',
  eventType: 'metering',
  priority: 'sample',
  timestampMicros: Date.UTC(2026, 0, 2, 3, 4, 5) * 1000 + 6,
  payloadText: listPayload(['{"a":1.0}', '"b"']),
};
const MESSAGE =
  '{"message_id":"0d4a0d4a-0d4a-40d4-80d4-0d4a0d4a0d4a","publisher_id":"telemetry.publisher.nöde-1","event_type":"metering","priority":"SAMPLE","payload":[{"a":1.0},"b"],"timestamp":"2026-01-02 03:04:05.000006","_unique_id":"5f0c5f0c5f0c5f0c5f0c5f0c5f0c5f0c"}';

test('a notification travels in the second envelope unless the first is asked for, and persists', () => {
  const { body, properties } = encodeNotification(GIVEN);
  assert.deepEqual(JSON.parse(body.toString()), { 'oslo.version': '2.0', 'oslo.message': MESSAGE });
  assert.deepEqual(properties, {
    contentType: 'application/json',
    contentEncoding: 'utf-8',
    deliveryMode: 2,
    priority: 0,
  });
  assert.equal(encodeNotification(GIVEN, '1.0').body.toString(), MESSAGE);
  assert.equal(notificationKey('metering', 'sample'), 'metering.sample');
});

test('the decoder of notifications reads both envelopes', () => {
  for (const version of ['1.0', '2.0'] as const) {
    const read = decodeNotification(encodeNotification(GIVEN, version).body);
    const { messageId, publisherId, eventType, priority, timestampMicros, payload, context } = read;
    assert.deepEqual(
      { messageId, publisherId, eventType, priority, timestampMicros, payload, context },
      {
        messageId: GIVEN.messageId,
        publisherId: GIVEN.publisherId,
        eventType: 'metering',
        priority: 'sample',
        timestampMicros: GIVEN.timestampMicros,
        payload: [{ a: 1 }, 'b'],
        context: {},
      },
    );
  }
});

test('whole seconds have no fraction', () => {
  const { body } = encodeNotification({ ...GIVEN, timestampMicros: 0 }, '1.0');
  assert.equal(JSON.parse(body.toString()).timestamp, '1970-01-01 00:00:00');
});
