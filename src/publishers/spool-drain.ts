import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Deadline } from '../component/component.ts';
import { NephoscopeError, toError } from '../component/errors.ts';
import { createBackoff } from '../lib/backoff.ts';
import { whenAborted } from '../lib/when-aborted.ts';
import type { Logger } from '../observe/logger.ts';
import { type StateLock, takeStateLock } from '../store/sqlite/state-lock.ts';
import type { ParkingStore } from '../store/store.ts';
import { Batch, Call } from './delivery-batch.ts';
import { type Clock, pause } from './delivery-clock.ts';
import type { DeliveryHealth } from './delivery-health.ts';
import type { DeliveryMetrics } from './delivery-metrics.ts';
import type { Sender } from './delivery-sender.ts';
import type { Rejection } from './publisher.ts';
import type { Spool, TakenBatch } from './spool.ts';
import type { SpoolCodec } from './spool-codec.ts';

/** What a drain is made of. */
export interface SpoolDrainParts<Item> {
  readonly name: string;
  readonly directory: string;
  readonly spool: Spool<Item>;
  readonly sender: Sender<Item>;
  readonly codec: SpoolCodec<Item>;
  readonly parking: Pick<ParkingStore, 'park'>;
  readonly nowMicros: () => number;
  readonly log: Logger;
  /** Trouble with the disk or the parking, not with the target. */
  readonly health: DeliveryHealth;
  readonly metrics: DeliveryMetrics;
  readonly clock: Clock;
}

/** How often an idle drain looks for batches of other processes, and for the lock when another one holds it. */
const LOOK_MILLIS = 1_000;
const TROUBLE = { initialMillis: 200, maxMillis: 10_000 } as const;

/**
 * Sends what lies in a spool, batch after batch, in the background, from `start` to `stop`. What the target refuses for
 * good, and what it has not taken in so many attempts, is parked before the batch is removed.
 *
 * One drain works on a directory at a time: of several instances (while a reload replaces one, or in several processes)
 * one holds a lock, which the system frees when its process ends; the others take over then.
 */
export class SpoolDrain<Item> {
  readonly #parts: SpoolDrainParts<Item>;
  readonly #backoff = createBackoff(TROUBLE);
  readonly #stopped = new AbortController();
  #wake = new AbortController();
  #lock: StateLock | null = null;
  #running: Promise<void> | null = null;

  constructor(parts: SpoolDrainParts<Item>) {
    this.#parts = parts;
  }

  /** Begins to work. Once. */
  start(): void {
    this.#running = this.#run();
  }

  /** Something was appended. */
  notify(): void {
    this.#wake.abort();
  }

  /** Ends the attempt on its way until the deadline; what is not delivered stays on the disk. Never rejects. */
  async stop(deadline: Deadline): Promise<void> {
    this.#stopped.abort();
    this.#wake.abort();
    this.#parts.sender.finish();
    await Promise.race([this.#running ?? Promise.resolve(), whenAborted(deadline.signal)]);
    const message = 'The publisher was stopped; the batch stays in the queue on disk';
    this.#parts.sender.giveUp(new NephoscopeError('E8003', message, { retry: 'transient' }));
    // Also when a call has not ended: whoever takes over sends at worst one batch twice.
    this.#releaseLock();
  }

  async #run(): Promise<void> {
    while (!this.#stopped.signal.aborted) {
      try {
        await this.#step();
      } catch (thrown) {
        this.#parts.health.failed(asSpoolError(thrown));
        await pause(this.#parts.clock, this.#backoff.nextMillis(), this.#stopped.signal);
      }
    }
    this.#releaseLock();
  }

  #releaseLock(): void {
    this.#lock?.release();
    this.#lock = null;
  }

  /** Sends all there is, then waits for more. */
  async #step(): Promise<void> {
    this.#wake = new AbortController();
    const isOwner = this.#isOwner();
    await this.#parts.spool.refresh();
    if (!isOwner) return await this.#pause();
    for (let batch = await this.#take(); batch !== null; batch = await this.#take()) {
      if (!(await this.#deliver(batch))) return;
      this.#parts.health.succeeded();
      this.#backoff.reset();
    }
    await this.#pause();
  }

  #isOwner(): boolean {
    if (this.#lock !== null) return true;
    // Without batches there may be no directory yet, and none is made for a lock alone.
    if (this.#parts.spool.length === 0 && !existsSync(this.#parts.directory)) return false;
    try {
      this.#lock = takeStateLock(join(this.#parts.directory, 'queue'));
      return true;
    } catch (thrown) {
      if (thrown instanceof NephoscopeError && thrown.code === 'E3004') return false;
      throw thrown;
    }
  }

  async #take(): Promise<TakenBatch<Item> | null> {
    return this.#stopped.signal.aborted ? null : await this.#parts.spool.take();
  }

  /** False when it was given up: then it is in the spool again. */
  async #deliver(batch: TakenBatch<Item>): Promise<boolean> {
    const { spool, sender, clock } = this.#parts;
    this.#reportUnreadable(batch);
    const call = new Call(batch.items, clock.monotonicMillis());
    const settled = call.done.then(
      ({ rejected }) => rejected,
      () => null,
    );
    if (!call.isOver) await sender.send(new Batch([{ call, from: 0, count: batch.items.length }]));
    const rejected = await settled;
    if (rejected === null || !(await this.#park(batch.items, rejected))) {
      spool.putBack();
      return false;
    }
    await this.#untilDone(() => spool.remove());
    return true;
  }

  #reportUnreadable({ file, unreadable }: TakenBatch<Item>): void {
    if (unreadable === 0) return;
    this.#parts.metrics.dropped.unreadable.add(unreadable);
    const message = `${unreadable} of ${file.items} items of ${file.name} cannot be read`;
    this.#parts.log.error(
      { err: new NephoscopeError('E8007', message) },
      'Part of the queue on disk is lost',
    );
  }

  async #park(items: readonly Item[], rejected: readonly Rejection[]): Promise<boolean> {
    const { codec, name, nowMicros, parking, metrics } = this.#parts;
    const byCode = Map.groupBy(rejected, ({ error }) => error.code);
    for (const group of byCode.values()) {
      const [first] = group;
      if (first === undefined) continue;
      const chosen = group.map(({ index }) => items[index] as Item);
      const reason = { source: name, error: first.error, nowMicros: nowMicros() };
      if (!(await this.#untilDone(() => parking.park(codec.toParked(chosen, reason))))) return false;
      metrics.parked.add(chosen.length);
    }
    return true;
  }

  /** Tries until it works; false when stopped before. */
  async #untilDone(work: () => Promise<unknown>): Promise<boolean> {
    for (;;) {
      try {
        await work();
        return true;
      } catch (thrown) {
        this.#parts.health.failed(asSpoolError(thrown));
        if (this.#stopped.signal.aborted) return false;
        await pause(this.#parts.clock, this.#backoff.nextMillis(), this.#stopped.signal);
      }
    }
  }

  async #pause(): Promise<void> {
    await pause(this.#parts.clock, LOOK_MILLIS, this.#wake.signal);
  }
}

function asSpoolError(thrown: unknown): NephoscopeError {
  if (thrown instanceof NephoscopeError) return thrown;
  const message = `The queue on disk cannot be used: ${toError(thrown).message}`;
  return new NephoscopeError('E8006', message, { retry: 'transient', cause: thrown });
}
