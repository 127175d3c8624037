/**
 * Bounds what is inside at a time, by size. Lets in what there is room for, in order of asking; something larger than all
 * of it comes in alone, so nothing waits for ever as long as those inside leave. For concurrent use.
 */
export class Room {
  readonly #limit: number;
  readonly #waiting: { readonly size: number; readonly enter: () => void }[] = [];
  #inside = 0;
  #drained: PromiseWithResolvers<void> | null = null;

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Enters at once, or not at all; false while others wait. */
  tryEnter(size: number): boolean {
    if (this.#waiting.length > 0 || !this.#hasRoom(size)) return false;
    this.#inside += size;
    return true;
  }

  /** Resolves when it is inside. */
  enter(size: number): Promise<void> {
    return new Promise((enter) => this.#waiting.push({ size, enter }));
  }

  /** With the size it entered with. */
  leave(size: number): void {
    this.#inside -= size;
    for (let next = this.#waiting[0]; next !== undefined; next = this.#waiting[0]) {
      if (!this.#hasRoom(next.size)) return;
      this.#waiting.shift();
      this.#inside += next.size;
      next.enter();
    }
    this.#drained?.resolve();
    this.#drained = null;
  }

  /** Resolves when nobody waits to enter; undefined when nobody does. For those who would only wait too. */
  whenNobodyWaits(): Promise<void> | undefined {
    if (this.#waiting.length === 0) return undefined;
    this.#drained ??= Promise.withResolvers();
    return this.#drained.promise;
  }

  #hasRoom(size: number): boolean {
    return this.#inside === 0 || this.#inside + size <= this.#limit;
  }
}
