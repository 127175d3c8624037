import { NephoscopeError } from '../component/errors.ts';
import type { JsonObject } from '../model/json.ts';
import type { Logger } from '../observe/logger.ts';
import type { Series } from '../observe/metrics.ts';
import type { GnocchiApi, Refusal, ResourceOutcome } from './gnocchi-api.ts';
import { findResourceType } from './gnocchi-types.ts';
import { createTypeOnServer } from './gnocchi-upgrade.ts';

/** What is counted about resources; handed in by the publisher. */
export interface ResourceCounters {
  readonly created: Series;
  readonly updated: Series;
  readonly refusedAttributes: Series;
}

/** Of one publisher, so that the same trouble is told once and not for each resource. */
const MAX_TOLD = 1_000;
/** Without these nothing would be said. */
const NEEDED: ReadonlySet<string> = new Set(['id', 'ended_at']);

/**
 * Creates and changes resources, giving up as little as possible: an attribute that Gnocchi refuses is left out and
 * the rest sent again, and a resource type that is missing is made when it is one of those we know. Calls may overlap.
 */
export class ResourceWriter {
  readonly #api: GnocchiApi;
  readonly #log: Logger;
  readonly #counters: ResourceCounters;
  readonly #told = new Set<string>();
  /** Types that were made, or could not be, since the start. */
  readonly #types = new Map<string, Promise<boolean>>();

  constructor(api: GnocchiApi, log: Logger, counters: ResourceCounters) {
    this.#api = api;
    this.#log = log;
    this.#counters = counters;
  }

  /** `body` has the id and the attributes. Throws a transient `NephoscopeError` when Gnocchi cannot be asked now. */
  async create(type: string, body: JsonObject, signal: AbortSignal): Promise<ResourceOutcome> {
    const create = (tried: JsonObject): Promise<ResourceOutcome> =>
      this.#api.createResource(type, tried, signal);
    let outcome = await this.#withoutRefused(type, body, create);
    if (isMissingType(outcome) && (await this.#ensureType(type, signal))) {
      outcome = await this.#withoutRefused(type, body, create);
    }
    if (outcome.kind === 'done') this.#counters.created.add();
    return outcome;
  }

  /** As `create`. `body` has what is to be changed. */
  async update(type: string, id: string, body: JsonObject, signal: AbortSignal): Promise<ResourceOutcome> {
    const outcome = await this.#withoutRefused(type, body, (tried) =>
      this.#api.updateResource(type, id, tried, signal),
    );
    if (outcome.kind === 'done') this.#counters.updated.add();
    return outcome;
  }

  /** Each round leaves one attribute out, or makes a text of it, or simplifies them all, so it ends. */
  async #withoutRefused(
    type: string,
    body: JsonObject,
    send: (body: JsonObject) => Promise<ResourceOutcome>,
  ): Promise<ResourceOutcome> {
    let tried = body;
    for (;;) {
      const outcome = await send(tried);
      if (outcome.kind !== 'refused') return outcome;
      const simpler = outcome.refusal.status === 500 ? withoutAstral(tried) : null;
      if (simpler !== null) {
        tried = simpler;
        continue;
      }
      const [attribute] = outcome.refusal.path;
      const isOurs = attribute !== undefined && !NEEDED.has(attribute) && Object.hasOwn(tried, attribute);
      if (!isOurs || outcome.refusal.status !== 400) return outcome;
      const value = tried[attribute];
      if (typeof value !== 'string' && value !== null) {
        // A flavor with the id 1: Gnocchi wants a text where the service sent a number.
        tried = { ...tried, [attribute]: String(value) };
        continue;
      }
      this.#counters.refusedAttributes.add();
      this.tellOnce(
        `${type}.${attribute}`,
        { type, attribute, answer: outcome.refusal.text },
        'Gnocchi refuses an attribute, the resource goes without it',
      );
      tried = Object.fromEntries(Object.entries(tried).filter(([name]) => name !== attribute));
    }
  }

  /** Warns once about each thing. */
  tellOnce(what: string, fields: Readonly<Record<string, unknown>>, message: string): void {
    if (this.#told.has(what) || this.#told.size >= MAX_TOLD) return;
    this.#told.add(what);
    this.#log.warn(fields, message);
  }

  /** Whether the type is there now because it was made. */
  async #ensureType(name: string, signal: AbortSignal): Promise<boolean> {
    const type = findResourceType(name);
    if (type === null) return false;
    const known = this.#types.get(name) ?? this.#makeType(name, createTypeOnServer(this.#api, type, signal));
    this.#types.set(name, known);
    try {
      return await known;
    } catch (thrown) {
      this.#types.delete(name);
      throw thrown;
    }
  }

  async #makeType(type: string, made: Promise<Refusal | null>): Promise<boolean> {
    const refusal = await made;
    if (refusal === null) this.#log.info({ type }, 'Resource type created in Gnocchi');
    else this.#log.warn({ type, answer: refusal.text }, 'Resource type missing in Gnocchi and not created');
    return refusal === null;
  }
}

/** A MySQL with three bytes for a character fails on pictographs in the names of servers. Null when there are none. */
function withoutAstral(body: JsonObject): JsonObject | null {
  const astral = /[\u{10000}-\u{10ffff}]/gu;
  const entries = Object.entries(body);
  if (
    !entries.some(
      ([name, value]) => name !== 'id' && typeof value === 'string' && /[\ud800-\udbff]/.test(value),
    )
  ) {
    return null;
  }
  const replaced = entries.map(([name, value]) => [
    name,
    name !== 'id' && typeof value === 'string' ? value.replace(astral, '\ufffd') : value,
  ]);
  return Object.fromEntries(replaced);
}

function isMissingType(outcome: ResourceOutcome): boolean {
  return outcome.kind === 'refused' && outcome.refusal.status === 404 && outcome.refusal.isExplained;
}

/** What a refused resource means to what was to be written under it. Pure. */
export function resourceError(type: string, id: string, refusal: Refusal): NephoscopeError {
  const what = `Gnocchi refused the resource ${JSON.stringify(id)} of type ${type} (${refusal.status})`;
  return new NephoscopeError('E8043', `${what}: "${refusal.text}"`, { retry: retryOf(refusal) });
}

/** What Gnocchi explains is about what was sent; the rest, and what we may not do, is for the operator to repair. */
export function retryOf({ status, isExplained }: Refusal): 'permanent' | 'transient' {
  return isExplained && status !== 403 && status < 500 ? 'permanent' : 'transient';
}
