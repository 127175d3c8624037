import { Document, isScalar, Scalar, visit } from 'yaml';
import { stringifyExact } from '../lib/exact-json.ts';
import { FloatToken, isJsonObject, type JsonObject, type JsonValue } from '../model/json.ts';
import { displayWidth, escapeControls, escapeInQuotes } from './display-text.ts';

/** The output formats of OpenStack's clients. */
export const OUTPUT_FORMATS = ['table', 'json', 'csv', 'yaml', 'value'] as const;
export type OutputFormat = (typeof OUTPUT_FORMATS)[number];

/**
 * Rows as text in the chosen format, each line ended. `columns` are keys of the rows; a key with dots reaches into
 * nested objects (`metadata.display_name`) unless the row has it as it is. Pure.
 *
 * As cliff does: numbers on the right in tables, an empty list gives an empty line there and nothing as value.
 * Characters a terminal would act on are escaped, and csv cells a spreadsheet would take for a formula get an
 * apostrophe.
 */
export function formatRows(
  rows: readonly JsonObject[],
  columns: readonly string[],
  format: OutputFormat,
): string {
  const cells = rows.map((row) => columns.map((column) => valueAt(row, column)));
  switch (format) {
    case 'table':
      return rows.length === 0 ? '\n' : formatTable(columns, cells);
    case 'json':
      return formatJson(rows.map((row) => picked(row, columns)));
    case 'csv':
      return [columns, ...cells].map((row) => `${row.map(csvCell).join(',')}\n`).join('');
    case 'yaml':
      return formatYaml(rows.map((row) => picked(row, columns)));
    case 'value':
      return cells.map((row) => `${row.map(cellText).join(' ')}\n`).join('');
  }
}

/** One thing as text in the chosen format: a table of fields and values, or the object itself. Pure. */
export function formatRecord(record: JsonObject, columns: readonly string[], format: OutputFormat): string {
  switch (format) {
    case 'table':
      return formatTable(
        ['field', 'value'],
        columns.map((column) => [column, valueAt(record, column)]),
      );
    case 'json':
      return formatJson(picked(record, columns));
    case 'csv':
      return formatRows([record], columns, 'csv');
    case 'yaml':
      return formatYaml(picked(record, columns));
    case 'value':
      return columns.map((column) => `${cellText(valueAt(record, column))}\n`).join('');
  }
}

/** The keys of all rows, in the order in which they appear. */
export function columnsOf(rows: readonly JsonObject[]): readonly string[] {
  return [...new Set(rows.flatMap((row) => Object.keys(row)))];
}

function picked(row: JsonObject, columns: readonly string[]): JsonObject {
  return Object.fromEntries(columns.map((column) => [column, valueAt(row, column)]));
}

/** Null where the row has nothing under that name. */
function valueAt(row: JsonObject, column: string): JsonValue {
  if (Object.hasOwn(row, column)) return row[column] ?? null;
  for (let dot = column.indexOf('.'); dot !== -1; dot = column.indexOf('.', dot + 1)) {
    const head = column.slice(0, dot);
    const inner = Object.hasOwn(row, head) ? row[head] : undefined;
    if (isJsonObject(inner)) return valueAt(inner, column.slice(dot + 1));
  }
  return null;
}

function isNumber(value: JsonValue): boolean {
  return typeof value === 'number' || typeof value === 'bigint' || value instanceof FloatToken;
}

/** What a cell shows: text as it is, nothing for null, `key=value` pairs for an object, else JSON. */
function plainText(value: JsonValue): string {
  if (value === null) return '';
  if (typeof value === 'string') return value;
  if (isJsonObject(value)) {
    return Object.entries(value)
      .map(([key, member]) => `${key}=${plainText(member)}`)
      .join(', ');
  }
  return stringifyExact(value);
}

function cellText(value: JsonValue): string {
  return escapeControls(plainText(value));
}

function formatTable(columns: readonly string[], cells: readonly (readonly JsonValue[])[]): string {
  const texts = cells.map((row) => row.map(cellText));
  const widths = columns.map((column, index) =>
    texts.reduce(
      (widest, row) => Math.max(widest, displayWidth(row[index] ?? '')),
      displayWidth(escapeControls(column)),
    ),
  );
  const numeric = columns.map(
    (_, index) =>
      cells.some((row) => row[index] !== null) && cells.every((row) => isNumberOrNull(row[index])),
  );
  const rule = `+${widths.map((width) => '-'.repeat(width + 2)).join('+')}+\n`;
  const line = (row: readonly string[]): string =>
    `|${row.map((text, index) => ` ${padded(text, widths[index] ?? 0, numeric[index] === true)} `).join('|')}|\n`;
  return rule + line(columns.map(escapeControls)) + rule + texts.map(line).join('') + rule;
}

function isNumberOrNull(value: JsonValue | undefined): boolean {
  return value === null || (value !== undefined && isNumber(value));
}

function padded(text: string, width: number, right: boolean): string {
  const blanks = ' '.repeat(Math.max(0, width - displayWidth(text)));
  return right ? blanks + text : text + blanks;
}

/** Spreadsheets run what begins like a formula; an apostrophe makes it text. Numbers stay numbers. */
function csvCell(value: JsonValue): string {
  if (isNumber(value)) return stringifyExact(value);
  const text = plainText(value).replace(/[^\n]+/g, escapeControls);
  const formula = /^[=+\-@|]/.test(text.trimStart()) && !/^[+-]?\d+(?:\.\d+)?$/.test(text);
  const safe = formula ? `'${text}` : text;
  return /[",\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

function formatJson(value: JsonValue): string {
  return `${escapeInQuotes(indented(value, ''))}\n`;
}

/** Two blanks a level, as `JSON.stringify` would do it, with numbers as they came. */
function indented(value: JsonValue, margin: string): string {
  const inner = `${margin}  `;
  if (Array.isArray(value)) {
    if (value.length === 0) return '[]';
    return `[\n${value.map((item) => inner + indented(item, inner)).join(',\n')}\n${margin}]`;
  }
  if (!isJsonObject(value)) return stringifyExact(value);
  const entries = Object.entries(value);
  if (entries.length === 0) return '{}';
  const members = entries.map(
    ([key, member]) => `${inner}${JSON.stringify(key)}: ${indented(member, inner)}`,
  );
  return `{\n${members.join(',\n')}\n${margin}}`;
}

function formatYaml(value: JsonValue): string {
  const document = new Document(yamlValue(value));
  visit(document, {
    Scalar: (_key, node) => {
      // Only between double quotes can an escape stand for the character.
      if (isScalar(node) && typeof node.value === 'string' && escapeControls(node.value) !== node.value) {
        node.type = Scalar.QUOTE_DOUBLE;
      }
    },
  });
  return escapeInQuotes(document.toString({ lineWidth: 0 }));
}

function yamlValue(value: JsonValue): unknown {
  if (value instanceof FloatToken) {
    const scalar = new Scalar(value.value);
    scalar.minFractionDigits = 1;
    return scalar;
  }
  if (Array.isArray(value)) return value.map(yamlValue);
  if (!isJsonObject(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, yamlValue(member)]));
}
