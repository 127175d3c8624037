import { stringifyExact } from '../../src/lib/exact-json.ts';
import { pythonFloat } from '../../src/lib/python-text.ts';
import { tryParseTimestamp } from '../../src/lib/timestamp.ts';
import { isJsonObject, type JsonObject, type JsonValue } from '../../src/model/json.ts';
import type { Difference } from './accepted-differences.ts';

/**
 * Everything in which two lines of a conversion differ. Traits are compared as a set, samples as a multiset, volumes as
 * numbers, times as instants; numbers in metadata as their tokens say (`2.0` is not `2`). The texts of errors are free.
 */
export function compareLines(ours: JsonObject, expected: JsonObject): readonly Difference[] {
  return [
    ...compareHeads(ours, expected),
    ...compareEvents(listOf(ours.events), listOf(expected.events)),
    ...compareSamples(listOf(ours.samples), listOf(expected.samples)),
    ...compareSamples(listOf(ours.dropped), listOf(expected.dropped)),
  ];
}

function compareHeads(ours: JsonObject, expected: JsonObject): readonly Difference[] {
  return ['message_id', 'event_type', 'priority', 'exchange']
    .filter((key) => !isSame(ours[key], expected[key]))
    .map((key) => ({ kind: 'line', what: key, ours: ours[key], expected: expected[key] }));
}

function compareEvents(ours: readonly JsonObject[], expected: readonly JsonObject[]): readonly Difference[] {
  if (ours.length !== expected.length) {
    return [{ kind: 'line', what: 'number of events', ours: ours.length, expected: expected.length }];
  }
  return ours.flatMap((event, index) => compareEvent(event, expected[index] ?? {}));
}

function compareEvent(ours: JsonObject, expected: JsonObject): readonly Difference[] {
  const differences: Difference[] = ['message_id', 'event_type']
    .filter((key) => !isSame(ours[key], expected[key]))
    .map((key) => ({ kind: 'line', what: `event ${key}`, ours: ours[key], expected: expected[key] }));
  if (!isSame(instantOf(ours.generated), instantOf(expected.generated))) {
    differences.push({ kind: 'line', what: 'generated', ours: ours.generated, expected: expected.generated });
  }
  const [mine, theirs] = [traitsOf(ours), traitsOf(expected)];
  for (const name of new Set([...mine.keys(), ...theirs.keys()])) {
    const [one, other] = [mine.get(name), theirs.get(name)];
    if (!isSame(one, other)) differences.push({ kind: 'trait', name, ours: one, expected: other });
  }
  return differences;
}

/** By name: type and value, datetimes as instants. */
function traitsOf(event: JsonObject): ReadonlyMap<string, JsonValue> {
  const traits = new Map<string, JsonValue>();
  for (const trait of (event.traits ?? []) as readonly (readonly JsonValue[])[]) {
    const [name, type, value = null] = trait;
    traits.set(String(name), [type ?? null, type === 'datetime' ? (instantOf(value) ?? null) : value]);
  }
  return traits;
}

const sampleFields = ['type', 'unit', 'volume', 'resource_id', 'project_id', 'user_id', 'timestamp'] as const;

function compareSamples(ours: readonly JsonObject[], expected: readonly JsonObject[]): readonly Difference[] {
  const left = [...ours];
  const differences: Difference[] = [];
  for (const sample of expected) {
    const index = nearestIndex(sample, left);
    const [partner] = index < 0 ? [] : left.splice(index, 1);
    if (partner === undefined) differences.push(aloneOn('expected', sample));
    else differences.push(...compareSample(partner, sample));
  }
  return [...differences, ...left.map((sample) => aloneOn('ours', sample))];
}

/** The sample of the same meter and resource that differs least. */
function nearestIndex(wanted: JsonObject, samples: readonly JsonObject[]): number {
  let best = -1;
  let fewest = Number.POSITIVE_INFINITY;
  for (const [index, sample] of samples.entries()) {
    if (sample.name !== wanted.name || !isSame(sample.resource_id, wanted.resource_id)) continue;
    const count = compareSample(sample, wanted).length;
    if (count < fewest) [best, fewest] = [index, count];
  }
  return best;
}

function compareSample(ours: JsonObject, expected: JsonObject): readonly Difference[] {
  const meter = String(expected.name);
  const fields: Difference[] = sampleFields
    .filter((field) => !isSame(comparable(field, ours[field]), comparable(field, expected[field])))
    .map((field) => ({ kind: 'field', meter, field, ours: ours[field], expected: expected[field] }));
  const [mine, theirs] = [metadataOf(ours), metadataOf(expected)];
  for (const key of new Set([...Object.keys(mine), ...Object.keys(theirs)])) {
    if (isSame(mine[key], theirs[key])) continue;
    fields.push({
      kind: 'field',
      meter,
      field: `resource_metadata.${key}`,
      ours: mine[key],
      expected: theirs[key],
    });
  }
  return fields;
}

function comparable(field: string, value: JsonValue | undefined): JsonValue | undefined {
  if (field === 'timestamp') return instantOf(value);
  return field === 'volume' && value !== undefined && value !== null ? pythonFloat(value) : value;
}

function aloneOn(side: 'ours' | 'expected', sample: JsonObject): Difference {
  return { kind: 'sample', meter: String(sample.name), side, sample };
}

function metadataOf(sample: JsonObject): JsonObject {
  return isJsonObject(sample.resource_metadata) ? sample.resource_metadata : {};
}

function instantOf(value: JsonValue | undefined): JsonValue | undefined {
  return typeof value === 'string' ? (tryParseTimestamp(value) ?? value) : value;
}

function listOf(value: JsonValue | undefined): readonly JsonObject[] {
  return Array.isArray(value) ? value : [];
}

function isSame(one: JsonValue | undefined, other: JsonValue | undefined): boolean {
  if (one === other) return true;
  if (one === undefined || other === undefined) return false;
  return stringifyExact(sorted(one)) === stringifyExact(sorted(other));
}

function sorted(value: JsonValue): JsonValue {
  if (Array.isArray(value)) return value.map(sorted);
  if (!isJsonObject(value)) return value;
  const entries = Object.entries(value).map(([key, item]): [string, JsonValue] => [key, sorted(item)]);
  return Object.fromEntries(entries.sort(([one], [other]) => (one < other ? -1 : 1)));
}
