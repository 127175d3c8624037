import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { formatProblems } from './problems.ts';
import { parseYaml, type YamlDocument } from './yaml.ts';

function read(text: string): YamlDocument {
  const { document, problems } = parseYaml('test.yaml', text);
  assert.ok(document !== null, formatProblems(problems));
  return document;
}

function mistakes(text: string): readonly string[] {
  const { document, problems } = parseYaml('test.yaml', text);
  assert.equal(document, null);
  return problems.map(({ code, position }) => `${code} ${position?.line}:${position?.column}`);
}

describe('values as PyYAML reads them', () => {
  const table: readonly (readonly [string, unknown])[] = [
    ...['yes', 'Yes', 'YES', 'true', 'True', 'TRUE', 'on', 'On', 'ON'].map((text) => [text, true] as const),
    ...['no', 'No', 'NO', 'false', 'False', 'FALSE', 'off', 'Off', 'OFF'].map(
      (text) => [text, false] as const,
    ),
    ...['y', 'Y', 'n', 'N', 'nO', 'tRUE', 'oN', 'nUll', '=', '<<'].map((text) => [text, text] as const),
    ...['', '~', 'null', 'Null', 'NULL', '# only a comment'].map((text) => [text, null] as const),
    ['0', 0],
    ['010', 8],
    ['-010', -8],
    ['08', '08'],
    ['0o17', '0o17'],
    ['0x1F', 31],
    ['0b101', 5],
    ['0b2', '0b2'],
    ['1_000', 1000],
    ['_1', '_1'],
    ['+1', 1],
    ['-0', 0],
    ['12:30:00', 45000],
    ['12:30', 750],
    ['1:60', '1:60'],
    ['01:30', '01:30'],
    ['1:30.5', 90.5],
    ['1.5', 1.5],
    ['1.', 1],
    ['.5', 0.5],
    ['-.5', '-.5'],
    ['1e3', '1e3'],
    ['1.5e3', '1.5e3'],
    ['1.5e+3', 1500],
    ['.inf', Number.POSITIVE_INFINITY],
    ['-.INF', Number.NEGATIVE_INFINITY],
    ['.NaN', Number.NaN],
    ['2026-11-20', '2026-11-20'],
    ['2026-11-20 10:00:00', '2026-11-20 10:00:00'],
    ["'no'", 'no'],
    ['"010"', '010'],
    ['!!str 12', '12'],
    ['!!int "3"', 3],
    ['!!float 1', 1],
    ['!!bool "no"', false],
    ['! 12', 12],
    ['$.payload.x', '$.payload.x'],
    ['amqp://a:b@c/d#e', 'amqp://a:b@c/d#e'],
    ['|\n  x\n  y\n', 'x\ny\n'],
    ['|\n  x\n  y', 'x\ny'],
    ['>-\n  a\n  b\n\n  c\n', 'a b\nc'],
    ['[1, {a: no}]', [1, { a: false }]],
    ['{a:1}', { 'a:1': null }],
  ];
  for (const [text, value] of table) {
    it(`reads ${JSON.stringify(text)} as ${JSON.stringify(value)}`, () => {
      assert.deepEqual(read(text).value, value);
    });
  }

  it('makes text of keys that are not text', () => {
    assert.deepEqual(read('{on: 1, 010: 2, ~: 3, 1.5: 4}').value, { true: 1, 8: 2, null: 3, 1.5: 4 });
  });

  it('reads files with CR-LF, a lone CR and a byte order mark', () => {
    assert.deepEqual(read('\uFEFFa: 1\r\nb: 2\rc: 3\n').value, { a: 1, b: 2, c: 3 });
  });
});

describe('merges and aliases', () => {
  const merged = [
    'base: &base {type: text, fields: a}',
    'more: &more {fields: b, unit: GB}',
    'one:',
    '  fields: own',
    '  <<: *base',
    'two:',
    '  <<: [*base, *more]',
  ].join('\n');

  it('puts merged keys under own ones, earlier mappings over later ones', () => {
    const { value } = read(merged);
    assert.deepEqual((value as Record<string, unknown>)['one'], { type: 'text', fields: 'own' });
    assert.deepEqual((value as Record<string, unknown>)['two'], { type: 'text', fields: 'a', unit: 'GB' });
  });

  it('keeps the order of keys that PyYAML has: merged ones first', () => {
    const { value } = read(merged);
    assert.deepEqual(Object.keys((value as { one: object }).one), ['type', 'fields']);
    assert.deepEqual(Object.keys((value as { two: object }).two), ['fields', 'unit', 'type']);
  });

  it('points to the definition of a key that came by a merge', () => {
    const document = read(merged);
    assert.deepEqual(document.positionOf(['one', 'type'], 'key'), {
      file: 'test.yaml',
      line: 1,
      column: 14,
      text: 'base: &base {type: text, fields: a}',
    });
    assert.equal(document.positionOf(['one', 'fields']).line, 4);
    assert.equal(document.positionOf(['two', 'unit']).line, 2);
  });

  it('takes a list behind an alias, and an anchor inside a merge', () => {
    assert.deepEqual(read('l: &l [{a: 1}, {a: 2, b: 2}]\nm: {<<: *l}\nn:\n  <<: &x {a: 3}\n  o: *x').value, {
      l: [{ a: 1 }, { a: 2, b: 2 }],
      m: { a: 1, b: 2 },
      n: { a: 3, o: { a: 3 } },
    });
  });

  it('gives the same frozen object wherever an alias stands', () => {
    const { value } = read('a: &x {k: [1]}\nb: *x');
    const { a, b } = value as { a: object; b: object };
    assert.equal(a, b);
    assert.ok(Object.isFrozen(a));
  });

  it('refuses an alias without anchor, one that holds itself, and a merge of a text', () => {
    assert.deepEqual(mistakes('a: *x\nb: &b [*b]\nc:\n  <<: text'), ['E1303 1:4', 'E1303 2:8', 'E1308 4:7']);
  });

  it('refuses a bomb of aliases at once', () => {
    const lines = ['a0: &a0 [x, x, x, x, x, x, x, x, x]'];
    for (let level = 1; level <= 9; level++) {
      const aliases = Array.from({ length: 9 }, () => `*a${level - 1}`).join(', ');
      lines.push(`a${level}: &a${level} [${aliases}]`);
    }
    assert.deepEqual(
      mistakes(lines.join('\n')).map((text) => text.slice(0, 5)),
      ['E1304'],
    );
  });

  it('refuses aliases that nest deeper than the limit', () => {
    const lines = Array.from({ length: 60 }, (_, level) =>
      level === 0 ? '- &a0 [x]' : `- &a${level} [*a${level - 1}]`,
    );
    assert.equal(mistakes(lines.join('\n'))[0], 'E1304 50:9');
  });

  it('reads a file with hundreds of aliases of one mapping', () => {
    const uses = Array.from({ length: 500 }, (_, index) => `u${index}: {<<: *base, n: ${index}}`);
    const { value } = read(['base: &base {a: 1, b: 2}', ...uses].join('\n'));
    assert.deepEqual((value as Record<string, unknown>)['u499'], { a: 1, b: 2, n: 499 });
  });
});

describe('positions', () => {
  const document = read('---\nsources:\n  - name: a\n    sinks: [x,\n      y]\n    empty:\n');

  const place = (path: readonly (string | number)[], what?: 'key' | 'value') => {
    const { line, column } = document.positionOf(path, what);
    return `${line}:${column}`;
  };

  it('gives line and column of keys and values', () => {
    assert.equal(place(['sources'], 'key'), '2:1');
    assert.equal(place(['sources', 0, 'name']), '3:11');
    assert.equal(place(['sources', 0, 'name'], 'key'), '3:5');
    assert.equal(place(['sources', 0, 'sinks', 1]), '5:7');
    assert.equal(place(['sources', 0]), '3:5');
  });

  it('gives the key for a value that was left out', () => {
    assert.equal(place(['sources', 0, 'empty']), '6:5');
  });

  it('gives the nearest ancestor for a path that does not exist', () => {
    assert.equal(place(['sources', 0, 'name', 'deeper', 1]), '3:11');
    assert.equal(place(['sources', 7], 'key'), '3:3');
    assert.equal(place(['nothing']), '2:1');
  });

  it('overwrites passwords in the line it shows', () => {
    const { text } = read('- amqp://user:hunter2@host/ # x\n- {password: hunter2, other: 1}').positionOf([0]);
    assert.equal(text, '- amqp://user:*******@host/ # x');
  });
});

describe('mistakes', () => {
  const table: readonly (readonly [string, string, readonly string[]])[] = [
    ['a duplicate key', 'a: 1\nb:\n  c: 1\n  c: 2', ['E1301 4:3']],
    ['a duplicate key of another spelling', '"1": a\n1: b', ['E1301 2:1']],
    ['a second merge', 'a: &a {x: 1}\nb:\n  <<: *a\n  <<: *a', ['E1301 4:3']],
    ['an unknown tag', '- !identity.authenticate', ['E1302 1:3']],
    ['a Python object', 'a: !!python/object/apply:os.system ["id"]', ['E1302 1:4']],
    ['binary data', 'a: !!binary aGk=', ['E1302 1:4']],
    ['a tag that does not fit', 'a: !!int x', ['E1302 1:10']],
    ['a tab as indentation', 'a:\n\t- b', ['E1300 2:1']],
    ['two colons in a line', 'a: b: c', ['E1300 1:4']],
    ['an unclosed bracket', 'x: 1\na: [1, 2\nb: 3', ['E1300 2:4']],
    ['an unclosed quote', 'a: 1\nb: "x\nc: 2\n', ['E1300 2:4']],
    ['a bad escape', 'a: "\\d"', ['E1300 1:5']],
    ['a wildcard without quotes', '- *', ['E1300 1:3']],
    ['an exclusion without quotes', '- *.foo', ['E1303 1:3']],
    ['bad indentation', 'a:\n    b: 1\n  c: 2', ['E1300 3:1']],
    ['a list as key', '? [a]\n: b', ['E1307 1:3']],
    ['the key __proto__', '__proto__: {a: 1}', ['E1307 1:1']],
    ['a second document', 'a: 1\n---\nb: 2', ['E1309 2:1']],
    ['an integer that loses digits', 'a: 9007199254740993', ['E1306 1:4']],
    ['a float beyond the range', 'a: 1.0e+400', ['E1306 1:4']],
    ['a control character', 'a: b\nc: \x1b[31m', ['E1305 2:4']],
    ['a line separator', 'a: b\u2028', ['E1305 1:5']],
    ['half a character', 'a: \uD800', ['E1305 1:4']],
    ['UTF-16 read as UTF-8', '\0a\0:\0 \x001', ['E1305 1:1']],
    ['too deep brackets', '['.repeat(5000), ['E1304 1:53']],
    ['too deep lists', `${'- '.repeat(100_000)}x`, ['E1304 1:104']],
    ['several mistakes at once', 'a: 1\na: 2\nb: !x y\nc: *z', ['E1301 2:1', 'E1302 3:4', 'E1303 4:4']],
  ];
  for (const [name, text, expected] of table) {
    it(`finds ${name}`, () => assert.deepEqual(mistakes(text), expected));
  }

  it('gives every mistake a hint', () => {
    for (const [, text] of table) {
      for (const { hint, message } of parseYaml('f', text).problems) assert.ok(hint.length > 10, message);
    }
  });

  it('refuses a file beyond the size limit', () => {
    assert.deepEqual(mistakes(`a: ${'x'.repeat(4 * 1024 * 1024)}`), ['E1304 1:1']);
  });

  it('lets the last of two keys win, with a warning, where old files must be read', () => {
    const { document, problems } = parseYaml('f', 'a: 1\na: 2', { duplicateKeys: 'warning' });
    assert.deepEqual(document?.value, { a: 2 });
    assert.deepEqual(
      problems.map(({ code, severity }) => [code, severity]),
      [['E1301', 'warning']],
    );
  });

  it('warns of texts that YAML 1.1 reads as something else', () => {
    const { document, problems } = parseYaml('f', 'on: x\nmode: 0755\nat: 12:30\nok: yes\nzero: 0');
    assert.deepEqual(document?.value, { true: 'x', mode: 493, at: 750, ok: true, zero: 0 });
    assert.deepEqual(
      problems.map(({ code, severity, position }) => [code, severity, position?.line]),
      [1, 2, 3].map((line) => ['E1310', 'warning', line]),
    );
  });

  it('repeats no value in a message, since it may be a password', () => {
    const text = 'password: 99999999999999999999\nsecret: !!int hunter2\ntoken: 0123';
    assert.doesNotMatch(formatProblems(parseYaml('f', text).problems), /9999|hunter2|0123/);
  });
});

describe('any input', () => {
  const fragments = fc.constantFrom(
    ...[
      'a',
      ': ',
      ':',
      '- ',
      '\n',
      '  ',
      '\t',
      '[',
      ']',
      '{',
      '}',
      ',',
      '&x ',
      '*x',
      '!!int ',
      '!t ',
      '"',
      "'",
      '|',
      '>',
    ],
    ...['#', '<<: ', '? ', '%', '---\n', '...\n', '010', 'no', '\\', '\r\n', '\u2028', '\uFEFF', '~', '1:2'],
  );
  const texts = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.array(fragments, { maxLength: 60 }).map((all) => all.join('')),
  );

  it('gives a document or an error, and never throws', () => {
    fc.assert(
      fc.property(texts, (text) => {
        const { document, problems } = parseYaml('f', text);
        assert.equal(
          document === null,
          problems.some(({ severity }) => severity === 'error'),
        );
        formatProblems(problems);
      }),
      { numRuns: 2000 },
    );
  });

  it('reads back any data written as JSON, which is YAML but for the escape of slashes', () => {
    const data = fc
      .jsonValue({ depthSize: 'small' })
      .map((value) => JSON.parse(JSON.stringify(value)) as unknown);
    fc.assert(
      fc.property(data, (value) => {
        const text = JSON.stringify(value, null, 1).replaceAll(
          /[\x7F-\x9F\u2028\u2029\uFEFF\uFFFE\uFFFF]/g,
          '?',
        );
        if (/__proto__|\de|\d{16}/.test(text)) return;
        assert.deepEqual(read(text).value, JSON.parse(text));
      }),
      { numRuns: 500 },
    );
  });

  it('gives a position inside the file for any path', () => {
    const document = read('a: [1, {b: x}]\nc: &c {d: 1}\ne: {<<: *c}\n');
    const steps = fc.array(fc.oneof(fc.constantFrom('a', 'b', 'c', 'd', 'e'), fc.nat(3)), { maxLength: 4 });
    fc.assert(
      fc.property(steps, fc.constantFrom('key' as const, 'value' as const), (path, what) => {
        const { line, column } = document.positionOf(path, what);
        assert.ok(line >= 1 && line <= 3 && column >= 1 && column <= 14);
      }),
    );
  });
});

const upstream = join(import.meta.dirname, '../../../shared/data/upstream');
describe('the files of the original services', { skip: !existsSync(upstream) }, () => {
  for (const name of existsSync(upstream)
    ? readdirSync(upstream).filter((file) => file.endsWith('.yaml'))
    : []) {
    it(`reads ${name}`, () => {
      const { document, problems } = parseYaml(name, readFileSync(join(upstream, name), 'utf8'), {
        duplicateKeys: 'warning',
      });
      assert.ok(document !== null && document.value !== null);
      const twice = /^event_definitions-[67]/.test(name) ? ['E1301'] : [];
      assert.deepEqual(
        problems.map(({ code }) => code),
        twice,
      );
    });
  }
});
