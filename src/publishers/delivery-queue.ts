import { NephoscopeError } from '../component/errors.ts';
import { abandonedByCaller, Batch, Call, type Portion } from './delivery-batch.ts';
import type { Clock } from './delivery-clock.ts';
import type { Sender } from './delivery-sender.ts';
import type { PublishResult } from './publisher.ts';

/** What a queue is made of. */
export interface DeliveryQueueParts<Item> {
  readonly batchSize: number;
  /** How long a batch may wait to fill; 0: it is what has gathered. */
  readonly batchTimeoutMillis: number;
  /** How many batches may be with the sender at a time. */
  readonly concurrency: number;
  /** More than these may not wait; one call alone may bring more. */
  readonly maxWaitingItems: number;
  readonly sender: Sender<Item>;
  readonly clock: Clock;
}

/**
 * Gathers the items of overlapping calls, in their order, into batches for the sender, and gives each caller the
 * answer about its own items. Nothing is kept here beyond what callers wait for: one that gives up takes its items
 * with it. The memory is bounded: beyond `maxWaitingItems` calls are refused as transient (E8002).
 */
export class DeliveryQueue<Item> {
  readonly #parts: DeliveryQueueParts<Item>;
  #portions: Portion<Item>[] = [];
  #waiting = 0;
  #lanes = 0;
  #isScheduled = false;
  #isClosed = false;
  #endFilling: (() => void) | null = null;
  #idle: PromiseWithResolvers<void> | null = null;

  constructor(parts: DeliveryQueueParts<Item>) {
    this.#parts = parts;
  }

  /** Items no attempt was begun with. */
  get waitingItems(): number {
    return this.#waiting;
  }

  /** How long the oldest of them has waited; 0 when there is none. */
  get oldestMillis(): number {
    const [oldest] = this.#portions;
    return oldest === undefined ? 0 : this.#parts.clock.monotonicMillis() - oldest.call.sinceMillis;
  }

  /**
   * Settles when all of `items` are settled. Rejects as transient when they are too many (E8002), when `signal` fires
   * (E8008), and after `close` (E8003).
   */
  add(items: readonly Item[], signal: AbortSignal): Promise<PublishResult> {
    if (this.#isClosed) return Promise.reject(notRunning());
    if (signal.aborted) return Promise.reject(abandonedByCaller());
    if (this.#waiting > 0 && this.#waiting + items.length > this.#parts.maxWaitingItems) {
      return Promise.reject(full(this.#waiting));
    }
    const call = new Call(items, this.#parts.clock.monotonicMillis());
    if (call.isOver) return call.done;
    this.#portions.push({ call, from: 0, count: items.length });
    this.#waiting += items.length;
    this.#wake();
    return whileNotAborted(call, signal, () => this.#forget());
  }

  /** Takes nothing new and does not wait for batches to fill any more. */
  close(): void {
    this.#isClosed = true;
    this.#endFilling?.();
  }

  /** Resolves when nothing waits and the sender has nothing. */
  whenIdle(): Promise<void> {
    if (this.#isIdle()) return Promise.resolve();
    this.#idle ??= Promise.withResolvers();
    return this.#idle.promise;
  }

  /** Throws away what waits, as the policy says; gives the number of items. */
  dropWaiting(): number {
    const count = this.#waiting;
    for (const portion of this.#portions) portion.call.drop(portion.count);
    this.#clear();
    return count;
  }

  /** Gives up what waits, and the rest of the same calls wherever it is. */
  giveUp(error: NephoscopeError): void {
    for (const { call } of this.#portions) call.giveUp(error);
    this.#clear();
  }

  #clear(): void {
    this.#portions = [];
    this.#waiting = 0;
    this.#endFilling?.();
    this.#settleIdle();
  }

  #settleIdle(): void {
    if (!this.#isIdle()) return;
    this.#idle?.resolve();
    this.#idle = null;
  }

  /** After a caller has given up: its items leave the queue, and the sender looks again. */
  #forget(): void {
    this.#portions = this.#portions.filter(({ call }) => !call.isOver);
    this.#waiting = this.#portions.reduce((sum, { count }) => sum + count, 0);
    this.#parts.sender.review();
    this.#settleIdle();
  }

  #wake(): void {
    if (this.#waiting >= this.#parts.batchSize) this.#endFilling?.();
    const isEnough = this.#endFilling !== null || this.#lanes >= this.#parts.concurrency;
    if (this.#isScheduled || isEnough) return;
    this.#isScheduled = true;
    // Calls made in the same turn of the event loop share a batch.
    setImmediate(() => {
      this.#isScheduled = false;
      if (this.#portions.length > 0 && this.#lanes < this.#parts.concurrency) void this.#runLane();
    });
  }

  /** Sends batch after batch; several lanes share the queue, one of them waits for a batch to fill. */
  async #runLane(): Promise<void> {
    this.#lanes++;
    for (;;) {
      await this.#fill();
      // Nothing may be awaited between this look and the end of the lane, or what comes in between lies there for ever.
      if (this.#portions.length === 0 || this.#endFilling !== null) break;
      const batch = this.#take();
      if (this.#portions.length > 0) this.#wake();
      await this.#parts.sender.send(batch);
    }
    this.#lanes--;
    this.#settleIdle();
  }

  /** Waits until there is a full batch, or the oldest item has waited long enough, or the queue closes. */
  async #fill(): Promise<void> {
    const { batchTimeoutMillis, batchSize, clock } = this.#parts;
    const left = batchTimeoutMillis - this.oldestMillis;
    const mayWait = this.#portions.length > 0 && this.#waiting < batchSize && !this.#isClosed;
    if (!mayWait || left <= 0 || this.#endFilling !== null) return;
    await new Promise<void>((resolve) => {
      const cancel = clock.after(left, () => this.#endFilling?.());
      this.#endFilling = () => {
        cancel();
        this.#endFilling = null;
        resolve();
      };
    });
  }

  #take(): Batch<Item> {
    const taken: Portion<Item>[] = [];
    let room = this.#parts.batchSize;
    while (room > 0) {
      const first = this.#portions.shift();
      if (first === undefined) break;
      const count = Math.min(room, first.count);
      taken.push({ ...first, count });
      room -= count;
      if (count < first.count) {
        this.#portions.unshift({ ...first, from: first.from + count, count: first.count - count });
      }
    }
    this.#waiting -= this.#parts.batchSize - room;
    return new Batch(taken);
  }

  #isIdle(): boolean {
    return this.#lanes === 0 && this.#portions.length === 0;
  }
}

/** The caller's signal ends its call, and only as long as it lasts. */
function whileNotAborted<Item>(
  call: Call<Item>,
  signal: AbortSignal,
  onAbort: () => void,
): Promise<PublishResult> {
  const abandon = (): void => {
    call.giveUp(abandonedByCaller());
    onAbort();
  };
  signal.addEventListener('abort', abandon, { once: true });
  return call.done.finally(() => signal.removeEventListener('abort', abandon));
}

/** The error of a call outside of start and stop. */
export function notRunning(): NephoscopeError {
  return new NephoscopeError('E8003', 'The publisher is not running', { retry: 'transient' });
}

function full(waiting: number): NephoscopeError {
  return new NephoscopeError('E8002', `${waiting} items wait for the publisher already`, {
    retry: 'transient',
  });
}
