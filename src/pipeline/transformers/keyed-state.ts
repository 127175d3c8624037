import type { EvictReason } from './transformer.ts';

/**
 * State by key, bounded in number and age. Every operation takes constant time: entries live in two generations, those
 * used since the last turn-over and those used in the generation before. At a turn-over, when the young are `maxKeys`
 * or `idleMicros` have passed, the old ones left are given up.
 */
export class KeyedState<State> {
  readonly #maxKeys: number;
  readonly #idleMicros: number;
  readonly #onEvict: (state: State, reason: EvictReason) => void;
  #young = new Map<string, State>();
  #old = new Map<string, State>();
  #turnedMicros: number | null = null;

  constructor(
    limits: { readonly maxKeys: number; readonly idleMicros: number },
    onEvict: (state: State, reason: EvictReason) => void = () => {},
  ) {
    this.#maxKeys = limits.maxKeys;
    this.#idleMicros = limits.idleMicros;
    this.#onEvict = onEvict;
  }

  get size(): number {
    return this.#young.size + this.#old.size;
  }

  /** The state of a key, which counts as used now. */
  get(key: string, nowMicros: number): State | undefined {
    this.#age(nowMicros);
    const state = this.#young.get(key);
    if (state !== undefined) return state;
    const old = this.#old.get(key);
    if (old === undefined) return undefined;
    this.#old.delete(key);
    this.#add(key, old);
    return old;
  }

  set(key: string, state: State, nowMicros: number): void {
    this.#age(nowMicros);
    this.#old.delete(key);
    this.#add(key, state);
  }

  /** All states, without using them. */
  *values(): IterableIterator<State> {
    yield* this.#old.values();
    yield* this.#young.values();
  }

  clear(): void {
    this.#young.clear();
    this.#old.clear();
  }

  #add(key: string, state: State): void {
    if (this.#young.size >= this.#maxKeys && !this.#young.has(key)) this.#turn('full');
    this.#young.set(key, state);
  }

  #age(nowMicros: number): void {
    this.#turnedMicros ??= nowMicros;
    const passed = nowMicros - this.#turnedMicros;
    if (passed < this.#idleMicros) return;
    this.#turn('idle');
    if (passed >= 2 * this.#idleMicros) this.#turn('idle');
    this.#turnedMicros = nowMicros;
  }

  #turn(reason: EvictReason): void {
    for (const state of this.#old.values()) this.#onEvict(state, reason);
    this.#old = this.#young;
    this.#young = new Map();
  }
}
