import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { NephoscopeError } from '../component/errors.ts';
import { parseWhere } from './where.ts';
import { WHERE_FIELDS, whereConditions } from './where-conditions.ts';

/** The text of the error a call gives, with its hint. */
function refusal(call: () => unknown): string {
  try {
    call();
  } catch (thrown) {
    assert.ok(thrown instanceof NephoscopeError && thrown.code === 'E4030', String(thrown));
    return `${thrown.message}\n${thrown.hint}`;
  }
  return 'no error';
}

test('conditions are read with and without blanks, values with quotes and without', () => {
  const text = `project=demo AND timestamp >= 2026-03-01T10:00:00+01:00 and metadata.name="it's \\"my\\" vm"`;
  assert.deepEqual(parseWhere(text), [
    { field: 'project', op: 'eq', value: 'demo', quoted: false, position: 0 },
    { field: 'timestamp', op: 'ge', value: '2026-03-01T10:00:00+01:00', quoted: false, position: 17 },
    { field: 'metadata.name', op: 'eq', value: 'it\'s "my" vm', quoted: true, position: 60 },
  ]);
});

test('a field with unusual characters stands in quotes', () => {
  assert.deepEqual(parseWhere(`"metadata.a b"!='x'`), [
    { field: 'metadata.a b', op: 'ne', value: 'x', quoted: true, position: 0 },
  ]);
});

test('mistakes are shown with their place', () => {
  const cases: readonly (readonly [string, string])[] = [
    ['', 'A field is expected here\n  \n  ^'],
    ['project', 'A comparison is expected here, one of = == != < <= > >=\n  project\n         ^'],
    ['project=<x', 'A comparison is expected here, one of = == != < <= > >=\n  project=<x\n         ^'],
    ['project=', 'A value is expected here\n  project=\n          ^'],
    ["project='x", "The quote that begins here has no end\n  project='x\n          ^"],
    ['a=1 or b=2', 'and, or the end, is expected here\n  a=1 or b=2\n      ^'],
    ['a=1 and', 'A field is expected here\n  a=1 and\n         ^'],
    ["a='x'b=1", "and, or the end, is expected here\n  a='x'b=1\n       ^"],
  ];
  for (const [text, message] of cases) {
    const shown = refusal(() => parseWhere(text));
    assert.equal(shown.slice(0, message.length), message, text);
  }
});

test('conditions on samples become those of the API', () => {
  const text = "project_id=demo and id=7 and metadata.vcpus=2 and metadata.name='5' and timestamp<2026-03-02";
  assert.deepEqual(whereConditions(text, WHERE_FIELDS.samples), [
    { field: 'project', op: 'eq', type: '', value: 'demo' },
    { field: 'message_id', op: 'eq', type: '', value: '7' },
    { field: 'metadata.vcpus', op: 'eq', type: '', value: '2' },
    { field: 'metadata.name', op: 'eq', type: 'string', value: '5' },
    { field: 'timestamp', op: 'lt', type: '', value: '2026-03-02' },
  ]);
});

test('conditions on events are traits with the type their value looks like', () => {
  const text =
    "timestamp>=2026-03-01 and timestamp<=2026-03-02 and n>5 and load<0.5 and at!=2026-03-01T00:00:00 and s='5' and t=up";
  assert.deepEqual(whereConditions(text, WHERE_FIELDS.events), [
    { field: 'start_timestamp', op: 'ge', type: '', value: '2026-03-01' },
    { field: 'end_timestamp', op: 'le', type: '', value: '2026-03-02' },
    { field: 'n', op: 'gt', type: 'integer', value: '5' },
    { field: 'load', op: 'lt', type: 'float', value: '0.5' },
    { field: 'at', op: 'ne', type: 'datetime', value: '2026-03-01T00:00:00' },
    { field: 's', op: 'eq', type: 'string', value: '5' },
    { field: 't', op: 'eq', type: 'string', value: 'up' },
  ]);
});

test('what the API could not compare is refused with what is known', () => {
  const samples = (text: string) => refusal(() => whereConditions(text, WHERE_FIELDS.samples));
  assert.equal(
    samples('projct=x'),
    'There is no field projct here\n  projct=x\n  ^\n' +
      'Did you mean project? Known: project, user, resource, source, meter, message_id, deployment, timestamp, metadata.KEY.',
  );
  assert.match(samples('user!=x'), /^user can only be compared with =\n/);
  assert.match(samples('timestamp=2026-03-01'), /^timestamp is compared with < <= > >=\n/);
  assert.match(samples('timestamp>yesterday'), /^yesterday is no time\n/);
  assert.match(
    refusal(() => whereConditions('timestamp>2026', WHERE_FIELDS.events)),
    /^The timestamp of events is compared with >= and <=\n/,
  );
  assert.match(
    refusal(() => whereConditions('timestamp>2026', WHERE_FIELDS.meters)),
    /^There is no field timestamp here\n/,
  );
});

test('no text whatever makes the reader throw anything but its own error', () => {
  const words = fc.constantFrom(
    'a',
    'and',
    '=',
    "'",
    '"',
    '\\',
    ' ',
    '>=',
    '2026',
    'metadata.',
    '__proto__',
    'é',
  );
  const texts = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.array(words, { maxLength: 12 }).map((list) => list.join('')),
  );
  fc.assert(
    fc.property(texts, fc.constantFrom(...Object.values(WHERE_FIELDS)), (text, fields) => {
      refusal(() => whereConditions(text, fields));
    }),
    { numRuns: 3_000 },
  );
});

test('any field and value in quotes come through unchanged', () => {
  const quote = (text: string) => `'${text.replaceAll(/['\\]/g, '\\$&')}'`;
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' }), (field, value) => {
      const [condition] = parseWhere(`${quote(field)} = ${quote(value)}`);
      assert.deepEqual([condition?.field, condition?.value], [field, value]);
    }),
  );
});

test('a text of 100 kB is read or refused at once', () => {
  const started = performance.now();
  for (const text of [
    "'".repeat(100_000),
    `a=${'x '.repeat(50_000)}`,
    `a='${'\\'.repeat(100_000)}`,
    ' '.repeat(100_000),
  ]) {
    refusal(() => parseWhere(text));
  }
  assert.ok(performance.now() - started < 1_000);
});
