import type { PublisherDefinition } from './publisher.ts';
import { STORE_PUBLISHER } from './store.ts';

/** Every publisher there is. A new one is its file, its test and a line here. */
export const PUBLISHERS: readonly PublisherDefinition[] = [STORE_PUBLISHER];
