import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { compileNameMatcher, compileWildcard } from './wildcard.ts';

test('globs match the whole text, with case, across dots', () => {
  const rows: readonly (readonly [pattern: string, matching: readonly string[], other: readonly string[]])[] =
    [
      ['cpu', ['cpu'], ['cpu_util', 'CPU', '']],
      ['*', ['', 'a.b.c', '\n'], []],
      ['**', ['', 'x'], []],
      ['compute.*', ['compute.', 'compute.instance.create.end'], ['compute', 'xcompute.a']],
      ['*.end', ['a.end', '.end'], ['a.ends']],
      ['compute.*.end', ['compute..end', 'compute.a.b.end'], ['compute.end', 'compute.a.start']],
      ['a*b*c', ['abc', 'axbybc'], ['acb', 'ab']],
      ['?pu', ['cpu', '😀pu'], ['pu', 'ccpu']],
      ['[abc]x', ['ax', 'cx'], ['dx', 'x']],
      ['[!abc]x', ['dx', '!x'], ['ax']],
      ['[a-c]', ['b'], ['-', 'd']],
      ['[c-a]', [], ['a', 'b', 'c']],
      ['[a-]', ['a', '-'], ['b']],
      ['[]a]', [']', 'a'], ['[]a]']],
      ['[!]a]', ['x'], [']', 'a']],
      ['[a', ['[a'], ['a']],
      ['[!]', ['[!]'], ['x']],
      ['[^a]', ['^', 'a'], ['b']],
      ['a\\*', ['a\\', 'a\\x'], ['a*']],
      ['a.c(|)', ['a.c(|)'], ['abc(|)', 'a.c(']],
    ];
  for (const [pattern, matching, other] of rows) {
    const matches = compileWildcard(pattern);
    for (const text of matching) assert.equal(matches(text), true, `${pattern} ${text}`);
    for (const text of other) assert.equal(matches(text), false, `${pattern} ${text}`);
  }
});

test('many stars do not explode', () => {
  const matches = compileWildcard(`${'*a'.repeat(30)}*b`);
  assert.equal(matches('a'.repeat(20_000)), false);
});

test('exclusions win, and a list of exclusions alone takes everything else', () => {
  const rows: readonly (readonly [
    patterns: readonly string[],
    taken: readonly string[],
    refused: readonly string[],
  ])[] = [
    [
      ['cpu', 'disk.*'],
      ['cpu', 'disk.read'],
      ['memory', 'disk'],
    ],
    [
      ['!cpu', '!disk.*'],
      ['memory', 'disk'],
      ['cpu', 'disk.read'],
    ],
    [['*', '!disk.*'], ['cpu'], ['disk.read']],
    [['!disk.*', '*'], ['cpu'], ['disk.read']],
    [['*.bytes', '!disk.*'], ['network.bytes'], ['disk.bytes', 'cpu']],
    [['*'], ['', 'anything'], []],
    [['backup.*.end', '!backup.test.*'], ['backup.create.end'], ['backup.test.end', 'volume.create.end']],
    [[], ['anything'], []],
  ];
  for (const [patterns, taken, refused] of rows) {
    const matches = compileNameMatcher(patterns);
    for (const name of taken) assert.equal(matches(name), true, `${patterns} ${name}`);
    for (const name of refused) assert.equal(matches(name), false, `${patterns} ${name}`);
  }
});

/** The meaning of a glob, written down without regard to speed. */
function naive(pattern: readonly string[], text: readonly string[]): boolean {
  const [first, ...rest] = pattern;
  if (first === undefined) return text.length === 0;
  if (first === '*') return naive(rest, text) || (text.length > 0 && naive(pattern, text.slice(1)));
  const [character, ...more] = text;
  if (character === undefined) return false;
  return memberOf(first, character) && naive(rest, more);
}

function memberOf(part: string, character: string): boolean {
  if (part === '?') return true;
  if (part === '[ab]') return 'ab'.includes(character);
  if (part === '[!ab]') return !'ab'.includes(character);
  if (part === '[a-c]') return 'abc'.includes(character);
  return part === character;
}

const parts = fc.array(fc.constantFrom('*', '?', 'a', 'b', '.', '😀', '[ab]', '[!ab]', '[a-c]'), {
  maxLength: 7,
});
const texts = fc.array(fc.constantFrom('a', 'b', 'c', '.', '😀', '\n'), { maxLength: 8 });

test('globs agree with the naive model', () => {
  fc.assert(
    fc.property(parts, texts, (pattern, text) => {
      assert.equal(compileWildcard(pattern.join(''))(text.join('')), naive(pattern, text));
    }),
    { numRuns: 5000 },
  );
});

test('name matchers agree with the three rules', () => {
  const names = fc.array(fc.tuple(fc.boolean(), parts), { maxLength: 4 });
  fc.assert(
    fc.property(names, texts, (entries, text) => {
      const patterns = entries.map(([excluded, pattern]) => (excluded ? '!' : '') + pattern.join(''));
      const hits = entries.map(([, pattern]) => naive(pattern, text));
      const excluded = entries.some(([exclusion], index) => exclusion && hits[index]);
      const included = entries.some(([exclusion], index) => !exclusion && hits[index]);
      const onlyExclusions = entries.every(([exclusion]) => exclusion);
      assert.equal(compileNameMatcher(patterns)(text.join('')), !excluded && (included || onlyExclusions));
    }),
    { numRuns: 3000 },
  );
});

test('any text is a pattern', () => {
  fc.assert(
    fc.property(fc.string(), fc.string(), (pattern, text) => {
      assert.equal(typeof compileWildcard(pattern)(text), 'boolean');
      if (!/[*?[]/.test(pattern)) assert.equal(compileWildcard(pattern)(pattern), true);
    }),
  );
});
