import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { createDeadline } from '../../src/component/component.ts';
import type { Event } from '../../src/model/event.ts';
import type { Sample } from '../../src/model/sample.ts';
import { silentLogger } from '../../src/observe/logger.ts';
import { Metrics } from '../../src/observe/metrics.ts';
import { deliver } from '../../src/publishers/delivery.ts';
import { readDeliverySettings, urlSyntaxOf } from '../../src/publishers/delivery-settings.ts';
import type { SpoolSettings } from '../../src/publishers/delivery-spooled.ts';
import type {
  Publisher,
  PublisherContext,
  PublisherDefinition,
  PublisherFactory,
  PublishResult,
} from '../../src/publishers/publisher.ts';
import { parsePublisherUrl } from '../../src/publishers/publisher-url.ts';
import { EVENT_CODEC, SAMPLE_CODEC, type SpoolCodec } from '../../src/publishers/spool-codec.ts';
import type { ParkedItem, Store } from '../../src/store/store.ts';
import { configOf } from '../support/config.ts';
import type { FakeHttpTarget } from '../support/http-target.ts';
import { until } from '../support/until.ts';
import type { FullContract, Peer } from './publisher.ts';

/** A publisher with the runner around it, and what the runner did with it. */
export interface UnderTest<Item> {
  readonly publisher: Publisher<Item>;
  /** The most calls that were open at a time. */
  readonly mostOpenCalls: () => number;
  readonly openCalls: () => number;
  readonly calls: () => number;
  /** What it parked instead of delivering it. */
  readonly parked: readonly ParkedItem[];
  /** How many calls may be open at a time. */
  readonly concurrency: number;
}

/** What a test wants otherwise than the definition says. */
export interface FixtureOptions {
  /** Added to the URL. */
  readonly query?: string;
  readonly name?: string;
  /** Of a publisher whose queue on disk is to be continued; an own one unless given. */
  readonly stateDir?: string;
}

const stopsOf = new WeakMap<TestContext, (() => Promise<void>)[]>();

/** Opens the peer of a test. Publishers of the test are stopped before the clean-up of the peer. */
export async function openPeer<Item>(t: TestContext, contract: FullContract<Item>): Promise<Peer> {
  const stops: (() => Promise<void>)[] = [];
  stopsOf.set(t, stops);
  t.after(async () => {
    for (const stop of stops) await stop();
  });
  return await contract.open(t);
}

/** Makes a publisher for the peer as the program does; stopped when the test ends. */
export function createUnderTest<Item>(
  t: TestContext,
  contract: FullContract<Item>,
  peer: Peer,
  { query = '', name = 'publisher:under-test', stateDir }: FixtureOptions = {},
): UnderTest<Item> {
  const { definition } = contract;
  const isDirect = definition.delivery?.isDirect === true;
  const separator = peer.url.includes('?') ? '&' : '?';
  const text = query === '' || isDirect ? peer.url : `${peer.url}${separator}${query}`;
  const url = parsePublisherUrl(text, urlSyntaxOf(definition));
  const given = { name, ...peer.context, ...(stateDir === undefined ? {} : { stateDir }) };
  const context = publisherContext(t, given);
  const watched = watchCalls(factoryOf<Item>(definition, contract.kind)(url, context));
  const settings = readDeliverySettings(definition, url);
  const { log, metrics } = context;
  const retry = { initialMillis: 10, maxMillis: 100 };
  const parked: ParkedItem[] = [];
  const spool: SpoolSettings<Item> = {
    directory: join(context.stateDir, 'spool'),
    codec: (contract.kind === 'samples' ? SAMPLE_CODEC : EVENT_CODEC) as unknown as SpoolCodec<Item>,
    parking: { park: async (items) => void parked.push(...items) },
  };
  const publisher = deliver(watched.publisher, settings, { name, log, metrics, retry, spool });
  stopsOf.get(t)?.push(() => publisher.stop(createDeadline(2_000)));
  return { ...watched, publisher, parked, concurrency: settings.concurrency };
}

/** As `createUnderTest`, started. */
export async function startUnderTest<Item>(
  t: TestContext,
  contract: FullContract<Item>,
  peer: Peer,
  options?: FixtureOptions,
): Promise<UnderTest<Item>> {
  const under = createUnderTest(t, contract, peer, options);
  await under.publisher.start(t.signal);
  return under;
}

/** What `definition` makes of `url` without the runner around it; not started. Stopped when the test ends. */
export function createBare<Kind extends keyof ItemOf>(
  t: TestContext,
  definition: PublisherDefinition,
  kind: Kind,
  url: string,
  given: Partial<PublisherContext> = {},
): Publisher<ItemOf[Kind]> {
  const parsed = parsePublisherUrl(url, urlSyntaxOf(definition));
  const context = publisherContext(t, { name: `publisher:${definition.schemes[0]}:1`, ...given });
  const publisher = factoryOf<ItemOf[Kind]>(definition, kind)(parsed, context);
  t.after(() => publisher.stop(createDeadline(1_000)));
  return publisher;
}

/** As `createBare`, started. */
export async function startBare<Kind extends keyof ItemOf>(
  t: TestContext,
  definition: PublisherDefinition,
  kind: Kind,
  url: string,
  given?: Partial<PublisherContext>,
): Promise<Publisher<ItemOf[Kind]>> {
  const publisher = createBare(t, definition, kind, url, given);
  await publisher.start(t.signal);
  return publisher;
}

interface ItemOf {
  readonly samples: Sample;
  readonly events: Event;
}

function factoryOf<Item>(definition: PublisherDefinition, kind: keyof ItemOf): PublisherFactory<Item> {
  const create = definition[kind] as PublisherFactory<Item> | undefined;
  assert.ok(create !== undefined, `${definition.schemes[0]}:// takes ${kind}`);
  return create;
}

/** The faults that every web service can have. */
export function httpFaults(target: FakeHttpTarget): Required<Faults> {
  return {
    breakDown: () => target.down(),
    repair: () => target.up(),
    hang: () => target.hang(),
    release: () => target.release(),
  };
}

type Faults = Pick<Peer, 'breakDown' | 'repair' | 'hang' | 'release'>;

/** Everything a publisher may use of the program, harmless, but for what is given. */
export function publisherContext(
  t: TestContext,
  given: Partial<PublisherContext> & { readonly name: string },
): PublisherContext {
  const stateDir = given.stateDir ?? mkdtempSync(join(tmpdir(), 'nephoscope-publisher-'));
  if (given.stateDir === undefined) t.after(() => rmSync(stateDir, { recursive: true, force: true }));
  return {
    config: configOf({}),
    store: NO_STORE,
    log: silentLogger,
    metrics: new Metrics(),
    host: 'test-host',
    ...given,
    stateDir,
  };
}

/** The numbers from `start` on. */
export function range(start: number, count: number): readonly number[] {
  return Array.from({ length: count }, (_, offset) => start + offset);
}

/** `items` cut into calls of different sizes. */
export function inCalls<Item>(items: readonly Item[]): readonly (readonly Item[])[] {
  const calls: (readonly Item[])[] = [];
  const sizes = [1, 7, 100, 350];
  for (let start = 0; start < items.length; ) {
    const size = sizes[calls.length % sizes.length] ?? 1;
    calls.push(items.slice(start, start + size));
    start += size;
  }
  return calls;
}

/** Waits until all of `items` have arrived, and compares: in this order, without repeats, unless told otherwise. */
export async function assertArrived<Item>(
  contract: FullContract<Item>,
  peer: Peer,
  items: readonly Item[],
  { allowRepeats = false }: { readonly allowRepeats?: boolean } = {},
): Promise<void> {
  const wanted = items.map(contract.identify);
  const isIn = async (): Promise<boolean> => {
    const arrived = new Set(await peer.arrived());
    return wanted.every((name) => arrived.has(name));
  };
  await until('everything has arrived', isIn).catch(() => {});
  const arrived = await peer.arrived();
  const compared = allowRepeats ? [...new Set(arrived)] : arrived;
  const order = (names: readonly string[]) => (contract.ordered && !allowRepeats ? names : names.toSorted());
  assert.deepEqual(order(compared), order(wanted));
}

/** True for a publisher that calls its own queue: the runner only counts. */
export function isDirect({ definition }: { readonly definition: PublisherDefinition }): boolean {
  return definition.delivery?.isDirect === true;
}

function watchCalls<Item>(inner: Publisher<Item>) {
  let open = 0;
  let most = 0;
  let calls = 0;
  const publish = async (items: readonly Item[], signal: AbortSignal): Promise<PublishResult> => {
    calls++;
    most = Math.max(most, ++open);
    try {
      return await inner.publish(items, signal);
    } finally {
      open--;
    }
  };
  const publisher: Publisher<Item> = {
    name: inner.name,
    start: (signal) => inner.start(signal),
    stop: (deadline) => inner.stop(deadline),
    status: () => inner.status(),
    publish,
  };
  return { publisher, mostOpenCalls: () => most, openCalls: () => open, calls: () => calls };
}

/** Publishers other than store:// must not touch the store. */
const NO_STORE = new Proxy({} as Store, {
  get: (_, property) => {
    throw new Error(`The publisher under test uses the store: ${String(property)}`);
  },
});
