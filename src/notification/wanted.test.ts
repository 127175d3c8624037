import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import fc from 'fast-check';
import { decodeNotification } from './envelope.ts';
import { createWantedCheck } from './wanted.ts';

const isWanted = createWantedCheck((eventType) => eventType === 'wanted');
const check = (text: string) => isWanted(Buffer.from(text));
const envelope = (message: unknown) =>
  JSON.stringify({ 'oslo.version': '2.0', 'oslo.message': JSON.stringify(message) });

suite('whether a notification is worth parsing', () => {
  test('is told from its event type, in an envelope and without one', () => {
    for (const form of [envelope, (message: unknown) => JSON.stringify(message, null, 2)]) {
      assert.deepEqual(
        [check(form({ event_type: 'wanted' })), check(form({ event_type: 'other', payload: [1] }))],
        [true, false],
      );
    }
  });

  test('is not decided by an event type inside the payload alone', () => {
    assert.equal(check(envelope({ payload: { event_type: 'other' }, event_type: 'wanted' })), true);
    assert.equal(check(envelope({ event_type: 'other', payload: { event_type: 'wanted' } })), true);
    assert.equal(check(envelope({ event_type: 'other', payload: { x: { event_type: 'some' } } })), false);
  });

  test('is not decided by texts and keys that only look like it', () => {
    assert.equal(
      check(envelope({ my_event_type: 'other', note: 'event_type', x: '"event_type" other' })),
      true,
    );
    assert.equal(check('{"event_type_id": "other"}'), true);
  });

  test('is left open where the bytes leave a doubt', () => {
    for (const text of [
      '',
      'not JSON',
      '{"payload": {}}',
      '{"event_type": 5}',
      '{"event_type": null}',
      '{"event_type": "oth\\u0065r"}',
      '{"event\\u005ftype": "wanted", "payload": {"event_type": "other"}}',
      '{"event_type": "othér"}',
      '{"event_type": "other',
    ]) {
      assert.equal(check(text), true, text);
    }
  });

  test('is never denied to what would have been wanted, whatever stands around it', () => {
    const body = fc.tuple(fc.json(), fc.string(), fc.boolean(), fc.boolean());
    fc.assert(
      fc.property(body, ([payload, note, inEnvelope, first]) => {
        const fields = { message_id: note || 'x', priority: 'INFO', timestamp: '2026-01-02 03:04:05' };
        const inner = { payload: JSON.parse(payload), [note]: note, ...fields };
        const message = first ? { event_type: 'wanted', ...inner } : { ...inner, event_type: 'wanted' };
        const text = inEnvelope ? envelope(message) : JSON.stringify(message);
        assert.equal(decodeNotification(text).eventType, 'wanted');
        assert.equal(check(text), true);
      }),
    );
  });

  test('is looked at now and then only while all are wanted, and always again once one was not', () => {
    const look = createWantedCheck((eventType) => eventType === 'wanted');
    const wanted = Buffer.from('{"event_type": "wanted"}');
    const other = Buffer.from('{"event_type": "other"}');
    for (let count = 0; count < 1_000; count++) assert.equal(look(wanted), true);
    const passed = Array.from({ length: 100 }, () => look(other)).filter(Boolean).length;
    assert.ok(passed < 16, `${passed} of 100 were taken for wanted`);
    assert.equal(look(other), false);
    assert.equal(look(wanted), true);
    assert.equal(look(other), false);
  });

  test('is told of bytes that are no Buffer', () => {
    const bytes = new TextEncoder().encode('__{"event_type": "other"}__');
    assert.equal(isWanted(bytes.subarray(2, -2)), false);
  });
});
