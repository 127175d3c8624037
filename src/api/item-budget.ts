/**
 * Bounds what all answers together hold: a request takes as many items as its answer may have and waits its turn while
 * others have them. Without it a few long lists asked for at once would need more memory than the process may have.
 *
 * First come, first served, so a long list is not overtaken for ever by short ones. Safe for concurrent use.
 */
export class ItemBudget {
  readonly #total: number;
  #free: number;
  #waiting: { readonly items: number; readonly start: () => void }[] = [];

  constructor(total: number) {
    this.#total = total;
    this.#free = total;
  }

  /**
   * Resolves with the function that gives the items back (call it once) when they are free; more than there are at
   * all counts as all. Rejects with the signal's reason when that fires first.
   */
  async take(items: number, signal: AbortSignal): Promise<() => void> {
    const share = Math.min(items, this.#total);
    signal.throwIfAborted();
    if (this.#waiting.length > 0 || share > this.#free) await this.#turn(share, signal);
    else this.#free -= share;
    return () => {
      this.#free += share;
      this.#startWaiting();
    };
  }

  #turn(items: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const giveUp = (): void => {
        this.#waiting = this.#waiting.filter((entry) => entry !== waiting);
        reject(signal.reason);
        this.#startWaiting();
      };
      const start = (): void => {
        signal.removeEventListener('abort', giveUp);
        resolve();
      };
      const waiting = { items, start };
      this.#waiting.push(waiting);
      signal.addEventListener('abort', giveUp, { once: true });
    });
  }

  #startWaiting(): void {
    for (
      let next = this.#waiting[0];
      next !== undefined && next.items <= this.#free;
      next = this.#waiting[0]
    ) {
      this.#waiting.shift();
      this.#free -= next.items;
      next.start();
    }
  }
}
