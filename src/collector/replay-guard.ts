import { hash52 } from '../lib/hash.ts';

/** What the guard says of a signed datum. */
export type ReplayVerdict = 'fresh' | 'replayed' | 'stale';

export interface ReplayGuardOptions {
  /** How far a datum's own time may be from now. */
  readonly windowMicros: number;
  /** How many data are remembered at the least; up to twice as many are. About 40 bytes each. */
  readonly capacity: number;
}

/**
 * Tells data that were there before. A signature says nothing about when it was made, so whoever can listen on the way can
 * send the same datum again for ever. Here each is taken once: what is older or newer than the window is stale, and
 * within the window every signature is remembered. When more come than can be remembered, the oldest are forgotten, and
 * from then on nothing as old as these is taken: that may refuse late data, but never takes one twice.
 *
 * Time is handed in. Signatures are told apart by 52 bits, so that of a million remembered data one in four thousand
 * million is refused by mistake.
 */
export class ReplayGuard {
  readonly #windowMicros: number;
  readonly #capacity: number;
  #recent = createGeneration();
  #older = createGeneration();
  #recentSince = 0;
  /** Everything up to this time may have been forgotten. */
  #floorMicros = Number.NEGATIVE_INFINITY;

  constructor({ windowMicros, capacity }: ReplayGuardOptions) {
    this.#windowMicros = windowMicros;
    this.#capacity = capacity;
  }

  /** Judges a datum with this valid signature and time, and remembers it when it is fresh. Microseconds since the epoch. */
  judge(signature: string, timestampMicros: number, nowMicros: number): ReplayVerdict {
    if (Math.abs(nowMicros - timestampMicros) > this.#windowMicros) return 'stale';
    this.#rotate(nowMicros);
    const hash = hash52(signature);
    if (this.#recent.hashes.has(hash) || this.#older.hashes.has(hash)) return 'replayed';
    if (timestampMicros <= this.#floorMicros) return 'stale';
    this.#recent.hashes.add(hash);
    this.#recent.newestMicros = Math.max(this.#recent.newestMicros, timestampMicros);
    return 'fresh';
  }

  /** How many are remembered. */
  size(): number {
    return this.#recent.hashes.size + this.#older.hashes.size;
  }

  /**
   * A generation may be forgotten by time when all of it lies outside of the window: data come up to one window early, so
   * that is two windows after its last one.
   */
  #rotate(nowMicros: number): void {
    const isFull = this.#recent.hashes.size >= this.#capacity;
    if (!isFull && nowMicros - this.#recentSince <= 2 * this.#windowMicros) return;
    this.#floorMicros = Math.max(this.#floorMicros, this.#older.newestMicros);
    this.#older = this.#recent;
    this.#recent = createGeneration();
    this.#recentSince = nowMicros;
  }
}

interface Generation {
  readonly hashes: Set<number>;
  newestMicros: number;
}

function createGeneration(): Generation {
  return { hashes: new Set(), newestMicros: Number.NEGATIVE_INFINITY };
}
