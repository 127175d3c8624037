import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { compilePythonRegex, RegexSyntaxError } from './python-regex.ts';
import { compileReplacement } from './python-replacement.ts';

/** What `re.search` finds first, as text. */
function search(pattern: string, text: string): string | undefined {
  return compilePythonRegex(pattern).exec(text)?.[0];
}

test('patterns of event types match at the start only when asked to', () => {
  const shipped = compilePythonRegex(String.raw`compute\.instance\.(?!create\.start).*`, {
    anchorStart: true,
  });
  assert.equal(shipped.test('compute.instance.delete.start'), true);
  assert.equal(shipped.test('compute.instance.create.start'), false);
  assert.equal(shipped.test('x.compute.instance.delete.start'), false);
  assert.equal(compilePythonRegex('a|b', { anchorStart: true }).test('cb'), false);
  assert.equal(compilePythonRegex('a|b').test('cb'), true);
});

test('named groups and back references are written the Python way', () => {
  const found = compilePythonRegex(String.raw`(?P<first>\w)(?P=first)(\d)\2`).exec('xaa11');
  assert.deepEqual(found === null ? null : [...found], ['aa11', 'a', '1']);
  assert.equal(found?.groups?.['first'], 'a');
});

test('anchors mean what they mean in Python', () => {
  assert.equal(search(String.raw`\Aa`, 'a\na'), 'a');
  assert.equal(search(String.raw`b\Z`, 'b\n'), undefined);
  assert.equal(search('b$', 'b\n'), 'b');
  assert.equal(search('b$', 'b\n\n'), undefined);
  assert.equal(search('^b', 'a\nb'), undefined);
  assert.equal(search('(?m)^b$', 'a\nb\nc'), 'b');
  assert.equal(search('(?m)^b$', 'a\u2028b'), undefined);
});

test('flags at the start and in groups work', () => {
  assert.equal(search('(?i)ABC', 'xabc'), 'abc');
  assert.equal(search('(?is)A.B', 'a\nb'), 'a\nb');
  assert.equal(search('a.b', 'a\nb'), undefined);
  assert.equal(search('a.b', 'a\u2028b'), 'a\u2028b');
  assert.equal(search('a(?i:b)c', 'aBc'), 'aBc');
  assert.equal(search('a(?i:b)c', 'ABc'), undefined);
  assert.equal(search('(?i)a(?-i:b)', 'AB'), undefined);
  assert.equal(search('(?x) a b # comment\n c [ ]', 'abc '), 'abc ');
  assert.equal(search('a(?#comment)b', 'ab'), 'ab');
});

test('classes know all scripts, or ASCII alone with the flag a', () => {
  assert.equal(search(String.raw`\d+`, '٣4'), '٣4');
  assert.equal(search(String.raw`\w+`, 'é_ß1-'), 'é_ß1');
  assert.equal(search(String.raw`(?a)\w+`, 'éa_1é'), 'a_1');
  assert.equal(search(String.raw`\s`, '\u3000'), '\u3000');
  assert.equal(search(String.raw`\bé\b`, 'aé é'), 'é');
  assert.equal(search(String.raw`[^\W\d]+`, '12ab'), 'ab');
  assert.equal(search('.', '😀'), '😀');
});

test('brackets, braces and escapes that are plain text in Python are so here', () => {
  for (const [pattern, text] of [
    ['a{x}', 'a{x}'],
    ['{', '{'],
    ['a{', 'a{'],
    ['}]', '}]'],
    ['[]a]+', ']a'],
    ['[^]a]', 'b'],
    ['[a-]+', 'a-'],
    ['[a&&b]+', '&a&'],
    ['[a||b]+', '|'],
    ['[[(){}/]+', '[(){}/'],
    [String.raw`[\b]`, '\b'],
    [String.raw`\-\_\/\@`.replace('\\_', '_'), '-_/@'],
    [String.raw`\x41\u0042\U00000043\103\n`, 'ABCC\n'],
    ['/', '/'],
    ['a{,2}b', 'aab'],
  ] as const) {
    assert.equal(search(pattern, `${text}`), text, pattern);
  }
});

test('what Python refuses, or JavaScript cannot do, is refused with its place', () => {
  for (const [pattern, reason] of [
    ['(', 'missing ), unterminated subpattern'],
    ['a)', 'unbalanced parenthesis'],
    ['[a', 'unterminated character set'],
    ['*a', 'nothing to repeat'],
    ['{2}', 'nothing to repeat'],
    ['a**', 'multiple repeat'],
    ['a++', 'possessive repetition is not supported'],
    ['(?>a)', 'atomic groups are not supported'],
    ['(a)(?(1)b|c)', 'conditional groups are not supported'],
    ['a(?i)b', 'global flags stand at the start of the expression only'],
    ['(?L)a', 'unknown flag L'],
    ['(?<n>a)', 'unknown extension of a group'],
    ['(?P<1>a)', 'bad group name'],
    [String.raw`\q`, String.raw`bad escape \q`],
    [String.raw`\N{DASH}`, String.raw`bad escape \N`],
    ['[z-a]', 'bad character range, its ends are in the wrong order'],
    [String.raw`[\d-a]`, 'bad character range'],
    ['a\\', 'unexpected end of pattern'],
    [`${'('.repeat(500)}a${')'.repeat(500)}`, 'more than 100 groups inside each other'],
  ] as const) {
    assert.throws(
      () => compilePythonRegex(pattern),
      (error) =>
        error instanceof RegexSyntaxError && error.reason === reason && error.offset <= pattern.length,
      pattern,
    );
  }
  assert.throws(() => compilePythonRegex('(?P=missing)'), RegexSyntaxError);
  assert.throws(() => compilePythonRegex(String.raw`(a)\2`), RegexSyntaxError);
});

test('any pattern compiles or is refused with a RegexSyntaxError', () => {
  const pieces = [
    ...'ab.*+?|()[]{}^$-\\,:=!<>#i1 é😀',
    '(?',
    '(?P<n>',
    '(?P=n)',
    '\\d',
    '\\b',
    '[^',
    '{1,2}',
    '(?i)',
  ];
  const likely = fc.array(fc.constantFrom(...pieces), { maxLength: 12 }).map((all) => all.join(''));
  fc.assert(
    fc.property(fc.oneof(fc.string({ unit: 'binary' }), likely), (pattern) => {
      try {
        compilePythonRegex(pattern).test('ab é1');
      } catch (error) {
        assert.ok(error instanceof RegexSyntaxError, String(error));
      }
    }),
    { numRuns: 3000 },
  );
});

test('an escaped text matches itself and nothing shorter', () => {
  fc.assert(
    fc.property(fc.string({ minLength: 1 }), (text) => {
      const escaped = text.replace(/[^\w]/gu, (character) => `\\${character}`);
      assert.equal(search(escaped, `x${text}y`) === undefined, false);
      assert.equal(compilePythonRegex(`${escaped}\\Z`, { anchorStart: true }).test(text), true);
    }),
  );
});

test('replacements know groups by number and name, and the escapes of Python', () => {
  const swap = compileReplacement(
    compilePythonRegex(String.raw`(?P<a>\w)(\d)?`),
    String.raw`\2\g<a>\g<1>\g<0>\\ \n\.$1`,
  );
  assert.equal(swap('x1'), '1xxx1\\ \n\\.$1');
  assert.equal(swap('y'), 'yyy\\ \n\\.$1');
  assert.equal(compileReplacement(compilePythonRegex('x*'), '-')('abxd'), '-a-b--d-');
  assert.equal(compileReplacement(compilePythonRegex('a'), String.raw`\101\0`)('a'), 'A\0');
  for (const template of [
    String.raw`\1`,
    String.raw`\g<n>`,
    String.raw`\q`,
    String.raw`\g`,
    '\\',
    String.raw`\g<1x>`,
  ]) {
    assert.throws(() => compileReplacement(compilePythonRegex('a'), template), RegexSyntaxError, template);
  }
});
