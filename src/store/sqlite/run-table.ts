const PAGE = 512;
/** 2 KiB each: 2 MiB a meter at most, for half a million resources of one meter. */
const MAX_PAGES = 1_024;

/**
 * A small number per resource number, 0 when unknown, in pages made when needed. Forgets all when it grows beyond
 * its bound: unknown is always a right answer.
 */
export class RunTable {
  #pages = new Map<number, Int32Array>();

  get(resource: number): number {
    return this.#pages.get(Math.floor(resource / PAGE))?.[resource % PAGE] ?? 0;
  }

  set(resource: number, value: number): void {
    const number = Math.floor(resource / PAGE);
    let page = this.#pages.get(number);
    if (page === undefined) {
      if (this.#pages.size >= MAX_PAGES) this.#pages = new Map();
      page = new Int32Array(PAGE);
      this.#pages.set(number, page);
    }
    page[resource % PAGE] = value;
  }
}
