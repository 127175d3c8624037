import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import test from 'node:test';
import fc from 'fast-check';
import { PythonLiteralError, parsePythonLiteral } from './python-literal.ts';
import { pythonRepr } from './python-text.ts';

const CASES: readonly (readonly [text: string, value: unknown])[] = [
  [
    "{'display_name': 'web-7', 'ok': True, 'no': None, 'f': False}",
    { display_name: 'web-7', ok: true, no: null, f: false },
  ],
  ['{"a": [1, 2.5, -3, 1e3], "b": null, "c": true}', { a: [1, 2.5, -3, 1000], b: null, c: true }],
  ["('a', 1,)", ['a', 1]],
  ["('a',)", ['a']],
  ["('a')", 'a'],
  ['()', []],
  ['{}', {}],
  ['[ ]', []],
  ['[1, [2, (3, 4)],]', [1, [2, [3, 4]]]],
  ["{1: 'a', None: 'b', True: 'c', 2.5: 'd'}", { 1: 'a', None: 'b', True: 'c', 2.5: 'd' }],
  ["u'\\u00e4' r'\\n' \"\\x41\\101\\U0001f600\"", 'ä\\nAA😀'],
  ["'''a\nb'c'''", "a\nb'c"],
  ["'a\\\nb'", 'ab'],
  ["'\\q'", '\\q'],
  ['0x1F', 31],
  ['-0b11', -3],
  ['1_000', 1000],
  ['12345678901234567890', 12345678901234567890n],
  ["  'x'  ", 'x'],
  ["{'__proto__': 1}", JSON.parse('{"__proto__": 1}')],
];

for (const [text, value] of CASES) {
  test(`the literal ${JSON.stringify(text)} is read as Python reads it`, () => {
    assert.deepEqual(parsePythonLiteral(text), value);
  });
}

const BAD = [
  '',
  ' ',
  '{',
  '[1',
  "'a",
  "'a\nb'",
  '{1}',
  '{1 2}',
  "{'a' 1}",
  '[1 2]',
  '1 2',
  'abc',
  '__import__',
  "__import__('os')",
  '1+1',
  'b"x"',
  "f'{1}'",
  'inf',
  'nan',
  '1e999',
  '007',
  '0x',
  "'\\x4'",
  "'\\U00110000'",
  '[1,,2]',
  '{[1]: 2}',
  '1j',
  '- 1',
  `${'['.repeat(1000)}`,
  '"\\',
  'None.x',
  '{"a": 1}}',
];

for (const text of BAD) {
  test(`${JSON.stringify(text.slice(0, 30))} is refused with its place`, () => {
    assert.throws(
      () => parsePythonLiteral(text),
      (thrown) =>
        thrown instanceof PythonLiteralError && thrown.column >= 1 && thrown.column <= text.length + 1,
    );
  });
}

/** What JSON can hold and Python prints so that it can be read again. */
const value = fc.letrec((tie) => ({
  any: fc.oneof(
    { depthSize: 'small' },
    fc.string({ unit: 'grapheme' }),
    fc.integer(),
    fc.boolean(),
    fc.constant(null),
    fc.array(tie('any'), { maxLength: 4 }),
    fc.dictionary(fc.string(), tie('any'), { maxKeys: 4, noNullPrototype: true }),
  ),
})).any as fc.Arbitrary<never>;

test('what Python prints is read back as it was, and so is JSON', () => {
  fc.assert(
    fc.property(value, (one) => {
      assert.deepEqual(parsePythonLiteral(pythonRepr(one)), one);
      assert.deepEqual(parsePythonLiteral(JSON.stringify(one)), one);
    }),
  );
});

test('no text makes it throw anything but its own error', () => {
  const pieces = fc.constantFrom(
    ...'{}[](),:\'"\\ \n',
    'None',
    'True',
    '1',
    '-',
    '.5',
    'e9',
    'u',
    'x41',
    '"""',
    'ä',
    '\u0000',
  );
  const text = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.array(pieces, { maxLength: 30 }).map((all) => all.join('')),
  );
  fc.assert(
    fc.property(text, (one) => {
      try {
        parsePythonLiteral(one);
      } catch (thrown) {
        assert.ok(thrown instanceof PythonLiteralError, String(thrown));
      }
    }),
    { numRuns: 2_000 },
  );
});

const python = spawnSync('python3', ['--version']).status === 0;

test('Python agrees on what is a literal and what it means', {
  skip: python ? false : 'needs python3',
}, () => {
  // On purpose otherwise: JSON's words, bytes, sets, complex and infinite numbers, sums, keys that are no texts.
  const differs = /null|^b"|^\{1\}$|1j|1e999|1\+1|^- 1$|\{1: /;
  const texts = [...CASES.map(([text]) => text), ...BAD].filter(
    (text) => text.length < 100 && !differs.test(text),
  );
  const script =
    'import ast,json,sys\nfor t in json.load(sys.stdin):\n' +
    ' try:\n  v=ast.literal_eval(t.strip())\n  print(json.dumps(["ok",v], default=str))\n' +
    ' except Exception as e:\n  print(json.dumps(["bad"]))\n';
  const { stdout } = spawnSync('python3', ['-W', 'ignore', '-c', script], { input: JSON.stringify(texts) });
  const answers = String(stdout)
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  assert.equal(answers.length, texts.length);
  for (const [index, text] of texts.entries()) {
    const ours = tryRead(text);
    assert.deepEqual(ours, answers[index], text);
  }
});

function tryRead(text: string): unknown {
  try {
    const found = parsePythonLiteral(text);
    return ['ok', typeof found === 'bigint' ? Number(found) : found];
  } catch {
    return ['bad'];
  }
}
