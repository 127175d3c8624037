import type { Sample } from '../../model/sample.ts';
import { type Difference, type Predecessor, Predecessors } from './predecessors.ts';
import type { Emit, Transformer, TransformerTools } from './transformer.ts';

/**
 * A transformer that makes something of how each sample differs from the one before it of its series: `make` gets the
 * number that `compare` gave. Samples for which it gave a reason instead are dropped with that.
 */
export function createDifferenceTransformer(
  compare: (previous: Predecessor, sample: Sample) => Difference,
  tools: TransformerTools,
  make: (sample: Sample, difference: number, emit: Emit) => void,
): Transformer {
  const predecessors = new Predecessors(compare, tools);
  return {
    take: (sample, turn, emit) => {
      const difference = predecessors.take(sample, turn);
      if (typeof difference === 'number') make(sample, difference, emit);
      else tools.drop(difference);
    },
    flush: () => {},
    drain: () => predecessors.clear(),
    held: () => 0,
    series: () => predecessors.size,
  };
}
