import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import fc from 'fast-check';
import { withFreshIds } from './fresh-ids.ts';

const OLD = '0d4a1c2e-0000-4000-8000-000000000001';
const UNIQUE = '5f0c0000000040008000000000000001';

/** The text with both kinds of new ids replaced by marks. */
function marked(body: string, fresh: { readonly message_id: string; readonly _unique_id: string }): string {
  return body.replace(fresh.message_id, '<id>').replace(fresh._unique_id, '<unique>');
}

suite('fresh ids', () => {
  test('a bare message gets new ids and keeps every other character', () => {
    const body = `{ "payload" : {"message_id": "${OLD}x"} , "message_id" :"${OLD}","_unique_id":  "${UNIQUE}", "n": 1.0}`;
    const renewed = withFreshIds(body);
    const message = JSON.parse(renewed);
    assert.match(message.message_id, /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
    assert.match(message._unique_id, /^[0-9a-f]{32}$/);
    assert.notEqual(message.message_id, OLD);
    assert.equal(
      marked(renewed, message),
      `{ "payload" : {"message_id": "${OLD}x"} , "message_id" :"<id>","_unique_id":  "<unique>", "n": 1.0}`,
    );
  });

  test('an envelope gets new ids inside its inner text', () => {
    const inner = JSON.stringify({ message_id: OLD, payload: { ref: OLD }, _unique_id: UNIQUE });
    const body = JSON.stringify({ 'oslo.version': '2.0', 'oslo.message': inner });
    const renewed = withFreshIds(body);
    const message = JSON.parse(JSON.parse(renewed)['oslo.message']);
    assert.equal(message.payload.ref, OLD, 'the same text elsewhere stays');
    assert.equal(marked(renewed, message), body.replace(OLD, '<id>').replace(UNIQUE, '<unique>'));
  });

  test('a payload that repeats the id of its message goes on repeating it', () => {
    const renewed = JSON.parse(
      withFreshIds(JSON.stringify({ payload: { message_id: OLD }, message_id: OLD })),
    );
    assert.notEqual(renewed.message_id, OLD);
    assert.equal(renewed.payload.message_id, renewed.message_id);
  });

  test('each call gives other ids', () => {
    const body = JSON.stringify({ message_id: OLD });
    assert.notEqual(withFreshIds(body), withFreshIds(body));
  });

  test('what has no ids, or is no notification, stays as it is', () => {
    for (const body of [
      '',
      'no json',
      '[]',
      'null',
      '{}',
      '{"message_id":5}',
      '{"message_id":""}',
      '{"oslo.message":"x"}',
    ]) {
      assert.equal(withFreshIds(body), body);
    }
  });

  test('whatever the text, only ids change and the result parses as before', () => {
    fc.assert(
      fc.property(
        fc.dictionary(fc.string(), fc.jsonValue()),
        fc.string(),
        fc.boolean(),
        (payload, id, wrapped) => {
          const inner = JSON.stringify({ payload, message_id: id, event_type: 'x' });
          const body = wrapped ? JSON.stringify({ 'oslo.version': '2.0', 'oslo.message': inner }) : inner;
          const parsed = JSON.parse(withFreshIds(body));
          const message = wrapped ? JSON.parse(parsed['oslo.message']) : parsed;
          assert.deepEqual({ ...message, message_id: id }, JSON.parse(inner));
        },
      ),
    );
  });
});
