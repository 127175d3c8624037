import { NephoscopeError, toError } from '../component/errors.ts';
import { compileNameMatcher } from '../lib/wildcard.ts';
import type { Metrics, Series } from '../observe/metrics.ts';
import type { Publisher, PublishResult, Rejection } from '../publishers/publisher.ts';
import type { PipelinePlan } from './plan.ts';

/** What became of a batch, over all pipelines. Arrays are parallel to the items that were given. */
export interface Delivery {
  /** How many pipelines wanted the item. */
  readonly wanted: Uint16Array;
  /** In how many of them it was there already. */
  readonly duplicates: Uint16Array;
  /** Items that at least one publisher refused for good. */
  readonly rejections: readonly Rejection[];
}

/** Names beyond this number are matched anew each time: a sender that invents names must not fill the memory. */
const MAX_CACHED_NAMES = 10_000;

/**
 * Takes samples or events through the pipelines of a plan to their publishers.
 *
 * `publish` resolves when every wanted publisher has taken or refused every item. If one of them could not take a
 * batch now, it rejects with that transient error after all have answered: nothing may be acknowledged, the whole
 * batch is to be given again, and publishers that had taken it see it twice (worst status wins, design.md section 4).
 * Concurrent calls are allowed. Matching is done once per name.
 */
export class PipelineRunner<Item> {
  readonly #nameOf: (item: Item) => string;
  readonly #targets: readonly Target<Item>[];
  readonly #routes = new Map<string, readonly number[]>();

  constructor(
    plan: PipelinePlan,
    publishers: ReadonlyMap<string, Publisher<Item>>,
    nameOf: (item: Item) => string,
    metrics: Metrics,
  ) {
    this.#nameOf = nameOf;
    const published = metrics.counter('nephoscope_pipeline_published_total', 'Items a publisher has taken.', [
      'pipeline',
      'publisher',
    ]);
    const dropped = metrics.counter(
      'nephoscope_pipeline_dropped_total',
      'Items a publisher refused for good.',
      ['pipeline', 'publisher'],
    );
    this.#targets = plan.pipelines.flatMap((pipeline) => {
      const matches = compileNameMatcher(pipeline.patterns);
      return pipeline.publishers.map((url): Target<Item> => {
        const publisher = publishers.get(url);
        if (publisher === undefined) throw new Error(`No publisher was made for ${url}`);
        const labels = [pipeline.name, publisher.name] as const;
        return {
          matches,
          publisher,
          published: published.child(...labels),
          dropped: dropped.child(...labels),
        };
      });
    });
  }

  /** True when some pipeline takes items of this name. */
  wants(name: string): boolean {
    return this.#route(name).length > 0;
  }

  async publish(items: readonly Item[], signal: AbortSignal): Promise<Delivery> {
    const wanted = new Uint16Array(items.length);
    const duplicates = new Uint16Array(items.length);
    const rejections: Rejection[] = [];
    const selections = this.#select(items, wanted);
    const settled = await Promise.allSettled(
      selections.map((selection, index) => {
        const target = this.#targets[index];
        return selection.length === 0 || target === undefined
          ? null
          : publishTo(target, items, selection, signal);
      }),
    );
    let failure: unknown;
    for (const [index, outcome] of settled.entries()) {
      if (outcome.status === 'rejected') {
        failure ??= outcome.reason;
        continue;
      }
      const selection = selections[index];
      if (outcome.value === null || selection === undefined) continue;
      for (const at of outcome.value.duplicates) countUp(duplicates, selection[at]);
      for (const { index: at, error } of outcome.value.rejected)
        rejections.push({ index: selection[at] ?? 0, error });
    }
    if (failure !== undefined) throw failure;
    return { wanted, duplicates, rejections };
  }

  /** For each target the indexes of the items it wants. */
  #select(items: readonly Item[], wanted: Uint16Array): readonly number[][] {
    const selections: number[][] = this.#targets.map(() => []);
    for (let index = 0; index < items.length; index++) {
      for (const target of this.#route(this.#nameOf(items[index] as Item))) {
        selections[target]?.push(index);
        countUp(wanted, index);
      }
    }
    return selections;
  }

  #route(name: string): readonly number[] {
    const known = this.#routes.get(name);
    if (known !== undefined) return known;
    const route = this.#targets.flatMap((target, index) => (target.matches(name) ? [index] : []));
    if (this.#routes.size < MAX_CACHED_NAMES) this.#routes.set(name, route);
    return route;
  }
}

interface Target<Item> {
  readonly matches: (name: string) => boolean;
  readonly publisher: Publisher<Item>;
  readonly published: Series;
  readonly dropped: Series;
}

async function publishTo<Item>(
  target: Target<Item>,
  items: readonly Item[],
  selection: readonly number[],
  signal: AbortSignal,
): Promise<PublishResult> {
  const batch = selection.length === items.length ? items : selection.map((index) => items[index] as Item);
  const result = await target.publisher
    .publish(batch, signal)
    .catch((thrown: unknown) => refuseAll(thrown, batch));
  target.published.add(batch.length - result.rejected.length);
  target.dropped.add(result.rejected.length);
  return result;
}

/** A batch refused for good is every one of its items refused; a transient error goes up as it is. */
function refuseAll(thrown: unknown, batch: readonly unknown[]): PublishResult {
  const error = toError(thrown);
  if (!(error instanceof NephoscopeError) || error.retry === 'transient') throw error;
  return { accepted: 0, duplicates: [], rejected: batch.map((_, index) => ({ index, error })) };
}

function countUp(counts: Uint16Array, index: number | undefined): void {
  if (index !== undefined) counts[index] = (counts[index] ?? 0) + 1;
}
