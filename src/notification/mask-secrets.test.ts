import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { maskSecrets, withoutContextSecrets } from './mask-secrets.ts';

test('credentials are overwritten in plain messages', () => {
  assert.equal(
    maskSecrets('{"_context_auth_token": "gAAAA", "payload": {"adminPass":"x\\"y", "name": "vm"}}'),
    '{"_context_auth_token": "***", "payload": {"adminPass":"***", "name": "vm"}}',
  );
});

test('credentials are overwritten inside an envelope, at any depth of quoting', () => {
  const message = {
    _context_auth_token: 'gA"A\\AA',
    n: 1,
    deep: { service_catalog: [{ url: 'u"}]' }], x: 'y' },
  };
  const once = JSON.stringify({ 'oslo.message': JSON.stringify(message) });
  const masked = JSON.parse(maskSecrets(once)) as { 'oslo.message': string };
  const expected = { _context_auth_token: '***', n: 1, deep: { service_catalog: '***', x: 'y' } };
  assert.deepEqual(JSON.parse(masked['oslo.message']), expected);
  const twice = JSON.parse(maskSecrets(JSON.stringify({ a: once }))) as { a: string };
  assert.deepEqual(JSON.parse((JSON.parse(twice.a) as typeof masked)['oslo.message']), expected);
});

test('a value that is broken off is overwritten to the end', () => {
  assert.equal(maskSecrets('{"auth_token": "gAAA'), '{"auth_token": "***"');
  assert.equal(maskSecrets('{"password": 12345'), '{"password": "***"');
  assert.equal(maskSecrets('{"service_catalog": [{"a": "b"'), '{"service_catalog": "***"');
});

test('what holds no credentials stays as it is', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      const harmless = text.replaceAll(/[:]/g, '');
      assert.equal(maskSecrets(harmless), harmless);
    }),
  );
});

test('no secret survives in any document, however often it was put into a string', () => {
  const secrets = fc.oneof(fc.string(), fc.constantFrom('"', '\\', '\\"', '"}', '\\\\"'));
  fc.assert(
    fc.property(secrets, fc.integer({ min: 0, max: 3 }), fc.json(), (secret, depth, other) => {
      const marked = `${secret}SECRETVALUE${secret}`;
      let text = JSON.stringify({ before: other, auth_token: marked, after: 'kept' });
      for (let level = 0; level < depth; level++) text = JSON.stringify({ inner: text });
      let masked = maskSecrets(text);
      assert.ok(!masked.includes('SECRETVALUE'));
      for (let level = 0; level < depth; level++) masked = (JSON.parse(masked) as { inner: string }).inner;
      assert.deepEqual((JSON.parse(masked) as Record<string, unknown>)['auth_token'], '***');
      assert.deepEqual((JSON.parse(masked) as Record<string, unknown>)['after'], 'kept');
    }),
  );
});

test('a megabyte of backslashes, quotes or blanks is looked through at once', () => {
  const started = performance.now();
  for (const piece of ['\\', '"', '"a":', '{"token":"\\', ' ', '['])
    maskSecrets(piece.repeat(1_000_000 / piece.length));
  assert.ok(performance.now() - started < 3_000);
});

test('a body that is put aside loses its credentials and no other byte', () => {
  const odd = Buffer.concat([
    Buffer.from('{"_context_auth_token": "gAAAA", "_context_password": "p", "password": "kept", "x": "'),
    Buffer.from([0xff, 0x00, 0xc3, 0xa9]),
    Buffer.from('"'),
  ]);
  const expected = Buffer.concat([
    Buffer.from('{"_context_auth_token": "***", "_context_password": "***", "password": "kept", "x": "'),
    Buffer.from([0xff, 0x00, 0xc3, 0xa9]),
    Buffer.from('"'),
  ]);
  assert.deepEqual(Buffer.from(withoutContextSecrets(odd)), expected);
  const plain = Buffer.from('{"x": 1');
  assert.equal(withoutContextSecrets(plain), plain);
});
