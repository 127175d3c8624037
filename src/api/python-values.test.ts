import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FloatToken } from '../model/json.ts';
import { guessLiteral, parseBoolean, parseFloatText, parseInteger } from './python-values.ts';

test('an untyped value is what it is as a Python literal', () => {
  const literals: readonly (readonly [string, unknown])[] = [
    ['5', 5],
    ['-5', -5],
    ['+5', 5],
    ['1_000', 1000],
    ['0', 0],
    ['000', 0],
    ['0x1F', 31],
    ['0b101', 5],
    ['-0o17', -15],
    ['9007199254740993', 9007199254740993n],
    ['1.5', 1.5],
    ['2.0', new FloatToken(2)],
    ['1e3', new FloatToken(1000)],
    ['.5', 0.5],
    ['True', true],
    ['False', false],
    ['None', null],
    ["'quoted'", 'quoted'],
    ['"it\'s"', "it's"],
  ];
  for (const [text, value] of literals) assert.deepEqual(guessLiteral(text), value, text);
});

test('an untyped value that is no scalar literal is text', () => {
  const texts = [
    '',
    'true',
    'none',
    '007',
    '1 2',
    '5 ',
    '1__0',
    '_1',
    '[1]',
    "{'a': 1}",
    '1j',
    'inf',
    'nan',
    '1e999',
  ];
  for (const text of [...texts, '--1', '0x', "'", "'a'b'", '1,2', 'm1.tiny', '9'.repeat(5_000)]) {
    assert.equal(guessLiteral(text), text);
  }
});

test('typed numbers may have blanks around them but no other form', () => {
  assert.equal(parseInteger(' 12 '), 12);
  assert.equal(parseInteger('1.0'), undefined);
  assert.equal(parseInteger(''), undefined);
  assert.equal(parseFloatText(' 1.5e1 '), 15);
  assert.equal(parseFloatText('nan'), undefined);
  assert.equal(parseFloatText('-inf'), undefined);
});

test('truth values are those of oslo in any case', () => {
  assert.deepEqual(['Yes', 't', '1', 'ON', 'No', 'f', '0', 'off', 'maybe', ''].map(parseBoolean), [
    true,
    true,
    true,
    true,
    false,
    false,
    false,
    false,
    undefined,
    undefined,
  ]);
});

test('a number of 60,000 digits is refused at once', () => {
  const started = performance.now();
  const long = `${'1'.repeat(60_000)}x`;
  assert.equal(parseFloatText(long), undefined);
  assert.equal(parseInteger(long), undefined);
  assert.equal(guessLiteral(long), long);
  assert.ok(performance.now() - started < 200);
});
