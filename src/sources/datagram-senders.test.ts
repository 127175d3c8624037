import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { NephoscopeError } from '../component/errors.ts';
import { createSenderCheck, isLoopbackAddress } from './datagram-senders.ts';

test('a sender is allowed by the networks and addresses that are listed', () => {
  const isAllowed = createSenderCheck(['127.0.0.0/8', '10.1.2.3', '2001:db8::/32', ' fe80::/10 '], 'x');
  for (const address of ['127.0.0.1', '127.9.9.9', '10.1.2.3', '2001:db8::7', 'fe80::1%lo', 'fe80::1%lo'])
    assert.equal(isAllowed(address), true, address);
  for (const address of ['10.1.2.4', '2001:db9::7', '::1']) assert.equal(isAllowed(address), false, address);
  assert.equal(createSenderCheck([], 'x')('127.0.0.1'), false);
});

test('what is no network is refused with the name of the option', () => {
  for (const text of [
    '',
    'localhost',
    '10.0.0.0/33',
    '10.0.0.0/-1',
    '10.0.0.0/',
    '10.0.0.0/8/8',
    '::/129',
    '10.0.0',
  ]) {
    assert.throws(() => createSenderCheck([text], '[statsd] allowed_sources'), {
      code: 'E5040',
      message: `[statsd] allowed_sources: ${JSON.stringify(text)} is no network`,
    });
  }
});

test('any text is a network or refused', () => {
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.ipV4(), fc.ipV6()), (text) => {
      try {
        createSenderCheck([text], 'x');
      } catch (thrown) {
        assert.ok(thrown instanceof NephoscopeError);
      }
    }),
  );
});

test('a flood of senders does not fill the memory with verdicts, nor change them', () => {
  const isAllowed = createSenderCheck(['10.0.0.0/8'], 'x');
  for (let index = 0; index < 10_000; index++) isAllowed(`192.168.${index >> 8}.${index & 255}`);
  assert.deepEqual([isAllowed('10.0.0.1'), isAllowed('192.168.0.1')], [true, false]);
});

test('loopback is 127/8 and ::1', () => {
  const addresses = ['127.0.0.1', '127.1.2.3', '::1', '0.0.0.0', '::', '128.0.0.1'];
  assert.deepEqual(addresses.map(isLoopbackAddress), [true, true, true, false, false, false]);
});
