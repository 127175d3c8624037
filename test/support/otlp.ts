import assert from 'node:assert/strict';

/** A metric as a receiver understands it. */
export interface Metric {
  readonly name: string;
  readonly description: string;
  readonly unit: string;
  readonly kind: string;
  readonly points: readonly {
    readonly attributes: Readonly<Record<string, string>>;
    readonly timeUnixNano: bigint;
    readonly value: number;
  }[];
}

type Json = Readonly<Record<string, unknown>>;

/**
 * Reads an `ExportMetricsServiceRequest` in JSON as strictly as a receiver may: every field is known, has its camelCase
 * name and its type; 64-bit integers are decimal texts that fit. Throws for anything else.
 */
export function readExportRequest(text: string): readonly Metric[] {
  const { resourceMetrics } = fields(JSON.parse(text), ['resourceMetrics']);
  return list(resourceMetrics).flatMap((entry) => {
    const { resource, scopeMetrics } = fields(entry, ['resource', 'scopeMetrics', 'schemaUrl']);
    attributesOf(fields(resource, ['attributes'])['attributes']);
    return list(scopeMetrics).flatMap((scopeEntry) => {
      const { scope, metrics } = fields(scopeEntry, ['scope', 'metrics', 'schemaUrl']);
      assert.notEqual(string(fields(scope, ['name', 'version', 'attributes'])['name']), '');
      return list(metrics).map(readMetric);
    });
  });
}

function readMetric(value: unknown): Metric {
  const metric = fields(value, ['name', 'description', 'unit', 'gauge', 'sum']);
  const { name, description = '', unit = '', gauge, sum } = metric;
  assert.equal(Number(gauge !== undefined) + Number(sum !== undefined), 1, 'one kind of data');
  assert.notEqual(string(name), '');
  const known = ['dataPoints', ...(sum === undefined ? [] : ['aggregationTemporality', 'isMonotonic'])];
  const data = fields(gauge ?? sum, known);
  return {
    name: string(name),
    description: string(description),
    unit: string(unit),
    kind: sum === undefined ? 'gauge' : sumKind(data),
    points: list(data['dataPoints']).map(readPoint),
  };
}

function sumKind({ aggregationTemporality, isMonotonic }: Json): string {
  assert.ok(aggregationTemporality === 1 || aggregationTemporality === 2, 'a temporality by its number');
  assert.equal(typeof isMonotonic, 'boolean');
  return `${isMonotonic === true ? 'monotonic ' : ''}${aggregationTemporality === 1 ? 'delta' : 'cumulative'} sum`;
}

function readPoint(value: unknown): Metric['points'][number] {
  const point = fields(value, ['attributes', 'startTimeUnixNano', 'timeUnixNano', 'asDouble', 'flags']);
  assert.equal(typeof point['asDouble'], 'number');
  return {
    attributes: attributesOf(point['attributes']),
    timeUnixNano: fixed64(point['timeUnixNano']),
    value: point['asDouble'] as number,
  };
}

function attributesOf(value: unknown): Readonly<Record<string, string>> {
  const entries = list(value).map((entry): [string, string] => {
    const { key, value: any } = fields(entry, ['key', 'value']);
    return [string(key), string(fields(any, ['stringValue'])['stringValue'])];
  });
  assert.equal(new Set(entries.map(([key]) => key)).size, entries.length, 'each attribute once');
  return Object.fromEntries(entries);
}

function fixed64(value: unknown): bigint {
  assert.match(string(value), /^\d+$/);
  const number = BigInt(string(value));
  assert.ok(number < 1n << 64n, 'fits into 64 bits');
  return number;
}

function fields(value: unknown, known: readonly string[]): Json {
  assert.ok(typeof value === 'object' && value !== null && !Array.isArray(value), 'a message is an object');
  for (const name of Object.keys(value)) assert.ok(known.includes(name), `the field ${name} is known`);
  return value as Json;
}

function list(value: unknown): readonly unknown[] {
  assert.ok(Array.isArray(value), 'a repeated field is a list');
  return value;
}

function string(value: unknown): string {
  assert.equal(typeof value, 'string');
  return value as string;
}
