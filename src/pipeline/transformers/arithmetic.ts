import {
  compilePythonExpression,
  type PythonExpression,
  PythonExpressionError,
} from '../../lib/python-expression.ts';
import type { JsonValue } from '../../model/json.ts';
import { SAMPLE_TYPES, type Sample, type SampleType } from '../../model/sample.ts';
import { KeyedState } from './keyed-state.ts';
import { type Holding, Ledger, openHolding } from './ledger.ts';
import { defineTransformer, type ParameterReader } from './parameters.ts';
import { identityOf } from './product.ts';
import { sampleAsMapping } from './sample-fields.ts';
import { toVolume } from './scaling.ts';
import type { Emit, Transformer, TransformerTools, Turn } from './transformer.ts';

/**
 * Calculates a new meter out of several meters of one resource. All samples it gets are used up. As soon as each meter
 * of the expression has come for a resource the result goes on, and the next one needs all of them anew.
 */
export const ARITHMETIC = defineTransformer({ name: 'arithmetic', read, make });

interface Parameters {
  readonly name: string | null;
  readonly unit: string | null;
  readonly type: SampleType | null;
  readonly expression: PythonExpression | null;
}

function read(parameters: ParameterReader): Parameters {
  const target = parameters.section('target');
  return {
    name: target.text('name'),
    unit: target.text('unit'),
    type: target.choice('type', SAMPLE_TYPES),
    expression: readExpression(target),
  };
}

function readExpression(target: ParameterReader): PythonExpression | null {
  const text = target.text('expr');
  if (text === null) {
    target.error('expr', 'E1132', 'expr is missing: nothing would ever come out');
    return null;
  }
  try {
    const expression = compilePythonExpression(text, { meters: true });
    if (expression.meters.length === 0) {
      target.error('expr', 'E1132', 'expr names no meter, e.g. $(cpu): nothing would ever come out');
    }
    for (const name of expression.names) {
      target.warn(
        'expr',
        'E1135',
        `The expression names ${name}, which is always empty`,
        `Write $(${name}).`,
      );
    }
    return expression;
  } catch (thrown) {
    if (!(thrown instanceof PythonExpressionError)) throw thrown;
    const message = `Bad expression, at its character ${thrown.column}: ${thrown.message}`;
    target.error('expr', 'E1133', message, thrown.column - 1);
    return null;
  }
}

function make(parameters: Parameters, tools: TransformerTools): Transformer {
  return new Arithmetic(parameters, tools);
}

/** What has come for one resource since its last result. */
interface Group {
  readonly latest: Map<string, Sample>;
  /** By meter: the time of the sample used last; older ones come too late. */
  readonly usedMicros: Map<string, number>;
  holding: Holding;
}

class Arithmetic implements Transformer {
  readonly #parameters: Parameters;
  readonly #tools: TransformerTools;
  readonly #meters: readonly string[];
  readonly #ledger: Ledger;
  readonly #groups: KeyedState<Group>;
  #held = 0;

  constructor(parameters: Parameters, tools: TransformerTools) {
    const { maxSeries, idleMicros } = tools.limits;
    this.#parameters = parameters;
    this.#tools = tools;
    this.#meters = parameters.expression?.meters ?? [];
    this.#ledger = new Ledger(tools.limits);
    this.#groups = new KeyedState({ maxKeys: maxSeries, idleMicros }, (group, reason) => {
      tools.evict(reason);
      this.#abandon(group);
    });
  }

  take(sample: Sample, turn: Turn, emit: Emit): void {
    if (!this.#meters.includes(sample.name)) {
      this.#tools.drop('unused');
      return;
    }
    if (this.#ledger.repeat(sample, turn, emit)) return;
    const group = this.#groupOf(sample, turn);
    const before = group.latest.get(sample.name);
    const newestMicros = before?.timestampMicros ?? group.usedMicros.get(sample.name);
    if (newestMicros !== undefined && sample.timestampMicros < newestMicros) {
      this.#tools.drop('late');
      return;
    }
    if (before !== undefined) this.#tools.drop('replaced');
    else this.#held += 1;
    group.latest.set(sample.name, sample);
    this.#ledger.add(sample, group.holding, turn);
    if (group.latest.size === this.#meters.length) this.#conclude(group, turn, emit);
  }

  flush(): void {}

  drain(): void {
    for (const group of this.#groups.values()) this.#abandon(group);
    this.#groups.clear();
    this.#ledger.clear();
  }

  held(): number {
    return this.#held;
  }

  series(): number {
    return this.#groups.size;
  }

  #groupOf({ resourceId, deployment }: Sample, { nowMicros }: Turn): Group {
    const key = `${resourceId}\0${deployment ?? ''}`;
    const known = this.#groups.get(key, nowMicros);
    if (known !== undefined) return known;
    const group: Group = { latest: new Map(), usedMicros: new Map(), holding: openHolding() };
    this.#groups.set(key, group, nowMicros);
    return group;
  }

  /** What was used is used up, whether the calculation succeeds or not. */
  #conclude(group: Group, turn: Turn, emit: Emit): void {
    const samples = this.#meters.map((meter) => group.latest.get(meter) as Sample);
    const { holding } = group;
    holding.products = [];
    holding.turnNumber = turn.number;
    group.holding = openHolding();
    group.latest.clear();
    this.#held -= samples.length;
    for (const { name, timestampMicros } of samples) group.usedMicros.set(name, timestampMicros);
    const volume = this.#calculate(samples);
    if (!Number.isFinite(volume)) {
      this.#tools.drop('not_finite');
      return;
    }
    const product = this.#product(samples, volume);
    holding.products = [product];
    emit(product);
  }

  #calculate(samples: readonly Sample[]): number {
    const fields = new Map<string, JsonValue>(
      samples.map((sample) => [sample.name, sampleAsMapping(sample)]),
    );
    const scope = { valueOf: () => undefined, meter: (name: string) => fields.get(name) };
    return toVolume(this.#parameters.expression?.evaluate(scope) ?? null);
  }

  /** Who and what it is about is said by the meter that the expression names first, when by the newest sample. */
  #product(samples: readonly Sample[], volume: number): Sample {
    const { name, unit, type } = this.#parameters;
    const [reference] = samples as readonly [Sample, ...Sample[]];
    const newest = samples.reduce((best, one) => (one.timestampMicros > best.timestampMicros ? one : best));
    const { timestamp, timestampMicros } = newest;
    return {
      ...reference,
      id: this.#tools.productId(timestampMicros, samples.map(identityOf).join('\0')),
      name: name ?? reference.name,
      unit: unit ?? reference.unit,
      type: type ?? reference.type,
      volume,
      timestamp,
      timestampMicros,
      source: this.#tools.sampleSource,
      monotonicTime: null,
    };
  }

  #abandon({ latest }: Group): void {
    this.#held -= latest.size;
    for (const _ of latest.values()) this.#tools.drop('incomplete');
  }
}
