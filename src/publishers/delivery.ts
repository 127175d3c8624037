import type { ComponentStatus, Deadline } from '../component/component.ts';
import type { BackoffOptions } from '../lib/backoff.ts';
import type { Logger } from '../observe/logger.ts';
import type { Metrics } from '../observe/metrics.ts';
import { type Clock, SYSTEM_CLOCK } from './delivery-clock.ts';
import { createMemoryEngine, type DeliveryEngine, type EngineParts } from './delivery-engine.ts';
import { createDeliveryMetrics, type DeliveryMetrics } from './delivery-metrics.ts';
import { notRunning } from './delivery-queue.ts';
import type { DeliverySettings } from './delivery-settings.ts';
import { createSpooledEngine, type SpoolSettings } from './delivery-spooled.ts';
import type { Publisher, PublishResult } from './publisher.ts';

/** A target that is back is noticed within ten seconds. */
const RETRY: BackoffOptions = { initialMillis: 200, maxMillis: 10_000 };

/** What the runner needs besides the publisher. */
export interface DeliveryParts<Item> {
  /** Unique name of the component; label of its metrics. */
  readonly name: string;
  readonly log: Logger;
  readonly metrics: Metrics;
  /** For `policy=queue`, which throws without it. */
  readonly spool?: SpoolSettings<Item>;
  /** Real time unless given. */
  readonly clock?: Clock;
  /** The pauses between attempts: from 200 ms to 10 s unless given. */
  readonly retry?: BackoffOptions;
}

/**
 * The runner around a publisher: it owns queue, batching, repeats, time limit and counting, once for all kinds.
 *
 * Overlapping calls of `publish` are gathered, in order, into batches of at most `batchSize`; each call settles when
 * all of its items are, with its own indexes. What becomes of a batch that cannot be taken now is the policy:
 * - `default`: it is tried again with growing pauses until it is taken or the caller's signal fires; callers wait.
 *   More than `MAX_WAITING_ITEMS` items may not wait: further calls are refused as transient (E8002).
 * - `drop`: it is thrown away and counted; the result says how many (`dropped`).
 * - `queue`: items count as taken once they lie in a bounded queue on disk (`spool.ts`), sent from there in order.
 *
 * A batch refused for good is halved until the bad items are singled out; only they are rejected. An answer never holds
 * `postponed`: a call of which something was given up rejects as a whole, and is to be given again as a whole.
 * `stop` finishes what it holds with one attempt for each batch, gives up the rest at the deadline (the queue on disk
 * keeps it), and stops the publisher after.
 *
 * A direct publisher (`isDirect`) is only counted: nothing is done per item.
 */
export function deliver<Item>(
  publisher: Publisher<Item>,
  settings: DeliverySettings,
  parts: DeliveryParts<Item>,
): Publisher<Item> {
  const metrics = createDeliveryMetrics(parts.metrics, parts.name);
  if (settings.isDirect) return counted(publisher, parts.name, metrics);
  const engineParts: EngineParts<Item> = {
    name: parts.name,
    publisher,
    settings,
    log: parts.log,
    metrics,
    clock: parts.clock ?? SYSTEM_CLOCK,
    retry: parts.retry ?? RETRY,
  };
  return new Delivery(parts.name, publisher, metrics, engineMaker(engineParts, parts.spool));
}

function engineMaker<Item>(
  parts: EngineParts<Item>,
  spool: SpoolSettings<Item> | undefined,
): () => DeliveryEngine<Item> {
  if (parts.settings.policy !== 'queue') return () => createMemoryEngine(parts);
  if (spool === undefined) throw new TypeError(`${parts.name} has policy=queue and no place for its queue`);
  return () => createSpooledEngine(parts, spool);
}

function counted<Item>(publisher: Publisher<Item>, name: string, metrics: DeliveryMetrics): Publisher<Item> {
  return {
    name,
    start: (signal) => publisher.start(signal),
    stop: (deadline) => publisher.stop(deadline),
    status: () => publisher.status(),
    publish: (items, signal) => {
      metrics.attempts.add();
      metrics.inFlight.add(items.length);
      return countWhenSettled(publisher.publish(items, signal), items.length, metrics);
    },
  };
}

/** Apart from the call, because what waits must not hold on to the items. */
async function countWhenSettled(
  answer: Promise<PublishResult>,
  length: number,
  metrics: DeliveryMetrics,
): Promise<PublishResult> {
  const begin = performance.now();
  try {
    const result = await answer;
    metrics.accepted.add(result.accepted + result.duplicates.length);
    metrics.duplicates.add(result.duplicates.length);
    metrics.rejected.add(result.rejected.length);
    return result;
  } finally {
    metrics.inFlight.add(-length);
    metrics.attemptSeconds.add((performance.now() - begin) / 1_000);
  }
}

/** Starts and stops; what works in between is an engine, made anew with each start. */
class Delivery<Item> implements Publisher<Item> {
  readonly name: string;
  readonly #publisher: Publisher<Item>;
  readonly #metrics: DeliveryMetrics;
  readonly #createEngine: () => DeliveryEngine<Item>;
  #engine: DeliveryEngine<Item> | null = null;
  #starting: Promise<void> | null = null;
  #stopping: Promise<void> | null = null;
  /** Counts stops: a start that ends after one must not begin to work. */
  #stops = 0;
  #endWatch: () => void = () => {};

  constructor(
    name: string,
    publisher: Publisher<Item>,
    metrics: DeliveryMetrics,
    createEngine: () => DeliveryEngine<Item>,
  ) {
    this.name = name;
    this.#publisher = publisher;
    this.#metrics = metrics;
    this.#createEngine = createEngine;
  }

  async start(signal: AbortSignal): Promise<void> {
    const stops = this.#stops;
    await this.#stopping;
    if (stops !== this.#stops) return;
    this.#starting ??= this.#start(signal).finally(() => {
      this.#starting = null;
    });
    await this.#starting;
  }

  publish(items: readonly Item[], signal: AbortSignal): Promise<PublishResult> {
    return this.#engine?.publish(items, signal) ?? Promise.reject(notRunning());
  }

  stop(deadline: Deadline): Promise<void> {
    this.#stopping ??= this.#stop(deadline).finally(() => {
      this.#stopping = null;
    });
    return this.#stopping;
  }

  status(): ComponentStatus {
    const own = this.#publisher.status();
    if (this.#stopping !== null) return { state: 'stopped', reason: 'It is being stopped' };
    if (this.#engine === null || own.state === 'failed') return own;
    return this.#engine.status() ?? own;
  }

  async #start(signal: AbortSignal): Promise<void> {
    if (this.#engine !== null) return;
    const stops = this.#stops;
    await this.#publisher.start(signal);
    if (stops !== this.#stops) return;
    this.#engine = this.#createEngine();
    this.#endWatch = this.#metrics.watch(this.#engine);
  }

  async #stop(deadline: Deadline): Promise<void> {
    this.#stops++;
    const engine = this.#engine;
    await engine?.stop(deadline);
    this.#engine = null;
    this.#endWatch();
    await this.#publisher.stop(deadline);
  }
}
