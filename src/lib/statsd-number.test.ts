import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { parseDecimal } from './statsd-number.ts';

function parse(text: string): number {
  const bytes = Buffer.from(`?${text}?`);
  return parseDecimal(bytes, 1, bytes.length - 1);
}

/** A text that is rounded up beyond the largest double is no measurement. */
function finiteOrNaN(value: number): number {
  return Number.isFinite(value) ? value : Number.NaN;
}

test('every way of writing a number gives the double that Number gives', () => {
  const finite = fc.double({ noNaN: true, noDefaultInfinity: true });
  fc.assert(
    fc.property(finite, fc.integer({ min: 0, max: 20 }), (value, digits) => {
      const texts = [
        String(value),
        value.toExponential(),
        value.toFixed(digits),
        value.toPrecision(digits + 1),
      ];
      for (const text of texts) assert.equal(parse(text), finiteOrNaN(Number(text)), text);
    }),
  );
});

test('what is no decimal number is NaN', () => {
  const bad = [
    '',
    ' ',
    '+',
    '-',
    '.',
    '-.',
    'e5',
    '1e',
    '1e+',
    '1 ',
    ' 1',
    '1_0',
    '0x10',
    'NaN',
    'inf',
    'Infinity',
  ];
  const worse = ['1e999', '--1', '1.2.3', '1e5.0', '1e5e5', '١', '1,5', '1'.repeat(401)];
  for (const text of [...bad, ...worse]) assert.ok(Number.isNaN(parse(text)), text);
});

test('a sign, a point at either end and leading zeros are allowed', () => {
  const texts = ['+5', '-5', '5.', '.5', '-.5', '007', '00000000000000000007', '5.e2', '1e05', '-0'];
  assert.deepEqual(texts.map(parse), [5, -5, 5, 0.5, -0.5, 7, 7, 500, 100_000, -0]);
});

test('any bytes give a finite number or NaN', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
      const value = parseDecimal(bytes, 0, bytes.length);
      assert.ok(Number.isNaN(value) || Number.isFinite(value));
    }),
  );
});
