/**
 * One entry under `transformers` of a sink, as it stands in the file: plain data, checked when the plan was made, so
 * that two plans can be compared by value.
 */
export interface TransformerSpec {
  readonly name: string;
  readonly parameters: Readonly<Record<string, unknown>>;
}

/** What came of a batch. */
export interface Transformed<Item> {
  /** To be published, in this order. */
  readonly items: readonly Item[];
  /**
   * Parallel to `items`: the index in the batch of the item that led to it, so that a refusal can be told to the sender.
   * -1: it was held from earlier batches and became due by time; no item of this batch can be blamed for it.
   */
  readonly owners: readonly number[];
}

/**
 * The transformers of one sink, run in order, with their state: one object for each sink of a plan, shared by all
 * sources that use the sink. Synchronous, so calls never overlap. Nothing here waits or touches the outside.
 *
 * Acknowledgement: an item counts as taken when its batch was taken, also when nothing came out yet because a
 * transformer holds it (`held`). What is held is in memory only: `drain` gives it at a stop, a kill loses it.
 *
 * Repeats: a batch given again, whole, in part or mixed with other items, gives the same products with the same ids
 * again, and changes no result: so a batch that could not be published is simply given again.
 */
export interface SinkTransform<Item> {
  /**
   * Takes a batch; `nowMicros` is the time in microseconds since the epoch. Never throws. An empty batch is legal: it
   * gives what has become due by time alone; call it every few seconds so that the last window of a quiet meter leaves.
   */
  apply(items: readonly Item[], nowMicros: number): Transformed<Item>;

  /**
   * To be called with what `apply` gave when it could not be published now (transient). What belongs to no item of the
   * batch is kept and comes with the next `apply`; the rest comes again when the batch is given again. Safe to call twice,
   * as when two publishers of a sink fail.
   */
  takeBack(transformed: Transformed<Item>): void;

  /**
   * The end: everything held, to be published once more. Afterwards the state is empty and its gauges are zero; the
   * object could be used again like a new one.
   */
  drain(nowMicros: number): readonly Item[];

  /** How many items are held now, of which nothing came out yet. */
  held(): number;

  /**
   * Which of `shards` (1 or more) an item belongs to: a stable number from 0 to `shards` - 1. Items of one resource share
   * a shard, so the results of n transforms, each given the items of its shard, are together those of one.
   */
  shardOf(item: Item, shards: number): number;
}

/**
 * Makes the transform of a sink; `sink` is its name, for metrics and logs. `specs` has one entry or more, checked by
 * `planPipelines`; throws a `NephoscopeError` (E1130 to E1134) for others.
 */
export type SinkTransformFactory<Item> = (
  sink: string,
  specs: readonly TransformerSpec[],
) => SinkTransform<Item>;
