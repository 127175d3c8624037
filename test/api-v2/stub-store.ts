import type { Store } from '../../src/store/store.ts';

/** A store that has nothing, for tests of what does not depend on stored data; `methods` replace its answers. */
export function stubStore(methods: Partial<Store> = {}): Store {
  const nothing = async (): Promise<readonly never[]> => [];
  const none = async (): Promise<null> => null;
  return {
    name: 'store:stub',
    start: async () => {},
    stop: async () => {},
    status: () => ({ state: 'ok' }),
    recordSamples: async ({ length }) => ({ recorded: length, duplicates: [], rejected: [] }),
    recordEvents: async ({ length }) => ({ recorded: length, duplicates: [], rejected: [] }),
    meters: nothing,
    samples: nothing,
    sample: none,
    resources: nothing,
    statistics: nothing,
    events: nothing,
    event: none,
    eventTypes: nothing,
    traitDescriptions: nothing,
    traits: nothing,
    park: async () => {},
    parked: nothing,
    parkedItem: none,
    parkedCount: async () => 0,
    dropParked: async () => 0,
    expire: async () => ({ samples: 0, events: 0 }),
    ...methods,
  };
}
