import type { HostView } from '../host-view.ts';
import { createCpuPollster } from './cpu.ts';
import { createDiskPollster } from './disk.ts';
import { createLoadPollster } from './load.ts';
import { createMemoryPollster } from './memory.ts';
import { createNetworkPollster } from './network.ts';
import type { Pollster } from './pollster.ts';

/** What pollsters may use of the outside. */
export interface PollsterResources {
  readonly view: HostView;
}

/** All pollsters there are. A new one is a file beside this one, its test, and a line here. */
const FACTORIES: readonly ((resources: PollsterResources) => Pollster)[] = [
  ({ view }) => createCpuPollster(view),
  ({ view }) => createLoadPollster(view),
  ({ view }) => createMemoryPollster(view),
  ({ view }) => createDiskPollster(view),
  ({ view }) => createNetworkPollster(view),
];

/** New pollsters of all namespaces, each with a state of its own; nothing is touched before the first poll. */
export function createPollsters(resources: PollsterResources): readonly Pollster[] {
  return FACTORIES.map((create) => create(resources));
}
