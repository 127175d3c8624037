import { suite, type TestContext } from 'node:test';
import type { Event } from '../../src/model/event.ts';
import type { Sample } from '../../src/model/sample.ts';
import type { PublisherContext, PublisherDefinition } from '../../src/publishers/publisher.ts';
import { publisherBasicsContract } from './publisher-basics.ts';
import { publisherFaultContract } from './publisher-faults.ts';
import { eventNumber, sampleNumber } from './publisher-items.ts';

/** The other end of a publisher under test: the real thing, or the smallest server that behaves like it. */
export interface Peer {
  /** The whole URL for the publisher, as it would stand in a pipeline file. */
  readonly url: string;
  /** What has arrived so far: one text for each item, as `identify` names it, in order of arrival, repeats included. */
  arrived(): Promise<readonly string[]> | readonly string[];
  /** Makes the peer unreachable or refusing for now; what it has stays. */
  breakDown?(): Promise<void> | void;
  repair?(): Promise<void> | void;
  /** From now on calls hang without an answer; afterwards all goes on (what hung may be answered or cut off). */
  hang?(): Promise<void> | void;
  release?(): Promise<void> | void;
  /** What publishers may use of the program: a store, a configuration … beyond the harmless defaults. */
  readonly context?: Partial<PublisherContext>;
}

/** How one kind of publisher is put to the contract. */
export interface PublisherContract<Item> {
  readonly definition: PublisherDefinition;
  /** Makes a fresh peer with nothing in it; its clean-up goes to `t.after`. */
  readonly open: (t: TestContext) => Promise<Peer>;
  /** Item number `index`; all differ. Ready-made ones: `sampleNumber`, `eventNumber`. */
  readonly item?: (index: number) => Item;
  /** How `arrived` names an item: its id unless given. */
  readonly identify?: (item: Item) => string;
  /** An item that is refused for good while its neighbours are taken. Left out where the peer takes everything. */
  readonly poison?: (index: number) => Item;
  /** `false` where the peer has no order of arrival: only what has arrived is compared. */
  readonly ordered?: boolean;
  /** The faults that cannot be made here: their tests are left out. */
  readonly without?: readonly ('breakDown' | 'hang')[];
  /** Best effort (udp): an accepted item may be lost while the peer is down. */
  readonly mayLose?: boolean;
  /** The reason why the tests cannot run here; see `skipUnless`. */
  readonly skip?: string | false;
  /** More items ask more of the peer; 2,000 unless given. */
  readonly count?: number;
}

/** `PublisherContract` with everything filled in. */
export interface FullContract<Item> {
  readonly kind: 'samples' | 'events';
  readonly definition: PublisherDefinition;
  readonly open: (t: TestContext) => Promise<Peer>;
  readonly item: (index: number) => Item;
  readonly identify: (item: Item) => string;
  readonly poison: ((index: number) => Item) | null;
  readonly ordered: boolean;
  readonly without: readonly ('breakDown' | 'hang')[];
  readonly mayLose: boolean;
  readonly count: number;
}

/** All that every publisher of samples must do, behind the runner and alone. Registers tests named after its scheme. */
export function samplePublisherContract(contract: PublisherContract<Sample>): void {
  register(fullSampleContract(contract), contract.skip);
}

/** As `samplePublisherContract`, for events. */
export function eventPublisherContract(contract: PublisherContract<Event>): void {
  register(fullEventContract(contract), contract.skip);
}

/** What is not said, as the contract has it. */
export function fullSampleContract(contract: PublisherContract<Sample>): FullContract<Sample> {
  return { kind: 'samples', item: sampleNumber, identify: ({ id }) => id, ...DEFAULTS, ...contract };
}

/** As `fullSampleContract`, for events. */
export function fullEventContract(contract: PublisherContract<Event>): FullContract<Event> {
  const identify = ({ messageId }: Event): string => messageId;
  return { kind: 'events', item: eventNumber, identify, ...DEFAULTS, ...contract };
}

const DEFAULTS = { poison: null, ordered: true, without: [], mayLose: false, count: 2_000 };

function register<Item>(contract: FullContract<Item>, skip: string | false = false): void {
  suite(`${contract.definition.schemes[0]}:// with ${contract.kind}`, { skip }, () => {
    publisherBasicsContract(contract);
    publisherFaultContract(contract);
  });
}
