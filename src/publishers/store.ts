import type { Component } from '../component/component.ts';
import type { Event } from '../model/event.ts';
import type { Sample } from '../model/sample.ts';
import type { EventStore, RecordResult, SampleStore } from '../store/store.ts';
import type { Publisher, PublisherDefinition, PublishResult } from './publisher.ts';

export const STORE_PUBLISHER: PublisherDefinition = {
  schemes: ['store', 'direct'],
  summary: 'Writes to the configured store. The default of both pipelines.',
  form: 'store://',
  examples: ['store://'],
  parameters: [],
  delivery: { isDirect: true },
  samples: (_url, { store }) => createSampleStorePublisher(store),
  events: (_url, { store }) => createEventStorePublisher(store),
};

/**
 * `store://` (alias `direct://`): writes to the configured store; the default of both pipelines.
 *
 * The store is a component of its own, started before and stopped after its publishers, so these have no life of
 * their own. A batch is safe when `publish` resolves: the store has committed it.
 */
export function createSampleStorePublisher(store: Component & SampleStore): Publisher<Sample> {
  return storePublisher(store, 'samples', (samples) => store.recordSamples(samples));
}

/** As `createSampleStorePublisher`, for events. */
export function createEventStorePublisher(store: Component & EventStore): Publisher<Event> {
  return storePublisher(store, 'events', (events) => store.recordEvents(events));
}

function storePublisher<Item>(
  store: Component,
  what: string,
  record: (items: readonly Item[]) => Promise<RecordResult>,
): Publisher<Item> {
  return {
    name: `publisher:store:${what}`,
    start: () => Promise.resolve(),
    stop: () => Promise.resolve(),
    status: () => store.status(),
    publish: (items) => record(items).then(toPublishResult),
  };
}

/** Knows nothing of the items: they are not held while the commit is awaited. */
function toPublishResult({ recorded, duplicates, rejected }: RecordResult): PublishResult {
  return { accepted: recorded, duplicates, rejected };
}
