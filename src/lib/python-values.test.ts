import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { FloatToken, type JsonValue } from '../model/json.ts';
import {
  PythonOverflowError,
  PythonTypeError,
  pythonAdd,
  pythonCompare,
  pythonEquals,
  pythonMultiply,
  pythonSubtract,
} from './python-values.ts';

test('integers are exact, a float makes a float', () => {
  assert.equal(pythonAdd(2 ** 53 - 1, 1), 2n ** 53n);
  assert.equal(pythonSubtract(2n ** 53n, 1), 2 ** 53 - 1);
  assert.equal(pythonMultiply(2 ** 40, 2 ** 40), 2n ** 80n);
  assert.equal(pythonMultiply(0, -1), 0);
  assert.equal(pythonAdd(true, true), 2);
  assert.deepEqual(pythonAdd(1, new FloatToken(1)), new FloatToken(2));
  assert.equal(pythonSubtract(1.5, true), 0.5);
  assert.deepEqual(pythonMultiply(2.5, 2), new FloatToken(5));
});

test('texts and lists are joined and repeated', () => {
  assert.equal(pythonAdd('a', 'b'), 'ab');
  assert.deepEqual(pythonAdd([1], ['x']), [1, 'x']);
  assert.equal(pythonMultiply('ab', 2), 'abab');
  assert.equal(pythonMultiply(-1, 'ab'), '');
  assert.deepEqual(pythonMultiply(true, [[1], 2]), [[1], 2]);
  assert.deepEqual(pythonMultiply([[1]], 2), [[1], [1]]);
});

test('what Python does not take is a type error, what is too large an overflow', () => {
  for (const [left, right] of [
    ['a', 1],
    [1, 'a'],
    [null, 1],
    [{}, {}],
    [[1], 'a'],
  ] as const) {
    assert.throws(() => pythonAdd(left, right), PythonTypeError);
    assert.throws(() => pythonSubtract(left, right), PythonTypeError);
  }
  assert.throws(() => pythonSubtract('a', 'a'), PythonTypeError);
  assert.throws(() => pythonMultiply('a', 'b'), PythonTypeError);
  assert.throws(() => pythonMultiply('a', 1.5), PythonTypeError);
  assert.throws(() => pythonMultiply('a', 10 ** 7), PythonOverflowError);
  assert.throws(() => pythonAdd(10n ** 400n, 1.5), PythonOverflowError);
});

test('numbers are equal by value whatever their kind, lists and mappings by content', () => {
  const equal: readonly (readonly [JsonValue, JsonValue])[] = [
    [1, new FloatToken(1)],
    [1, true],
    [2n ** 60n, new FloatToken(2 ** 60)],
    [
      [1, { a: null }],
      [new FloatToken(1), { a: null }],
    ],
    [
      { a: 1, b: 2 },
      { b: 2, a: 1 },
    ],
  ];
  for (const [left, right] of equal) assert.equal(pythonEquals(left, right), true);
  const different: readonly (readonly [JsonValue, JsonValue])[] = [
    [1, '1'],
    [2n ** 60n + 1n, new FloatToken(2 ** 60)],
    [null, false],
    [[1], [1, 2]],
    [{ a: null }, { b: null }],
    [[], {}],
    [Number.NaN, Number.NaN + 1],
  ];
  for (const [left, right] of different) assert.equal(pythonEquals(left, right), false);
});

test('order is by value, by code point and item by item', () => {
  assert.deepEqual(['b', '\u{1f600}', '\uffff', 'a', 'ab'].toSorted(pythonCompare), [
    'a',
    'ab',
    'b',
    '\uffff',
    '\u{1f600}',
  ]);
  assert.deepEqual([[2], [1, 'x'], [1]].toSorted(pythonCompare), [[1], [1, 'x'], [2]]);
  assert.equal(pythonCompare(2n ** 60n + 1n, new FloatToken(2 ** 60)) > 0, true);
  for (const [left, right] of [
    ['a', 1],
    [null, null],
    [{}, {}],
    [[1], ['a']],
  ] as const) {
    assert.throws(() => pythonCompare(left, right), PythonTypeError);
  }
});

test('sums and products of integers agree with bigint arithmetic', () => {
  const integer = fc.oneof(fc.maxSafeInteger(), fc.bigInt({ min: -(2n ** 70n), max: 2n ** 70n }));
  fc.assert(
    fc.property(integer, integer, (left, right) => {
      const [a, b] = [BigInt(left), BigInt(right)];
      assert.equal(BigInt(pythonAdd(left, right) as bigint), a + b);
      assert.equal(BigInt(pythonSubtract(left, right) as bigint), a - b);
      assert.equal(BigInt(pythonMultiply(left, right) as bigint), a * b);
      assert.equal(Math.sign(pythonCompare(left, right)), a < b ? -1 : a > b ? 1 : 0);
    }),
  );
});
