import type { Sample } from '../../model/sample.ts';
import { type FieldMapping, readNameMapping } from './field-mapping.ts';
import { defineTransformer, type ParameterReader } from './parameters.ts';
import { type Difference, type Predecessor, Predecessors } from './predecessors.ts';
import { createProduct } from './product.ts';
import type { Emit, Transformer, TransformerTools, Turn } from './transformer.ts';

interface Parameters {
  readonly nameOf: FieldMapping<string>;
  readonly growthOnly: boolean;
}

/** Change since the sample before of the same meter and resource. A counter that began anew gives a negative one. */
export const DELTA = defineTransformer({ name: 'delta', read, make });

function read(parameters: ParameterReader): Parameters {
  return {
    nameOf: readNameMapping(parameters),
    growthOnly: parameters.boolean('growth_only') ?? false,
  };
}

function make(parameters: Parameters, tools: TransformerTools): Transformer {
  return new Delta(parameters, tools);
}

class Delta implements Transformer {
  readonly #nameOf: FieldMapping<string>;
  readonly #tools: TransformerTools;
  readonly #predecessors: Predecessors;

  constructor({ nameOf, growthOnly }: Parameters, tools: TransformerTools) {
    this.#nameOf = nameOf;
    this.#tools = tools;
    this.#predecessors = new Predecessors((previous, sample) => change(previous, sample, growthOnly), tools);
  }

  take(sample: Sample, turn: Turn, emit: Emit): void {
    const difference = this.#predecessors.take(sample, turn);
    if (typeof difference !== 'number') {
      this.#tools.drop(difference);
      return;
    }
    if (!Number.isFinite(difference)) {
      this.#tools.drop('not_finite');
      return;
    }
    const fields = {
      name: this.#nameOf(sample.name),
      unit: sample.unit,
      type: 'delta' as const,
      volume: difference,
    };
    emit(createProduct(sample, fields, this.#tools));
  }

  flush(): void {}

  drain(): void {
    this.#predecessors.clear();
  }

  held(): number {
    return 0;
  }

  series(): number {
    return this.#predecessors.size;
  }
}

function change(previous: Predecessor, sample: Sample, growthOnly: boolean): Difference {
  if (sample.timestampMicros < previous.timestampMicros) return 'late';
  const difference = sample.volume - previous.volume;
  return growthOnly && difference < 0 ? 'negative' : difference;
}
