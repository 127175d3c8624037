import { compileNameMatcher } from '../lib/wildcard.ts';
import type { Pipeline, PipelinePlan } from '../pipeline/plan.ts';
import { type Delivery, PipelineRunner, type PipelineRunnerParts } from '../pipeline/runner.ts';
import type { Rejection } from '../publishers/publisher.ts';

/** The work of a plan, divided between the workers and the process that serves. */
export interface DividedPlan {
  /** What each worker publishes by itself. */
  readonly own: PipelinePlan;
  /** What has to be in one place. */
  readonly central: PipelinePlan;
}

/**
 * Divides a plan: central are sinks with transformers, since all samples of a resource must meet there, and publishers
 * that cannot have two writers (`isCentral`); everything else each worker does for itself, so that it uses its own
 * processor. A pipeline with publishers of both kinds is in both parts. Pure.
 */
export function dividePlan(plan: PipelinePlan, isCentral: (url: string) => boolean): DividedPlan {
  const part = (wanted: boolean): PipelinePlan => ({
    ...plan,
    pipelines: plan.pipelines.flatMap((pipeline) => {
      const publishers = pipeline.publishers.filter(
        (url) => (hasTransformers(pipeline) || isCentral(url)) === wanted,
      );
      return publishers.length === 0 ? [] : [{ ...pipeline, publishers }];
    }),
  });
  return { own: part(false), central: part(true) };
}

function hasTransformers(pipeline: Pipeline): boolean {
  return pipeline.transformers.length > 0;
}

/** Schemes whose publishers hold something that must be one: a database, the last values of all series. */
const CENTRAL_SCHEMES = /^(?:store|direct|test|prometheus[a-z-]*):/;
/** A queue on disk, which a later start must find again, and files that are rotated belong to one process. */
const CENTRAL_PARAMETERS = /[?&](?:policy=queue\b|max_bytes=|backup_count=)/;

/** Whether a publisher with this URL works in the serving process only. */
export function isCentralPublisher(url: string): boolean {
  return CENTRAL_SCHEMES.test(url) || CENTRAL_PARAMETERS.test(url);
}

/** The kinds of sources whose messages can be shared out; a port can be bound by one process only. */
export function isForWorkers(kind: string): boolean {
  return kind === 'notifications';
}

/** Names beyond this number are matched anew each time: a sender that invents names must not fill the memory. */
const MAX_CACHED_NAMES = 10_000;

/** Has the central part of a plan carried out elsewhere; gives what a runner of that part would give. */
export type PublishCentrally<Item> = (items: readonly Item[], signal: AbortSignal) => Promise<Delivery>;

/**
 * A runner of a plan that is carried out partly here (`parts.plan`) and partly elsewhere (`central`). All promises of
 * `PipelineRunner` hold: `publish` resolves when both parts have every item, and rejects when one of them could not take
 * the batch now, after both have answered.
 */
export class DividedRunner<Item> extends PipelineRunner<Item> {
  readonly #nameOf: (item: Item) => string;
  readonly #matchers: readonly ((name: string) => boolean)[];
  readonly #cached = new Map<string, boolean>();
  readonly #publishCentrally: PublishCentrally<Item>;

  constructor(
    parts: PipelineRunnerParts<Item>,
    central: PipelinePlan,
    publishCentrally: PublishCentrally<Item>,
  ) {
    super(parts);
    this.#nameOf = parts.nameOf;
    this.#matchers = central.pipelines.map(({ patterns }) => compileNameMatcher(patterns));
    this.#publishCentrally = publishCentrally;
  }

  override wants(name: string): boolean {
    return this.#isCentral(name) || super.wants(name);
  }

  override publish(items: readonly Item[], signal: AbortSignal): Promise<Delivery> {
    const selection = items.flatMap((item, index) => (this.#isCentral(this.#nameOf(item)) ? [index] : []));
    const selected =
      selection.length === items.length ? items : selection.map((index) => items[index] as Item);
    const here = super.publish(items, signal);
    const there =
      selection.length === 0 ? Promise.resolve(NOTHING) : this.#publishCentrally(selected, signal);
    return settleBoth(here, there, selection);
  }

  #isCentral(name: string): boolean {
    const known = this.#cached.get(name);
    if (known !== undefined) return known;
    const wanted = this.#matchers.some((matches) => matches(name));
    if (this.#cached.size < MAX_CACHED_NAMES) this.#cached.set(name, wanted);
    return wanted;
  }
}

/** Knows nothing of the items, so that they can be collected once both parts have let go of them. */
async function settleBoth(
  here: Promise<Delivery>,
  there: Promise<Delivery>,
  selection: readonly number[],
): Promise<Delivery> {
  const [own, central] = await Promise.allSettled([here, there]);
  if (own.status === 'rejected') throw own.reason;
  if (central.status === 'rejected') throw central.reason;
  return merge(own.value, central.value, selection);
}

const NOTHING: Delivery = { wanted: new Uint16Array(), duplicates: new Uint16Array(), rejections: [] };

/** `there` counts the selected items only. */
function merge(here: Delivery, there: Delivery, selection: readonly number[]): Delivery {
  const wanted = here.wanted.slice();
  const duplicates = here.duplicates.slice();
  const rejections: Rejection[] = [...here.rejections];
  for (const [at, index] of selection.entries()) {
    wanted[index] = (wanted[index] ?? 0) + (there.wanted[at] ?? 0);
    duplicates[index] = (duplicates[index] ?? 0) + (there.duplicates[at] ?? 0);
  }
  for (const { index, error } of there.rejections) rejections.push({ index: selection[index] ?? 0, error });
  return { wanted, duplicates, rejections };
}
