import { compileNameMatcher, type TextMatcher } from '../lib/wildcard.ts';
import type { Event } from '../model/event.ts';
import { isJsonObject, type JsonObject, type JsonValue } from '../model/json.ts';
import type { Sample } from '../model/sample.ts';
import type { PublishedTap, TapRecords, TapStage } from '../observe/taps.ts';
import { ApiError } from './errors.ts';

/** More than anybody writes; each costs a comparison for every item of the stage. */
const MAX_CONDITIONS = 16;
const MAX_CONDITION_LENGTH = 512;

/** Gives a field of an item as text; null when the item has none. */
type Read<Item> = (item: Item) => string | null | undefined;

interface StageFields<Item> {
  /** What a glob without a name is compared with. */
  readonly usual: string;
  readonly fields: Readonly<Record<string, Read<Item>>>;
  /** Names that reach into something: `payload.state`. */
  readonly inner: Readonly<Record<string, (item: Item, path: readonly string[]) => string | null>>;
}

const SAMPLE_FIELDS: Readonly<Record<string, Read<Sample>>> = {
  name: (sample) => sample.name,
  type: (sample) => sample.type,
  unit: (sample) => sample.unit,
  resource_id: (sample) => sample.resourceId,
  project_id: (sample) => sample.projectId,
  user_id: (sample) => sample.userId,
  source: (sample) => sample.source,
  deployment: (sample) => sample.deployment,
};

const STAGES: { readonly [Stage in TapStage]: StageFields<TapRecords[Stage]> } = {
  received: {
    usual: 'event_type',
    fields: {
      event_type: ({ notification }) => notification.eventType,
      priority: ({ notification }) => notification.priority,
      publisher_id: ({ notification }) => notification.publisherId,
      message_id: ({ notification }) => notification.messageId,
      deployment: ({ notification }) => notification.deployment,
      source: ({ origin }) => plain(origin['source']),
      exchange: ({ origin }) => plain(origin['exchange']),
      routing_key: ({ origin }) => plain(origin['routingKey']),
    },
    inner: {
      payload: ({ notification }, path) => textAt(notification.payload, path),
      context: ({ notification }, path) => textAt(notification.context, path),
    },
  },
  event: {
    usual: 'event_type',
    fields: {
      event_type: (event) => event.eventType,
      message_id: (event) => event.messageId,
      priority: (event) => event.priority,
      deployment: (event) => event.deployment,
    },
    inner: { traits: (event, path) => traitText(event, path.join('.')) },
  },
  sample: {
    usual: 'name',
    fields: SAMPLE_FIELDS,
    inner: { metadata: (sample, path) => textAt(sample.resourceMetadata, path) },
  },
  published: {
    usual: 'name',
    fields: {
      publisher: ({ publisher }) => publisher,
      pipeline: ({ pipeline }) => pipeline,
      kind: ({ item }) => kindOf(item),
      name: ({ item }) => ('eventType' in item ? item.eventType : item.name),
      resource_id: ({ item }) => ('eventType' in item ? null : item.resourceId),
      project_id: ({ item }) => ('eventType' in item ? null : item.projectId),
      deployment: ({ item }) => item.deployment,
    },
    inner: {},
  },
  parked: {
    usual: 'code',
    fields: {
      code: ({ code }) => code,
      event_type: ({ eventType }) => eventType,
      message_id: ({ messageId }) => messageId,
      source: ({ origin }) => plain(origin['source']),
      exchange: ({ origin }) => plain(origin['exchange']),
      routing_key: ({ origin }) => plain(origin['routingKey']),
    },
    inner: {},
  },
  dropped: {
    usual: 'name',
    fields: {
      kind: ({ kind }) => kind,
      reason: ({ reason }) => reason,
      name: ({ name }) => name,
      by: ({ by }) => by,
    },
    inner: {},
  },
};

/** `sample` or `event`. */
export function kindOf(item: PublishedTap['item']): 'sample' | 'event' {
  return 'eventType' in item ? 'event' : 'sample';
}

/** The names a condition of a stage may have, for people. */
export function conditionNames(stage: TapStage): readonly string[] {
  const { fields, inner } = STAGES[stage];
  return [...Object.keys(fields), ...Object.keys(inner).map((name) => `${name}.NAME`)];
}

/**
 * Compiles conditions `NAME=GLOB`, or `GLOB` alone for the usual name of the stage, to one test. Different names must
 * all fit; of several globs for one name any, and one that begins with `!` excludes. A field that is missing is the
 * empty text. Throws an `ApiError` (400, E6031) for what cannot be understood. The result throws nothing for items of
 * the stage.
 */
export function compileTapConditions<Stage extends TapStage>(
  stage: Stage,
  conditions: readonly string[],
): (item: TapRecords[Stage]) => boolean {
  const globs = new Map<string, string[]>();
  if (conditions.length > MAX_CONDITIONS) throw refuse(`There are more than ${MAX_CONDITIONS} conditions`);
  for (const condition of conditions) {
    const { name, glob } = parseCondition(condition, STAGES[stage].usual);
    globs.set(name, [...(globs.get(name) ?? []), glob]);
  }
  const tests = [...globs].map(([name, patterns]) => compileOne(stage, name, compileNameMatcher(patterns)));
  return (item) => tests.every((test) => test(item));
}

function parseCondition(text: string, usual: string): { readonly name: string; readonly glob: string } {
  if (text.length > MAX_CONDITION_LENGTH) throw refuse('A condition is too long');
  const equals = /^([A-Za-z][\w.-]*)=(.*)$/s.exec(text);
  const name = equals?.[1] ?? usual;
  const glob = equals?.[2] ?? text;
  if (glob === '') throw refuse(`The condition ${JSON.stringify(text)} has no text to compare with`);
  return { name, glob };
}

function compileOne<Stage extends TapStage>(
  stage: Stage,
  name: string,
  matches: TextMatcher,
): (item: TapRecords[Stage]) => boolean {
  const { fields, inner } = STAGES[stage];
  const read = Object.hasOwn(fields, name) ? fields[name] : undefined;
  if (read !== undefined) return (item) => matches(read(item) ?? '');
  const [head = '', ...path] = name.split('.');
  const reach = Object.hasOwn(inner, head) && path.length > 0 ? inner[head] : undefined;
  if (reach === undefined) {
    throw refuse(`Stage ${stage} has no ${JSON.stringify(name)}; it has ${conditionNames(stage).join(', ')}`);
  }
  return (item) => matches(reach(item, path) ?? '');
}

function refuse(message: string): ApiError {
  return new ApiError(400, 'E6031', message);
}

function plain(value: string | number | boolean | undefined): string | null {
  return value === undefined ? null : String(value);
}

function traitText({ traits }: Event, name: string): string | null {
  const found = traits.find((trait) => trait[0] === name);
  return found === undefined ? null : String(found[2]);
}

/** The text of a scalar inside a document; a key with dots is tried before a step inside. */
function textAt(value: JsonValue, path: readonly string[]): string | null {
  if (path.length === 0) return scalarText(value);
  if (!isJsonObject(value)) return null;
  for (let count = path.length; count > 0; count--) {
    const key = path.slice(0, count).join('.');
    if (Object.hasOwn(value, key)) return textAt((value as JsonObject)[key] ?? null, path.slice(count));
  }
  return null;
}

function scalarText(value: JsonValue): string | null {
  if (typeof value === 'string') return value;
  return typeof value === 'object' ? null : String(value);
}
