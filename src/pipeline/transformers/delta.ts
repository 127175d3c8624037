import type { Sample } from '../../model/sample.ts';
import { createDifferenceTransformer } from './difference.ts';
import { type FieldMapping, readNameMapping } from './field-mapping.ts';
import { defineTransformer, type ParameterReader } from './parameters.ts';
import type { Difference, Predecessor } from './predecessors.ts';
import { emitProduct } from './product.ts';
import type { Transformer, TransformerTools } from './transformer.ts';

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

function make({ nameOf, growthOnly }: Parameters, tools: TransformerTools): Transformer {
  const compare = (previous: Predecessor, sample: Sample): Difference => change(previous, sample, growthOnly);
  return createDifferenceTransformer(compare, tools, (sample, volume, emit) => {
    const fields = { name: nameOf(sample.name), unit: sample.unit, type: 'delta' as const, volume };
    emitProduct(sample, fields, tools, emit);
  });
}

function change(previous: Predecessor, sample: Sample, growthOnly: boolean): Difference {
  if (sample.timestampMicros < previous.timestampMicros) return 'late';
  const difference = sample.volume - previous.volume;
  return growthOnly && difference < 0 ? 'negative' : difference;
}
