import type { Position, Problem } from '../component/errors.ts';
import type { YamlDocument } from '../config/yaml.ts';
import { compilePath, PathSyntaxError } from '../lib/jsonpath.ts';
import { nearestWord } from '../lib/nearest.ts';
import { compilePythonRegex, RegexSyntaxError } from '../lib/python-regex.ts';
import type { JsonValue } from '../model/json.ts';
import { SAMPLE_TYPES } from '../model/sample.ts';
import { DefinitionCheck, isMapping, showYaml, type YamlPath } from './definition-check.ts';
import { compileField, type Field } from './definition-field.ts';
import { addMeterSamples, METER_FIELDS, type MeterContext, type MeterDefinition } from './meter-samples.ts';
import { type MetadataSpec, type ReservedMetadata, WHOLE_PAYLOAD } from './sample-metadata.ts';
import { createTypeIndex } from './type-index.ts';

/** The compiled meter definitions of all files. Immutable; safe for concurrent use. */
export interface MeterDefinitions {
  /** Whether any definition makes samples of an event type. */
  matches(eventType: string): boolean;
  /**
   * Adds the samples of all definitions that match the notification, in the order of the files. Never throws
   * anything but `NotificationError` (E5009).
   */
  addSamples(context: MeterContext): void;
}

/** Which part of a tenant's own metadata becomes part of a sample; the defaults are the original's. */
export interface MeterDefinitionOptions {
  /** Prefixes of keys that are kept, without the prefix; `metering.` unless given. */
  readonly reservedMetadataNamespace?: readonly string[];
  /** Code points of a text that are kept; 256 unless given. */
  readonly reservedMetadataLength?: number;
  /** Keys that are kept as they are; none unless given. */
  readonly reservedMetadataKeys?: readonly string[];
}

/**
 * Compiles the files of meters.d. A definition is known by its name: within a file the last one of a name counts,
 * across files the first, so a file of the operator overrides a shipped one; the others are named in warnings. What
 * is wrong is left out and reported, all of it in one run. Pure.
 *
 * Wider than the original: name, type and unit that are no path are taken as they are (`%`, `B/s`, `cpu.load.1min`).
 * Source: ceilometer `meter/notifications.py`.
 */
export function loadMeterDefinitions(
  documents: readonly YamlDocument[],
  options: MeterDefinitionOptions = {},
): { readonly definitions: MeterDefinitions; readonly problems: readonly Problem[] } {
  const loader: Loader = { winners: new Map(), specs: new Map(), reserved: reservedMetadata(options) };
  const files = documents.map((document) => loadFile(document, loader));
  const meters = files.flatMap((file) => file.meters);
  return { definitions: createMeterDefinitions(meters), problems: files.flatMap((file) => file.problems) };
}

interface Loader {
  /** Where the definition of each name that counts stands. */
  readonly winners: Map<string, Position>;
  /** Equal metadata specifications become one object. */
  readonly specs: Map<string, MetadataSpec>;
  readonly reserved: ReservedMetadata;
}

function reservedMetadata(options: MeterDefinitionOptions): ReservedMetadata {
  return {
    namespaces: options.reservedMetadataNamespace ?? ['metering.'],
    keys: options.reservedMetadataKeys ?? [],
    length: options.reservedMetadataLength ?? 256,
  };
}

interface LoadedMeter {
  readonly definition: MeterDefinition;
  readonly matches: (eventType: string) => boolean;
}

function createMeterDefinitions(meters: readonly LoadedMeter[]): MeterDefinitions {
  const definitionsOf = createTypeIndex((eventType) =>
    meters.filter(({ matches }) => matches(eventType)).map(({ definition }) => definition),
  );
  return {
    matches: (eventType) => definitionsOf(eventType).length > 0,
    addSamples: (context) => {
      for (const definition of definitionsOf(context.notification.eventType))
        addMeterSamples(definition, context);
    },
  };
}

function loadFile(
  document: YamlDocument,
  loader: Loader,
): { readonly meters: readonly LoadedMeter[]; readonly problems: readonly Problem[] } {
  const check = new DefinitionCheck(document);
  const entries = metersOf(document.value, check);
  const meters: LoadedMeter[] = [];
  // Backwards, because the last definition of a name is the one that counts.
  for (const [index, entry] of [...entries.entries()].reverse()) {
    const meter = loadMeter(entry, ['metric', index], document, check, loader);
    if (meter !== null) meters.unshift(meter);
  }
  return { meters, problems: check.problems };
}

function metersOf(value: unknown, check: DefinitionCheck): readonly unknown[] {
  if (!isMapping(value)) {
    check.error('E1211', `the file holds ${showYaml(value)}, not a mapping`, []);
    return [];
  }
  check.warnUnknownKeys(value, ['metric'], []);
  if (Array.isArray(value.metric)) return value.metric;
  check.error('E1211', `metric is ${showYaml(value.metric)}, not a list`, ['metric']);
  return [];
}

const requiredFields = ['name', 'event_type', 'type', 'unit', 'volume', 'resource_id'] as const;
const knownKeys = [...METER_FIELDS, 'event_type', 'metadata', 'user_metadata', 'lookup'];

function loadMeter(
  entry: unknown,
  at: YamlPath,
  document: YamlDocument,
  check: DefinitionCheck,
  loader: Loader,
): LoadedMeter | null {
  if (!isMapping(entry)) {
    check.error('E1211', `${showYaml(entry)} is no meter definition`, at);
    return null;
  }
  const key = typeof entry.name === 'string' ? entry.name : showYaml(entry.name);
  const winner = loader.winners.get(key);
  if (winner !== undefined) {
    const place = `${winner.file}:${winner.line}`;
    check.warn('E1215', `the meter ${key} is defined in ${place} too, and that one counts`, [...at, 'name']);
    return null;
  }
  const meter = compileMeter(entry, key, at, check, loader);
  if (meter !== null) loader.winners.set(key, document.positionOf([...at, 'name']));
  return meter;
}

function compileMeter(
  entry: Record<string, unknown>,
  key: string,
  at: YamlPath,
  check: DefinitionCheck,
  loader: Loader,
): LoadedMeter | null {
  check.warnUnknownKeys(entry, knownKeys, at);
  const missing = requiredFields.filter((name) => !isTruthyYaml(entry[name]));
  if (missing.length > 0) {
    check.error(
      'E1212',
      `required ${missing.length === 1 ? 'field' : 'fields'} ${missing.join(', ')} missing`,
      at,
    );
  }
  const lookup = lookupOf(entry, at, check);
  const fields = compileFields(entry, at, lookup, check);
  const metadata = metadataSpec(entry, at, check, loader);
  const matches = isTruthyYaml(entry.event_type) ? compileEventTypes(entry.event_type, at, check) : null;
  const typeIsGood = !isTruthyYaml(entry.type) || checkType(entry.type, at, lookup, check);
  if (missing.length > 0 || fields === null || metadata === null || matches === null || !typeIsGood)
    return null;
  const defaults = { name: defaultOf(entry.name), type: defaultOf(entry.type), unit: defaultOf(entry.unit) };
  return { matches, definition: { key, fields, defaults, metadata, lookup } };
}

/** What the original takes for given: `volume: 0` is not. */
function isTruthyYaml(value: unknown): boolean {
  if (Array.isArray(value)) return value.length > 0;
  return isMapping(value) ? Object.keys(value).length > 0 : Boolean(value);
}

function defaultOf(config: unknown): JsonValue {
  return typeof config === 'string' || typeof config === 'number' ? config : null;
}

function compileFields(
  entry: Record<string, unknown>,
  at: YamlPath,
  lookup: ReadonlySet<string> | null,
  check: DefinitionCheck,
): MeterDefinition['fields'] | null {
  let complete = true;
  const compile = (name: keyof MeterDefinition['fields']): Field | null => {
    const config = entry[name];
    if (!isTruthyYaml(config)) return null;
    const place = [...at, name];
    const options = { constants: true, severalValues: lookup !== null };
    const isWord = name === 'name' || name === 'type' || name === 'unit';
    if (isWord && typeof config === 'string' && !isPath(config)) return literal(name, place, lookup, check);
    const field = compileField(config, place, name, check, options);
    complete &&= field !== null;
    return field;
  };
  const fields = {
    name: compile('name'),
    type: compile('type'),
    volume: compile('volume'),
    unit: compile('unit'),
    timestamp: compile('timestamp'),
    user_id: compile('user_id'),
    project_id: compile('project_id'),
    resource_id: compile('resource_id'),
  };
  return complete ? fields : null;
}

/**
 * Whether the text of a name, type or unit is to be looked up. The original tries every text as a path and takes
 * the text itself when nothing is found; only a text that begins at the root of a notification can find something.
 */
function isPath(text: string): boolean {
  if (/^\s*\$/.test(text)) return true;
  if (!/^[\s(]*(?:payload|ctxt|metadata|_context_\w+)\s*[.[]/.test(text)) return false;
  try {
    compilePath(text);
    return true;
  } catch (error) {
    if (error instanceof PathSyntaxError) return false;
    throw error;
  }
}

/** A text that is no path finds nothing, so its default counts. */
const nothingFound: Field = { value: () => null, values: () => [], isConstant: false };

function literal(
  name: string,
  at: YamlPath,
  lookup: ReadonlySet<string> | null,
  check: DefinitionCheck,
): Field {
  if (lookup !== null && (name === 'name' || lookup.has(name))) {
    const message = `with lookup, ${name} has to be a path that gives one value per sample: there will be no samples`;
    check.warn('E1216', message, at);
  }
  return nothingFound;
}

function checkType(
  type: unknown,
  at: YamlPath,
  lookup: ReadonlySet<string> | null,
  check: DefinitionCheck,
): boolean {
  if (lookup?.has('type') || SAMPLE_TYPES.some((known) => known === type)) return true;
  const meant = typeof type === 'string' ? nearestWord(type, SAMPLE_TYPES) : undefined;
  check.error('E1213', `invalid type ${showYaml(type)}`, [...at, 'type'], {
    ...(meant === undefined ? {} : { hint: `Did you mean ${meant}?` }),
  });
  return false;
}

function lookupOf(
  entry: Record<string, unknown>,
  at: YamlPath,
  check: DefinitionCheck,
): ReadonlySet<string> | null {
  const config = entry.lookup;
  if (!isTruthyYaml(config)) return null;
  const names: readonly unknown[] = Array.isArray(config) ? config : [config];
  const place = [...at, 'lookup'];
  for (const [index, name] of names.entries()) {
    const here = Array.isArray(config) ? [...place, index] : place;
    if (typeof name !== 'string' || !METER_FIELDS.some((field) => field === name)) {
      check.warn('E1216', `lookup names ${showYaml(name)}, which is no field that can differ`, here, {
        hint: `It may name ${METER_FIELDS.join(', ')}.`,
      });
    } else if (!isTruthyYaml(entry[name])) {
      check.warn('E1216', `lookup names ${name}, which this definition does not have`, here);
    }
  }
  return new Set(names.filter((name) => typeof name === 'string'));
}

function compileEventTypes(
  value: unknown,
  at: YamlPath,
  check: DefinitionCheck,
): LoadedMeter['matches'] | null {
  const patterns: readonly unknown[] = Array.isArray(value) ? value : [value];
  const place = [...at, 'event_type'];
  const matchers = patterns.map((pattern, index) =>
    compileEventType(pattern, Array.isArray(value) ? [...place, index] : place, check),
  );
  const compiled = matchers.filter((matcher) => matcher !== null);
  if (compiled.length < matchers.length) return null;
  return (eventType) => compiled.some((matches) => matches(eventType));
}

function compileEventType(
  pattern: unknown,
  at: YamlPath,
  check: DefinitionCheck,
): LoadedMeter['matches'] | null {
  if (typeof pattern !== 'string') {
    check.error('E1214', `${showYaml(pattern)} is no event type`, at);
    return null;
  }
  try {
    const regex = compilePythonRegex(pattern, { anchorStart: true });
    return (eventType) => regex.test(eventType);
  } catch (error) {
    if (!(error instanceof RegexSyntaxError)) throw error;
    check.error('E1214', `the regular expression ${showYaml(pattern)} is wrong: ${error.message}`, at);
    return null;
  }
}

function metadataSpec(
  entry: Record<string, unknown>,
  at: YamlPath,
  check: DefinitionCheck,
  loader: Loader,
): MetadataSpec | null {
  const { metadata = {}, user_metadata: own } = entry;
  if (!isMapping(metadata ?? {})) {
    check.error('E1219', `metadata is ${showYaml(metadata)}, not a mapping`, [...at, 'metadata']);
    return null;
  }
  const identity = JSON.stringify([metadata, own ?? null]);
  const known = loader.specs.get(identity);
  if (known !== undefined) return known;
  const spec = compileMetadata((metadata ?? {}) as Record<string, unknown>, own, at, check, loader.reserved);
  if (spec !== null) loader.specs.set(identity, spec);
  return spec;
}

function compileMetadata(
  metadata: Record<string, unknown>,
  own: unknown,
  at: YamlPath,
  check: DefinitionCheck,
  reserved: ReservedMetadata,
): MetadataSpec | null {
  const options = { constants: true, severalValues: false };
  const fields = Object.entries(metadata).map(([name, config]): [string, Field | null] => [
    name,
    compileField(config, [...at, 'metadata', name], `metadata ${name}`, check, options),
  ]);
  const userMetadata = isTruthyYaml(own)
    ? compileField(own, [...at, 'user_metadata'], 'user_metadata', check, { ...options, constants: false })
    : null;
  const compiled = fields.filter((field): field is [string, Field] => field[1] !== null);
  if (compiled.length < fields.length || (isTruthyYaml(own) && userMetadata === null)) return null;
  return compiled.length === 0 && userMetadata === null
    ? WHOLE_PAYLOAD
    : { fields: compiled, userMetadata, reserved };
}
