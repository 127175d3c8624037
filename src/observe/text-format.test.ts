import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { formatLogLine } from './text-format.ts';

const TIME = '2026-01-02T03:04:05.006Z';

function line(fields: Readonly<Record<string, unknown>>): string {
  return `${JSON.stringify({ level: 'info', time: TIME, ...fields })}\n`;
}

test('a line shows time, level, message and its fields, texts with blanks in quotes', () => {
  assert.equal(
    formatLogLine(line({ part: 'source:amqp', queue: 'a b', count: 3, msg: 'Connected' }), false),
    `${TIME} INFO  Connected  part=source:amqp queue="a b" count=3\n`,
  );
});

test('a line without fields ends with its message', () => {
  assert.equal(formatLogLine(line({ msg: 'Ready' }), false), `${TIME} INFO  Ready\n`);
});

test('a known error shows message, code and hint but no stack', () => {
  const err = {
    type: 'NephoscopeError',
    message: 'No broker',
    code: 'E2001',
    hint: 'Start it.',
    stack: 'x\n    at y',
  };
  assert.equal(
    formatLogLine(line({ level: 'error', err, msg: 'Failed' }), false),
    `${TIME} ERROR Failed  error="No broker" code=E2001 hint="Start it."\n`,
  );
});

test('an error without a code shows where it happened', () => {
  const err = { type: 'TypeError', message: 'boom', stack: 'TypeError: boom\n    at a (b.ts:1:2)\n    at c' };
  assert.equal(
    formatLogLine(line({ level: 'error', err, msg: 'Failed' }), false),
    `${TIME} ERROR Failed  error=boom\n    at a (b.ts:1:2)\n    at c\n`,
  );
});

test('the level is coloured on request', () => {
  assert.equal(formatLogLine(line({ msg: 'Ready' }), true), `${TIME} \u001b[32mINFO \u001b[0m Ready\n`);
});

test('a foreign text cannot move the cursor or fake a line', () => {
  assert.equal(
    formatLogLine(line({ name: 'vm\n2026 INFO fake', msg: 'Seen \u001b[2J' }), false),
    `${TIME} INFO  Seen \\x1b[2J  name="vm\\n2026 INFO fake"\n`,
  );
});

test('text that is not JSON passes unchanged', () => {
  assert.equal(formatLogLine('plain\n', false), 'plain\n');
  assert.equal(formatLogLine('[1]\n', false), '[1]\n');
});

test('any fields give exactly one printable line', () => {
  fc.assert(
    fc.property(fc.dictionary(fc.string(), fc.jsonValue()), fc.string(), (fields, msg) => {
      const { err: _, ...rest } = fields;
      const text = formatLogLine(line({ ...rest, level: 'info', time: TIME, msg }), false);
      assert.match(text, /^[^\u0000-\u001f\u007f-\u009f\u2028\u2029]*\n$/);
    }),
  );
});
