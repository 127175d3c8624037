import type { Problem } from '../component/errors.ts';
import type { YamlDocument } from '../config/yaml.ts';
import { nearestWord } from '../lib/nearest.ts';
import { compileNameMatcher, compileWildcard, type TextMatcher } from '../lib/wildcard.ts';
import type { JsonObject, JsonValue } from '../model/json.ts';
import { DefinitionCheck, isMapping, showYaml, type YamlPath } from '../notification/definition-check.ts';
import { compileField, FIELD_KEYS, type Field } from '../notification/definition-field.ts';
import { createTypeIndex } from '../notification/type-index.ts';

/** What Gnocchi is told of one resource type. Immutable. */
export interface ResourceDefinition {
  readonly type: string;
  /** Attributes of samples: evaluated on the internal mapping of a sample (`toSampleMapping`). */
  readonly attributes: readonly { readonly name: string; readonly field: Field }[];
  /** Attributes of events: which trait each is; `id` is always among them where there is an operation. */
  readonly eventAttributes: ReadonlyMap<string, string>;
  /** Resources that end or change owner with this one: their type, and the search that finds them. */
  readonly associated: readonly { readonly type: string; readonly search: SearchTemplate }[];
}

/** A search of Gnocchi in which `%s` inside texts stands for the id of a resource. */
export type SearchTemplate = (id: string) => JsonValue;

/** Where the samples of a meter go. */
export interface MeterRoute {
  readonly resource: ResourceDefinition;
  /** Null: the rules of the server decide. */
  readonly archivePolicy: string | null;
  /** The file says `ignore`: the samples are not wanted, which is nothing to warn about. */
  readonly isIgnored: boolean;
}

export type EventOperation = 'create' | 'delete' | 'update';

export interface EventRoute {
  readonly resource: ResourceDefinition;
  readonly operation: EventOperation;
}

/** A compiled gnocchi_resources.yaml. Immutable; safe for concurrent use. */
export interface GnocchiDefinitions {
  /** As they are posted to Gnocchi. */
  readonly archivePolicies: readonly JsonObject[];
  /** Null for a meter that no resource type lists. */
  meterRoute(name: string): MeterRoute | null;
  /** Null for an event type that nothing is done about. */
  eventRoute(eventType: string): EventRoute | null;
}

/**
 * Compiles gnocchi_resources.yaml of any release since 6.0.0. A meter is found by its exact name, the last resource
 * type that lists it counts; a name with `*`, `?` or `[` is a pattern as in 6.0.0, the first that fits counts, after
 * the exact names. `archivePolicy` is the one of the publisher's URL; it beats those of meters, but not the one of a
 * resource type. All mistakes are reported in one run; `definitions` is null when there is one. Pure.
 *
 * Source: ceilometer `publisher/gnocchi.py`, ResourcesDefinition; `dispatcher/gnocchi.py` of 6.0.0.
 */
export function loadGnocchiDefinitions(
  document: YamlDocument,
  archivePolicy: string | null,
): { readonly definitions: GnocchiDefinitions | null; readonly problems: readonly Problem[] } {
  const check = new DefinitionCheck(document);
  const file = new FileReader(check, archivePolicy);
  const definitions = file.read(document.value);
  const failed = check.problems.some(({ severity }) => severity === 'error');
  return { definitions: failed ? null : definitions, problems: check.problems };
}

const FILE_KEYS = ['archive_policy_default', 'archive_policies', 'resources'];
const POLICY_KEYS = ['name', 'back_window', 'aggregation_methods', 'definition'];
const RESOURCE_KEYS = [
  'resource_type',
  'metrics',
  'attributes',
  'archive_policy',
  'ignore',
  'event_create',
  'event_delete',
  'event_update',
  'event_attributes',
  'event_associated_resources',
];
const OPERATIONS = ['create', 'delete', 'update'] as const;
/** What the original falls back to. */
const DEFAULT_POLICY = 'ceilometer-low';

interface MeterPattern {
  readonly matches: TextMatcher;
  readonly route: MeterRoute;
}

interface EventPattern {
  readonly matches: TextMatcher;
  readonly route: EventRoute;
}

class FileReader {
  readonly #check: DefinitionCheck;
  readonly #urlPolicy: string | null;
  readonly #meters = new Map<string, MeterRoute>();
  readonly #patterns: MeterPattern[] = [];
  readonly #events: EventPattern[] = [];
  #defaultPolicy: string | null = null;
  #policyNames: readonly string[] = [];

  constructor(check: DefinitionCheck, urlPolicy: string | null) {
    this.#check = check;
    this.#urlPolicy = urlPolicy;
  }

  read(value: unknown): GnocchiDefinitions | null {
    if (!isMapping(value)) {
      this.#check.error('E8040', `the file holds ${showYaml(value)}, not a mapping`, []);
      return null;
    }
    this.#check.warnUnknownKeys(value, FILE_KEYS, []);
    const archivePolicies = this.#readPolicies(value.archive_policies);
    this.#policyNames = archivePolicies.map(({ name }) => String(name));
    this.#defaultPolicy = this.#readDefaultPolicy(value.archive_policy_default);
    for (const [index, entry] of this.#listAt(value.resources, ['resources']).entries()) {
      this.#readResource(entry, ['resources', index]);
    }
    return this.#finish(archivePolicies);
  }

  #finish(archivePolicies: readonly JsonObject[]): GnocchiDefinitions {
    const meters = this.#meters;
    const patterns = this.#patterns;
    const events = this.#events;
    const meterIndex = createTypeIndex(
      (name) => meters.get(name) ?? patterns.find(({ matches }) => matches(name))?.route ?? null,
    );
    const eventIndex = createTypeIndex(
      (eventType) => events.find(({ matches }) => matches(eventType))?.route ?? null,
    );
    return { archivePolicies, meterRoute: meterIndex, eventRoute: eventIndex };
  }

  #readDefaultPolicy(value: unknown): string | null {
    if (value === undefined || value === null) {
      return this.#policyNames.includes(DEFAULT_POLICY) ? DEFAULT_POLICY : null;
    }
    return this.#policyName(value, ['archive_policy_default']);
  }

  /** The name of an archive policy; one that is not in the file must be on the server. */
  #policyName(value: unknown, at: YamlPath): string | null {
    if (typeof value !== 'string' || value === '') {
      this.#check.error('E8040', `${showYaml(value)} is no name of an archive policy`, at);
      return null;
    }
    if (!this.#policyNames.includes(value)) this.#warnForeignPolicy(value, at);
    return value;
  }

  #warnForeignPolicy(name: string, at: YamlPath): void {
    if (this.#policyNames.length === 0) return;
    const meant = nearestWord(name, this.#policyNames);
    const hint = meant === undefined ? '' : `Did you mean ${meant}? Otherwise `;
    this.#check.warn('E8044', `the archive policy ${showYaml(name)} is not defined in this file`, at, {
      hint: `${hint}${hint === '' ? 'C' : 'c'}heck that the server has it: gnocchi archive-policy list.`,
    });
  }

  #readPolicies(value: unknown): readonly JsonObject[] {
    if (value === undefined || value === null) return [];
    const entries = this.#listAt(value, ['archive_policies']);
    const policies = entries.map((entry, index) => this.#readPolicy(entry, ['archive_policies', index]));
    return policies.filter((policy) => policy !== null);
  }

  #readPolicy(entry: unknown, at: YamlPath): JsonObject | null {
    if (!isMapping(entry) || typeof entry.name !== 'string' || entry.name === '') {
      this.#check.error('E8040', 'an archive policy has a name', at);
      return null;
    }
    this.#check.warnUnknownKeys(entry, POLICY_KEYS, at);
    const definition = this.#listAt(entry.definition, [...at, 'definition']);
    for (const [index, one] of definition.entries()) {
      if (isMapping(one)) continue;
      const message = `${showYaml(one)} is no granularity with its timespan`;
      this.#check.error('E8040', message, [...at, 'definition', index]);
    }
    return entry as JsonObject;
  }

  #listAt(value: unknown, at: YamlPath): readonly unknown[] {
    if (Array.isArray(value)) return value;
    this.#check.error('E8040', `${String(at.at(-1))} is ${showYaml(value)}, not a list`, at);
    return [];
  }

  #readResource(entry: unknown, at: YamlPath): void {
    if (!isMapping(entry)) {
      this.#check.error('E8040', `${showYaml(entry)} is no resource type`, at);
      return;
    }
    this.#check.warnUnknownKeys(entry, RESOURCE_KEYS, at);
    const type = entry.resource_type;
    if (typeof type !== 'string' || type === '') {
      this.#check.error('E8040', 'required field "resource_type" is missing', at);
      return;
    }
    const resource: ResourceDefinition = {
      type,
      attributes: this.#readAttributes(entry.attributes, [...at, 'attributes']),
      eventAttributes: this.#readEventAttributes(entry, at),
      associated: this.#readAssociated(entry.event_associated_resources, at),
    };
    this.#readMetrics(entry, resource, at);
    this.#readOperations(entry, resource, at);
  }

  #readAttributes(value: unknown, at: YamlPath): ResourceDefinition['attributes'] {
    if (value === undefined || value === null) return [];
    if (!isMapping(value)) {
      this.#check.error('E8040', `attributes is ${showYaml(value)}, not a mapping`, at);
      return [];
    }
    return Object.entries(value).flatMap(([name, config]) => {
      const path = [...at, name];
      if (isMapping(config)) this.#check.warnUnknownKeys(config, FIELD_KEYS, path);
      const options = { constants: false, severalValues: false };
      const field = compileField(config, path, `attribute ${name}`, this.#check, options);
      return field === null ? [] : [{ name, field }];
    });
  }

  #readMetrics(entry: Record<string, unknown>, resource: ResourceDefinition, at: YamlPath): void {
    const { metrics, ignore, archive_policy: own } = entry;
    const isIgnored = ignore === true;
    const ownPolicy =
      own === undefined || own === null ? null : this.#policyName(own, [...at, 'archive_policy']);
    const path = [...at, 'metrics'];
    const named: readonly (readonly [unknown, unknown, string | number])[] = Array.isArray(metrics)
      ? metrics.map((name, index) => [name, null, index])
      : isMapping(metrics)
        ? Object.entries(metrics).map(([name, config]) => [name, config, name])
        : [];
    if (!Array.isArray(metrics) && !isMapping(metrics)) {
      this.#check.error(
        'E8040',
        `metrics of ${resource.type} is ${showYaml(metrics)}, not a mapping or list`,
        path,
      );
    }
    for (const [name, config, key] of named) {
      if (typeof name !== 'string') {
        this.#check.error('E8040', `${showYaml(name)} is no meter`, [...path, key]);
        continue;
      }
      const policy = this.#meterPolicy(config, [...path, key]);
      const archivePolicy = ownPolicy ?? this.#urlPolicy ?? policy ?? this.#defaultPolicy;
      this.#addMeter(name, { resource, archivePolicy, isIgnored }, [...path, key]);
    }
  }

  #meterPolicy(config: unknown, at: YamlPath): string | null {
    if (config === null || config === undefined) return null;
    if (!isMapping(config)) {
      this.#check.error('E8040', `${showYaml(config)} is no mapping with archive_policy_name`, at);
      return null;
    }
    this.#check.warnUnknownKeys(config, ['archive_policy_name'], at);
    const name = config.archive_policy_name;
    return name === undefined || name === null
      ? null
      : this.#policyName(name, [...at, 'archive_policy_name']);
  }

  #addMeter(name: string, route: MeterRoute, at: YamlPath): void {
    if (/[*?[]/.test(name)) {
      this.#patterns.push({ matches: compileWildcard(name), route });
      return;
    }
    const before = this.#meters.get(name)?.resource.type;
    if (before !== undefined && before !== route.resource.type) {
      const what = 'is a meter of';
      const message = `${name} ${what} ${route.resource.type} here and ${what} ${before} above`;
      this.#check.warn('E8041', message, at, { what: 'key' });
    }
    this.#meters.set(name, route);
  }

  #readOperations(entry: Record<string, unknown>, resource: ResourceDefinition, at: YamlPath): void {
    for (const operation of OPERATIONS) {
      const key = `event_${operation}`;
      const value = entry[key];
      if (value === undefined || value === null) continue;
      const patterns: readonly unknown[] = Array.isArray(value) ? value : [value];
      if (patterns.length === 0 || !patterns.every((pattern) => typeof pattern === 'string')) {
        this.#check.error('E8040', `${key} is ${showYaml(value)}, not an event type`, [...at, key]);
        continue;
      }
      if (!resource.eventAttributes.has('id')) {
        this.#check.error('E8040', `${key} needs event_attributes with id`, [...at, key], { what: 'key' });
      }
      this.#events.push({ matches: compileNameMatcher(patterns), route: { resource, operation } });
    }
  }

  #readEventAttributes(entry: Record<string, unknown>, at: YamlPath): ReadonlyMap<string, string> {
    return new Map(this.#texts(entry.event_attributes, [...at, 'event_attributes'], 'the name of a trait'));
  }

  #readAssociated(value: unknown, at: YamlPath): ResourceDefinition['associated'] {
    const path = [...at, 'event_associated_resources'];
    return this.#texts(value, path, 'a search in JSON').flatMap(([type, text]) => {
      const search = compileSearch(text);
      if (search !== null) return [{ type, search }];
      this.#check.error('E8040', `${showYaml(text)} is no search in JSON`, [...path, type]);
      return [];
    });
  }

  /** The entries of a mapping from texts to texts. */
  #texts(value: unknown, at: YamlPath, what: string): readonly (readonly [string, string])[] {
    if (value === undefined || value === null) return [];
    if (!isMapping(value)) {
      this.#check.error('E8040', `${String(at.at(-1))} is ${showYaml(value)}, not a mapping`, at);
      return [];
    }
    return Object.entries(value).flatMap(([name, text]) => {
      if (typeof text === 'string') return [[name, text] as const];
      this.#check.error('E8040', `${showYaml(text)} is not ${what}`, [...at, name]);
      return [];
    });
  }
}

/** The id is put into parsed texts, so that none can change what is searched. */
function compileSearch(text: string): SearchTemplate | null {
  try {
    const template: JsonValue = JSON.parse(text);
    if (!isMapping(template)) return null;
    return (id) => fill(template as JsonObject, id);
  } catch {
    return null;
  }
}

function fill(value: JsonValue, id: string): JsonValue {
  if (typeof value === 'string') return value.replaceAll('%s', () => id);
  if (Array.isArray(value)) return value.map((one) => fill(one, id));
  if (!isMapping(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, fill(one as JsonValue, id)]));
}
