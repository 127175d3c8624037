import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { codePointTextAt, compareCodePoints, countCodePoints, cutCodePoints } from './code-points.ts';

// Texts with many surrogates, paired and alone.
const text = fc
  .array(fc.constantFrom('a', 'é', '\uffff', '\ue000', '😀', '\ud83d', '\ude00'))
  .map((all) => all.join(''));

test('text above U+FFFF sorts after all other text', () => {
  assert.deepEqual(['\u{1f600}', '\uffff', 'a'].toSorted(compareCodePoints), ['a', '\uffff', '\u{1f600}']);
  assert.deepEqual(['\u{1f600}', '\uffff', 'a'].toSorted(), ['a', '\u{1f600}', '\uffff']);
});

test('comparing, counting, cutting and indexing agree with lists of code points', () => {
  fc.assert(
    fc.property(text, text, fc.integer({ min: -9, max: 9 }), (left, right, position) => {
      const points = [...left];
      assert.equal(Math.sign(compareCodePoints(left, right)), Math.sign(compareLists(points, [...right])));
      assert.equal(countCodePoints(left), points.length);
      assert.equal(cutCodePoints(left, Math.abs(position)), points.slice(0, Math.abs(position)).join(''));
      assert.equal(codePointTextAt(left, position), points.at(position));
    }),
    { numRuns: 2000 },
  );
});

function compareLists(left: readonly string[], right: readonly string[]): number {
  for (const [index, character] of left.entries()) {
    const other = right[index];
    if (other === undefined) return 1;
    const difference = (character.codePointAt(0) ?? 0) - (other.codePointAt(0) ?? 0);
    if (difference !== 0) return difference;
  }
  return left.length - right.length;
}
