import assert from 'node:assert/strict';
import { parseExact } from '../../src/lib/exact-json.ts';
import { formatUtc, tryParseTimestamp } from '../../src/lib/timestamp.ts';
import { type Event, TRAIT_TYPE, type Trait } from '../../src/model/event.ts';
import { FloatToken, isJsonObject, type JsonObject, type JsonValue } from '../../src/model/json.ts';
import type { Sample } from '../../src/model/sample.ts';
import type { Store } from '../../src/store/store.ts';
import { lines } from './recorded-cases.ts';

/** What the original's event store cut texts to. */
const MAXIMUM_TEXT_TRAIT = 255;

/** Puts the recorded samples and events into an empty store, in file order, as the original's POST requests did. */
export async function loadRecordedData(store: Store): Promise<void> {
  // One after the other: which sample of a meter was stored last is part of the questions.
  for (const batch of chunks(lines('samples').map(toSample), 500)) await store.recordSamples(batch);
  for (const batch of chunks(lines('events').map(toEvent), 500)) await store.recordEvents(batch);
}

function* chunks<Item>(items: readonly Item[], size: number): Generator<readonly Item[]> {
  for (let start = 0; start < items.length; start += size) yield items.slice(start, start + size);
}

function toSample(line: string, index: number): Sample {
  const body = object(parseExact(line));
  const projectId = text(body['project_id']);
  const timestamp = text(body['timestamp']);
  const type = body['counter_type'];
  assert.ok(type === 'gauge' || type === 'delta' || type === 'cumulative');
  return {
    id: `sample-${index}`,
    name: text(body['counter_name']),
    type,
    unit: text(body['counter_unit']),
    volume: number(body['counter_volume']),
    userId: text(body['user_id']),
    userName: null,
    projectId,
    projectName: null,
    resourceId: text(body['resource_id']),
    timestamp,
    timestampMicros: micros(timestamp),
    resourceMetadata: unfolded(object(body['resource_metadata'])),
    source: `${projectId}:${text(body['source'])}`,
    deployment: null,
    monotonicTime: null,
  };
}

/** The original's POST turns a key with dots into nested objects. */
function unfolded(metadata: JsonObject): JsonObject {
  const nested: Record<string, JsonValue> = {};
  for (const [key, value] of Object.entries(metadata)) {
    const [head = '', ...rest] = key.split('.');
    const tail = rest.join('.');
    nested[head] = tail === '' ? value : { ...object(nested[head] ?? {}), ...unfolded({ [tail]: value }) };
  }
  return nested;
}

function toEvent(line: string): Event {
  const body = object(parseExact(line));
  const generated = text(body['generated']);
  const traits = body['traits'];
  const raw = object(body['raw']);
  assert.ok(Array.isArray(traits));
  return {
    messageId: text(body['message_id']),
    eventType: text(body['event_type']),
    generated,
    generatedMicros: micros(generated),
    priority: null,
    deployment: null,
    traits: traits.map(toTrait),
    raw: Object.keys(raw).length === 0 ? null : raw,
  };
}

function toTrait(trait: JsonValue): Trait {
  assert.ok(Array.isArray(trait));
  const [name, type, value] = trait;
  switch (type) {
    case TRAIT_TYPE.integer:
      assert.ok(typeof value === 'number' || typeof value === 'bigint');
      return [text(name), type, value];
    case TRAIT_TYPE.float:
      return [text(name), type, number(value)];
    case TRAIT_TYPE.text:
      return [text(name), type, text(value).slice(0, MAXIMUM_TEXT_TRAIT)];
    case TRAIT_TYPE.datetime:
      return [text(name), type, formatUtc(micros(text(value)))];
    default:
      throw new assert.AssertionError({ message: `unexpected trait type ${type}` });
  }
}

function object(value: JsonValue | undefined): JsonObject {
  assert.ok(isJsonObject(value));
  return value;
}

function text(value: JsonValue | undefined): string {
  assert.ok(typeof value === 'string');
  return value;
}

function number(value: JsonValue | undefined): number {
  const plain = value instanceof FloatToken ? value.value : Number(value);
  assert.ok(Number.isFinite(plain));
  return plain;
}

function micros(timestamp: string): number {
  const value = tryParseTimestamp(timestamp);
  assert.ok(value !== undefined, timestamp);
  return value;
}
