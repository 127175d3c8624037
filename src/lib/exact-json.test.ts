import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { FloatToken, type JsonValue } from '../model/json.ts';
import {
  ExactJsonError,
  hasLoneSurrogateEscape,
  losesNumbers,
  MAX_JSON_DEPTH,
  parseExact,
  stringifyExact,
} from './exact-json.ts';

test('numbers keep what their token says', () => {
  assert.deepEqual(
    parseExact(
      '[1, 1.0, 1e3, -0, -0.0, 9007199254740991, 9007199254740993, 1.5, 1E-2, 1.00000000000000000001]',
    ),
    [
      ...[
        1,
        new FloatToken(1),
        new FloatToken(1000),
        -0,
        new FloatToken(-0),
        9007199254740991,
        9007199254740993n,
      ],
      ...[1.5, 0.01, new FloatToken(1)],
    ],
  );
  assert.deepEqual(parseExact(' 2.0 '), new FloatToken(2));
});

test('texts, words, lists and mappings parse as JSON says', () => {
  const text = ' {"a" : [ true , false,null ] , "b\\n\\u00e9\\ud83d\\ude00":"x\\"y", "":{}, "c":[]}\r\n\t';
  assert.deepEqual(parseExact(text), JSON.parse(text));
});

test('a key of a prototype is data', () => {
  const value = parseExact('{"__proto__": {"x": 1}, "constructor": 2}');
  assert.deepEqual(Object.entries(value as object), [
    ['__proto__', { x: 1 }],
    ['constructor', 2],
  ]);
  assert.equal(Object.getPrototypeOf(value), Object.prototype);
  assert.equal(stringifyExact(value), '{"__proto__":{"x":1},"constructor":2}');
});

test('what is no JSON is refused with its place', () => {
  for (const [text, message] of [
    ['', 'Unexpected end (offset 0)'],
    ['[1,]', 'Unexpected "]" (offset 3)'],
    ['{"a" 1}', 'Unexpected "1" (offset 5)'],
    ['{a:1}', 'Unexpected "a" (offset 1)'],
    ['[1 2]', 'Unexpected "2" (offset 3)'],
    ['01', 'Unexpected "1" (offset 1)'],
    ['nul', 'Unexpected "n" (offset 0)'],
    ['NaN', 'Unexpected "N" (offset 0)'],
    ['"a', 'Text without end (offset 2)'],
    ['"a\\', 'Text without end (offset 3)'],
    ['"a\nb"', 'Unescaped control character in a text (offset 2)'],
    ['[1e400]', 'Number 1e400 out of range (offset 1)'],
    ['1 x', 'Unexpected "x" (offset 2)'],
  ] as const) {
    assert.throws(
      () => parseExact(text),
      (error) => error instanceof ExactJsonError && error.message === message,
      text,
    );
  }
  assert.throws(() => parseExact('"\\x"'), ExactJsonError);
});

test('nesting is bounded in both directions', () => {
  const nested = (depth: number) => `${'[{"a":'.repeat(depth / 2)}1${'}]'.repeat(depth / 2)}`;
  const deepest = nested(MAX_JSON_DEPTH);
  assert.equal(stringifyExact(parseExact(deepest)), deepest);
  assert.throws(() => parseExact(nested(MAX_JSON_DEPTH + 2)), ExactJsonError);
  assert.throws(() => parseExact('['.repeat(1_000_000)), ExactJsonError);
  assert.throws(() => stringifyExact(JSON.parse(nested(100_000))), RangeError);
});

test('exact values print so that they can be read again', () => {
  const value = [
    new FloatToken(1),
    new FloatToken(1e16),
    new FloatToken(-0),
    -0,
    0.1,
    2n ** 64n,
    'é"\u2028',
    null,
    {},
  ];
  assert.equal(stringifyExact(value), '[1.0,1e+16,-0.0,-0,0.1,18446744073709551616,"é\\"\u2028",null,{}]');
  assert.equal(stringifyExact(Number.NaN), 'null');
});

const exactValue = fc.letrec<{ node: JsonValue }>((tie) => ({
  node: fc.oneof(
    { maxDepth: 5, depthSize: 'small' },
    fc.constant(null),
    fc.boolean(),
    fc.string({ unit: 'binary' }),
    fc.maxSafeInteger(),
    fc.bigInt({ min: 2n ** 53n, max: 10n ** 300n }),
    fc
      .double({ noNaN: true, noDefaultInfinity: true })
      .map((n) => (Number.isInteger(n) ? new FloatToken(n) : n)),
    fc.integer().map((n) => new FloatToken(n)),
    fc.array(tie('node'), { maxLength: 4 }),
    fc
      .array(fc.tuple(fc.oneof(fc.string(), fc.constant('__proto__')), tie('node')), { maxLength: 4 })
      .map((pairs) => Object.fromEntries(pairs)),
  ),
})).node;

test('reading what was written gives the same value', () => {
  fc.assert(
    fc.property(exactValue, (value) => assert.deepEqual(parseExact(stringifyExact(value)), value)),
    { numRuns: 1000 },
  );
});

test('a text parses exactly when JSON.parse takes it, but for numbers out of range', () => {
  const likely = fc
    .array(
      fc.constantFrom(
        '{',
        '}',
        '[',
        ']',
        ',',
        ':',
        '"a"',
        '"\\u00e9"',
        '1',
        '-0',
        '1.5',
        'true',
        'null',
        ' ',
        '\\',
        '"',
      ),
    )
    .map((pieces) => pieces.join(''));
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.json(), likely), (text) => {
      let plain: unknown;
      try {
        plain = JSON.parse(text);
      } catch {
        assert.throws(() => parseExact(text), ExactJsonError);
        return;
      }
      assert.deepEqual(JSON.parse(stringifyExact(parseExact(text))), plain);
    }),
    { numRuns: 3000 },
  );
});

test('numbers that plain parsing would change are noticed', () => {
  for (const token of [
    ...[
      '1.0',
      '-1.0',
      '1.',
      '1.000',
      '1e3',
      '1E3',
      '1.5e3',
      '1e-7',
      '12345678901234567890',
      '9007199254740993',
    ],
    ...['1.00000000000000000001', '0.99999999999999999999', '123456789.00000000001', '12345678901234.001'],
    ...['100000000000000.06', '99999999999999.999', `0.${'0'.repeat(400)}1`],
  ]) {
    for (const text of [
      token,
      ` ${token}\n`,
      `[${token}]`,
      `{"a": ${token}}`,
      `[1,${token},2]`,
      `{"a":${token},"b":1}`,
    ]) {
      assert.equal(losesNumbers(text), true, text);
    }
  }
});

test('usual documents lose nothing', () => {
  for (const text of [
    '{"a": 1, "b": [2, -3, 0.5, 1.25, 12.345678901234567], "c": "1.0", "d": 1700000000.1234567}',
    '{"timestamp": "2026-01-02 03:04:05.000006", "mac": "fa:16:3e:4c:1f:00", "id": "0d4a2e1b-1e10"}',
    '{"disk": 1099511627776, "mtime": 1767323045000000}'.replace('1767323045000000', '176732304500000'),
  ]) {
    assert.equal(losesNumbers(text), false, text);
  }
});

test('wherever plain parsing changes a number, it was noticed', () => {
  const digits = (max: number) =>
    fc.array(fc.constantFrom(...'0123456789', '0', '9', '0', '9'), { minLength: 1, maxLength: max });
  const fraction = fc.oneof(
    digits(20).map((all) => all.join('')),
    fc
      .tuple(fc.constantFrom('0', '9'), fc.integer({ min: 0, max: 18 }), digits(3))
      .map(([digit, count, rest]) => digit.repeat(count) + rest.join('')),
  );
  const token = fc
    .tuple(
      fc.constantFrom('', '-'),
      digits(19),
      fc.option(fraction),
      fc.constantFrom('', '', '', 'e2', 'E-3', 'e+0'),
    )
    .map(([sign, whole, part, exponent]) => {
      const integer = whole.join('').replace(/^0+(?=\d)/, '');
      return `${sign}${integer}${part === null ? '' : `.${part}`}${exponent}`;
    });
  fc.assert(
    fc.property(token, fc.constantFrom('', '[', '{"a": ', '[1,'), (number, before) => {
      const text =
        { '': number, '[': `[${number}]`, '{"a": ': `{"a": ${number}}`, '[1,': `[1,${number} ]` }[before] ??
        '';
      const exact = parseExact(number);
      const same = typeof exact === 'number' && Object.is(exact, JSON.parse(number));
      if (!same) assert.equal(losesNumbers(text), true, text);
    }),
    { numRuns: 20_000 },
  );
});

test('half a surrogate pair in an escape is noticed', () => {
  for (const text of [
    String.raw`"\ud800"`,
    String.raw`"\uDFFF"`,
    String.raw`"\ud83d\ude00\ud83d"`,
    String.raw`"\ude00\ud83d"`,
    String.raw`"\ud83d \ude00"`,
    String.raw`"\ud83dx\u0041"`,
    String.raw`"\\\ud800"`,
  ]) {
    assert.equal(hasLoneSurrogateEscape(text), true, text);
    assert.equal((JSON.parse(text) as string).isWellFormed(), false, text);
  }
  for (const text of [
    String.raw`"\ud83d\ude00"`,
    String.raw`"\uD83D\uDE00 \ud83d\uDe00"`,
    String.raw`"\\ud800"`,
    String.raw`"\\\\ud800"`,
    String.raw`"\u0041\ud7ff\ue000"`,
    '"😀 ud800"',
  ]) {
    assert.equal(hasLoneSurrogateEscape(text), false, text);
    assert.equal((JSON.parse(text) as string).isWellFormed(), true, text);
  }
});

test('a lone surrogate escape is noticed exactly when the parsed text is not well formed', () => {
  const piece = fc.constantFrom('\\ud83d', '\\uDE00', '\\\\', '\\n', 'u', 'd800', '\\u0041', 'x', '\\"');
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 8 }), (pieces) => {
      const text = `"${pieces.join('')}"`;
      assert.equal(hasLoneSurrogateEscape(text), !(JSON.parse(text) as string).isWellFormed());
    }),
    { numRuns: 2000 },
  );
});
