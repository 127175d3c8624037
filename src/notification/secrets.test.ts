import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FloatToken, type JsonValue } from '../model/json.ts';
import { isSecretContextKey, isSecretKey, withoutSecrets } from './secrets.ts';

test('keys of tokens, catalogues and passwords of services are secret, in every spelling', () => {
  const secret = [
    'auth_token',
    'authToken',
    'X-Auth-Token',
    'HTTP_X_AUTH_TOKEN',
    'HTTP_X_SERVICE_TOKEN',
    'X-Subject-Token',
    'auth_token_info',
    'service_token',
    'service_catalog',
    'HTTP_X_SERVICE_CATALOG',
    'aws_creds',
    'adminPass',
    'admin_password',
  ];
  assert.deepEqual(
    secret.filter((key) => !isSecretKey(key)),
    [],
  );
});

test('other keys are not', () => {
  const harmless = [
    'token',
    'user_id',
    'audit_token_id',
    'service_name',
    'encryption_secret_uuid',
    'auth_url',
    'name',
  ];
  assert.deepEqual(harmless.filter(isSecretKey), []);
});

test('a password is secret in a context only', () => {
  assert.equal(isSecretContextKey('password'), true);
  assert.equal(isSecretKey('password'), false);
});

test('secrets are taken out at every level and everything else stays, with its numbers', () => {
  const value: JsonValue = {
    request_spec: { pci: [{ _context: { auth_token: 'gAAAA', user: 'u', service_catalog: [{}] } }] },
    size: new FloatToken(2),
    big: 9007199254740993n,
    none: null,
  };
  assert.deepEqual(withoutSecrets(value), {
    request_spec: { pci: [{ _context: { user: 'u' } }] },
    size: new FloatToken(2),
    big: 9007199254740993n,
    none: null,
  });
});

test('a key called __proto__ stays data', () => {
  const cleaned = withoutSecrets(JSON.parse('{"__proto__":{"a":1},"auth_token":"x"}')) as object;
  assert.deepEqual(Object.keys(cleaned), ['__proto__']);
  assert.equal(Object.getPrototypeOf(cleaned), Object.prototype);
});
