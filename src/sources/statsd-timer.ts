/** What may be emitted of a timer besides its percentiles. */
export const TIMER_STATISTICS = ['count', 'mean', 'median', 'min', 'max', 'sum', 'std'] as const;
export type TimerStatistic = (typeof TIMER_STATISTICS)[number];

/** How many values all timers and sets of a receiver hold together between two flushes. */
export interface ValueBudget {
  held: number;
  readonly limit: number;
}

/** A timer beyond this, or one beyond the second when the budget of all is spent, keeps a fair choice of its values. */
const MAX_KEPT = 10_000;
const MIN_KEPT = 16;

/**
 * The values of one timer in one interval. Count, sum, mean, deviation, least and greatest are exact. Percentiles and
 * median are of all values up to 10,000 of them, beyond of a uniform random choice of as many (reservoir sampling,
 * algorithm R), so that the memory is bounded whatever arrives and however long a flush is put off.
 *
 * After the reference daemon, only the count is corrected for the sampling rate; all else is of the values received.
 */
export class TimerValues {
  readonly #budget: ValueBudget;
  readonly #random: () => number;
  #kept = new Float64Array(MIN_KEPT);
  #keptCount = 0;
  #received = 0;
  #estimated = 0;
  #sum = 0;
  #mean = 0;
  #squares = 0;
  #min = Number.POSITIVE_INFINITY;
  #max = Number.NEGATIVE_INFINITY;

  constructor(budget: ValueBudget, random: () => number) {
    this.#budget = budget;
    this.#random = random;
  }

  get isEmpty(): boolean {
    return this.#received === 0;
  }

  /** `rate` is above 0 and at most 1. */
  add(value: number, rate: number): void {
    this.#received++;
    this.#estimated += 1 / rate;
    this.#sum += value;
    // Welford's way: a difference of large sums would lose the deviation of values that are close together.
    const before = value - this.#mean;
    this.#mean += before / this.#received;
    this.#squares += before * (value - this.#mean);
    if (value < this.#min) this.#min = value;
    if (value > this.#max) this.#max = value;
    if (this.#hasRoom()) this.#keep(value);
    else this.#keepByChance(value);
  }

  /** One of `TIMER_STATISTICS`; NaN when it is empty. */
  statistic(name: TimerStatistic): number {
    if (this.isEmpty) return Number.NaN;
    switch (name) {
      case 'count':
        return this.#estimated;
      case 'mean':
        return this.#sum / this.#received;
      case 'median':
        return this.#median();
      case 'min':
        return this.#min;
      case 'max':
        return this.#max;
      case 'sum':
        return this.#sum;
      case 'std':
        return Math.sqrt(this.#squares / this.#received);
    }
  }

  /** The value that `percent` (above 0, up to 100) of all values do not exceed: the nth of n = round(percent × N). */
  percentile(percent: number): number {
    const place = Math.max(1, Math.round((percent / 100) * this.#keptCount));
    return this.#sorted()[place - 1] ?? Number.NaN;
  }

  /** Begins a new interval. What was kept is given free when it was much. */
  clear(): void {
    this.#budget.held -= this.#keptCount;
    if (this.#kept.length > 4 * Math.max(MIN_KEPT, this.#keptCount)) this.#kept = new Float64Array(MIN_KEPT);
    this.#keptCount = 0;
    this.#received = 0;
    this.#estimated = 0;
    this.#sum = 0;
    this.#mean = 0;
    this.#squares = 0;
    this.#min = Number.POSITIVE_INFINITY;
    this.#max = Number.NEGATIVE_INFINITY;
  }

  /** The choice is fair only if everything was kept until it began, and then nothing is added to it any more. */
  #hasRoom(): boolean {
    if (this.#keptCount !== this.#received - 1) return false;
    if (this.#keptCount < MIN_KEPT) return true;
    return this.#keptCount < MAX_KEPT && this.#budget.held < this.#budget.limit;
  }

  #keep(value: number): void {
    if (this.#keptCount === this.#kept.length) {
      const grown = new Float64Array(Math.min(MAX_KEPT, this.#kept.length * 2));
      grown.set(this.#kept);
      this.#kept = grown;
    }
    this.#kept[this.#keptCount++] = value;
    this.#budget.held++;
  }

  #keepByChance(value: number): void {
    const place = Math.floor(this.#random() * this.#received);
    if (place < this.#keptCount) this.#kept[place] = value;
  }

  #median(): number {
    const sorted = this.#sorted();
    const middle = sorted.length >> 1;
    const upper = sorted[middle] ?? Number.NaN;
    return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2;
  }

  #sorted(): Float64Array {
    // In place: sorting again what is sorted costs little, and the order of arrival is of no use to anyone.
    return this.#kept.subarray(0, this.#keptCount).sort();
  }
}
