import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import type { JsonValue } from '../../model/json.ts';
import { readMetadata, testMetadata } from './metadata-match.ts';

const flat = (value: JsonValue, path?: string): readonly (readonly [string, JsonValue])[] => {
  if (typeof value !== 'object' || value === null) return [[path ?? '', value]];
  const entries = Array.isArray(value)
    ? value.map((item, index) => [`${path ?? ''}[${index}]`, item] as const)
    : Object.entries(value).map(
        ([key, item]) => [path === undefined ? key : `${path}.${key}`, item] as const,
      );
  return entries.flatMap(([name, item]) => flat(item, name));
};

const keys = fc.constantFrom('a', 'b', 'a.b', 'a:b', '', '.', '[0]', 'a[0]');
const { value } = fc.letrec<{ value: JsonValue }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 3 },
    fc.integer(),
    fc.constant(null),
    fc.array(tie('value'), { maxLength: 3 }),
    fc.dictionary(keys, tie('value'), { maxKeys: 3 }),
  ),
}));

test('every leaf is found under the path it is shown with', () => {
  fc.assert(
    fc.property(fc.dictionary(keys, value), (metadata) => {
      for (const [path, leaf] of flat(metadata)) {
        assert.ok(
          readMetadata(metadata, path).includes(leaf as never),
          `${path} in ${JSON.stringify(metadata)}`,
        );
      }
    }),
    { numRuns: 1_000 },
  );
});

test('what is no path of a leaf finds nothing and throws nothing', () => {
  const metadata = { a: { b: 1 }, list: [1, [2]], text: 'x' };
  for (const key of [
    '',
    '.',
    'a',
    'a.',
    'a.b.',
    'a.b.c',
    'list',
    'list[',
    'list[2]',
    'list[-1]',
    'list[0',
    'text.length',
    'toString',
    '__proto__',
    `list[${'9'.repeat(30)}]`,
  ]) {
    assert.deepEqual(readMetadata(metadata, key), [], key);
  }
  assert.deepEqual(readMetadata(metadata, 'list[1][0]'), [2]);
  assert.deepEqual(readMetadata([], 'a'), []);
  assert.equal(testMetadata(metadata, 'nope', 'eq', null), true);
});
