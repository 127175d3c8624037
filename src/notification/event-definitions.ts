import type { Problem } from '../component/errors.ts';
import type { YamlDocument } from '../config/yaml.ts';
import { nearestWord } from '../lib/nearest.ts';
import { compileNameMatcher, type TextMatcher } from '../lib/wildcard.ts';
import { type Event, TRAIT_TYPE, type TraitType } from '../model/event.ts';
import type { Notification, Priority } from '../model/notification.ts';
import type { ConversionReport } from './conversion-report.ts';
import { DefinitionCheck, isMapping, showYaml, type YamlPath } from './definition-check.ts';
import { compileField, FIELD_KEYS, type Field, pathField } from './definition-field.ts';
import { type CompiledTrait, createEventBuilder, type EventBuilder } from './event-builder.ts';
import { createTypeIndex } from './type-index.ts';

/** The compiled event definitions of one file. Immutable; safe for concurrent use. */
export interface EventDefinitions {
  /** Whether notifications of an event type give an event. */
  matches(eventType: string): boolean;
  /**
   * The event of a notification, or null when no definition matches and unmatched notifications are dropped. A trait
   * that cannot be made is left out and reported; the event is kept (the original loses the whole event).
   * Throws `NotificationError` (E5009) when the notification is to be kept raw and cannot be.
   */
  toEvent(notification: Notification, report: ConversionReport): Event | null;
}

export interface EventDefinitionOptions {
  /** Make no event of what no definition matches; else such an event has the default traits. */
  readonly dropUnmatched: boolean;
  /** Priorities whose events keep the whole notification. */
  readonly storeRaw: readonly Priority[];
}

/**
 * Compiles event_definitions.yaml. The last definition of the file that matches an event type is used, and nothing
 * is merged between definitions. All mistakes are reported in one run; `definitions` holds what is right, so that it
 * can be tried, and is null only when the file is no list. Pure.
 *
 * Source: ceilometer `event/converter.py`.
 */
export function loadEventDefinitions(
  document: YamlDocument,
  options: EventDefinitionOptions,
): { readonly definitions: EventDefinitions | null; readonly problems: readonly Problem[] } {
  const check = new DefinitionCheck(document);
  const entries = document.value;
  if (!Array.isArray(entries)) {
    check.error('E1201', `the file holds ${showYaml(entries)}, not a list`, []);
    return { definitions: null, problems: check.problems };
  }
  const compiled = entries.map((entry, index) => compileDefinition(entry, [index], check, options));
  const definitions = compiled.filter((definition) => definition !== null);
  return { definitions: createEventDefinitions(definitions, options), problems: check.problems };
}

interface EventDefinition {
  readonly matches: TextMatcher;
  readonly builder: EventBuilder;
}

function createEventDefinitions(
  definitions: readonly EventDefinition[],
  options: EventDefinitionOptions,
): EventDefinitions {
  const unmatched = options.dropUnmatched
    ? null
    : createEventBuilder(withDefaults(new Map()), options.storeRaw);
  const builderOf = createTypeIndex(
    (eventType) => definitions.findLast(({ matches }) => matches(eventType))?.builder ?? unmatched,
  );
  return {
    matches: (eventType) => builderOf(eventType) !== null,
    toEvent: (notification, report) => builderOf(notification.eventType)?.(notification, report) ?? null,
  };
}

function compileDefinition(
  entry: unknown,
  at: YamlPath,
  check: DefinitionCheck,
  options: EventDefinitionOptions,
): EventDefinition | null {
  if (!isMapping(entry)) {
    check.error('E1201', `${showYaml(entry)} is no event definition`, at);
    return null;
  }
  check.warnUnknownKeys(entry, ['event_type', 'traits'], at);
  const matches = compileEventType(entry.event_type, at, check);
  const traits = compileTraits(entry.traits, at, check);
  if (matches === null || traits === null) return null;
  return { matches, builder: createEventBuilder(withDefaults(traits), options.storeRaw) };
}

function compileEventType(value: unknown, at: YamlPath, check: DefinitionCheck): TextMatcher | null {
  if (value === undefined || value === null) {
    check.error('E1202', 'required field "event_type" is missing', at);
    return null;
  }
  const patterns: readonly unknown[] = Array.isArray(value) ? value : [value];
  if (!patterns.every((pattern) => typeof pattern === 'string')) {
    check.error('E1214', `${showYaml(value)} is no event type`, [...at, 'event_type']);
    return null;
  }
  if (patterns.length === 0) {
    check.warn('E1214', 'the list is empty: this definition matches nothing', [...at, 'event_type']);
    return () => false;
  }
  return compileNameMatcher(patterns);
}

function compileTraits(
  value: unknown,
  at: YamlPath,
  check: DefinitionCheck,
): Map<string, CompiledTrait> | null {
  if (value === undefined || value === null) {
    check.error('E1202', 'required field "traits" is missing', at);
    return null;
  }
  if (!isMapping(value)) {
    check.error('E1219', `traits is ${showYaml(value)}, not a mapping`, [...at, 'traits']);
    return null;
  }
  const traits = new Map<string, CompiledTrait>();
  for (const [name, config] of Object.entries(value)) {
    const trait = compileTrait(name, config, [...at, 'traits', name], check);
    if (trait !== null) traits.set(name, trait);
  }
  return traits;
}

function compileTrait(
  name: string,
  config: unknown,
  at: YamlPath,
  check: DefinitionCheck,
): CompiledTrait | null {
  if (isMapping(config)) check.warnUnknownKeys(config, [...FIELD_KEYS, 'type'], at);
  const type = isMapping(config) ? traitType(name, config.type ?? 'text', at, check) : TRAIT_TYPE.text;
  const options = { constants: false, severalValues: false };
  const field = compileField(config, at, `trait ${name}`, check, options);
  return type === null || field === null ? null : { name, type, field };
}

/** Names of trait types in definitions; other than in the API there is no `string` and no `integer`. */
const typeByName = new Map<string, TraitType>([
  ['text', TRAIT_TYPE.text],
  ['int', TRAIT_TYPE.integer],
  ['float', TRAIT_TYPE.float],
  ['datetime', TRAIT_TYPE.datetime],
  ['none', TRAIT_TYPE.none],
]);

/** What people write instead. */
const meantType = new Map([
  ['string', 'text'],
  ['str', 'text'],
  ['unicode', 'text'],
  ['integer', 'int'],
  ['long', 'int'],
  ['number', 'float'],
  ['double', 'float'],
  ['decimal', 'float'],
  ['date', 'datetime'],
  ['time', 'datetime'],
  ['timestamp', 'datetime'],
]);

function traitType(name: string, written: unknown, at: YamlPath, check: DefinitionCheck): TraitType | null {
  const text = typeof written === 'string' ? written.toLowerCase() : '';
  const type = typeByName.get(text);
  if (type !== undefined) return type;
  const meant = meantType.get(text) ?? nearestWord(text, [...typeByName.keys()]);
  check.error('E1203', `invalid trait type ${showYaml(written)} for trait ${name}`, [...at, 'type'], {
    ...(meant === undefined
      ? {}
      : { hint: `Did you mean ${meant}? The types are text, int, float and datetime.` }),
  });
  return null;
}

/** Traits that every event has unless its definition says otherwise, in the order in which they come first. */
const defaultTraits: readonly (readonly [name: string, field: Field])[] = [
  ['service', pathField('publisher_id')],
  ['request_id', pathField('ctxt.request_id')],
  ['project_id', pathField('payload.tenant_id', 'ctxt.project_id')],
  ['user_id', pathField('payload.user_id', 'ctxt.user_id')],
  ['tenant_id', pathField('payload.tenant_id', 'ctxt.project_id')],
];

function withDefaults(traits: ReadonlyMap<string, CompiledTrait>): readonly CompiledTrait[] {
  const all = new Map<string, CompiledTrait>();
  for (const [name, field] of defaultTraits) all.set(name, { name, type: TRAIT_TYPE.text, field });
  for (const [name, trait] of traits) all.set(name, trait);
  return [...all.values()];
}
