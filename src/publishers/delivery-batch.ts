import { NephoscopeError } from '../component/errors.ts';
import type { PublishResult, Rejection } from './publisher.ts';

/**
 * One call of `publish` from the pipeline while its items are on their way, perhaps in several batches. `done` settles
 * when every item is settled, with the indexes the caller knows; it rejects as a whole when one item was given up,
 * because a caller can only give all of them again.
 */
export class Call<Item> {
  readonly items: readonly Item[];
  readonly sinceMillis: number;
  readonly done: Promise<PublishResult>;
  readonly #resolve: (result: PublishResult) => void;
  readonly #reject: (error: NephoscopeError) => void;
  readonly #duplicates: number[] = [];
  readonly #rejected: Rejection[] = [];
  #dropped = 0;
  #open: number;
  #isOver = false;

  constructor(items: readonly Item[], sinceMillis: number) {
    this.items = items;
    this.sinceMillis = sinceMillis;
    this.#open = items.length;
    const { promise, resolve, reject } = Promise.withResolvers<PublishResult>();
    this.done = promise;
    this.#resolve = resolve;
    this.#reject = reject;
    if (items.length === 0) this.#close(0);
  }

  /** True when nobody waits for its items any more. */
  get isOver(): boolean {
    return this.#isOver;
  }

  /** `count` items are safe with the next stage. */
  accept(count: number): void {
    this.#close(count);
  }

  acceptDuplicate(index: number): void {
    this.#duplicates.push(index);
    this.#close(1);
  }

  /** The publisher will never take this item. */
  reject(index: number, error: NephoscopeError): void {
    this.#rejected.push({ index, error });
    this.#close(1);
  }

  /** `count` items were thrown away, as the policy says. */
  drop(count: number): void {
    this.#dropped += count;
    this.#close(count);
  }

  /** The caller learns that it has to give everything again. */
  giveUp(error: NephoscopeError): void {
    this.#isOver = true;
    this.#reject(error);
  }

  #close(count: number): void {
    this.#open -= count;
    if (this.#open > 0 || this.#isOver) return;
    this.#isOver = true;
    const byIndex = (one: number, other: number): number => one - other;
    const duplicates = this.#duplicates.sort(byIndex);
    const rejected = this.#rejected.sort((one, other) => one.index - other.index);
    const accepted = this.items.length - duplicates.length - rejected.length - this.#dropped;
    const result = { accepted, duplicates, rejected };
    this.#resolve(this.#dropped === 0 ? result : { ...result, dropped: this.#dropped });
  }
}

/** Some neighbouring items of a call. */
export interface Portion<Item> {
  readonly call: Call<Item>;
  readonly from: number;
  readonly count: number;
}

/** What became of a batch: how many items each way, for counting. */
export interface BatchCounts {
  readonly accepted: number;
  readonly duplicates: number;
  readonly rejected: number;
}

/**
 * Items of one or several calls that are given to the publisher together. Immutable; what is left after an attempt is
 * another batch. As long as all goes well nothing is done per item.
 */
export class Batch<Item> {
  readonly items: readonly Item[];
  readonly portions: readonly Portion<Item>[];

  constructor(portions: readonly Portion<Item>[]) {
    this.portions = portions;
    this.items = itemsOf(portions);
  }

  /** What somebody still waits for; the same batch if that is all of it. */
  stillWanted(): Batch<Item> {
    const wanted = this.portions.filter(({ call }) => !call.isOver);
    return wanted.length === this.portions.length ? this : new Batch(wanted);
  }

  /** Whether nobody waits for any of it. */
  get isOver(): boolean {
    return this.portions.every(({ call }) => call.isOver);
  }

  /** The first and the second half, in order. */
  halves(): readonly [Batch<Item>, Batch<Item>] {
    const middle = Math.ceil(this.items.length / 2);
    return [this.#range(0, middle), this.#range(middle, this.items.length)];
  }

  /**
   * Tells the callers what the publisher answered; gives the counts, and what is to be given again (null: nothing). Indexes
   * that the batch does not have, or that come twice, count once at most: an item must never stay open.
   */
  settle(result: PublishResult): { readonly counts: BatchCounts; readonly rest: Batch<Item> | null } {
    const { duplicates, rejected, postponed } = result;
    if (duplicates.length === 0 && rejected.length === 0 && (postponed?.indexes.length ?? 0) === 0) {
      for (const { call, count } of this.portions) call.accept(count);
      return { counts: { accepted: this.items.length, duplicates: 0, rejected: 0 }, rest: null };
    }
    return this.#settleEach(result);
  }

  rejectAll(error: NephoscopeError): void {
    for (const { call, from, count } of this.portions) {
      for (let index = from; index < from + count; index++) call.reject(index, error);
    }
  }

  dropAll(): void {
    for (const { call, count } of this.portions) call.drop(count);
  }

  giveUp(error: NephoscopeError): void {
    for (const { call } of this.portions) call.giveUp(error);
  }

  #settleEach(result: PublishResult): { readonly counts: BatchCounts; readonly rest: Batch<Item> | null } {
    const fates = fatesOf(this.items.length, result);
    const counts = { accepted: 0, duplicates: 0, rejected: 0 };
    const rest: Portion<Item>[] = [];
    let position = 0;
    for (const { call, from, count } of this.portions) {
      for (let index = from; index < from + count; index++, position++) {
        const fate = fates[position];
        if (fate === 'postponed') rest.push({ call, from: index, count: 1 });
        else settleOne(call, index, fate, counts);
      }
    }
    return { counts, rest: rest.length === 0 ? null : new Batch(joined(rest)) };
  }

  #range(start: number, end: number): Batch<Item> {
    const portions: Portion<Item>[] = [];
    let position = 0;
    for (const { call, from, count } of this.portions) {
      const first = Math.max(start, position);
      const last = Math.min(end, position + count);
      if (first < last) portions.push({ call, from: from + first - position, count: last - first });
      position += count;
    }
    return new Batch(portions);
  }
}

/** What happened to one item of a batch; undefined: it is safe and new. */
type Fate = undefined | 'duplicate' | 'postponed' | NephoscopeError;

function fatesOf(size: number, { duplicates, rejected, postponed }: PublishResult): readonly Fate[] {
  const fates: Fate[] = new Array(size);
  for (const index of duplicates) if (index < size) fates[index] = 'duplicate';
  for (const index of postponed?.indexes ?? []) if (index < size) fates[index] = 'postponed';
  for (const { index, error } of rejected) if (index < size) fates[index] = error;
  return fates;
}

function settleOne<Item>(
  call: Call<Item>,
  index: number,
  fate: Exclude<Fate, 'postponed'>,
  counts: { accepted: number; duplicates: number; rejected: number },
): void {
  if (fate === undefined) {
    counts.accepted++;
    call.accept(1);
  } else if (fate === 'duplicate') {
    counts.duplicates++;
    call.acceptDuplicate(index);
  } else {
    counts.rejected++;
    call.reject(index, fate);
  }
}

/** One call that is given as a whole is not copied: the usual case, and the fast one. */
function itemsOf<Item>(portions: readonly Portion<Item>[]): readonly Item[] {
  const [only] = portions;
  if (only !== undefined && portions.length === 1 && only.count === only.call.items.length) {
    return only.call.items;
  }
  return portions.flatMap(({ call, from, count }) => call.items.slice(from, from + count));
}

/** Portions that follow each other in one call become one. */
function joined<Item>(portions: readonly Portion<Item>[]): readonly Portion<Item>[] {
  const result: Portion<Item>[] = [];
  for (const portion of portions) {
    const last = result.at(-1);
    if (last?.call === portion.call && last.from + last.count === portion.from) {
      result[result.length - 1] = { ...last, count: last.count + portion.count };
    } else result.push(portion);
  }
  return result;
}

/** The error of a call that its caller gave up. */
export function abandonedByCaller(): NephoscopeError {
  return new NephoscopeError('E8008', 'The sender gave up before the publisher had taken everything', {
    retry: 'transient',
  });
}
