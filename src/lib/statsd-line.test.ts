import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { STATSD_KIND, STATSD_PROBLEMS, StatsdLineParser } from './statsd-line.ts';

interface Reading {
  readonly name: string;
  readonly tags: string;
  readonly values: readonly (readonly [
    kind: string,
    value: number | string,
    rate: number,
    signed: boolean,
  ])[];
}

const KIND_NAMES = Object.keys(STATSD_KIND);

/** Reads a line in the middle of other bytes, so that reading beyond its ends would show. */
function read(line: string): Reading | string {
  const parser = new StatsdLineParser();
  const before = 'x|#@:1\n';
  const bytes = Buffer.from(`${before}${line}\n@0.1|#evil:1|c`);
  const end = before.length + Buffer.byteLength(line);
  const problem = parser.parse(bytes, before.length, end);
  if (problem !== null) return problem;
  const text = (from = 0, to = 0): string => bytes.toString('utf8', from, to);
  return {
    name: text(parser.nameStart, parser.nameEnd),
    tags: text(parser.tagsStart, parser.tagsEnd),
    values: Array.from({ length: parser.count }, (_, index) => {
      const value = parser.values[index] as number;
      const written = text(parser.valueStarts[index], parser.valueEnds[index]);
      return [
        KIND_NAMES[parser.kinds[index] as number] as string,
        Number.isNaN(value) ? written : value,
        parser.rates[index] as number,
        parser.signed[index] as boolean,
      ] as const;
    }),
  };
}

const simple = (kind: string, value: number | string, rate = 1, signed = false): Reading => ({
  name: 'x',
  tags: '',
  values: [[kind, value, rate, signed]],
});

test('the types of the reference daemon and of DogStatsD are read', () => {
  assert.deepEqual(read('x:1|c'), simple('counter', 1));
  assert.deepEqual(read('x:2.5|g'), simple('gauge', 2.5));
  assert.deepEqual(read('x:320|ms'), simple('timer', 320));
  assert.deepEqual(read('x:765|s'), simple('set', '765'));
  assert.deepEqual(read('x:-3|h'), simple('histogram', -3, 1, true));
  assert.deepEqual(read('x:240|d'), simple('histogram', 240));
});

test('rate and tags come in any order, and a rate behind the tags is a rate', () => {
  const wanted: Reading = { name: 'x', tags: 'a:b,c', values: [['counter', 1, 0.1, false]] };
  assert.deepEqual(read('x:1|c|@0.1|#a:b,c'), wanted);
  assert.deepEqual(read('x:1|c|#a:b,c|@0.1'), wanted);
});

test('several values are packed the way of DogStatsD, and several groups the way of the reference daemon', () => {
  assert.deepEqual(read('x:1:2.5:3|ms|@0.5|#a:b'), {
    name: 'x',
    tags: 'a:b',
    values: [1, 2.5, 3].map((value) => ['timer', value, 0.5, false]),
  });
  assert.deepEqual(read('x:1|c|@0.1:2|g:+3|g'), {
    name: 'x',
    tags: '',
    values: [
      ['counter', 1, 0.1, false],
      ['gauge', 2, 1, false],
      ['gauge', 3, 1, true],
    ],
  });
});

test('the value of a set is any text, with colons', () => {
  assert.deepEqual(read('x:2001:db8::1|s'), simple('set', '2001:db8::1'));
  assert.equal(read('x:|s'), 'bad_value');
});

test('blanks around a line and a carriage return are no part of it', () => {
  assert.deepEqual(read(' \tx:1|c \r'), simple('counter', 1));
});

test('sections of newer protocols are passed over and counted', () => {
  const parser = new StatsdLineParser();
  const line = Buffer.from('x:1|c|#a:b|c:ci-1234|T1656581400|card:low|e:it-false,cn-x|');
  assert.equal(parser.parse(line, 0, line.length), null);
  assert.equal(parser.ignoredSections, 5);
  assert.equal(line.toString('utf8', parser.tagsStart, parser.tagsEnd), 'a:b');
});

test('what cannot be counted is refused with its reason', () => {
  // The reference daemon counts a name alone as 1, so text sent to the wrong port would become meters.
  for (const line of ['', ' ', 'x', 'GET / HTTP/1.1', '<13>Jan', 'x|c', '|'])
    assert.equal(read(line), 'no_value', line);
  for (const line of ['x:', 'x:1', 'x:1|', 'x:1||c', 'x:1|:2|c']) assert.equal(read(line), 'no_type', line);
  for (const line of ['x:1|x', 'x:1|cc', 'x:1|mss', 'x:1|C', 'x:1|c :1|c'])
    assert.equal(read(line), 'unknown_type', line);
  for (const line of ['x:|c', 'x:a|c', 'x:1:|c', 'x:1 |c', 'x:-1|ms', 'x:1:-2|ms', 'x:nan|g', 'x:1e999|g'])
    assert.equal(read(line), 'bad_value', line);
  for (const line of ['x:1|c|@0', 'x:1|c|@-1', 'x:1|c|@1.01', 'x:1|c|@', 'x:1|c|@a', 'x:1|c|@0.1.1'])
    assert.equal(read(line), 'bad_rate', line);
  assert.equal(read(':1|c'), 'bad_name');
  assert.equal(read(`${'n'.repeat(1025)}:1|c`), 'too_long');
  assert.equal(read(`x:1|c|#${'n'.repeat(1024)}`), 'too_long');
  for (const line of ['_e{5,4}:title|text', '_sc|redis|0', '_sc|redis|2|m:gone'])
    assert.equal(read(line), 'not_supported', line);
  for (const line of ['_e:1|c', '_score:1|c', '_sc:1|c']) assert.notEqual(read(line), 'not_supported', line);
});

test('a parser tells nothing of the line before', () => {
  const parser = new StatsdLineParser();
  const first = Buffer.from('a:1:2:3|c|@0.5|#t:u');
  const second = Buffer.from('b:+4|g');
  parser.parse(first, 0, first.length);
  assert.equal(parser.parse(second, 0, second.length), null);
  assert.deepEqual(
    [parser.count, parser.values[0], parser.rates[0], parser.signed[0], parser.tagsEnd],
    [1, 4, 1, true, 0],
  );
});

const word = fc.stringMatching(/^[A-Za-z0-9_.-]{1,12}$/);
const types = { c: 'counter', g: 'gauge', ms: 'timer', h: 'histogram', d: 'histogram' } as const;

test('every line that is written by the grammar is read back', () => {
  const rate = fc.constantFrom('1', '0.5', '0.1', '1e-3');
  const tags = fc.array(fc.tuple(word, word), { minLength: 1, maxLength: 4 });
  const values = fc.array(fc.nat(1_000_000), { minLength: 1, maxLength: 5 });
  const type = fc.constantFrom(...(Object.keys(types) as (keyof typeof types)[]));
  const optional = fc.record({ rate, tags, junk: word }, { requiredKeys: [] });
  fc.assert(
    fc.property(word, values, type, optional, fc.boolean(), (name, numbers, typed, sections, swapped) => {
      const tagText = (sections.tags ?? []).map(([key, value]) => `${key}:${value}`).join(',');
      const parts = [
        ...(sections.rate === undefined ? [] : [`@${sections.rate}`]),
        ...(sections.tags === undefined ? [] : [`#${tagText}`]),
        ...(sections.junk === undefined ? [] : [`c:${sections.junk}`]),
      ];
      if (swapped) parts.reverse();
      const line = [`${name}:${numbers.join(':')}`, typed, ...parts].join('|');
      const wantedRate = Number(sections.rate ?? 1);
      const wanted = numbers.map((value) => [types[typed], value, wantedRate, false]);
      assert.deepEqual(read(line), { name, tags: tagText, values: wanted }, line);
    }),
  );
});

test('any bytes are read or refused with a known reason, and nothing is read beyond them', () => {
  const marks = fc.constantFrom(...':|#@,;=[]{}_+-.0123456789cgmshdT\r \té');
  const line = fc.oneof(
    fc.string(),
    fc.array(marks, { maxLength: 40 }).map((letters) => letters.join('')),
  );
  fc.assert(
    fc.property(line, (text) => {
      const result = read(text.replaceAll('\n', ''));
      if (typeof result === 'string') assert.ok((STATSD_PROBLEMS as readonly string[]).includes(result));
      else assert.ok(!JSON.stringify(result).includes('evil'));
    }),
    { numRuns: 2000 },
  );
});
