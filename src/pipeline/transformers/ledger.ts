import type { Sample } from '../../model/sample.ts';
import { KeyedState } from './keyed-state.ts';
import { identityOf } from './product.ts';
import type { Emit, TransformerLimits, Turn } from './transformer.ts';

/** Samples that are held together, and what came out of them once something did. */
export interface Holding {
  /** Null: still held. Empty: nothing came of them. */
  products: readonly Sample[] | null;
  /** Number of the turn in which the products were given out last. */
  turnNumber: number;
}

/** Something held, of which nothing came out yet. */
export function openHolding(): Holding {
  return { products: null, turnNumber: 0 };
}

/**
 * Remembers which samples were taken lately and what came of them, for transformers that hold samples: so that a batch
 * given again neither counts twice nor loses what came out when it was given first.
 */
export class Ledger {
  readonly #known: KeyedState<Holding>;

  constructor({ maxRecent }: TransformerLimits) {
    this.#known = new KeyedState({ maxKeys: maxRecent, idleMicros: Number.POSITIVE_INFINITY });
  }

  /**
   * True for an exact repeat. When something came of the sample already it is given out again, once in a turn; what is
   * still held comes later.
   */
  repeat(sample: Sample, turn: Turn, emit: Emit): boolean {
    const holding = this.#known.get(repeatKey(sample), turn.nowMicros);
    if (holding === undefined) return false;
    if (holding.products !== null && holding.turnNumber !== turn.number) {
      holding.turnNumber = turn.number;
      for (const product of holding.products) emit(product);
    }
    return true;
  }

  add(sample: Sample, holding: Holding, turn: Turn): void {
    this.#known.set(repeatKey(sample), holding, turn.nowMicros);
  }

  clear(): void {
    this.#known.clear();
  }
}

function repeatKey(sample: Sample): string {
  return `${sample.timestampMicros}\0${identityOf(sample)}`;
}
