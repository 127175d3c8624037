import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isLoopback, refuseForeign } from './loopback.ts';

test('only addresses and names of this machine are loopback', () => {
  for (const host of ['127.0.0.1', '127.9.8.7', '::1', '[::1]', 'localhost', 'LOCALHOST', 'a.localhost']) {
    assert.ok(isLoopback(host), host);
  }
  for (const host of [
    '0.0.0.0',
    '::',
    '10.0.0.1',
    'example.org',
    '127.0.0.1.evil.test',
    'localhost.evil.test',
    '',
  ]) {
    assert.ok(!isLoopback(host), host);
  }
});

test('a Host header that names another machine is refused', () => {
  for (const host of ['evil.test', 'evil.test:8777', undefined, '10.0.0.1:8777', '127.0.0.1.evil.test']) {
    assert.throws(() => refuseForeign({ method: 'GET', host, origin: undefined }), {
      status: 403,
      code: 'E4010',
    });
  }
  for (const host of ['127.0.0.1:8777', 'localhost', '[::1]:8777']) {
    refuseForeign({ method: 'POST', host, origin: undefined });
  }
});

test('a page from elsewhere may not change anything', () => {
  const host = 'localhost:8777';
  for (const origin of ['http://evil.test', 'null', 'http://localhost:9999', 'https://localhost:8777']) {
    assert.throws(() => refuseForeign({ method: 'POST', host, origin }), { status: 403, code: 'E4010' });
  }
  refuseForeign({ method: 'POST', host, origin: 'http://localhost:8777' });
  refuseForeign({ method: 'GET', host, origin: 'http://evil.test' });
});
