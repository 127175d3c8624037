import { hash52 } from '../lib/hash.ts';

/**
 * Remembers for a while which attributes a resource was last told to have, so that only changes are sent. Bounded:
 * when it is full, what was told longest ago is forgotten, which costs a request and nothing else.
 */
export class AttributeCache {
  readonly #lifeMillis: number;
  readonly #maxEntries: number;
  readonly #now: () => number;
  /** In order of telling. */
  readonly #told = new Map<string, { readonly hash: number; readonly until: number }>();

  /** `now`: milliseconds of a clock that never goes back; handed in by tests. */
  constructor(lifeMillis: number, maxEntries = 100_000, now: () => number = () => performance.now()) {
    this.#lifeMillis = lifeMillis;
    this.#maxEntries = maxEntries;
    this.#now = now;
  }

  /** Whether the resource was told exactly this. `text`: the same for the same attributes. */
  has(resource: string, text: string): boolean {
    const entry = this.#told.get(resource);
    return entry !== undefined && entry.until > this.#now() && entry.hash === hash52(text);
  }

  set(resource: string, text: string): void {
    this.#told.delete(resource);
    this.#told.set(resource, { hash: hash52(text), until: this.#now() + this.#lifeMillis });
    if (this.#told.size <= this.#maxEntries) return;
    for (const oldest of this.#told.keys()) {
      this.#told.delete(oldest);
      break;
    }
  }
}
