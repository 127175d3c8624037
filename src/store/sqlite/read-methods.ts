import { readEvent, readEvents, readEventTypes, readTraitDescriptions, readTraits } from './read-events.ts';
import { readMeters } from './read-meters.ts';
import { readParked, readParkedCount, readParkedItem } from './read-parked.ts';
import { readResources } from './read-resources.ts';
import { readSample, readSamples } from './read-samples.ts';
import { readStatistics } from './read-statistics.ts';

/** All questions the reader thread answers, by name. Arguments and results pass between threads. */
export const READ_METHODS = {
  samples: readSamples,
  sample: readSample,
  meters: readMeters,
  resources: readResources,
  statistics: readStatistics,
  events: readEvents,
  event: readEvent,
  eventTypes: readEventTypes,
  traitDescriptions: readTraitDescriptions,
  traits: readTraits,
  parked: readParked,
  parkedItem: readParkedItem,
  parkedCount: readParkedCount,
} as const;

export type ReadMethods = typeof READ_METHODS;
export type ReadMethod = keyof ReadMethods;

type WithoutFirst<Arguments extends readonly unknown[]> = Arguments extends readonly [unknown, ...infer Rest]
  ? Rest
  : never;
/** What a method is asked with, beside the connection. */
export type ReadArguments<Method extends ReadMethod> = WithoutFirst<Parameters<ReadMethods[Method]>>;
export type ReadResult<Method extends ReadMethod> = ReturnType<ReadMethods[Method]>;
