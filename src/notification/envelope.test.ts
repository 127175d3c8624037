import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import * as fc from 'fast-check';
import {
  envelope,
  envelopeOfText,
  message,
  notification,
  notificationWithPayload,
} from '../../test/notification/notifications.ts';
import { FloatToken, type JsonValue } from '../model/json.ts';
import { decodeNotification, NotificationError } from './envelope.ts';

/** What a body is refused with. */
function refusal(body: Uint8Array | string, maxBodyBytes?: number): Record<string, unknown> {
  try {
    decodeNotification(body, maxBodyBytes === undefined ? {} : { maxBodyBytes });
  } catch (error) {
    assert.ok(error instanceof NotificationError, String(error));
    const { code, message: text, messageId, eventType, retry } = error;
    return { code, message: text, messageId, eventType, retry };
  }
  assert.fail('the body was taken');
}

const known = { messageId: 'm-1', eventType: 'compute.instance.create.end', retry: 'permanent' };
const unknown = { messageId: null, eventType: null, retry: 'permanent' };

describe('a notification that can be read', () => {
  test('is taken out of the envelope of oslo.messaging', () => {
    const decoded = notification({ payload: { size: 1 }, _context_request_id: 'req-1' });
    const { messageId, eventType, priority, publisherId, timestamp, timestampMicros, payload, context } =
      decoded;
    assert.deepEqual(
      { messageId, eventType, priority, publisherId, timestamp, timestampMicros, payload, context },
      {
        messageId: 'm-1',
        eventType: 'compute.instance.create.end',
        priority: 'info',
        publisherId: 'compute.host-1',
        timestamp: '2026-01-02 03:04:05.000006',
        timestampMicros: Date.UTC(2026, 0, 2, 3, 4, 5) * 1000 + 6,
        payload: { size: 1 },
        context: { request_id: 'req-1' },
      },
    );
  });

  test('is taken bare, as the old driver sends it', () => {
    assert.equal(decodeNotification(JSON.stringify(message)).messageId, 'm-1');
  });

  test('is taken as bytes and as text', () => {
    const body = envelope({ payload: { name: 'Zürich 🏔' } });
    assert.deepEqual(decodeNotification(body).payload, { name: 'Zürich 🏔' });
    assert.deepEqual(decodeNotification(new TextEncoder().encode(body)).payload, { name: 'Zürich 🏔' });
  });

  test('is taken from part of a larger buffer', () => {
    const body = Buffer.from(`xx${envelope()}yy`);
    assert.equal(
      decodeNotification(new Uint8Array(body.buffer, body.byteOffset + 2, body.length - 4)).messageId,
      'm-1',
    );
  });

  test('has its context flat, also when the sender kept it in one mapping', () => {
    const decoded = notification({ _context: { user_id: 'u-1', roles: ['member'] } });
    assert.deepEqual(decoded.context, { user_id: 'u-1', roles: ['member'] });
    assert.equal(decoded.document._context_user_id, 'u-1');
    assert.equal(decoded.document._context, undefined);
  });

  test('shows both views of its context and metadata in the document', () => {
    const { document } = notification({ _context_user_id: 'u-1' });
    assert.deepEqual(document, {
      ...message,
      _context_user_id: 'u-1',
      ctxt: { user_id: 'u-1' },
      metadata: { message_id: 'm-1', timestamp: '2026-01-02 03:04:05.000006' },
    });
  });

  test('takes every 2.x of the envelope, whether its version is text or a number', () => {
    for (const version of ['2.0', '2.1', '2.99', '2', 2, 2.5]) {
      assert.equal(decodeNotification(envelopeOfText(JSON.stringify(message), version)).messageId, 'm-1');
    }
  });

  test('may have any kind of payload, or none', () => {
    for (const payload of [{}, [1, 'a'], 'text', 5, true, null]) {
      assert.deepEqual(notification({ payload }).payload, payload);
    }
    const { payload: _, ...without } = message;
    assert.equal(decodeNotification(JSON.stringify(without)).payload, null);
  });

  test('may have no publisher', () => {
    const { publisher_id: _, ...without } = message;
    assert.equal(decodeNotification(JSON.stringify(without)).publisherId, '');
  });

  test('takes all seven priorities, in upper and in lower case', () => {
    for (const priority of ['audit', 'debug', 'info', 'warn', 'error', 'critical', 'sample']) {
      assert.equal(notification({ priority }).priority, priority);
      assert.equal(notification({ priority: priority.toUpperCase() }).priority, priority);
    }
  });

  test('takes timestamps in every form that services write', () => {
    const instant = Date.UTC(2026, 0, 2, 3, 4, 5) * 1000;
    const forms: Record<string, number> = {
      '2026-01-02 03:04:05': instant,
      '2026-01-02T03:04:05': instant,
      '2026-01-02T03:04:05Z': instant,
      '2026-01-02T03:04:05+00:00': instant,
      '2026-01-02T05:04:05+02:00': instant,
      '2026-01-02T03:04:05.5': instant + 500_000,
      '2026-01-02T03:04:05.000006+0000': instant + 6,
      '20260102T030405Z': instant,
    };
    for (const [timestamp, micros] of Object.entries(forms)) {
      assert.equal(notification({ timestamp }).timestampMicros, micros, timestamp);
    }
  });

  test('keeps keys called __proto__ as data', () => {
    const decoded = notificationWithPayload('{"__proto__":{"admin":true},"a":1}');
    assert.deepEqual(Object.keys(decoded.payload as object), ['__proto__', 'a']);
    assert.equal((decoded.payload as { admin?: boolean }).admin, undefined);
    const body = JSON.stringify(message).replace('{', '{"__proto__":{"x":1},"_context___proto__":{"y":2},');
    const { document, context } = decodeNotification(body);
    assert.deepEqual(Object.keys(context), ['__proto__']);
    assert.equal((context as { y?: number }).y, undefined);
    assert.equal((document as { x?: number }).x, undefined);
    assert.equal(({} as { x?: number }).x, undefined);
  });

  test('takes pairs of surrogates in escapes, as Python writes them', () => {
    const text = JSON.stringify(message).replace('{}', '{"name":"\\ud83c\\udfd4"}');
    assert.deepEqual(decodeNotification(envelopeOfText(text)).payload, { name: '🏔' });
  });

  test('may be nested 512 levels deep', () => {
    const depth = 510; // The message and its payload are two levels.
    const decoded = notificationWithPayload(`{"a":${'['.repeat(depth)}${']'.repeat(depth)}}`);
    assert.equal(decoded.messageId, 'm-1');
  });
});

describe('secrets of the context', () => {
  const secret = {
    _context_auth_token: 'gAAAA',
    _context_auth_token_info: { token: {} },
    _context_service_token: 'gAAAB',
    _context_service_catalog: [{ type: 'volumev3' }],
    _context_password: 'x',
    _context_aws_creds: 'y',
    _context_user_id: 'u-1',
  };

  test('are in none of the views', () => {
    const decoded = notification(secret);
    assert.deepEqual(decoded.context, { user_id: 'u-1' });
    for (const view of [decoded.document, decoded.message, decoded.exact().document]) {
      const text = JSON.stringify(view);
      assert.doesNotMatch(text, /gAAA|volumev3/);
      assert.equal(view._context_auth_token, null);
    }
  });

  test('are in none of the views when the context came as one mapping', () => {
    const context = { auth_token: 'gAAAA', service_catalog: [1], user_id: 'u-1' };
    const decoded = notification({ _context: context });
    assert.deepEqual(decoded.context, { user_id: 'u-1' });
    assert.doesNotMatch(JSON.stringify(decoded.document), /gAAA/);
  });
});

describe('the exact notification', () => {
  test('is the notification itself when the plain parse lost nothing', () => {
    const decoded = notificationWithPayload('{"a":1,"b":1.5,"c":"2.0"}');
    assert.equal(decoded.exact(), decoded);
  });

  test('has the numbers as they were written, and is made once', () => {
    const decoded = notificationWithPayload('{"a":2.0,"b":9007199254740993,"c":1}', {
      _context_user_id: 'u-1',
    });
    const exact = decoded.exact();
    assert.deepEqual(exact.payload, { a: new FloatToken(2), b: 9007199254740993n, c: 1 });
    assert.equal(exact.messageId, 'm-1');
    assert.deepEqual(exact.context, { user_id: 'u-1' });
    assert.equal(decoded.exact(), exact);
    assert.equal(exact.exact(), exact);
    assert.deepEqual(decoded.payload, { a: 2, b: 9007199254740992, c: 1 });
  });

  test('cannot be made of a number beyond the range of floats', () => {
    const decoded = notificationWithPayload('{"a":1e400}');
    assert.throws(
      () => decoded.exact(),
      (error) => error instanceof NotificationError && error.code === 'E5009' && error.messageId === 'm-1',
    );
  });
});

describe('a body that is no notification', () => {
  test('is refused when it is not UTF-8, with what can be read of it', () => {
    const body = Buffer.concat([Buffer.from(envelope()), Buffer.from([0xff])]);
    assert.deepEqual(refusal(body), { code: 'E5001', message: 'the body is not valid UTF-8', ...known });
  });

  test('is refused when it is not JSON', () => {
    for (const body of ['', 'hello', '{"a":', '\u0000', '{"a":NaN}']) {
      const { code, messageId } = refusal(body);
      assert.deepEqual({ code, messageId }, { code: 'E5002', messageId: null }, body);
    }
  });

  test('is refused without showing any of its text, which may be part of a token', () => {
    for (const body of [
      'gAAAAtoken',
      '{"auth_token": gAAAAtoken}',
      `{"auth_token": "gAAAAtoken" x${' '.repeat(99)}`,
    ]) {
      for (const one of [body, envelopeOfText(body)]) {
        assert.doesNotMatch(String(refusal(one).message), /gAAAA|token"/);
      }
    }
    assert.equal(refusal('{"a": x}').message, "the body is not JSON: Unexpected token 'x'");
  });

  test('is refused when it is cut off, with what can be read of it', () => {
    assert.deepEqual(
      { ...refusal(envelope({ payload: { a: 1 } }).slice(0, -9)), message: '' },
      { code: 'E5002', message: '', ...known },
    );
  });

  test('is refused when the message in the envelope is not JSON, with what can be read of it', () => {
    const cut = JSON.stringify({ ...message, payload: { a: 1 } }).slice(0, -4);
    assert.deepEqual(
      { ...refusal(envelopeOfText(cut)), message: '' },
      { code: 'E5003', message: '', ...known },
    );
  });

  test('is refused when the version of the envelope is not 2.x', () => {
    const versions: [JsonValue, string][] = [
      ['1.0', '1.0'],
      ['3.0', '3.0'],
      ['20.0', '20.0'],
      [1, '1'],
      [3.2, '3.2'],
      [{}, 'a mapping'],
      [null, 'null'],
    ];
    for (const [version, shown] of versions) {
      assert.deepEqual(refusal(envelopeOfText(JSON.stringify(message), version)), {
        code: 'E5004',
        message: `oslo.version is ${shown}, not 2.x`,
        ...known,
      });
    }
  });

  test('is refused without event_type', () => {
    for (const event_type of [null, '']) {
      assert.deepEqual(refusal(envelope({ event_type })), {
        code: 'E5005',
        message: 'the message has no event_type',
        ...known,
        eventType: null,
      });
    }
    assert.deepEqual(refusal('{}'), { code: 'E5005', message: 'the message has no event_type', ...unknown });
    assert.equal(refusal('{"oslo.version":"2.0"}').code, 'E5005');
  });

  test('is refused when a field has the wrong type', () => {
    const cases: [string, string, string][] = [
      [envelope({ event_type: 5 }), 'event_type is a number, not text', 'm-1'],
      [envelope({ event_type: ['a'] }), 'event_type is a list, not text', 'm-1'],
      [envelope({ publisher_id: {} }), 'publisher_id is a mapping, not text', 'm-1'],
    ];
    for (const [body, text, messageId] of cases) {
      const { code, message: told, messageId: id } = refusal(body);
      assert.deepEqual({ code, told, id }, { code: 'E5006', told: text, id: messageId });
    }
    assert.equal(refusal(envelope({ message_id: 5 })).message, 'message_id is a number, not text');
    assert.equal(refusal('[1]').message, 'the body is a list, not a mapping');
    assert.equal(refusal('5').message, 'the body is a number, not a mapping');
    assert.equal(refusal('null').message, 'the body is null, not a mapping');
    assert.equal(refusal(envelopeOfText('[1]')).message, 'oslo.message is a list, not a mapping');
    assert.equal(
      refusal('{"oslo.version":"2.0","oslo.message":{}}').message,
      'oslo.message is a mapping, not text',
    );
  });

  test('is refused with an unknown priority or none', () => {
    assert.equal(refusal(envelope({ priority: 'WARNING' })).message, 'the priority is "WARNING"');
    assert.equal(refusal(envelope({ priority: 3 })).message, 'the priority is a number');
    assert.deepEqual(refusal(envelope({ priority: null })), {
      code: 'E5007',
      message: 'the priority is null',
      ...known,
    });
    assert.equal(refusal(envelope({ priority: 'toString' })).code, 'E5007');
  });

  test('is refused with a timestamp that cannot be read', () => {
    assert.deepEqual(refusal(envelope({ timestamp: 'yesterday' })), {
      code: 'E5008',
      message: 'the timestamp "yesterday" cannot be read',
      ...known,
    });
    for (const timestamp of ['', '2026-13-01 00:00:00', '2026-02-30T00:00:00', null, 5]) {
      assert.equal(refusal(envelope({ timestamp })).code, 'E5008');
    }
  });

  test('is refused without message_id', () => {
    for (const message_id of [null, '']) {
      assert.deepEqual(refusal(envelope({ message_id })), {
        code: 'E5014',
        message: 'the message has no message_id',
        ...known,
        messageId: null,
      });
    }
  });

  test('is refused with half of a surrogate pair, in an escape or not', () => {
    const half = JSON.stringify(message).replace('{}', '{"name":"\\ud800"}');
    const expected = { code: 'E5010', message: 'the message holds half of a surrogate pair', ...known };
    assert.deepEqual(refusal(envelopeOfText(half)), expected);
    assert.deepEqual(refusal(half), expected);
    assert.deepEqual(refusal(envelope({ payload: { name: '\udc00' } })), expected);
    const escapedInEnvelope = envelope({ payload: { name: '@' } }).replace('@', '\\ud800');
    assert.deepEqual(refusal(escapedInEnvelope), expected);
  });

  test('is refused when it is larger than the limit, with what its beginning says', () => {
    const large = envelope({ payload: { data: 'x'.repeat(2_000_000) } });
    const bytes = Buffer.byteLength(large);
    const expected = {
      code: 'E5011',
      message: `the body has ${bytes} bytes; at most 1048576 are read`,
      ...known,
    };
    assert.deepEqual(refusal(large), expected);
    assert.deepEqual(refusal(Buffer.from(large)), expected);
    assert.equal(decodeNotification(large, { maxBodyBytes: bytes }).messageId, 'm-1');
    assert.equal(refusal(large, bytes - 1).code, 'E5011');
  });

  test('is refused when it is nested deeper than 512 levels, wherever that is', () => {
    const deep = `${'['.repeat(10_000)}${']'.repeat(10_000)}`;
    const text = JSON.stringify(message).replace('{}', deep);
    assert.deepEqual(refusal(envelopeOfText(text)), {
      code: 'E5012',
      message: 'oslo.message is nested more than 512 levels deep',
      ...known,
    });
    assert.equal(refusal(text).message, 'the body is nested more than 512 levels deep');
    const hidden = envelopeOfText(text).replaceAll('[', '\\u005b').replaceAll(']', '\\u005d');
    assert.equal(refusal(hidden).code, 'E5012');
    const justTooDeep = `{"a":${'['.repeat(511)}${']'.repeat(511)}}`;
    assert.equal(refusal(envelopeOfText(JSON.stringify(message).replace('{}', justTooDeep))).code, 'E5012');
  });

  test('is refused at once when it is nothing but brackets', () => {
    const started = performance.now();
    assert.equal(refusal('['.repeat(10_000_000)).code, 'E5011');
    assert.equal(refusal('['.repeat(1_000_000)).code, 'E5012');
    assert.ok(performance.now() - started < 1_000);
  });
});

test('whatever the bytes are, decoding gives a notification or a NotificationError', () => {
  const json = fc.json().map((text) => Buffer.from(text));
  const wrapped = fc.json().map((text) => Buffer.from(envelopeOfText(text)));
  const fields = fc
    .dictionary(fc.constantFrom(...Object.keys(message), '_context', '_context_user_id'), fc.jsonValue())
    .map((changed) => Buffer.from(envelope(changed as never)));
  fc.assert(
    fc.property(fc.oneof(fc.uint8Array(), json, wrapped, fields), (body) => {
      try {
        const decoded = decodeNotification(body);
        assert.ok(Number.isFinite(decoded.timestampMicros));
        assert.equal(typeof decoded.document.ctxt, 'object');
        decoded.exact();
      } catch (error) {
        assert.ok(error instanceof NotificationError, String(error));
        assert.equal(error.retry, 'permanent');
      }
    }),
    { numRuns: 500 },
  );
});
