import { NephoscopeError } from '../component/errors.ts';
import { isList } from '../lib/json-list.ts';
import { pythonFloat, pythonInt, pythonStr } from '../lib/python-text.ts';
import { formatUtc, tryParseTimestamp } from '../lib/timestamp.ts';
import { type Event, TRAIT_TYPE, type Trait, type TraitType, type TraitValue } from '../model/event.ts';
import { FloatToken, isJsonObject, type JsonObject, type JsonValue } from '../model/json.ts';
import { PRIORITIES, type Priority } from '../model/notification.ts';
import { readInstant, readMapping, readText, readTextOrNull, show } from './fields.ts';

const CODE = 'E5021';
const NO_RAW: JsonObject = Object.freeze({});

/**
 * The serialized form of an event, as it travels on the bus and by http: traits as triples, `raw` an empty mapping when
 * there is none. Unsigned. The original has no `priority` and no `deployment`: both are there only when known, and
 * readers of other releases ignore keys they do not know, so they may travel everywhere. Give it to
 * `stringifyExact`: a float trait stays a float (`2.0`). Never throws. Pure.
 *
 * Source: ceilometer `event/models.py`, Event.serialize.
 */
export function toEventMessage(event: Event): JsonObject {
  const message: Record<string, JsonValue> = {
    message_id: event.messageId,
    event_type: event.eventType,
    generated: event.generated,
    traits: event.traits.map(traitMessage),
    raw: event.raw ?? NO_RAW,
  };
  if (event.priority !== null) message.priority = event.priority;
  if (event.deployment !== null) message.deployment = event.deployment;
  return message;
}

function traitMessage(trait: Trait): JsonValue {
  const value = trait[2];
  if (trait[1] !== TRAIT_TYPE.float || typeof value !== 'number' || !Number.isInteger(value)) return trait;
  return [trait[0], trait[1], new FloatToken(value)];
}

/**
 * The event in an event message of any release, traits as triples or as mappings (`name`, `dtype`, `value`); its
 * signature is not looked at. Values are converted to the type their trait names, traits without a value are left out.
 * `parseEventMessage(toEventMessage(event))` is the event. Pure.
 *
 * Throws a permanent `NephoscopeError` (E5021) without message_id, event_type or readable time, or when a trait has no
 * name, no type or a value that is none of its type.
 */
export function parseEventMessage(message: JsonValue): Event {
  const mapping = readMapping(message, CODE);
  const generatedMicros = readInstant(mapping, 'generated', CODE);
  const { raw, traits = null } = mapping;
  if (traits !== null && !isList(traits))
    throw new NephoscopeError(CODE, `traits is ${show(traits)}, not a list`);
  return {
    messageId: readText(mapping, 'message_id', CODE),
    eventType: readText(mapping, 'event_type', CODE),
    generated: formatUtc(generatedMicros),
    generatedMicros,
    priority: readPriority(mapping.priority),
    deployment: readTextOrNull(mapping.deployment),
    traits: readTraits(traits ?? []),
    raw: isJsonObject(raw) && !isEmpty(raw) ? raw : null,
  };
}

/** An unknown one is as good as none: it is no field of the original. */
function readPriority(value: JsonValue | undefined): Priority | null {
  return PRIORITIES.find((priority) => priority === value) ?? null;
}

function isEmpty(mapping: JsonObject): boolean {
  for (const _ in mapping) return false;
  return true;
}

function readTraits(items: readonly JsonValue[]): readonly Trait[] {
  const traits: Trait[] = [];
  for (const item of items) {
    const [name, type, value] = partsOfTrait(item);
    if (typeof name !== 'string')
      throw new NephoscopeError(CODE, `the name of a trait is ${show(name)}, not text`);
    if (value === undefined || value === null) continue;
    traits.push([name, readTraitType(name, type), readTraitValue(name, type as TraitType, value)]);
  }
  return traits;
}

function partsOfTrait(item: JsonValue): readonly (JsonValue | undefined)[] {
  if (isList(item)) return item;
  if (isJsonObject(item)) return [item.name, item.dtype ?? item.type, item.value];
  throw new NephoscopeError(CODE, `a trait is ${show(item)}, neither list nor mapping`);
}

function readTraitType(name: string, type: JsonValue | undefined): TraitType {
  if (typeof type === 'number' && Number.isInteger(type) && type >= 0 && type <= TRAIT_TYPE.datetime) {
    return type as TraitType;
  }
  throw new NephoscopeError(CODE, `trait ${show(name)} has the type ${show(type)}, not 0 to 4`);
}

function readTraitValue(name: string, type: TraitType, value: JsonValue): TraitValue {
  const converted = convertTrait(type, value);
  if (converted !== undefined) return converted;
  throw new NephoscopeError(
    CODE,
    `trait ${show(name)} has the value ${show(value)}, which is none of its type`,
  );
}

function convertTrait(type: TraitType, value: JsonValue): TraitValue | undefined {
  switch (type) {
    case TRAIT_TYPE.integer:
      return pythonInt(value);
    case TRAIT_TYPE.float: {
      const float = pythonFloat(value);
      return float !== undefined && Number.isFinite(float) ? float : undefined;
    }
    case TRAIT_TYPE.datetime:
      return readDatetime(value);
    case TRAIT_TYPE.none:
      return typeof value === 'number' || typeof value === 'bigint' ? value : pythonStr(value);
    default:
      return pythonStr(value);
  }
}

function readDatetime(value: JsonValue): string | undefined {
  const micros = typeof value === 'string' ? tryParseTimestamp(value) : undefined;
  return micros === undefined ? undefined : formatUtc(micros);
}
