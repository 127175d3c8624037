import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { notification } from '../../test/notification/notifications.ts';
import { PathSyntaxError } from '../lib/jsonpath.ts';
import { compileRootedPath } from './rooted-path.ts';

const decoded = () =>
  notification({
    payload: { a: { b: [1, { c: 2 }] }, metadata: { x: 'own' }, ctxt: 'own', empty: null },
    _context_user_id: 'u-1',
    _context_roles: ['member', 'reader'],
    _context_deep: { metadata: 'm' },
  });

const paths = [
  'payload.a.b',
  '$.payload.a.b[1].c',
  'payload.metadata.x',
  'payload.ctxt',
  "payload['metadata']['x']",
  'payload.empty',
  'payload.missing',
  'ctxt.user_id',
  '$.ctxt.user_id',
  ' $ . ctxt . user_id ',
  'ctxt.deep.metadata',
  'ctxt.roles[1]',
  'ctxt',
  'ctxt.*',
  "$['ctxt']['user_id']",
  "'ctxt'.user_id",
  '_context_user_id',
  'metadata.message_id',
  'metadata.timestamp',
  'metadata.other',
  'metadata',
  '(payload.missing)|(ctxt.user_id)',
  'payload.(missing|ctxt)',
  '$.payload.ctxt + "-" + $.ctxt.user_id',
  '$.publisher_id + "_" + $.event_type',
  'publisher_id.`split(., 1, 1)`',
  'payload.a.b[*].c',
  '*',
  '$',
  '$..user_id',
  'payload..c',
  'ctxt.roles.`len`',
  'event_type',
  'message_id',
];

describe('a path of a definition', () => {
  for (const text of paths) {
    test(`finds with ${text} in both views what it finds in the whole document`, () => {
      const path = compileRootedPath(text);
      const both = decoded();
      const { document } = decoded();
      assert.deepEqual(path.first(both), path.first({ document }));
      assert.deepEqual(path.values(both), path.values({ document }));
      assert.deepEqual(path.matches(both), path.matches({ document }));
    });
  }

  test('says where it found something as it was written', () => {
    assert.deepEqual(compileRootedPath('ctxt.user_id').matches(decoded()), [
      { path: 'ctxt.user_id', value: 'u-1' },
    ]);
    assert.deepEqual(compileRootedPath('$.metadata.message_id').matches(decoded()), [
      { path: 'metadata.message_id', value: 'm-1' },
    ]);
  });

  test('that is plain does not need the costly view', () => {
    const never = {
      message: decoded().message,
      get document(): never {
        throw new Error('the document was asked for');
      },
    };
    const plain = [
      'payload.a',
      '$.payload.metadata.x',
      'ctxt.user_id',
      'metadata.timestamp',
      'publisher_id.`split(., 1, 1)`',
    ];
    assert.deepEqual(
      plain.map((text) => compileRootedPath(text).first(never)),
      [{ b: [1, { c: 2 }] }, 'own', 'u-1', '2026-01-02 03:04:05.000006', 'host-1'],
    );
  });

  test('that is wrong is refused as it was written', () => {
    assert.throws(() => compileRootedPath('ctxt.0'), PathSyntaxError);
  });
});
