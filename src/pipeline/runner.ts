import { NephoscopeError, toError } from '../component/errors.ts';
import { compileNameMatcher } from '../lib/wildcard.ts';
import type { Metrics, Series } from '../observe/metrics.ts';
import type { PublishedTap, TapPoint } from '../observe/taps.ts';
import type { Publisher, PublishResult, Rejection } from '../publishers/publisher.ts';
import type { Pipeline, PipelinePlan } from './plan.ts';
import type { SinkTransform, Transformed } from './sink-transform.ts';

/** What became of a batch, over all pipelines. Arrays are parallel to the items that were given. */
export interface Delivery {
  /** How many publishers wanted the item. */
  readonly wanted: Uint16Array;
  /** For how many of them it was there already. */
  readonly duplicates: Uint16Array;
  /** Items that at least one publisher refused for good. */
  readonly rejections: readonly Rejection[];
}

/** What a runner is made of. */
export interface PipelineRunnerParts<Item> {
  readonly plan: PipelinePlan;
  /** By the URL of the plan. */
  readonly publishers: ReadonlyMap<string, Publisher<Item>>;
  /** By the name of the sink, for those that have transformers. */
  readonly transforms?: ReadonlyMap<string, SinkTransform<Item>>;
  readonly nameOf: (item: Item) => string;
  readonly metrics: Metrics;
  readonly tap?: TapPoint<PublishedTap>;
  /** Microseconds since the epoch. */
  readonly nowMicros: () => number;
}

/** Names beyond this number are matched anew each time: a sender that invents names must not fill the memory. */
const MAX_CACHED_NAMES = 10_000;

/**
 * Takes samples or events through the pipelines of a plan to their publishers.
 *
 * `publish` hands everything over before it returns and keeps none of it, so that what publishers do not keep can be
 * collected at once. Its promise resolves when every wanted publisher has taken or refused every item. If one of them
 * could not take a batch now, it rejects with that transient error after all have answered: nothing may be acknowledged,
 * the whole batch is to be given again, and publishers that had taken it see it twice (worst status wins, design.md
 * section 4). Concurrent calls are allowed. Matching is done once per name.
 */
export class PipelineRunner<Item> {
  readonly #parts: PipelineRunnerParts<Item>;
  readonly #branches: readonly Branch<Item>[];
  readonly #routes = new Map<string, readonly number[]>();

  constructor(parts: PipelineRunnerParts<Item>) {
    this.#parts = parts;
    const counters = createCounters(parts.metrics);
    this.#branches = parts.plan.pipelines.map((pipeline) => ({
      name: pipeline.name,
      matches: compileNameMatcher(pipeline.patterns),
      transform: parts.transforms?.get(pipeline.sink) ?? null,
      targets: createTargets(pipeline, parts.publishers, counters),
    }));
  }

  /** True when some pipeline takes items of this name. */
  wants(name: string): boolean {
    return this.#route(name).length > 0;
  }

  publish(items: readonly Item[], signal: AbortSignal): Promise<Delivery> {
    const ledger = new Ledger(items.length);
    const { nowMicros } = this.#parts;
    for (const { branch, selection } of this.#select(items)) {
      const selected = selection.length === items.length ? items : pick(items, selection);
      if (branch.transform === null) this.#handOver(branch, selected, selection, signal, ledger);
      else {
        const made = branch.transform.apply(selected, nowMicros());
        const owners = made.owners.map((owner) => selection[owner] ?? -1);
        this.#handOver(branch, made.items, owners, signal, ledger, () => branch.transform?.takeBack(made));
      }
    }
    return ledger.settle();
  }

  /**
   * Publishes what transformers hold: with `all` everything, for a stop; else what has become due by time. Resolves with
   * the number of items; rejects with a transient error, and what was due is then kept.
   */
  async release(all: boolean, signal: AbortSignal): Promise<number> {
    const ledger = new Ledger(0);
    let count = 0;
    for (const [transform, branch] of this.#transforms()) {
      const now = this.#parts.nowMicros();
      const made: Transformed<Item> = all ? drained(transform, now) : transform.apply([], now);
      if (made.items.length === 0) continue;
      count += made.items.length;
      this.#handOver(branch, made.items, made.owners, signal, ledger, () => transform.takeBack(made));
    }
    await ledger.settle();
    return count;
  }

  /** How many items transformers hold. */
  held(): number {
    return [...this.#transforms().keys()].reduce((sum, transform) => sum + transform.held(), 0);
  }

  /** Each transform once, with one of the pipelines whose sink it belongs to: all of these have the same publishers. */
  #transforms(): ReadonlyMap<SinkTransform<Item>, Branch<Item>> {
    return new Map(
      this.#branches.flatMap((branch) =>
        branch.transform === null ? [] : [[branch.transform, branch] as const],
      ),
    );
  }

  #handOver(
    branch: Branch<Item>,
    items: readonly Item[],
    owners: readonly number[],
    signal: AbortSignal,
    ledger: Ledger,
    onPostponed?: () => void,
  ): void {
    if (items.length === 0) return;
    const { tap } = this.#parts;
    for (const target of branch.targets) {
      ledger.add(target, owners, target.publisher.publish(items, signal), onPostponed);
      if (tap?.isOpen) {
        for (const item of items) {
          tap.offer({ publisher: target.publisher.name, pipeline: branch.name, item: item as never });
        }
      }
    }
  }

  /** For each pipeline that wants something the indexes of what it wants. */
  #select(
    items: readonly Item[],
  ): readonly { readonly branch: Branch<Item>; readonly selection: number[] }[] {
    const selections: number[][] = [];
    for (let index = 0; index < items.length; index++) {
      for (const route of this.#route(this.#parts.nameOf(items[index] as Item))) {
        selections[route] ??= [];
        selections[route].push(index);
      }
    }
    return this.#branches.flatMap((branch, index) => {
      const selection = selections[index];
      return selection === undefined ? [] : [{ branch, selection }];
    });
  }

  #route(name: string): readonly number[] {
    const known = this.#routes.get(name);
    if (known !== undefined) return known;
    const route = this.#branches.flatMap((branch, index) => (branch.matches(name) ? [index] : []));
    if (this.#routes.size < MAX_CACHED_NAMES) this.#routes.set(name, route);
    return route;
  }
}

/** One pipeline: what it takes, what is done to it, where it goes. */
interface Branch<Item> {
  readonly name: string;
  readonly matches: (name: string) => boolean;
  readonly transform: SinkTransform<Item> | null;
  readonly targets: readonly Target<Item>[];
}

interface Target<Item> {
  readonly publisher: Publisher<Item>;
  readonly published: Series;
  readonly dropped: Series;
}

type Counters = ReturnType<typeof createCounters>;

function createCounters(metrics: Metrics) {
  const labels = ['pipeline', 'publisher'];
  return {
    published: metrics.counter('nephoscope_pipeline_published_total', 'Items a publisher has taken.', labels),
    dropped: metrics.counter(
      'nephoscope_pipeline_dropped_total',
      'Items a publisher refused for good.',
      labels,
    ),
  };
}

function createTargets<Item>(
  pipeline: Pipeline,
  publishers: ReadonlyMap<string, Publisher<Item>>,
  counters: Counters,
): readonly Target<Item>[] {
  return pipeline.publishers.map((url) => {
    const publisher = publishers.get(url);
    if (publisher === undefined) throw new Error(`No publisher was made for ${url}`);
    const labels = [pipeline.name, publisher.name] as const;
    return {
      publisher,
      published: counters.published.child(...labels),
      dropped: counters.dropped.child(...labels),
    };
  });
}

/**
 * Collects what the publishers say about one batch. It holds numbers only: the items are gone as soon as their last
 * publisher lets go of them.
 */
class Ledger {
  readonly #wanted: Uint16Array;
  readonly #duplicates: Uint16Array;
  readonly #rejections: Rejection[] = [];
  readonly #answers: Promise<void>[] = [];
  #failure: { readonly error: unknown } | null = null;

  constructor(length: number) {
    this.#wanted = new Uint16Array(length);
    this.#duplicates = new Uint16Array(length);
  }

  /** `owners` says for each item which one of the batch it stands for; -1: none. */
  add(
    target: Target<never>,
    owners: readonly number[],
    answer: Promise<PublishResult>,
    onPostponed: (() => void) | undefined,
  ): void {
    for (const owner of owners) countUp(this.#wanted, owner);
    const settled = answer
      .catch((thrown: unknown) => refuseAll(thrown, owners.length))
      .then((result) => this.#note(target, owners, result))
      .catch((thrown: unknown) => {
        this.#failure ??= { error: thrown };
        onPostponed?.();
      });
    this.#answers.push(settled);
  }

  async settle(): Promise<Delivery> {
    await Promise.all(this.#answers);
    if (this.#failure !== null) throw this.#failure.error;
    return { wanted: this.#wanted, duplicates: this.#duplicates, rejections: this.#rejections };
  }

  #note(target: Target<never>, owners: readonly number[], result: PublishResult): void {
    if (result.postponed !== undefined) throw result.postponed.error;
    target.published.add(owners.length - result.rejected.length - (result.dropped ?? 0));
    target.dropped.add(result.rejected.length);
    for (const at of result.duplicates) countUp(this.#duplicates, owners[at] ?? -1);
    for (const { index, error } of result.rejected) {
      const owner = owners[index] ?? -1;
      if (owner >= 0) this.#rejections.push({ index: owner, error });
    }
  }
}

/** A batch refused for good is every one of its items refused; a transient error goes up as it is. */
function refuseAll(thrown: unknown, length: number): PublishResult {
  const error = toError(thrown);
  if (!(error instanceof NephoscopeError) || error.retry === 'transient') throw error;
  return { accepted: 0, duplicates: [], rejected: Array.from({ length }, (_, index) => ({ index, error })) };
}

function drained<Item>(transform: SinkTransform<Item>, nowMicros: number): Transformed<Item> {
  const items = transform.drain(nowMicros);
  return { items, owners: items.map(() => -1) };
}

function pick<Item>(items: readonly Item[], selection: readonly number[]): readonly Item[] {
  return selection.map((index) => items[index] as Item);
}

function countUp(counts: Uint16Array, index: number): void {
  if (index >= 0) counts[index] = (counts[index] ?? 0) + 1;
}
