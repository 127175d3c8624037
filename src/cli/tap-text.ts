import { stringifyExact } from '../lib/exact-json.ts';
import { isJsonObject, type JsonObject, type JsonValue } from '../model/json.ts';
import { escapeControls } from './display-text.ts';

/** What follows the head of a line is cut here; `-f json` has all of it. */
const MAX_REST = 240;

/**
 * A record of a live view as one line for people: the time of day (UTC), what it is, then what is in it as `name=value`.
 * Nothing of it can act on the terminal. Pure.
 */
export function tapText(line: JsonObject): string {
  const record = isJsonObject(line['record']) ? line['record'] : {};
  const time = textOf(line['at']).slice(11, 23);
  const { head, rest } = parts(textOf(line['stage']), record);
  const words = [time, ...head.filter((word) => word !== ''), pairs(rest)].filter((word) => word !== '');
  return `${escapeControls(words.join('  '))}\n`;
}

interface Parts {
  readonly head: readonly string[];
  readonly rest: JsonObject;
}

function parts(stage: string, record: JsonObject): Parts {
  const text = (name: string): string => textOf(record[name]);
  switch (stage) {
    case 'received':
      return {
        head: [text('priority').toUpperCase().padEnd(5), text('event_type'), text('publisher_id')],
        rest: { message_id: record['message_id'] ?? null, ...leaves(record['payload']) },
      };
    case 'event':
      return eventParts(record);
    case 'sample':
      return sampleParts(record);
    case 'published':
      return publishedParts(record);
    case 'parked':
      return { head: [text('code'), text('reason')], rest: without(record, ['code', 'reason']) };
    case 'dropped':
      return {
        head: [text('kind'), text('name'), text('reason')],
        rest: { by: record['by'] ?? null, ...leaves(record['detail']) },
      };
    default:
      return { head: [], rest: record };
  }
}

function eventParts(record: JsonObject): Parts {
  const { traits } = record;
  const values = (Array.isArray(traits) ? traits : [])
    .filter(isJsonObject)
    .map(({ name, value }): [string, JsonValue] => [textOf(name), value ?? null]);
  return {
    head: [textOf(record['priority']).toUpperCase().padEnd(5), textOf(record['event_type'])],
    rest: { deployment: record['deployment'] ?? null, ...Object.fromEntries(values) },
  };
}

function sampleParts(record: JsonObject): Parts {
  const value = `${textOf(record['volume'])} ${textOf(record['unit'])}`.trim();
  return {
    head: [textOf(record['name']), value, textOf(record['resource_id'])],
    rest: {
      type: record['type'] ?? null,
      project: record['project_id'] ?? null,
      deployment: record['deployment'] ?? null,
      ...leaves(record['metadata']),
    },
  };
}

function publishedParts(record: JsonObject): Parts {
  const item = isJsonObject(record['item']) ? record['item'] : {};
  const inner = record['kind'] === 'event' ? eventParts(item) : sampleParts(item);
  return { head: [textOf(record['publisher']), ...inner.head], rest: inner.rest };
}

/** The scalars of a mapping. */
function leaves(value: JsonValue | undefined): JsonObject {
  if (!isJsonObject(value)) return {};
  return Object.fromEntries(Object.entries(value).filter(([, one]) => typeof one !== 'object'));
}

function without(record: JsonObject, names: readonly string[]): JsonObject {
  return Object.fromEntries(Object.entries(record).filter(([name]) => !names.includes(name)));
}

function pairs(record: JsonObject): string {
  const text = Object.entries(record)
    .filter(([, value]) => value !== null && value !== '')
    .map(([name, value]) => `${name}=${textOf(value)}`)
    .join(' ');
  return text.length > MAX_REST ? `${text.slice(0, MAX_REST)}…` : text;
}

function textOf(value: JsonValue | undefined): string {
  if (value === undefined || value === null) return '';
  return typeof value === 'string' ? value : stringifyExact(value);
}
