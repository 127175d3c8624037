import { Type } from '@sinclair/typebox';
import { TRAIT_TYPE_NAMES } from '../model/event.ts';
import { boundedList } from './bounded-list.ts';
import { renderTrait } from './render.ts';
import { type ApiRoute, defineRoute } from './route.ts';
import { TRAIT_DESCRIPTION_SCHEMA, TRAIT_SCHEMA } from './schemas.ts';

const listEventTypes = defineRoute({
  method: 'GET',
  path: '/v2/event_types',
  tag: 'events',
  summary: 'Event types that have events, sorted.',
  answer: Type.Array(Type.String()),
  handle: async ({ store }) => ({ body: await store.eventTypes() }),
});

const listTraitDescriptions = defineRoute({
  method: 'GET',
  path: '/v2/event_types/:eventType/traits',
  tag: 'events',
  summary: 'Names and types of the traits of one event type.',
  answer: Type.Array(TRAIT_DESCRIPTION_SCHEMA),
  handle: async ({ store }, { path }) => {
    const traits = await store.traitDescriptions(path.eventType ?? '');
    return { body: traits.map(({ name, type }) => ({ type: TRAIT_TYPE_NAMES[type], name })) };
  },
});

const listTraits = defineRoute({
  method: 'GET',
  path: '/v2/event_types/:eventType/traits/:trait',
  tag: 'events',
  summary: 'Every occurrence of one trait in the events of one type, oldest event first.',
  isUnlimited: true,
  answer: Type.Array(TRAIT_SCHEMA),
  handle: async ({ store, limits }, { path }) => {
    const { eventType = '', trait = '' } = path;
    // The original has no limit here.
    const all = Number.POSITIVE_INFINITY;
    const traits = await boundedList(all, limits, (limit) => store.traits(eventType, trait, limit));
    return { body: traits.map(renderTrait) };
  },
});

/** `/v2/event_types` and what is below it. */
export const EVENT_TYPE_ROUTES: readonly ApiRoute[] = [listEventTypes, listTraitDescriptions, listTraits];
