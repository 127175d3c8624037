import { Type } from '@sinclair/typebox';
import { boundedList } from './bounded-list.ts';
import { CONDITIONS } from './conditions.ts';
import { notFound } from './errors.ts';
import { eventConditions } from './event-conditions.ts';
import { LIMIT } from './parameters.ts';
import { renderEvent } from './render.ts';
import { type ApiRoute, defineRoute } from './route.ts';
import { EVENT_SCHEMA } from './schemas.ts';

const listEvents = defineRoute({
  method: 'GET',
  path: '/v2/events',
  tag: 'events',
  summary:
    'Events, oldest first. Fields of conditions: event_type, message_id, start_timestamp, end_timestamp, traits.',
  parameters: { conditions: CONDITIONS, limit: LIMIT },
  answer: Type.Array(EVENT_SCHEMA),
  handle: async ({ store, limits }, { query }) => {
    const conditions = eventConditions(query.conditions);
    const events = await boundedList(query.limit, limits, (limit) => store.events({ ...conditions, limit }));
    return { body: events.map(renderEvent) };
  },
});

const showEvent = defineRoute({
  method: 'GET',
  path: '/v2/events/:id',
  tag: 'events',
  summary: 'One event.',
  answer: EVENT_SCHEMA,
  handle: async ({ store }, { path }) => {
    const id = path.id ?? '';
    const event = await store.event(id);
    if (event === null) throw notFound('Event', id);
    return { body: renderEvent(event) };
  },
});

/** `/v2/events` and one event of it. */
export const EVENT_ROUTES: readonly ApiRoute[] = [listEvents, showEvent];
