import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { FloatToken, type JsonValue } from '../model/json.ts';
import {
  parsePythonFloat,
  parsePythonInt,
  pythonFloat,
  pythonFloatText,
  pythonInt,
  pythonIntText,
  pythonRepr,
  pythonStr,
  stripBlanks,
} from './python-text.ts';

test('scalars print as str() does', () => {
  const rows: readonly (readonly [JsonValue, string])[] = [
    [null, 'None'],
    [true, 'True'],
    [false, 'False'],
    [12, '12'],
    [-0, '0'],
    [1e21, '1000000000000000000000'],
    [12345678901234567890n, '12345678901234567890'],
    [new FloatToken(1), '1.0'],
    [new FloatToken(-0), '-0.0'],
    [0.25, '0.25'],
    ["it's", "it's"],
    ['', ''],
  ];
  for (const [value, text] of rows) assert.equal(pythonStr(value), text);
});

test('floats have the shortest digits, and an exponent below 1e-4 and from 1e16 on', () => {
  for (const [value, text] of [
    [1e15, '1000000000000000.0'],
    [1e16, '1e+16'],
    [0.0001, '0.0001'],
    [0.00001, '1e-05'],
    [123456789012345680, '1.2345678901234568e+17'],
    [5e-324, '5e-324'],
    [1.7976931348623157e308, '1.7976931348623157e+308'],
    [-0.00012345, '-0.00012345'],
    [0.1 + 0.2, '0.30000000000000004'],
    [Number.POSITIVE_INFINITY, 'inf'],
    [Number.NEGATIVE_INFINITY, '-inf'],
    [Number.NaN, 'nan'],
  ] as const) {
    assert.equal(pythonFloatText(value), text);
  }
});

test('lists and mappings print their items as repr() does', () => {
  const value = { a: ['x', 1, null, true, new FloatToken(2)], "it's": {}, b: [] };
  assert.equal(pythonStr(value), `{'a': ['x', 1, None, True, 2.0], "it's": {}, 'b': []}`);
});

test('quoted text escapes what does not print and chooses its quotes as Python', () => {
  for (const [text, quoted] of [
    ['plain é 😀', "'plain é 😀'"],
    ["it's", `"it's"`],
    [`it's "x"`, `'it\\'s "x"'`],
    ['say "x"', `'say "x"'`],
    ['a\\b\n\r\t', String.raw`'a\\b\n\r\t'`],
    ['\x00\x1f\x7f\x85\xa0\xad', String.raw`'\x00\x1f\x7f\x85\xa0\xad'`],
    ['\u2028\u3000\ud800\uffff\ue000', String.raw`'\u2028\u3000\ud800\uffff\ue000'`],
    ['\u{e0001}', String.raw`'\U000e0001'`],
  ] as const) {
    assert.equal(pythonRepr(text), quoted);
    assert.equal(pythonStr([text]), `[${quoted}]`);
  }
});

test('nesting without end prints dots instead of failing', () => {
  const deep: JsonValue = JSON.parse(`${'['.repeat(100_000)}${']'.repeat(100_000)}`);
  assert.equal(pythonStr(deep), `${'['.repeat(512)}[...]${']'.repeat(512)}`);
});

test('int() takes signs, blanks, underscores and digits of all scripts', () => {
  for (const [text, value] of [
    ['12', 12],
    [' -12\n', -12],
    ['+0012', 12],
    ['-0', 0],
    ['1_000', 1000],
    ['٣\u3000', 3],
    ['9007199254740991', 9007199254740991],
    ['9007199254740993', 9007199254740993n],
    ['-123456789012345678901234567890', -123456789012345678901234567890n],
  ] as const) {
    assert.equal(parsePythonInt(text), value, text);
  }
  for (const text of [
    '',
    ' ',
    '12.5',
    '1e3',
    '0x10',
    '1__0',
    '_1',
    '1_',
    '--1',
    '1 2',
    '\x1c1',
    '\ufeff1',
    'x',
  ]) {
    assert.equal(parsePythonInt(text), undefined, JSON.stringify(text));
  }
  assert.equal(parsePythonInt('9'.repeat(4301)), undefined);
});

test('float() takes fractions, exponents, infinity and nan', () => {
  for (const [text, value] of [
    ['1e3', 1000],
    [' 1_0.5_0 ', 10.5],
    ['.5', 0.5],
    ['5.', 5],
    ['-1.5E-3', -0.0015],
    ['1e400', Number.POSITIVE_INFINITY],
    ['-Infinity', Number.NEGATIVE_INFINITY],
    ['+inf', Number.POSITIVE_INFINITY],
    ['NaN', Number.NaN],
    ['-nan', Number.NaN],
  ] as const) {
    assert.equal(parsePythonFloat(text), value, text);
  }
  for (const text of ['', '.', '1e', '1e+', '._5', '5_.0', '0x1p3', 'infin', '1,5', 'e5']) {
    assert.equal(parsePythonFloat(text), undefined, JSON.stringify(text));
  }
});

test('values become integers and floats as int() and float() make them', () => {
  const rows: readonly (readonly [JsonValue, number | bigint | undefined, number | undefined])[] = [
    ['12', 12, 12],
    ['12.5', undefined, 12.5],
    [12.9, 12, 12.9],
    [-0.5, 0, -0.5],
    [new FloatToken(3), 3, 3],
    [new FloatToken(1e20), 100000000000000000000n, 1e20],
    [true, 1, 1],
    [2n ** 60n, 2n ** 60n, 2 ** 60],
    [10n ** 400n, 10n ** 400n, undefined],
    [null, undefined, undefined],
    [[], undefined, undefined],
    [{}, undefined, undefined],
    [Number.NaN, undefined, Number.NaN],
  ];
  for (const [value, integer, float] of rows) {
    assert.equal(pythonInt(value), integer);
    assert.equal(pythonFloat(value), float);
  }
});

test('strip takes the blanks of Python, which are not those of trim', () => {
  assert.equal(stripBlanks(' \x1c\x85\u3000a b\ufeff\t\x1f'), 'a b\ufeff');
  assert.equal(stripBlanks(' \n '), '');
});

test('integers and floats survive printing and parsing', () => {
  fc.assert(
    fc.property(fc.bigInt(), (value) =>
      assert.equal(BigInt(parsePythonInt(pythonIntText(value)) ?? 'x'), value),
    ),
  );
  fc.assert(
    fc.property(fc.double(), (value) => assert.equal(parsePythonFloat(pythonFloatText(value)), value)),
  );
});

test('any text parses to a number or nothing and never throws', () => {
  const likely = fc
    .array(fc.constantFrom(...'01٣ _+-.eEinfa\t\x1c'), { maxLength: 12 })
    .map((all) => all.join(''));
  fc.assert(
    fc.property(fc.oneof(fc.string({ unit: 'binary' }), likely), (text) => {
      const integer = parsePythonInt(text);
      assert.ok(integer === undefined || typeof integer === 'bigint' || Number.isSafeInteger(integer));
      if (integer !== undefined) assert.equal((parsePythonFloat(text) ?? Number.NaN) + 0, Number(integer));
      assert.equal(typeof pythonRepr(text), 'string');
    }),
    { numRuns: 2000 },
  );
});

test('a long text that is nearly a number is refused in linear time', () => {
  const startedAt = performance.now();
  assert.equal(parsePythonFloat(`${'1'.repeat(200_000)}x`), undefined);
  assert.ok(performance.now() - startedAt < 500);
});
