import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { parseIni } from './ini.ts';
import { formatProblems } from './problems.ts';

function values(text: string): readonly string[] {
  const { entries, problems } = parseIni('a.conf', text);
  assert.deepEqual(problems, []);
  return entries.map(({ group, name, value }) => `${group}|${name}|${value}`);
}

function mistakes(text: string): readonly string[] {
  return parseIni('a.conf', text).problems.map(
    ({ code, position }) => `${code} ${position?.line}:${position?.column}`,
  );
}

describe('the INI dialect of oslo.config', () => {
  const table: readonly (readonly [string, string, readonly string[]])[] = [
    ['an assignment with = or :, the first of them', 'a = b\nc: d=e\nf=g:h', ['a|b', 'c|d=e', 'f|g:h']],
    ['comments in the first column', '# a = 1\n; b = 2\nc = 3', ['c|3']],
    ['no comment behind a value', 'a = b # c\nd = e ; f', ['a|b # c', 'd|e ; f']],
    ['an empty value', 'a =\nb:', ['a|', 'b|']],
    ['one pair of quotes around a value', `a = "b c"\nd = ' e '\nf = "g'`, ['a|b c', 'd| e ', `f|"g'`]],
    ['a lone quote as nothing', 'a = "', ['a|']],
    ['continuation lines', 'a = b\n  c\n\td\ne = f', ['a|b\nc\nd', 'e|f']],
    ['quotes only around the first line', 'a = "b"\n  "c"', ['a|b\n"c"']],
    ['an indented comment as part of the value', 'a = b\n  # c', ['a|b\n# c']],
    ['a name with blanks, hyphens and dots', 'a-b = 1\nc.d = 2\ne f = 3', ['a-b|1', 'c.d|2', 'e f|3']],
    ['repeated names in order', 'a = 1\nb = 2\na = 3', ['a|1', 'b|2', 'a|3']],
    ['% and $ as they are', 'a = %(b)s $c', ['a|%(b)s $c']],
    ['CR-LF, a lone CR and a byte order mark', 'a = 1\r\nb = 2\rc = 3', ['a|1', 'b|2', 'c|3']],
  ];
  for (const [name, body, expected] of table) {
    it(`reads ${name}`, () => {
      assert.deepEqual(
        values(`\uFEFF[DEFAULT]\n${body}\n`),
        expected.map((entry) => `DEFAULT|${entry}`),
      );
    });
  }

  it('keeps the group as it is written, blanks and brackets included', () => {
    assert.deepEqual(values('[Api]\na=1\n[ b ]\na=1\n[c]d]\na=1'), ['Api|a|1', ' b |a|1', 'c]d|a|1']);
  });

  it('gives the positions of name and value', () => {
    const [entry] = parseIni('a.conf', '\n[g]\nname  =  value').entries;
    assert.deepEqual(entry, {
      group: 'g',
      name: 'name',
      value: 'value',
      position: { file: 'a.conf', line: 3, column: 1, text: 'name  =  value' },
      valuePosition: { file: 'a.conf', line: 3, column: 10, text: 'name  =  value' },
    });
  });

  it('reads an empty file, and one of comments only', () => {
    assert.deepEqual(values(''), []);
    assert.deepEqual(values('# nothing\n\n'), []);
  });
});

describe('mistakes in an INI file', () => {
  const table: readonly (readonly [string, string, readonly string[]])[] = [
    ['a line without = or :', '[g]\ndebug\na = 1', ['E1004 2:1']],
    ['a line without a name', '[g]\n= 1', ['E1004 2:1']],
    ['options before the first group, once', 'a = 1\nb = 2\n[g]\nc = 3', ['E1005 1:1']],
    ['a group that is not closed', '[g\na = 1', ['E1006 1:1']],
    ['a comment behind a group', '[g] # text\na = 1', ['E1006 1:1']],
    ['a group without a name', '[]\na = 1', ['E1006 1:1']],
    ['an indented line after a blank line', '[g]\na = 1\n\n  b', ['E1007 4:3']],
    ['an indented line after a comment', '[g]\na = 1\n# c\n  b', ['E1007 4:3']],
    ['an indented line after a group', '[g]\n  a = 1', ['E1007 2:3']],
    [
      'all of them in one run',
      '[g\n[h]\nx\n  y\n= z\n',
      ['E1006 1:1', 'E1004 3:1', 'E1007 4:3', 'E1004 5:1'],
    ],
  ];
  for (const [name, text, expected] of table) {
    it(`finds ${name}`, () => assert.deepEqual(mistakes(text), expected));
  }

  it('reads what is right around a mistake, but nothing of a broken group', () => {
    const { entries } = parseIni('a.conf', '[g]\na = 1\nnonsense\nb = 2\n[broken\nc = 3\n[h]\nd = 4');
    assert.deepEqual(
      entries.map(({ group, name }) => `${group}.${name}`),
      ['g.a', 'g.b', 'h.d'],
    );
  });

  it('shows no text that may be a password', () => {
    const text = '[g]\npassword hunter2\n\n  hunter2\nhunter2\n= hunter2\n[hunter2 x\npassword = hunter2';
    const { entries, problems } = parseIni('a.conf', text.replace('[hunter2 x', '[h'));
    assert.doesNotMatch(formatProblems(problems), /hunter2/);
    assert.doesNotMatch(JSON.stringify(entries.map(({ position }) => position)), /hunter2/);
  });

  it('says what to do about each', () => {
    for (const [, text] of table) {
      for (const { hint } of parseIni('a.conf', text).problems) assert.ok(hint.length > 10);
    }
  });
});

describe('any text', () => {
  const fragments = fc.constantFrom(
    ...[
      '[',
      ']',
      'a',
      '=',
      ':',
      '\n',
      ' ',
      '\t',
      '#',
      ';',
      '"',
      "'",
      '\r',
      '$',
      '{',
      '}',
      '\uFEFF',
      'DEFAULT',
      '\0',
    ],
  );
  const texts = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.array(fragments).map((all) => all.join('')),
  );

  it('is read or reported, and never throws', () => {
    fc.assert(
      fc.property(texts, (text) => {
        const { entries, problems } = parseIni('a.conf', text);
        formatProblems(problems);
        for (const { position } of [...entries, ...problems]) assert.ok((position?.line ?? 0) >= 1);
      }),
      { numRuns: 2000 },
    );
  });

  it('comes back when names and values are written out', () => {
    const name = fc.stringMatching(/^[a-z][a-z0-9_]{0,10}$/);
    const value = fc.stringMatching(/^[!-~]([ -~]{0,20}[!-~])?$/).filter((text) => !/^["']/.test(text));
    const group = fc.stringMatching(/^[A-Za-z_]{1,8}$/);
    fc.assert(
      fc.property(fc.array(fc.tuple(group, name, value)), (all) => {
        const text = all.map(([inGroup, key, of]) => `[${inGroup}]\n${key} = ${of}\n`).join('');
        assert.deepEqual(
          values(text),
          all.map((entry) => entry.join('|')),
        );
      }),
    );
  });
});
