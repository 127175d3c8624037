import { NephoscopeError } from '../component/errors.ts';
import type { JsonObject, JsonValue } from '../model/json.ts';
import type { ServiceClient } from '../openstack/service-client.ts';
import { GnocchiApi, type Refusal } from './gnocchi-api.ts';
import { attributeBody, RESOURCE_TYPES, type ResourceAttribute, type ResourceType } from './gnocchi-types.ts';

/** What an upgrade did. Names of types, and of attributes as `type.attribute`. */
export interface GnocchiUpgrade {
  /** Version of the server. */
  readonly version: string;
  readonly createdTypes: readonly string[];
  readonly addedAttributes: readonly string[];
  /** What was right already. */
  readonly unchangedTypes: readonly string[];
  /** What the server does not let us do; the rest is done all the same. */
  readonly failures: readonly NephoscopeError[];
}

const OLDEST = [4, 2] as const;

/**
 * Makes the resource types of Gnocchi what the shipped gnocchi_resources.yaml needs, as `ceilometer-upgrade` does: types
 * that are missing are created, attributes that are missing are added; nothing is removed and what operators added is
 * left alone. Doing it again changes nothing; it may run beside others.
 *
 * Throws a `NephoscopeError` when the server cannot be reached (transient) or is older than 4.2 (E8047, permanent).
 * Refused changes are not thrown but listed (E8046).
 *
 * Source: ceilometer `gnocchi_client.py`, upgrade_resource_types.
 */
export async function upgradeGnocchi(client: ServiceClient, signal: AbortSignal): Promise<GnocchiUpgrade> {
  const api = new GnocchiApi(client);
  const version = await api.version(signal);
  checkVersion(version);
  const upgrade = new Upgrade(api, signal);
  for (const type of RESOURCE_TYPES) await upgrade.bring(type);
  return { version, ...upgrade.done };
}

/** Creates one type as a whole; null when it is there afterwards, also by somebody else. */
export async function createTypeOnServer(
  api: GnocchiApi,
  { name, attributes }: ResourceType,
  signal: AbortSignal,
): Promise<Refusal | null> {
  const bodies = Object.entries(attributes).map(([key, attribute]) => [key, attributeBody(attribute)]);
  return await api.createResourceType({ name, attributes: Object.fromEntries(bodies) as JsonObject }, signal);
}

function checkVersion(version: string): void {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  if (major > OLDEST[0] || (major === OLDEST[0] && minor >= OLDEST[1])) return;
  throw new NephoscopeError('E8047', `Gnocchi ${version} is too old; ${OLDEST.join('.')} or later is needed`);
}

class Upgrade {
  readonly done = {
    createdTypes: [] as string[],
    addedAttributes: [] as string[],
    unchangedTypes: [] as string[],
    failures: [] as NephoscopeError[],
  };
  readonly #api: GnocchiApi;
  readonly #signal: AbortSignal;

  constructor(api: GnocchiApi, signal: AbortSignal) {
    this.#api = api;
    this.#signal = signal;
  }

  async bring(type: ResourceType): Promise<void> {
    const found = await this.#api.resourceType(type.name, this.#signal);
    if (found.kind === 'refused') this.#fail(`The resource type ${type.name} cannot be read`, found.refusal);
    else if (found.kind === 'missing') await this.#create(type);
    else await this.#complete(type, found.attributes);
  }

  async #create(type: ResourceType): Promise<void> {
    const refusal = await createTypeOnServer(this.#api, type, this.#signal);
    if (refusal === null) this.done.createdTypes.push(type.name);
    else this.#fail(`The resource type ${type.name} cannot be created`, refusal);
  }

  /** One by one, so that what is refused does not take the others with it. */
  async #complete(type: ResourceType, found: ReadonlySet<string>): Promise<void> {
    const missing = Object.entries(type.attributes).filter(([name]) => !found.has(name));
    if (missing.length === 0) this.done.unchangedTypes.push(type.name);
    for (const [name, attribute] of missing) {
      const full = `${type.name}.${name}`;
      const refusal = await this.#api.changeResourceType(
        type.name,
        [additionOf(name, attribute)],
        this.#signal,
      );
      if (refusal === null) this.done.addedAttributes.push(full);
      else this.#fail(`The attribute ${full} cannot be added`, refusal);
    }
  }

  #fail(what: string, { status, text }: Refusal): void {
    this.done.failures.push(new NephoscopeError('E8046', `${what} (${status}): "${text}"`));
  }
}

function additionOf(name: string, attribute: ResourceAttribute): JsonValue {
  const body = attributeBody(attribute);
  const value = attribute.fill === null ? body : { ...body, options: { fill: attribute.fill } };
  return { op: 'add', path: `/attributes/${name}`, value };
}
