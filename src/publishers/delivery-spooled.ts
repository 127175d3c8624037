import type { ComponentStatus, Deadline } from '../component/component.ts';
import type { ParkingStore } from '../store/store.ts';
import { type DeliveryEngine, type EngineParts, MAX_WAITING_ITEMS, stopQueue } from './delivery-engine.ts';
import { DeliveryHealth } from './delivery-health.ts';
import { unseenMetrics } from './delivery-metrics.ts';
import { DeliveryQueue } from './delivery-queue.ts';
import { Sender } from './delivery-sender.ts';
import type { PublishResult } from './publisher.ts';
import { Spool } from './spool.ts';
import type { SpoolCodec } from './spool-codec.ts';
import { SpoolDrain } from './spool-drain.ts';

/** What `policy=queue` needs besides. */
export interface SpoolSettings<Item> {
  readonly directory: string;
  readonly codec: SpoolCodec<Item>;
  readonly parking: Pick<ParkingStore, 'park'>;
  /** Microseconds since the epoch; the system's clock unless given. */
  readonly nowMicros?: () => number;
}

/** One flush to the disk may take this long before the operator is told. */
const WRITE_TIMEOUT_MILLIS = 30_000;

/**
 * `policy=queue`: items are taken once they lie in a queue on disk; from there they are sent in order, in the background. A
 * disk that does not take them holds up the callers, as a target does with `policy=default`.
 */
export function createSpooledEngine<Item>(
  parts: EngineParts<Item>,
  { directory, codec, parking, nowMicros = systemMicros }: SpoolSettings<Item>,
): DeliveryEngine<Item> {
  const { name, publisher, settings, log, metrics, clock, retry } = parts;
  const diskHealth = new DeliveryHealth(log.child({ queue: directory }), clock);
  const health = new DeliveryHealth(log, clock);
  const spool = new Spool<Item>({
    directory,
    codec,
    maxBatches: settings.maxQueueLength,
    nowMicros,
    onDropped: (items) => {
      metrics.dropped.queue_full.add(items);
      dropLog.dropped(items);
    },
  });
  const dropLog = createDropLog(log, () => clock.monotonicMillis());
  const append = async (items: readonly Item[]): Promise<PublishResult> => {
    const result = await spool.append(items);
    drain.notify();
    return result;
  };
  const common = { retry, clock, onFailure: 'retry' } as const;
  const writer = new Sender<Item>({
    ...common,
    publish: append,
    attemptTimeoutMillis: WRITE_TIMEOUT_MILLIS,
    maxAttempts: Number.POSITIVE_INFINITY,
    health: diskHealth,
    // What is counted is what the target takes; only what cannot be written, and why, is known here alone.
    metrics: { ...unseenMetrics(), rejected: metrics.rejected, failures: metrics.failures },
  });
  const queue = new DeliveryQueue<Item>({
    batchSize: settings.batchSize,
    batchTimeoutMillis: settings.batchTimeoutMillis,
    concurrency: 1,
    maxWaitingItems: Math.max(MAX_WAITING_ITEMS, 2 * settings.batchSize),
    sender: writer,
    clock,
  });
  const sender = new Sender<Item>({
    ...common,
    publish: (items, signal) => publisher.publish(items, signal),
    attemptTimeoutMillis: settings.attemptTimeoutMillis,
    maxAttempts: settings.maxRetry,
    health,
    metrics,
  });
  const drain = new SpoolDrain<Item>({
    name,
    directory,
    spool,
    sender,
    codec,
    parking,
    nowMicros,
    log,
    health: diskHealth,
    metrics,
    clock,
  });
  drain.start();
  return {
    publish: (items, signal) => queue.add(items, signal),
    stop: async (deadline: Deadline) => {
      await stopQueue(queue, writer, deadline);
      await drain.stop(deadline);
    },
    status: (): ComponentStatus | null => diskHealth.status() ?? health.status(),
    waitingItems: () => queue.waitingItems,
    queuedBatches: () => spool.length,
    oldestSeconds: () => Math.max(queue.oldestMillis / 1_000, secondsSince(spool.oldestMicros, nowMicros())),
  };
}

const LOG_MILLIS = 10_000;

/** One line for all that was dropped in ten seconds. */
function createDropLog(log: EngineParts<unknown>['log'], nowMillis: () => number) {
  let lastMillis = Number.NEGATIVE_INFINITY;
  let count = 0;
  return {
    dropped: (items: number): void => {
      count += items;
      if (nowMillis() - lastMillis < LOG_MILLIS) return;
      log.warn({ items: count }, 'Queue on disk is full, its oldest items are dropped');
      lastMillis = nowMillis();
      count = 0;
    },
  };
}

function secondsSince(micros: number | null, nowMicros: number): number {
  return micros === null ? 0 : Math.max(0, nowMicros - micros) / 1_000_000;
}

function systemMicros(): number {
  return Date.now() * 1_000;
}
