import type { Event } from '../model/event.ts';
import type { Sample } from '../model/sample.ts';
import type { Store } from '../store/store.ts';
import type { Publisher } from './publisher.ts';
import { createEventStorePublisher, createSampleStorePublisher } from './store.ts';

/** What publishers may use of the program they live in. */
export interface PublisherContext {
  readonly store: Store;
}

/** Makes a publisher of a pipeline file's URL; throws a `NephoscopeError` (E1113) when the URL is wrong. */
export type PublisherFactory<Item> = (url: string, context: PublisherContext) => Publisher<Item>;

/** Publishers of samples by URL scheme. */
export const SAMPLE_PUBLISHERS: Readonly<Record<string, PublisherFactory<Sample>>> = {
  store: (_url, { store }) => createSampleStorePublisher(store),
  direct: (_url, { store }) => createSampleStorePublisher(store),
};

/** Publishers of events by URL scheme. */
export const EVENT_PUBLISHERS: Readonly<Record<string, PublisherFactory<Event>>> = {
  store: (_url, { store }) => createEventStorePublisher(store),
  direct: (_url, { store }) => createEventStorePublisher(store),
};
