import { NephoscopeError, toError } from '../../component/errors.ts';
import { hash52 } from '../../lib/hash.ts';
import { sampleIdOf } from '../../lib/sample-id.ts';
import type { Sample } from '../../model/sample.ts';
import type { Logger } from '../../observe/logger.ts';
import type { Metrics } from '../../observe/metrics.ts';
import type { PipelinePlan } from '../plan.ts';
import type { SinkTransform, SinkTransformFactory, Transformed, TransformerSpec } from '../sink-transform.ts';
import { resourceOrder } from './order.ts';
import { identityOf } from './product.ts';
import { createStageMetrics, registerStageMetrics, type StageMetrics } from './stage-metrics.ts';
import type {
  Emit,
  Transformer,
  TransformerDefinition,
  TransformerLimits,
  TransformerTools,
  Turn,
} from './transformer.ts';

/** What the transforms of all sinks are made with. */
export interface TransformParts {
  readonly definitions: readonly TransformerDefinition[];
  readonly metrics: Metrics;
  readonly log: Logger;
  /** Source of the samples that are made (option `sample_source`). */
  readonly sampleSource: string;
  /** For tests; default `DEFAULT_LIMITS`. */
  readonly limits?: TransformerLimits;
}

/** A series takes some 300 bytes, a recent sample some 200, so one transformer stays below 70 MB. */
const DEFAULT_LIMITS: TransformerLimits = {
  maxSeries: 100_000,
  idleMicros: 24 * 3600 * 1e6,
  maxRecent: 20_000,
};

/** What could not be published waits for the next batch; more than this is lost, oldest first. */
const MAX_RETURNED = 100_000;
/** A failing expression fails for every sample: one line now and then is enough. */
const COMPLAIN_MICROS = 60e6;

/** Makes the transform of one sink after the other (see `SinkTransform`). */
export function createSinkTransforms(parts: TransformParts): SinkTransformFactory<Sample> {
  return (sink, specs) => new Chain(sink, specs, parts);
}

/** The transform of each sink of a plan that has transformers, by the sink's name. Throws as `SinkTransformFactory`. */
export function createTransformsOf(
  plan: PipelinePlan,
  parts: TransformParts,
): ReadonlyMap<string, SinkTransform<Sample>> {
  registerStageMetrics(parts.metrics);
  const create = createSinkTransforms(parts);
  const specs = new Map(plan.pipelines.map(({ sink, transformers }) => [sink, transformers]));
  return new Map(
    [...specs].flatMap(([sink, list]) => (list.length === 0 ? [] : [[sink, create(sink, list)] as const])),
  );
}

interface Stage {
  readonly transformer: Transformer;
  readonly metrics: StageMetrics;
  readonly complain: Complain;
  /** Where what it makes goes: into the next stage, or out. */
  readonly emit: Emit;
}

/** Says in the log, now and then, why samples end in a transformer. */
type Complain = (reason: string, sample: Sample) => void;

interface Output {
  readonly items: Sample[];
  readonly owners: number[];
}

/**
 * Takes each sample through all stages before the next one, as the original does. `#owner` is the index of the sample on
 * its way, -1 while something held is.
 */
class Chain implements SinkTransform<Sample> {
  readonly #stages: readonly Stage[];
  #turn: Turn = { nowMicros: 0, number: 0 };
  #owner = -1;
  #output: Output = { items: [], owners: [] };
  #returned: readonly Sample[] = [];
  readonly #takenBack = new WeakSet<Transformed<Sample>>();
  /** What of `#returned` went out in this turn: a repeat may bring it once more. */
  #givenBack: ReadonlySet<string> = new Set();

  constructor(sink: string, specs: readonly TransformerSpec[], parts: TransformParts) {
    this.#stages = specs.map((_, index) => this.#createStage(sink, specs, index, parts));
  }

  apply(items: readonly Sample[], nowMicros: number): Transformed<Sample> {
    const output = this.#begin(nowMicros);
    this.#putReturned();
    for (const { transformer, emit } of this.#stages) transformer.flush(this.#turn, emit);
    const order = resourceOrder(items);
    for (let place = 0; place < items.length; place += 1) {
      this.#owner = order === null ? place : (order[place] as number);
      this.#pass(0, items[this.#owner] as Sample);
    }
    this.#measure();
    return output;
  }

  takeBack(transformed: Transformed<Sample>): void {
    if (this.#takenBack.has(transformed)) return;
    this.#takenBack.add(transformed);
    const { items, owners } = transformed;
    const held = items.filter((_, index) => owners[index] === -1);
    if (held.length === 0) return;
    const all = [...this.#returned, ...held];
    for (let excess = all.length - MAX_RETURNED; excess > 0; excess -= 1)
      this.#stages[0]?.metrics.drop('full');
    this.#returned = all.slice(-MAX_RETURNED);
    this.#measure();
  }

  drain(nowMicros: number): readonly Sample[] {
    const { items } = this.#begin(nowMicros);
    this.#putReturned();
    for (const { transformer, emit } of this.#stages) transformer.drain(this.#turn, emit);
    this.#measure();
    return items;
  }

  held(): number {
    return this.#stages.reduce((sum, { transformer }) => sum + transformer.held(), this.#returned.length);
  }

  shardOf({ resourceId }: Sample, shards: number): number {
    return hash52(resourceId) % shards;
  }

  #createStage(sink: string, specs: readonly TransformerSpec[], index: number, parts: TransformParts): Stage {
    const spec = specs[index] as TransformerSpec;
    const label = labelOf(specs, index);
    const definition = parts.definitions.find(({ name }) => name === spec.name);
    if (definition === undefined) throw new NephoscopeError('E1130', `No transformer named ${spec.name}`);
    const metrics = createStageMetrics(parts.metrics, sink, label);
    const digest = hash52(JSON.stringify([spec.name, spec.parameters])).toString(36);
    const complain = this.#createComplaints(parts.log.child({ sink, transformer: label }));
    const tools: TransformerTools = {
      limits: parts.limits ?? DEFAULT_LIMITS,
      sampleSource: parts.sampleSource,
      productId: (timestampMicros, origin) => sampleIdOf(timestampMicros, hash52(`${digest}:${origin}`)),
      drop: metrics.drop,
      evict: metrics.evict,
    };
    const emit: Emit = (sample, isHeld) => {
      metrics.emitted.add();
      this.#pass(index + 1, sample, isHeld);
    };
    return { transformer: definition.create(spec.parameters, tools), metrics, complain, emit };
  }

  #createComplaints(log: Logger): Complain {
    let saidMicros = Number.NEGATIVE_INFINITY;
    return (reason, { name, resourceId }) => {
      const { nowMicros } = this.#turn;
      if (Math.abs(nowMicros - saidMicros) < COMPLAIN_MICROS) return;
      saidMicros = nowMicros;
      log.warn({ reason, meter: name, resource: resourceId }, 'Samples are dropped: a transformer fails');
    };
  }

  #begin(nowMicros: number): Output {
    this.#turn = { nowMicros, number: this.#turn.number + 1 };
    this.#output = { items: [], owners: [] };
    this.#givenBack = new Set();
    this.#owner = -1;
    return this.#output;
  }

  #putReturned(): void {
    const returned = this.#returned;
    this.#returned = [];
    for (const sample of returned) this.#put(sample);
    this.#givenBack = new Set(returned.map(identityOf));
  }

  /** Into the stage with this index, or out behind the last one. */
  #pass(index: number, sample: Sample, isHeld?: boolean): void {
    const stage = this.#stages[index];
    if (stage === undefined) this.#put(sample, isHeld);
    else this.#enter(stage, sample, isHeld);
  }

  #put(sample: Sample, isHeld?: boolean): void {
    if (this.#givenBack.size > 0 && this.#givenBack.has(identityOf(sample))) return;
    this.#output.items.push(sample);
    this.#output.owners.push(isHeld === true ? -1 : this.#owner);
  }

  #enter(stage: Stage, sample: Sample, isHeld?: boolean): void {
    const owner = this.#owner;
    if (isHeld === true) this.#owner = -1;
    stage.metrics.taken.add();
    try {
      stage.transformer.take(sample, this.#turn, stage.emit);
    } catch (thrown) {
      stage.metrics.drop('failed');
      stage.complain(toError(thrown).message, sample);
    }
    this.#owner = owner;
  }

  #measure(): void {
    for (const [index, { transformer, metrics }] of this.#stages.entries()) {
      metrics.measure(transformer.held() + (index === 0 ? this.#returned.length : 0), transformer.series());
    }
  }
}

/** The same transformer twice in a sink is told apart by its place. */
function labelOf(specs: readonly TransformerSpec[], index: number): string {
  const name = specs[index]?.name ?? '';
  const before = specs.slice(0, index).filter((spec) => spec.name === name).length;
  return before === 0 ? name : `${name}-${before + 1}`;
}
