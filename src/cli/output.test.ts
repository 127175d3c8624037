import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { parse } from 'yaml';
import { parseExact } from '../lib/exact-json.ts';
import { isJsonObject, type JsonObject } from '../model/json.ts';
import { displayWidth, escapeControls } from './display-text.ts';
import { columnsOf, formatRecord, formatRows } from './output.ts';

const ROWS = rows(`[
  {"name": "cpu", "volume": 20.0, "count": 3, "metadata": {"display_name": "vm, 1", "n": null}},
  {"name": "東京", "volume": 1.5, "count": 12, "metadata": {}}
]`);

function rows(json: string): readonly JsonObject[] {
  const list = parseExact(json);
  assert.ok(Array.isArray(list));
  return list.filter(isJsonObject);
}

test('a table has borders, numbers on the right and columns as wide as they look', () => {
  assert.equal(
    formatRows(ROWS, ['name', 'volume', 'count', 'metadata.display_name'], 'table'),
    [
      '+------+--------+-------+-----------------------+',
      '| name | volume | count | metadata.display_name |',
      '+------+--------+-------+-----------------------+',
      '| cpu  |   20.0 |     3 | vm, 1                 |',
      '| 東京 |    1.5 |    12 |                       |',
      '+------+--------+-------+-----------------------+',
      '',
    ].join('\n'),
  );
});

test('json keeps numbers as they came', () => {
  assert.equal(
    formatRows(ROWS.slice(0, 1), ['name', 'volume', 'metadata'], 'json'),
    '[\n  {\n    "name": "cpu",\n    "volume": 20.0,\n    "metadata": {\n      "display_name": "vm, 1",\n      "n": null\n    }\n  }\n]\n',
  );
  assert.equal(formatRows([], ['name'], 'json'), '[]\n');
});

test('csv quotes what needs it and defuses formulas', () => {
  const cells = rows(
    `[{"a": "=HYPERLINK(1)", "b": -5, "c": "-5", "d": "x,\\"y\\"", "e": "two\\nlines", "f": null, "g": " @SUM"}]`,
  );
  assert.equal(
    formatRows(cells, columnsOf(cells), 'csv'),
    `a,b,c,d,e,f,g\n'=HYPERLINK(1),-5,-5,"x,""y""","two\nlines",,' @SUM\n`,
  );
});

test('yaml can be read back, floats as floats', () => {
  const text = formatRows(ROWS, ['name', 'volume', 'metadata'], 'yaml');
  assert.match(text, /volume: 20\.0\n/);
  assert.deepEqual(parse(text), [
    { name: 'cpu', volume: 20, metadata: { display_name: 'vm, 1', n: null } },
    { name: '東京', volume: 1.5, metadata: {} },
  ]);
});

test('value gives the bare cells, a row a line', () => {
  assert.equal(
    formatRows(ROWS, ['name', 'volume', 'metadata'], 'value'),
    'cpu 20.0 display_name=vm, 1, n=\n東京 1.5 \n',
  );
});

test('one thing is a table of fields, or itself', () => {
  const [row = {}] = ROWS;
  assert.equal(
    formatRecord(row, ['name', 'volume'], 'table'),
    '+--------+-------+\n| field  | value |\n+--------+-------+\n| name   | cpu   |\n| volume | 20.0  |\n+--------+-------+\n',
  );
  assert.equal(formatRecord(row, ['name'], 'json'), '{\n  "name": "cpu"\n}\n');
  assert.equal(formatRecord(row, ['name', 'volume'], 'value'), 'cpu\n20.0\n');
});

test('an empty list is an empty line in a table, a header in csv and nothing as value', () => {
  const formats = ['table', 'csv', 'yaml', 'value'] as const;
  assert.deepEqual(
    formats.map((format) => formatRows([], ['a', 'b'], format)),
    ['\n', 'a,b\n', '[]\n', ''],
  );
});

test('no text reaches the terminal as a command, in no format', () => {
  const hostile = '\u001b]0;pwned\u0007\u202e\u2066\u009b31m\r\u2028';
  const row = { [`key${hostile}`]: hostile, deep: { [hostile]: [hostile] } };
  for (const format of ['table', 'json', 'csv', 'yaml', 'value'] as const) {
    const text = formatRows([row], columnsOf([row]), format) + formatRecord(row, columnsOf([row]), format);
    assert.doesNotMatch(text, /(?!\n)[\p{Cc}\p{Cf}\p{Zl}]/u, format);
  }
  assert.equal(escapeControls('a\nb\t\u001b\u202e\u{e0001}'), 'a\\nb\\t\\u001b\\u202e\\udb40\\udc01');
});

test('json and yaml of any rows can be read back', () => {
  fc.assert(
    fc.property(
      fc.array(fc.dictionary(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' }))),
      (list) => {
        const columns = columnsOf(list);
        const complete = list.map((row) =>
          Object.fromEntries(
            columns.map((column) => [column, Object.hasOwn(row, column) ? row[column] : null]),
          ),
        );
        // A key with dots may also reach inside, so only rows without such keys are sure to come back.
        fc.pre(columns.every((column) => !column.includes('.')));
        assert.deepEqual(JSON.parse(formatRows(list, columns, 'json')), complete);
        assert.deepEqual(parse(formatRows(list, columns, 'yaml')), complete);
      },
    ),
  );
});

test('widths are those of a terminal', () => {
  assert.deepEqual(['abc', '東京', 'e\u0301', '🙂', ''].map(displayWidth), [3, 4, 1, 2, 0]);
});
