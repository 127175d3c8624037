import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { isNestedTooDeeply, NESTING_LIMIT } from './nesting.ts';

function nested(levels: number): string {
  return '['.repeat(levels) + ']'.repeat(levels);
}

test('the limit itself is allowed, one level more is not', () => {
  assert.equal(isNestedTooDeeply(nested(NESTING_LIMIT)), false);
  assert.equal(isNestedTooDeeply(nested(NESTING_LIMIT + 1)), true);
});

test('mappings count as lists do', () => {
  const levels = NESTING_LIMIT + 1;
  assert.equal(isNestedTooDeeply(`${'{"a":'.repeat(levels)}1${'}'.repeat(levels)}`), true);
});

test('many brackets beside each other are not deep', () => {
  assert.equal(isNestedTooDeeply(JSON.stringify(Array.from({ length: 5000 }, () => [{}]))), false);
});

test('brackets inside of text are not deep, whatever quotes and backslashes stand before them', () => {
  const text = '[[["\\'.repeat(1000);
  assert.equal(isNestedTooDeeply(JSON.stringify([text, { [text]: text }])), false);
  assert.equal(isNestedTooDeeply(`["${'x'.repeat(2000)}\\"", ${nested(600)}]`), true);
});

test('a text that never ends its brackets is deep', () => {
  assert.equal(isNestedTooDeeply('['.repeat(2000)), true);
});

test('it says what counting the levels of the parsed value says', () => {
  const depthOf = (value: unknown): number =>
    typeof value === 'object' && value !== null ? 1 + Math.max(0, ...Object.values(value).map(depthOf)) : 0;
  const deep = fc
    .tuple(fc.jsonValue(), fc.integer({ min: 500, max: 525 }))
    .map(([value, levels]) => `${'['.repeat(levels)}${JSON.stringify(value)}${']'.repeat(levels)}`);
  fc.assert(
    fc.property(deep, (text) => {
      assert.equal(isNestedTooDeeply(text), depthOf(JSON.parse(text)) > NESTING_LIMIT);
    }),
  );
});
