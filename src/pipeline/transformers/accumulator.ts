import type { Sample } from '../../model/sample.ts';
import { type Holding, Ledger, openHolding } from './ledger.ts';
import { defineTransformer, type ParameterReader } from './parameters.ts';
import type { Emit, Transformer, TransformerTools, Turn } from './transformer.ts';

/** More than this would be lost at once by a kill. */
const MAX_SIZE = 100_000;

/** Holds samples until there are `size` of them, then lets all go on together. A size below 1: nothing is held. */
export const ACCUMULATOR = defineTransformer({ name: 'accumulator', read, make });

function read(parameters: ParameterReader): number {
  return parameters.integer('size', MAX_SIZE) ?? 1;
}

function make(size: number, tools: TransformerTools): Transformer {
  return new Accumulator(size, tools);
}

class Accumulator implements Transformer {
  readonly #size: number;
  readonly #ledger: Ledger;
  #samples: Sample[] = [];
  #holding: Holding = openHolding();

  constructor(size: number, tools: TransformerTools) {
    this.#size = size;
    this.#ledger = new Ledger(tools.limits);
  }

  take(sample: Sample, turn: Turn, emit: Emit): void {
    if (this.#size <= 1) {
      emit(sample);
      return;
    }
    if (this.#ledger.repeat(sample, turn, emit)) return;
    this.#samples.push(sample);
    this.#ledger.add(sample, this.#holding, turn);
    if (this.#samples.length >= this.#size) this.#release(sample, turn, emit);
  }

  flush(): void {}

  drain(turn: Turn, emit: Emit): void {
    this.#release(null, turn, emit);
    this.#ledger.clear();
  }

  held(): number {
    return this.#samples.length;
  }

  series(): number {
    return 0;
  }

  #release(last: Sample | null, turn: Turn, emit: Emit): void {
    // As they came: to put them in order here would make what follows depend on what else was held.
    const samples = this.#samples;
    const holding = this.#holding;
    holding.products = samples;
    holding.turnNumber = turn.number;
    this.#samples = [];
    this.#holding = openHolding();
    for (const sample of samples) emit(sample, sample !== last);
  }
}
