import { PathEvaluationError } from '../lib/jsonpath.ts';
import { formatUtc } from '../lib/timestamp.ts';
import { FloatToken, isJsonObject, type JsonObject, type JsonScalar, type JsonValue } from '../model/json.ts';
import type { Sample } from '../model/sample.ts';
import { toSampleMapping } from '../wire/sample-mapping.ts';
import type { GnocchiDefinitions, MeterRoute, ResourceDefinition } from './gnocchi-definitions.ts';

/** One value on its way to Gnocchi. `index` is that of its sample in the batch. */
export interface Measure {
  readonly index: number;
  readonly resource: GnocchiResource;
  readonly meter: string;
  readonly archivePolicy: string | null;
  /** At most 31 characters, else Gnocchi fails. */
  readonly unit: string | null;
  readonly timestampMicros: number;
  readonly value: number;
}

/** A resource that samples of a batch speak of. */
export interface GnocchiResource {
  /** As it is sent: without `/`. */
  readonly id: string;
  readonly type: string;
  readonly userId: string | null;
  readonly projectId: string | null;
  /** What the samples of the batch say about it; a later one wins. */
  readonly attributes: Map<string, JsonScalar>;
}

/** Why samples are left out on purpose. */
export const DROP_REASONS = ['unknown_meter', 'ignored_meter', 'filtered_project'] as const;
export type DropReason = (typeof DROP_REASONS)[number];

/** What becomes of the samples of a batch. */
export interface BatchPlan {
  readonly measures: readonly Measure[];
  readonly resources: ReadonlyMap<string, GnocchiResource>;
  readonly dropped: Readonly<Record<DropReason, number>>;
  /** Meters that no resource type lists. */
  readonly unknownMeters: ReadonlySet<string>;
}

/**
 * Sorts the samples of a batch by what Gnocchi is to be told. `filteredProject` is the id of the project whose samples
 * are left out, or null. Pure.
 *
 * A resource has the type that the first of its samples in the batch names: samples of meters of another type are kept
 * under it, but say nothing about its attributes.
 *
 * Source: ceilometer `publisher/gnocchi.py`, publish_samples.
 */
export function planBatch(
  samples: readonly Sample[],
  definitions: GnocchiDefinitions,
  filteredProject: string | null,
): BatchPlan {
  const planner = new Planner(definitions, filteredProject);
  for (const [index, sample] of samples.entries()) planner.add(sample, index);
  return planner;
}

class Planner implements BatchPlan {
  readonly measures: Measure[] = [];
  readonly resources = new Map<string, GnocchiResource>();
  readonly dropped = { unknown_meter: 0, ignored_meter: 0, filtered_project: 0 };
  readonly unknownMeters = new Set<string>();
  readonly #definitions: GnocchiDefinitions;
  readonly #filteredProject: string | null;
  /** What the attributes of a resource were last read from: most samples of one resource share their metadata. */
  readonly #read = new Map<string, JsonObject>();

  constructor(definitions: GnocchiDefinitions, filteredProject: string | null) {
    this.#definitions = definitions;
    this.#filteredProject = filteredProject;
  }

  add(sample: Sample, index: number): void {
    const route = this.#definitions.meterRoute(sample.name);
    if (this.#isFiltered(sample, route)) {
      this.dropped.filtered_project++;
    } else if (route === null) {
      this.dropped.unknown_meter++;
      this.unknownMeters.add(sample.name);
    } else if (route.isIgnored) {
      this.dropped.ignored_meter++;
    } else {
      this.#addMeasure(sample, index, route);
    }
  }

  /** The project under which Gnocchi itself works, and its account in the object store. */
  #isFiltered(sample: Sample, route: MeterRoute | null): boolean {
    if (this.#filteredProject === null) return false;
    if (sample.projectId === this.#filteredProject) return true;
    return sample.resourceId === this.#filteredProject && route?.resource.type === 'swift_account';
  }

  #addMeasure(sample: Sample, index: number, route: MeterRoute): void {
    const resource = this.#resourceOf(sample, route.resource);
    this.measures.push({
      index,
      resource,
      meter: sample.name,
      archivePolicy: route.archivePolicy,
      unit: shortUnit(sample.unit),
      timestampMicros: sample.timestampMicros,
      value: sample.volume,
    });
  }

  #resourceOf(sample: Sample, definition: ResourceDefinition): GnocchiResource {
    const id = cleanText(sample.resourceId).replaceAll('/', '_');
    let resource = this.resources.get(id);
    if (resource === undefined) {
      const userId = sample.userId === null ? null : cleanText(sample.userId);
      const projectId = sample.projectId === null ? null : cleanText(sample.projectId);
      resource = { id, type: definition.type, userId, projectId, attributes: new Map() };
      this.resources.set(id, resource);
    }
    if (definition.type === resource.type) this.#readAttributes(sample, definition, resource);
    return resource;
  }

  #readAttributes(sample: Sample, definition: ResourceDefinition, resource: GnocchiResource): void {
    if (definition.attributes.length === 0) return;
    if (this.#read.get(resource.id) === sample.resourceMetadata) return;
    this.#read.set(resource.id, sample.resourceMetadata);
    const roots = { document: toSampleMapping(sample) };
    for (const { name, field } of definition.attributes) {
      const value = scalarOrNull(() => field.value(roots));
      if (value !== null) resource.attributes.set(name, typeof value === 'string' ? cleanText(value) : value);
    }
  }
}

/** Attributes of Gnocchi are scalars; anything else, and what a path does not fit, is as good as nothing. */
function scalarOrNull(read: () => JsonValue): JsonScalar {
  try {
    const value = read();
    return Array.isArray(value) || isJsonObject(value) ? null : (value as JsonScalar);
  } catch (thrown) {
    if (thrown instanceof PathEvaluationError) return null;
    throw thrown;
  }
}

/** Without what no database of Gnocchi takes, and on which it therefore fails instead of answering. Pure. */
export function cleanText(text: string): string {
  return text.includes('\0') || !text.isWellFormed() ? text.replaceAll('\0', '').toWellFormed() : text;
}

const MAX_UNIT = 31;

function shortUnit(unit: string | null): string | null {
  if (unit === null || unit === '') return null;
  const cleaned = cleanText(unit);
  return cleaned.length <= MAX_UNIT ? cleaned : [...cleaned].slice(0, MAX_UNIT).join('');
}

/**
 * The body that brings measures to Gnocchi. One mapping may hold a meter once only, so measures of one meter of one
 * resource stand together, in their order. Pure.
 */
export function measuresBody(measures: readonly Measure[]): string {
  const texts = new Map<string, Map<string, string[]>>();
  for (const measure of measures) {
    const meters = entryOf(texts, measure.resource.id, () => new Map<string, string[]>());
    const values = entryOf(meters, measure.meter, () => [headOf(measure)]);
    const { timestampMicros, value } = measure;
    values.push(`{"timestamp":"${formatUtc(timestampMicros)}","value":${numberText(value)}}`);
  }
  const resources = Array.from(texts, ([id, meters]) => {
    const entries = Array.from(meters, ([meter, values]) => `${JSON.stringify(meter)}:${joined(values)}`);
    return `${JSON.stringify(id)}:{${entries.join(',')}}`;
  });
  return `{${resources.join(',')}}`;
}

function entryOf<Value>(map: Map<string, Value>, key: string, make: () => Value): Value {
  let value = map.get(key);
  if (value === undefined) {
    value = make();
    map.set(key, value);
  }
  return value;
}

/** Everything of a meter before its values. */
function headOf({ archivePolicy, unit }: Measure): string {
  const policy = archivePolicy === null ? '' : `"archive_policy_name":${JSON.stringify(archivePolicy)},`;
  const unitText = unit === null ? '' : `"unit":${JSON.stringify(unit)},`;
  return `{${policy}${unitText}"measures":[`;
}

function joined([head = '', ...values]: readonly string[]): string {
  return `${head}${values.join(',')}]}`;
}

/** JSON has no text for what a broken source may still have given; Gnocchi refuses the null, and that measure alone. */
function numberText(value: number): string {
  return JSON.stringify(value);
}

/** The measures an answer of Gnocchi blames. `isCertain`: each of them alone would be refused too. */
export interface Blame {
  readonly measures: ReadonlySet<Measure>;
  readonly isCertain: boolean;
}

/**
 * What Gnocchi says about the place of the trouble: the archive policy that does not exist, the resource whose id is
 * impossible, the meter of which one value at least is wrong. Empty when it does not say. Pure.
 */
export function blamed(
  measures: readonly Measure[],
  refusal: { readonly text: string; readonly path: readonly string[] },
): Blame {
  const policy = /^Archive policy (.+) does not exist/i.exec(refusal.text)?.[1];
  if (policy !== undefined) {
    const found = measures.filter(({ archivePolicy }) => archivePolicy === policy);
    return { measures: new Set(found), isCertain: true };
  }
  const [id, meter] = refusal.path;
  const found = measures.filter(
    ({ resource, meter: own }) => resource.id === id && (meter === undefined || own === meter),
  );
  return { measures: new Set(found), isCertain: meter === undefined };
}

/** The body that creates a resource; with `only` the attributes, the body that changes it. Pure. */
export function resourceBody(resource: GnocchiResource): JsonObject {
  const { id, userId, projectId } = resource;
  return { id, user_id: userId, project_id: projectId, ...attributesOf(resource) };
}

/** What is known of a resource beside who created it. Nothing that is not known is taken away from it. Pure. */
export function changeBody(resource: GnocchiResource): JsonObject {
  const project = resource.projectId === null ? {} : { project_id: resource.projectId };
  return { ...project, ...attributesOf(resource) };
}

function attributesOf({ attributes }: GnocchiResource): JsonObject {
  return Object.fromEntries([...attributes].map(([name, value]) => [name, jsonOf(value)]));
}

/** Gnocchi knows no difference between 1.0 and 1. */
function jsonOf(value: JsonScalar): JsonScalar {
  return value instanceof FloatToken ? value.value : value;
}
