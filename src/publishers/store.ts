import type { Component } from '../component/component.ts';
import { NephoscopeError } from '../component/errors.ts';
import type { Event } from '../model/event.ts';
import type { Sample } from '../model/sample.ts';
import type { EventStore, RecordResult, SampleStore } from '../store/store.ts';
import type { Publisher, PublisherDefinition, PublishResult, Rejection } from './publisher.ts';

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
    publish: (items) => recordOrSingleOut(items, record),
  };
}

/**
 * When the store refuses a batch for good, one bad item must not take the others with it: they are recorded one
 * by one and only what is refused alone is rejected.
 */
async function recordOrSingleOut<Item>(
  items: readonly Item[],
  record: (items: readonly Item[]) => Promise<RecordResult>,
): Promise<PublishResult> {
  try {
    const { duplicates } = await record(items);
    return { accepted: items.length - duplicates.length, duplicates, rejected: [] };
  } catch (thrown) {
    if (!(thrown instanceof NephoscopeError) || thrown.retry === 'transient') throw thrown;
    if (items.length === 1) return { accepted: 0, duplicates: [], rejected: [{ index: 0, error: thrown }] };
  }
  const duplicates: number[] = [];
  const rejected: Rejection[] = [];
  for (const [index, item] of items.entries()) {
    const single = await recordOrSingleOut([item], record);
    if (single.duplicates.length > 0) duplicates.push(index);
    for (const { error } of single.rejected) rejected.push({ index, error });
  }
  return { accepted: items.length - duplicates.length - rejected.length, duplicates, rejected };
}
