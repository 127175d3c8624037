/**
 * Keeps the starts and stops of one component apart: a start waits for the stop that is under way, a stop that is asked
 * for after a start wins, and concurrent callers of `stop` get the same promise.
 */
export class StartStop {
  #stops = 0;
  #stopping: Promise<void> | null = null;

  get isStopping(): boolean {
    return this.#stopping !== null;
  }

  /**
   * Null: a start may go on at once. Else to be awaited: when the stop under way is over, whether it may go on, since no
   * other stop was asked for. Rejects as that stop.
   */
  beforeStart(): Promise<boolean> | null {
    return this.#stopping === null ? null : this.#afterStop(this.#stopping);
  }

  /** Runs `end`, or gives the promise of the stop that is under way. */
  stop(end: () => Promise<void>): Promise<void> {
    this.#stops++;
    this.#stopping ??= end().finally(() => {
      this.#stopping = null;
    });
    return this.#stopping;
  }

  async #afterStop(stopping: Promise<void>): Promise<boolean> {
    const stops = this.#stops;
    await stopping;
    return stops === this.#stops;
  }
}
