import { NephoscopeError } from '../component/errors.ts';
import type { Event } from '../model/event.ts';
import type { JsonObject } from '../model/json.ts';
import type { Notification } from '../model/notification.ts';
import type { Sample } from '../model/sample.ts';
import type { Metrics, Series } from './metrics.ts';

/**
 * Live views of what flows through the program, for `nephoscope tap`.
 *
 * The pipeline offers what it has in hand anyway, by reference, and is done: matching is one call of the listener's
 * predicate, everything that costs (redaction, text) happens later, where it is read. What is offered is shared and
 * never changed. While nobody listens a stage costs the one read of `isOpen`:
 *
 *     if (taps.event.isOpen) for (const event of events) taps.event.offer(event);
 */
export const TAP_STAGES = ['received', 'event', 'sample', 'published', 'parked', 'dropped'] as const;
export type TapStage = (typeof TAP_STAGES)[number];

/** A notification as it was decoded, before definitions look at it. */
export interface ReceivedTap {
  readonly notification: Notification;
  /** Where it came from: source, exchange, routing key … */
  readonly origin: Readonly<Record<string, string | number | boolean | undefined>>;
}

/** Something a publisher has taken. */
export interface PublishedTap {
  readonly publisher: string;
  readonly pipeline: string;
  readonly item: Sample | Event;
}

/** A message that was put aside. */
export interface ParkedTap {
  readonly code: string;
  readonly reason: string;
  readonly origin: Readonly<Record<string, string | number | boolean | undefined>>;
  readonly messageId: string | null;
  readonly eventType: string | null;
  readonly body: Uint8Array;
}

/** Something that was not made, or was made and given up. */
export interface DroppedTap {
  readonly kind: 'notification' | 'event' | 'sample';
  /** From the short list of the part that drops. */
  readonly reason: string;
  /** Event type or meter, where it is known. */
  readonly name: string | null;
  /** Who dropped it, e.g. `converter` or `publisher:udp:samples`. */
  readonly by: string;
  /** What else there is to see. */
  readonly detail?: Sample | Event | JsonObject;
}

/** What each stage shows. */
export interface TapRecords {
  readonly received: ReceivedTap;
  readonly event: Event;
  readonly sample: Sample;
  readonly published: PublishedTap;
  readonly parked: ParkedTap;
  readonly dropped: DroppedTap;
}

/** One point of the way of a record. */
export interface TapPoint<Item> {
  /** True while somebody listens. Read before anything is made only for the sake of `offer`. */
  readonly isOpen: boolean;
  /** Shows an item to everybody who listens. Never throws, never waits, keeps only a reference. */
  offer(item: Item): void;
}

/** An item and when it came by, in milliseconds since the epoch. */
export interface Tapped<Item> {
  readonly atMillis: number;
  readonly item: Item;
}

/** What has come by since the last look. */
export interface TapBatch<Item> {
  readonly items: readonly Tapped<Item>[];
  /** Items that went by unseen meanwhile, wanted or not: the listener was too slow to look at them. */
  readonly missed: number;
  /** True when nothing will follow: the limit is reached, or it was closed. */
  readonly isLast: boolean;
}

/** Somebody who looks. */
export interface TapListener<Item> {
  /**
   * Waits until something came by, was missed, or the end; `signal` ends waiting and gives what there is. One call at a
   * time. Never rejects.
   */
  next(signal: AbortSignal): Promise<TapBatch<Item>>;
  /** Ends it. Safe to repeat. */
  close(): void;
}

export interface TapRequest<Item> {
  /** Whether the listener wants to see an item. Called in the pipeline: quick, without side effects. */
  readonly wants: (item: Item) => boolean;
  /** It ends after so many items. */
  readonly limit: number;
}

/** More would be felt in the pipeline, and nobody reads so many. */
const MAX_LISTENERS = 8;
/** What one listener may hold before it is behind; beyond, items pass unseen and are counted. */
const MAX_HELD = 128;

/**
 * All stages of one program. A listener holds at most 128 items; those it wants beyond are not even looked at, so one
 * that does not read costs the pipeline one comparison an item.
 */
export class Taps {
  readonly received: TapPoint<ReceivedTap>;
  readonly event: TapPoint<Event>;
  readonly sample: TapPoint<Sample>;
  readonly published: TapPoint<PublishedTap>;
  readonly parked: TapPoint<ParkedTap>;
  readonly dropped: TapPoint<DroppedTap>;
  readonly #points: ReadonlyMap<TapStage, Point<unknown>>;

  constructor(metrics: Metrics) {
    const missed = metrics.counter(
      'nephoscope_tap_missed_total',
      'Items a live view did not see because it was behind.',
      ['stage'],
    );
    const open = metrics.gauge('nephoscope_taps_open', 'Live views that are open.').child();
    const make = <Item>(stage: TapStage): Point<Item> => new Point<Item>(missed.child(stage));
    this.received = make('received');
    this.event = make('event');
    this.sample = make('sample');
    this.published = make('published');
    this.parked = make('parked');
    this.dropped = make('dropped');
    this.#points = new Map(TAP_STAGES.map((stage) => [stage, this[stage] as Point<unknown>]));
    metrics.onCollect(() => open.set(this.#openListeners()));
  }

  /** Begins to listen. Throws a transient `NephoscopeError` (E6030) when there are eight listeners already. */
  listen<Stage extends TapStage>(
    stage: Stage,
    request: TapRequest<TapRecords[Stage]>,
  ): TapListener<TapRecords[Stage]> {
    if (this.#openListeners() >= MAX_LISTENERS) {
      throw new NephoscopeError('E6030', `There are ${MAX_LISTENERS} live views already`, {
        retry: 'transient',
      });
    }
    const point = this.#points.get(stage) as Point<TapRecords[Stage]>;
    return point.listen(request);
  }

  /** Ends every view, so that a server can stop. New ones may come afterwards. */
  closeAll(): void {
    for (const point of this.#points.values()) point.closeAll();
  }

  #openListeners(): number {
    let count = 0;
    for (const point of this.#points.values()) count += point.size();
    return count;
  }
}

class Point<Item> implements TapPoint<Item> {
  isOpen = false;
  readonly #missed: Series;
  #listeners: readonly Listener<Item>[] = [];

  constructor(missed: Series) {
    this.#missed = missed;
  }

  offer(item: Item): void {
    if (!this.isOpen) return;
    const atMillis = Date.now();
    for (const listener of this.#listeners) listener.offer(item, atMillis);
  }

  listen(request: TapRequest<Item>): TapListener<Item> {
    const listener = new Listener(request, this.#missed, () => this.#remove(listener));
    this.#listeners = [...this.#listeners, listener];
    this.isOpen = true;
    return listener;
  }

  size(): number {
    return this.#listeners.length;
  }

  closeAll(): void {
    for (const listener of this.#listeners) listener.close();
  }

  #remove(listener: Listener<Item>): void {
    this.#listeners = this.#listeners.filter((other) => other !== listener);
    this.isOpen = this.#listeners.length > 0;
  }
}

class Listener<Item> implements TapListener<Item> {
  readonly #request: TapRequest<Item>;
  readonly #missedSeries: Series;
  readonly #onClose: () => void;
  #held: Tapped<Item>[] = [];
  #missed = 0;
  #left: number;
  #isClosed = false;
  #wake: (() => void) | null = null;

  constructor(request: TapRequest<Item>, missedSeries: Series, onClose: () => void) {
    this.#request = request;
    this.#missedSeries = missedSeries;
    this.#onClose = onClose;
    this.#left = request.limit;
  }

  offer(item: Item, atMillis: number): void {
    if (this.#held.length >= MAX_HELD) {
      this.#missed++;
      this.#missedSeries.value++;
      return;
    }
    if (!this.#isWanted(item)) return;
    this.#held.push({ atMillis, item });
    if (--this.#left <= 0) this.close();
    else this.#wake?.();
  }

  async next(signal: AbortSignal): Promise<TapBatch<Item>> {
    if (this.#held.length === 0 && !this.#isClosed && !signal.aborted) await this.#wait(signal);
    const batch = { items: this.#held, missed: this.#missed, isLast: this.#isClosed };
    this.#held = [];
    this.#missed = 0;
    return batch;
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#onClose();
    this.#wake?.();
  }

  async #wait(signal: AbortSignal): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const wake = (): void => resolve();
    this.#wake = wake;
    signal.addEventListener('abort', wake, { once: true });
    await promise;
    this.#wake = null;
    signal.removeEventListener('abort', wake);
  }

  /** A predicate that fails must not fail the pipeline: it shows nothing. */
  #isWanted(item: Item): boolean {
    try {
      return this.#request.wants(item);
    } catch {
      return false;
    }
  }
}
