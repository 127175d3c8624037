import type { Component, ComponentStatus } from '../component/component.ts';
import { NephoscopeError } from '../component/errors.ts';
import { eachAtOnce } from '../lib/each-at-once.ts';
import type { Event } from '../model/event.ts';
import type { JsonObject, JsonScalar } from '../model/json.ts';
import type { ResourceOutcome } from './gnocchi-api.ts';
import { cleanText } from './gnocchi-batch.ts';
import type { EventRoute } from './gnocchi-definitions.ts';
import { type GnocchiParts, RESOURCE_REQUESTS } from './gnocchi-parts.ts';
import { resourceError } from './gnocchi-resources.ts';
import { Fates } from './item-fates.ts';
import type { Publisher, PublishResult } from './publisher.ts';

/**
 * `gnocchi://` for events: creates, changes and ends resources as `event_create`, `event_update` and `event_delete` of
 * the definitions say. Events of one resource keep their order; what is about different resources overlaps. What Gnocchi
 * has already, or does not have, is no error; giving an event again changes nothing.
 *
 * A resource ends when its event happened, not, as in the original, when the event is handled; where Gnocchi has it
 * begin later than that (it learnt of it late), it ends now.
 *
 * Source: ceilometer `publisher/gnocchi.py`, publish_events.
 */
export function createGnocchiEventPublisher(parts: GnocchiParts): Publisher<Event> {
  return new GnocchiEvents(parts);
}

/** One event and what is to be done about it. */
interface Task {
  readonly index: number;
  readonly event: Event;
  readonly route: EventRoute;
  readonly id: string;
  readonly attributes: JsonObject;
}

class GnocchiEvents implements Publisher<Event> {
  readonly name: string;
  readonly #parts: GnocchiParts;

  constructor(parts: GnocchiParts) {
    this.name = parts.connection.name;
    this.#parts = parts;
  }

  start(signal: AbortSignal): Promise<void> {
    return this.#parts.connection.start(signal);
  }

  stop(...[deadline]: Parameters<Component['stop']>): Promise<void> {
    return this.#parts.connection.stop(deadline);
  }

  status(): ComponentStatus {
    return this.#parts.connection.status();
  }

  async publish(events: readonly Event[], signal: AbortSignal): Promise<PublishResult> {
    const fates = new Fates();
    const byResource = this.#plan(events, fates);
    await eachAtOnce(byResource.values(), RESOURCE_REQUESTS, (tasks) => this.#inOrder(tasks, fates, signal));
    return fates.result(events.length);
  }

  /** The tasks of each resource, in the order of their events. */
  #plan(events: readonly Event[], fates: Fates): ReadonlyMap<string, readonly Task[]> {
    const byResource = new Map<string, Task[]>();
    for (const [index, event] of events.entries()) {
      const route = this.#parts.definitions.eventRoute(event.eventType);
      if (route === null) continue;
      const task = taskOf(index, event, route);
      if (task === null) fates.fail([index], withoutId(event, route));
      else if (!byResource.get(task.id)?.push(task)) byResource.set(task.id, [task]);
    }
    return byResource;
  }

  /** When one cannot be done now, those behind it wait with it. */
  async #inOrder(tasks: readonly Task[], fates: Fates, signal: AbortSignal): Promise<void> {
    for (const [position, task] of tasks.entries()) {
      const error = await this.#failureOf(task, signal);
      if (error === null) continue;
      const lost = error.retry === 'permanent' ? [task] : tasks.slice(position);
      fates.fail(
        lost.map(({ index }) => index),
        error,
      );
      if (error.retry === 'transient') return;
    }
  }

  /**
   * Null when it was done. What Gnocchi refuses twice without an explanation, or does not let us do, while it answers
   * other questions, is refused for good: it would hold up all events behind it for ever.
   */
  async #failureOf(task: Task, signal: AbortSignal): Promise<NephoscopeError | null> {
    const first = await this.#try(task, signal);
    if (first === null || first.code !== 'E8043' || first.retry === 'permanent') return first;
    const second = await this.#try(task, signal);
    if (second === null || second.code !== 'E8043' || second.retry === 'permanent') return second;
    const type = await this.#parts.api.resourceType(task.route.resource.type, signal).catch(() => null);
    return type?.kind === 'found' ? new NephoscopeError('E8043', second.message) : second;
  }

  async #try(task: Task, signal: AbortSignal): Promise<NephoscopeError | null> {
    try {
      await this.#do(task, signal);
      return null;
    } catch (thrown) {
      if (thrown instanceof NephoscopeError) return thrown;
      throw thrown;
    }
  }

  async #do(task: Task, signal: AbortSignal): Promise<void> {
    switch (task.route.operation) {
      case 'create':
        return await this.#create(task, signal);
      case 'update':
        return await this.#update(task, signal);
      case 'delete':
        return await this.#end(task, signal);
    }
  }

  async #create({ route, id, attributes }: Task, signal: AbortSignal): Promise<void> {
    const { type } = route.resource;
    check(type, id, await this.#parts.resources.create(type, { id, ...attributes }, signal));
  }

  /** What belongs to the resource changes owner with it; its other attributes are its own. */
  async #update(task: Task, signal: AbortSignal): Promise<void> {
    const { route, id, attributes } = task;
    await this.#change(route.resource.type, id, attributes, signal);
    const owner = Object.entries(attributes).filter(([name]) => name === 'project_id' || name === 'user_id');
    if (owner.length === 0) return;
    await this.#eachAssociated(task, signal, (type, other) =>
      this.#change(type, other, Object.fromEntries(owner), signal),
    );
  }

  async #end(task: Task, signal: AbortSignal): Promise<void> {
    const { route, id, event } = task;
    await this.#endOne(route.resource.type, id, event, signal);
    await this.#eachAssociated(task, signal, (type, other) => this.#endOne(type, other, event, signal));
  }

  async #endOne(type: string, id: string, event: Event, signal: AbortSignal): Promise<void> {
    const { resources } = this.#parts;
    const outcome = await resources.update(type, id, { ended_at: event.generated }, signal);
    if (outcome.kind !== 'refused' || outcome.refusal.status !== 400) return check(type, id, outcome);
    const now = new Date().toISOString().replace('Z', '');
    check(type, id, await resources.update(type, id, { ended_at: now }, signal));
  }

  async #change(type: string, id: string, body: JsonObject, signal: AbortSignal): Promise<void> {
    check(type, id, await this.#parts.resources.update(type, id, body, signal));
  }

  async #eachAssociated(
    { route, id }: Task,
    signal: AbortSignal,
    change: (type: string, id: string) => Promise<void>,
  ): Promise<void> {
    for (const { type, search } of route.resource.associated) {
      const found = await this.#parts.api.searchResources(type, search(id), signal);
      if (found === null) this.#tellSearch(type);
      await eachAtOnce(found ?? [], RESOURCE_REQUESTS, (other) => change(type, other));
    }
  }

  #tellSearch(type: string): void {
    const message = 'Gnocchi refuses the search for resources that belong to others; they stay as they are';
    this.#parts.resources.tellOnce(`search ${type}`, { type }, message);
  }
}

function taskOf(index: number, event: Event, route: EventRoute): Task | null {
  const attributes = new Map<string, JsonScalar>();
  for (const [name, trait] of route.resource.eventAttributes) {
    const value = event.traits.find(([one]) => one === trait)?.[2];
    if (value !== undefined) attributes.set(name, typeof value === 'string' ? cleanText(value) : value);
  }
  const id = attributes.get('id');
  attributes.delete('id');
  if (id === undefined || id === '' || id === null) return null;
  const plainId = String(id).replaceAll('/', '_');
  return { index, event, route, id: plainId, attributes: Object.fromEntries(attributes) };
}

function withoutId({ eventType, messageId }: Event, { resource }: EventRoute): NephoscopeError {
  const trait = resource.eventAttributes.get('id') ?? 'id';
  const message = `Event ${eventType} (${messageId}) has no trait ${trait}, which names its ${resource.type}`;
  return new NephoscopeError('E8045', message);
}

/** What Gnocchi has already or does not have needs nothing. */
function check(type: string, id: string, outcome: ResourceOutcome): void {
  if (outcome.kind === 'refused') throw resourceError(type, id, outcome.refusal);
}
