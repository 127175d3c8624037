import { defineOption, type Option } from '../config/option.ts';

/** Name and default as in the original, where it also bounded handler threads. */
export const MAX_PARALLEL_REQUESTS = defineOption({
  group: 'DEFAULT',
  name: 'max_parallel_requests',
  type: 'integer',
  default: 64,
  min: 1,
  max: 10_000,
  doc: 'The most connections, and so the most requests on the way, to the target of one publisher over HTTP.',
  unit: 'connections',
  since: '0.1.0',
});

export const HTTP_PUBLISHER_OPTIONS: readonly Option[] = [MAX_PARALLEL_REQUESTS];
