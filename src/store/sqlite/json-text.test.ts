import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { parseExact, stringifyExact } from '../../lib/exact-json.ts';
import { FloatToken, type JsonValue } from '../../model/json.ts';
import { refuseDeepText, toJsonText } from './json-text.ts';

const { value } = fc.letrec<{ value: JsonValue }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4 },
    fc.string({ unit: 'grapheme' }),
    fc.double({ noNaN: true, noDefaultInfinity: true }).map((number) => number + 0),
    fc.bigInt({ min: 2n ** 53n, max: 2n ** 70n }),
    fc.integer().map((number) => new FloatToken(number)),
    fc.boolean(),
    fc.constant(null),
    fc.array(tie('value'), { maxLength: 3 }),
    fc.dictionary(fc.constantFrom('value', 'a', '{"value":', '__proto__'), tie('value'), { maxKeys: 3 }),
  ),
}));

test('the text is the exact one, whatever is in the value', () => {
  fc.assert(
    fc.property(value, (document) => {
      const expected = stringifyExact(document).replaceAll(/(?<![\w."\\-])-0(?![\w."])/g, '0');
      const text = toJsonText(document);
      assert.equal(text.replaceAll(/(?<![\w."\\-])-0(?![\w."])/g, '0'), expected);
      assert.equal(stringifyExact(parseExact(text)), stringifyExact(parseExact(expected)));
    }),
    { numRuns: 2_000 },
  );
});

test('text nested deeper than can be read again is refused, brackets inside of texts do not count', () => {
  const nested = (depth: number): string => `${'['.repeat(depth)}${']'.repeat(depth)}`;
  refuseDeepText(nested(512));
  assert.throws(() => refuseDeepText(nested(513)), RangeError);
  refuseDeepText(JSON.stringify([`\\"${'['.repeat(5_000)}`, '{"'.repeat(2_000)]));
  refuseDeepText(JSON.stringify(Array.from({ length: 2_000 }, () => [{}])));
});
