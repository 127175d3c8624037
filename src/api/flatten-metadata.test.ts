import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { createMetadataReader } from './flatten-metadata.ts';

test('nested keys are joined by a dot first and colons after, values are the text of Python', () => {
  const metadata =
    '{"b": {"c": {"d": 1, "a": 1e-7}}, "a": null, "list": ["x", {"y": 2}, 1.0], "on": true, "big": 9007199254740993,' +
    ' "OS-EXT-STS:vm_state": "active", "gone": {}, "x.y.z": "", "two": 2.0}';
  assert.deepEqual(createMetadataReader()(metadata), {
    'OS-EXT-STS.vm_state': 'active',
    a: 'None',
    'b.c:a': '1e-07',
    'b.c:d': '1',
    big: '9007199254740993',
    list: "['x', {'y': 2}, 1.0]",
    on: 'True',
    two: '2.0',
    'x.y:z': '',
  });
});

test('a key that names the prototype is an ordinary key', () => {
  const flat = createMetadataReader()('{"__proto__": {"polluted": "yes"}, "constructor": 1}');
  assert.deepEqual(Object.entries(flat), [
    ['__proto__.polluted', 'yes'],
    ['constructor', '1'],
  ]);
  assert.equal(Object.getPrototypeOf(flat), Object.prototype);
});

test('the same metadata text is flattened once', () => {
  const read = createMetadataReader();
  assert.equal(read('{"a": 1}'), read('{"a": 1}'));
});

test('any mapping flattens to texts under keys with at most one dot', () => {
  fc.assert(
    fc.property(fc.dictionary(fc.string(), fc.jsonValue({ maxDepth: 4 })), (metadata) => {
      const flat = createMetadataReader()(JSON.stringify(metadata));
      for (const [key, value] of Object.entries(flat)) {
        assert.equal(typeof value, 'string');
        assert.ok(key.split('.').length <= 2);
      }
    }),
  );
});

test('metadata of 500 levels are flattened', () => {
  const deep = `${'{"a":'.repeat(500)}1${'}'.repeat(500)}`;
  assert.deepEqual(createMetadataReader()(deep), { [`a.${Array(499).fill('a').join(':')}`]: '1' });
});
