import { NephoscopeError } from '../component/errors.ts';
import { stringifyExact } from '../lib/exact-json.ts';
import type { JsonObject, JsonValue } from '../model/json.ts';
import { wasClosedByServer } from '../openstack/http.ts';
import type { ServiceAnswer, ServiceClient, ServiceRequest } from '../openstack/service-client.ts';

/** What Gnocchi said when it did not do what it was asked. */
export interface Refusal {
  readonly status: number;
  /** For people: one line, not long. */
  readonly text: string;
  /** False when the answer has not the form of Gnocchi's errors: it may be of a proxy, and says nothing. */
  readonly isExplained: boolean;
  /** Where in the request the trouble is: keys and indexes from its root; empty when it is not said. */
  readonly path: readonly string[];
}

export type MeasuresOutcome =
  | { readonly kind: 'taken' }
  | { readonly kind: 'unknown-resources'; readonly ids: readonly string[] }
  | { readonly kind: 'refused'; readonly refusal: Refusal };

export type ResourceOutcome =
  | { readonly kind: 'done' }
  /** A creation: it is there already. */
  | { readonly kind: 'exists' }
  /** A change: there is no such resource of this type. */
  | { readonly kind: 'missing' }
  | { readonly kind: 'refused'; readonly refusal: Refusal };

export type TypeOutcome =
  | { readonly kind: 'found'; readonly attributes: ReadonlySet<string> }
  | { readonly kind: 'missing' }
  | { readonly kind: 'refused'; readonly refusal: Refusal };

/**
 * The calls of Gnocchi's API v1 that a publisher makes, and what the answers mean. Stateless; calls may overlap. All
 * throw what `ServiceClient` throws.
 */
export class GnocchiApi {
  readonly #client: ServiceClient;

  constructor(client: ServiceClient) {
    this.#client = client;
  }

  /** Null when Gnocchi dropped the connection: under uwsgi that is what an error it did not expect looks like. */
  async #write(request: ServiceRequest, signal: AbortSignal): Promise<ServiceAnswer | null> {
    try {
      return await this.#client.call(request, signal);
    } catch (thrown) {
      if (thrown instanceof NephoscopeError && wasClosedByServer(thrown)) return null;
      throw thrown;
    }
  }

  /** `body`: JSON of `{resource id: {meter: {measures, archive_policy_name, unit}}}`. */
  async postMeasures(body: string, signal: AbortSignal): Promise<MeasuresOutcome> {
    const path = '/v1/batch/resources/metrics/measures?create_metrics=true';
    const answer = await this.#write({ method: 'POST', path, body }, signal);
    if (answer === null) return { kind: 'refused', refusal: CRASHED };
    if (isSuccess(answer)) return { kind: 'taken' };
    const description = descriptionOf(answer);
    const ids = unknownResources(description);
    if (answer.status === 400 && ids !== null) return { kind: 'unknown-resources', ids };
    return { kind: 'refused', refusal: refusalOf(answer.status, description) };
  }

  /** `body` has the id and the attributes. */
  async createResource(type: string, body: JsonObject, signal: AbortSignal): Promise<ResourceOutcome> {
    const path = `/v1/resource/${encodeURIComponent(type)}`;
    const answer = await this.#write({ method: 'POST', path, body: stringifyExact(body) }, signal);
    if (answer === null) return { kind: 'refused', refusal: CRASHED };
    if (isSuccess(answer)) return { kind: 'done' };
    if (answer.status === 409) return { kind: 'exists' };
    return { kind: 'refused', refusal: refusalOf(answer.status, descriptionOf(answer)) };
  }

  async updateResource(
    type: string,
    id: string,
    body: JsonObject,
    signal: AbortSignal,
  ): Promise<ResourceOutcome> {
    const path = `/v1/resource/${encodeURIComponent(type)}/${encodeURIComponent(id)}`;
    const answer = await this.#write({ method: 'PATCH', path, body: stringifyExact(body) }, signal);
    if (answer === null) return { kind: 'refused', refusal: CRASHED };
    if (isSuccess(answer)) return { kind: 'done' };
    const refusal = refusalOf(answer.status, descriptionOf(answer));
    return answer.status === 404 ? { kind: 'missing' } : { kind: 'refused', refusal };
  }

  /** The ids of all resources of a type that a search finds, page by page. Null when it is refused. */
  async searchResources(
    type: string,
    search: JsonValue,
    signal: AbortSignal,
  ): Promise<readonly string[] | null> {
    const ids: string[] = [];
    for (let page = 0; page < MAX_PAGES; page++) {
      const marker = ids.length === 0 ? '' : `&marker=${encodeURIComponent(ids.at(-1) ?? '')}`;
      const path = `/v1/search/resource/${encodeURIComponent(type)}?limit=${PAGE}&sort=id:asc${marker}`;
      const answer = await this.#client.call({ method: 'POST', path, body: stringifyExact(search) }, signal);
      // A type that was never made has no resources.
      if (answer.status === 404) break;
      const found = answer.status === 200 ? answer.json() : null;
      if (!Array.isArray(found)) return null;
      ids.push(...found.flatMap((one: unknown) => (isRecord(one) ? [String(one['id'])] : [])));
      if (found.length < PAGE) break;
    }
    return ids;
  }

  /** Creates an archive policy; one that exists stays as it is. Null when it is there afterwards. */
  async ensureArchivePolicy(policy: JsonObject, signal: AbortSignal): Promise<Refusal | null> {
    const path = '/v1/archive_policy';
    const answer = await this.#client.call({ method: 'POST', path, body: stringifyExact(policy) }, signal);
    if (isSuccess(answer) || answer.status === 409) return null;
    // One who may not create them may find them created by somebody else.
    const named = `${path}/${encodeURIComponent(String(policy['name']))}`;
    const known = await this.#client.call({ method: 'GET', path: named }, signal);
    return isSuccess(known) ? null : refusalOf(answer.status, descriptionOf(answer));
  }

  /** The version of the server, e.g. `4.4.2`. Throws a transient `NephoscopeError` (E8047) when it is no Gnocchi. */
  async version(signal: AbortSignal): Promise<string> {
    const answer = await this.#client.call({ method: 'GET', path: '/' }, signal);
    const root = answer.json();
    const build = isRecord(root) ? root['build'] : undefined;
    if (typeof build === 'string') return build;
    const message = `What answers at ${this.#client.shownEndpoint()} does not say which Gnocchi it is`;
    throw new NephoscopeError('E8047', message, { retry: 'transient' });
  }

  /** Whether there is a resource type of this name, and which attributes it has. */
  async resourceType(type: string, signal: AbortSignal): Promise<TypeOutcome> {
    const path = `/v1/resource_type/${encodeURIComponent(type)}`;
    const answer = await this.#client.call({ method: 'GET', path }, signal);
    if (answer.status === 404) return { kind: 'missing' };
    const found = answer.json();
    if (!isSuccess(answer) || !isRecord(found)) {
      return { kind: 'refused', refusal: refusalOf(answer.status, descriptionOf(answer)) };
    }
    const { attributes } = found;
    return { kind: 'found', attributes: new Set(isRecord(attributes) ? Object.keys(attributes) : []) };
  }

  /** Null when it is there afterwards. */
  async createResourceType(body: JsonObject, signal: AbortSignal): Promise<Refusal | null> {
    const request = { method: 'POST', path: '/v1/resource_type', body: stringifyExact(body) } as const;
    const answer = await this.#client.call(request, signal);
    if (isSuccess(answer) || answer.status === 409) return null;
    return refusalOf(answer.status, descriptionOf(answer));
  }

  /** `changes`: a JSON patch. Null when it was done. */
  async changeResourceType(type: string, changes: JsonValue, signal: AbortSignal): Promise<Refusal | null> {
    const request = {
      method: 'PATCH',
      path: `/v1/resource_type/${encodeURIComponent(type)}`,
      body: stringifyExact(changes),
      contentType: 'application/json-patch+json',
    } as const;
    const answer = await this.#client.call(request, signal);
    return isSuccess(answer) ? null : refusalOf(answer.status, descriptionOf(answer));
  }
}

const CRASHED: Refusal = {
  status: 500,
  text: 'the connection was closed without an answer',
  isExplained: false,
  path: [],
};

/** The most the server gives at a time. */
const PAGE = 1000;
/** A search that finds more is no search for the disks of a server. */
const MAX_PAGES = 100;

function isSuccess({ status }: ServiceAnswer): boolean {
  return status >= 200 && status < 300;
}

/** What an error says: a text or an object. Behind a proxy it may be something else altogether. */
function descriptionOf(answer: ServiceAnswer): unknown {
  const body = answer.json();
  return isRecord(body) ? (body['description'] ?? null) : null;
}

function unknownResources(description: unknown): readonly string[] | null {
  if (!isRecord(description) || description['cause'] !== 'Unknown resources') return null;
  const { detail } = description;
  if (!Array.isArray(detail)) return null;
  return detail.flatMap((one: unknown) => {
    const id = isRecord(one) ? one['original_resource_id'] : null;
    return typeof id === 'string' ? [id] : [];
  });
}

function refusalOf(status: number, description: unknown): Refusal {
  if (!isRecord(description)) {
    const isExplained = typeof description === 'string' && description !== '';
    const text = isExplained ? oneLine(description) : 'no explanation';
    const attribute = /\bfor attribute (\S+) on resource type /.exec(text)?.[1];
    return { status, text, isExplained, path: attribute === undefined ? [] : [attribute] };
  }
  const { cause, reason, detail } = description;
  const parts = [cause, reason].filter((part) => typeof part === 'string');
  return {
    status,
    text: oneLine(parts.join(': ') || JSON.stringify(description)),
    isExplained: true,
    path: Array.isArray(detail) ? detail.filter((part) => typeof part === 'string') : [],
  };
}

const MAX_TEXT = 300;

function oneLine(text: string): string {
  const line = text.replace(/[\s\x00-\x1f\x7f]+/g, ' ').trim();
  return line.length > MAX_TEXT ? `${line.slice(0, MAX_TEXT)}…` : line;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
