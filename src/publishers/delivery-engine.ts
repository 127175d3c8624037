import type { ComponentStatus, Deadline } from '../component/component.ts';
import { NephoscopeError } from '../component/errors.ts';
import type { BackoffOptions } from '../lib/backoff.ts';
import { whenAborted } from '../lib/when-aborted.ts';
import type { Logger } from '../observe/logger.ts';
import type { Clock } from './delivery-clock.ts';
import { DeliveryHealth } from './delivery-health.ts';
import type { DeliveryGauges, DeliveryMetrics } from './delivery-metrics.ts';
import { DeliveryQueue } from './delivery-queue.ts';
import { Sender, type SenderParts } from './delivery-sender.ts';
import type { DeliverySettings } from './delivery-settings.ts';
import type { Publisher, PublishResult } from './publisher.ts';

/** What works between one start of a publisher and its stop. */
export interface DeliveryEngine<Item> extends DeliveryGauges {
  publish(items: readonly Item[], signal: AbortSignal): Promise<PublishResult>;
  /** Takes nothing new, finishes what it holds until the deadline, gives up the rest. Called once; never rejects. */
  stop(deadline: Deadline): Promise<void>;
  /** Null while all is well. */
  status(): ComponentStatus | null;
}

/** What every engine is made of. */
export interface EngineParts<Item> {
  readonly name: string;
  readonly publisher: Publisher<Item>;
  readonly settings: DeliverySettings;
  readonly log: Logger;
  readonly metrics: DeliveryMetrics;
  readonly clock: Clock;
  /** The pauses between attempts. */
  readonly retry: BackoffOptions;
}

/** What callers may leave waiting in memory at one publisher; some 50 MB of samples. */
export const MAX_WAITING_ITEMS = 50_000;

/** `policy=default` and `policy=drop`: items are in memory only, and their callers wait. */
export function createMemoryEngine<Item>(parts: EngineParts<Item>): DeliveryEngine<Item> {
  const { publisher, settings, log, metrics, clock, retry } = parts;
  const isDropping = settings.policy === 'drop';
  const health = new DeliveryHealth(log, clock);
  const isStuck = (): boolean => isDropping && sender.overdue >= settings.concurrency;
  const senderParts: SenderParts<Item> = {
    publish: (items, signal) => publisher.publish(items, signal),
    attemptTimeoutMillis: settings.attemptTimeoutMillis,
    onFailure: isDropping ? 'drop' : 'retry',
    maxAttempts: Number.POSITIVE_INFINITY,
    onOverdue: () => {
      if (isStuck()) metrics.dropped.policy.add(queue.dropWaiting());
    },
    retry,
    health,
    metrics,
    clock,
  };
  const sender: Sender<Item> = new Sender(senderParts);
  const queue: DeliveryQueue<Item> = new DeliveryQueue({
    batchSize: settings.batchSize,
    batchTimeoutMillis: settings.batchTimeoutMillis,
    concurrency: settings.concurrency,
    maxWaitingItems: Math.max(MAX_WAITING_ITEMS, 2 * settings.batchSize),
    sender,
    clock,
  });
  const dropped = (items: readonly Item[]): PublishResult => {
    metrics.dropped.policy.add(items.length);
    return { accepted: 0, duplicates: [], rejected: [], dropped: items.length };
  };
  const addOrDrop = async (items: readonly Item[], signal: AbortSignal): Promise<PublishResult> => {
    if (isStuck()) return dropped(items);
    return await queue.add(items, signal).catch((error: unknown) => {
      if (error instanceof NephoscopeError && error.code === 'E8002') return dropped(items);
      throw error;
    });
  };
  return {
    publish: (items, signal) => (isDropping ? addOrDrop(items, signal) : queue.add(items, signal)),
    stop: (deadline) => stopQueue(queue, sender, deadline),
    status: () => health.status(),
    waitingItems: () => queue.waitingItems,
    queuedBatches: () => 0,
    oldestSeconds: () => queue.oldestMillis / 1_000,
  };
}

/** Drains a queue and its sender until the deadline, then gives up what is left. Never rejects. */
export async function stopQueue<Item>(
  queue: DeliveryQueue<Item>,
  sender: Sender<Item>,
  deadline: Deadline,
): Promise<void> {
  queue.close();
  sender.finish();
  await Promise.race([queue.whenIdle(), whenAborted(deadline.signal)]);
  const error = new NephoscopeError('E8003', 'The publisher was stopped before it had taken everything', {
    retry: 'transient',
  });
  queue.giveUp(error);
  sender.giveUp(error);
}
