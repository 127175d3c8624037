import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { problem } from '../component/errors.ts';
import { formatProblem, formatProblems } from './problems.ts';

const place = { file: 'pipeline.yaml', line: 14, column: 11, text: '        - gnochi://' };

describe('the text of a problem', () => {
  it('shows what, where, the line with a caret, and what to do', () => {
    const text = formatProblem(
      problem('E1300', 'unknown sink "gnochi://"', place, { hint: 'did you mean "gnocchi://"?' }),
    );
    assert.equal(
      text,
      [
        'E1300  unknown sink "gnochi://"',
        '  --> pipeline.yaml:14:11',
        '   14 |         - gnochi://',
        '      |           ^^^^^^^^^',
        '  help: did you mean "gnocchi://"?',
      ].join('\n'),
    );
  });

  it('says of a warning that it is one, and needs no position', () => {
    const text = formatProblem(
      problem('E1013', '[api] x has no effect', undefined, { severity: 'warning', hint: 'Remove it.' }),
    );
    assert.equal(text, 'E1013  warning: [api] x has no effect\n  help: Remove it.');
  });

  it('marks a key without its colon, and one character where no word stands', () => {
    const at = (text: string, column: number) =>
      formatProblem(problem('E1300', 'x', { file: 'f', line: 1, column, text })).split('\n')[3];
    assert.equal(at('sinks: [a]', 1), '      | ^^^^^');
    assert.equal(at('sinks: [a]', 8), `      | ${' '.repeat(7)}^`);
    assert.equal(at('abc', 4), '      |    ^');
  });

  it('keeps the caret under its place in a very long line', () => {
    const text = `${'a'.repeat(500)} HERE ${'b'.repeat(500)}`;
    const lines = formatProblem(problem('E1300', 'x', { file: 'f', line: 1, column: 502, text })).split('\n');
    const caret = lines[3]?.indexOf('^') ?? 0;
    assert.equal(lines[2]?.slice(caret, caret + 4), 'HERE');
    assert.ok((lines[2]?.length ?? 999) < 120);
  });

  it('escapes control characters everywhere and keeps the caret in place', () => {
    const text = formatProblem(
      problem(
        'E1300',
        'a\x1b[31mb',
        { file: 'f\x07', line: 1, column: 3, text: '\t\x1bX' },
        { hint: 'h\u202E' },
      ),
    );
    assert.equal(
      text,
      [
        'E1300  a\\x1b[31mb',
        '  --> f\\x07:1:3',
        '    1 | \\t\\x1bX',
        '      |       ^',
        '  help: h\\u202e',
      ].join('\n'),
    );
  });

  it('overwrites passwords in URLs', () => {
    const text = formatProblem(
      problem(
        'E1300',
        'bad amqp://u:hunter2@h',
        { ...place, text: 'password: hunter2' },
        { hint: 'http://a:hunter2@b' },
      ),
    );
    assert.doesNotMatch(text, /hunter2/);
  });

  it('lists errors first, then by file and line', () => {
    const at = (file: string, line: number) => ({ file, line, column: 1 });
    const text = formatProblems([
      problem('E1013', 'w', at('a', 1), { severity: 'warning', hint: '' }),
      problem('E1300', 'b2', at('b', 2), { hint: '' }),
      problem('E1300', 'b1', at('b', 1), { hint: '' }),
    ]);
    assert.equal(text, 'E1300  b1\n  --> b:1:1\n\nE1300  b2\n  --> b:2:1\n\nE1013  warning: w\n  --> a:1:1');
  });

  it('prints no control character, whatever the problem holds', () => {
    const anything = fc.string({ unit: 'binary', maxLength: 200 });
    fc.assert(
      fc.property(anything, anything, anything, fc.nat(250), (message, file, text, column) => {
        const printed = formatProblem(problem('E1300', message, { file, line: 1, column: column + 1, text }));
        assert.doesNotMatch(printed.replaceAll('\n', ''), /[\x00-\x1F\x7F-\x9F]/);
      }),
    );
  });
});
