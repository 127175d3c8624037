/** What there is to say about some values; times in microseconds since the epoch. */
export interface Summary {
  readonly count: number;
  readonly min: number;
  readonly max: number;
  readonly sum: number;
  readonly first: number;
  readonly last: number;
}

/** Numbers of one bucket × group × unit. Filled by `add`, one value after another. */
export class StatisticsCells {
  readonly #withDeviation: boolean;
  readonly #distinctKinds: number;
  size = 0;
  bucket = new Float64Array(64);
  group = new Float64Array(64);
  count = new Float64Array(64);
  min = new Float64Array(64);
  max = new Float64Array(64);
  first = new Float64Array(64);
  last = new Float64Array(64);
  #sum = new Float64Array(64);
  #lost = new Float64Array(64);
  #mean = new Float64Array(64);
  #deviation = new Float64Array(64);
  readonly #distinct: Set<number>[][] = [];

  /** `withDeviation`: also what the standard deviation needs. `distinctKinds`: how many cardinalities are counted. */
  constructor(withDeviation: boolean, distinctKinds: number) {
    this.#withDeviation = withDeviation;
    this.#distinctKinds = distinctKinds;
  }

  /** Makes an empty cell and gives its number. */
  create(bucket: number, group: number): number {
    const cell = this.size;
    if (cell === this.bucket.length) this.#grow();
    this.size += 1;
    this.bucket[cell] = bucket;
    this.group[cell] = group;
    this.min[cell] = Number.POSITIVE_INFINITY;
    this.max[cell] = Number.NEGATIVE_INFINITY;
    this.first[cell] = Number.POSITIVE_INFINITY;
    this.last[cell] = Number.NEGATIVE_INFINITY;
    if (this.#distinctKinds > 0)
      this.#distinct[cell] = Array.from({ length: this.#distinctKinds }, () => new Set());
    return cell;
  }

  /** Counts a value measured at `micros` into a cell. */
  add(cell: number, micros: number, value: number): void {
    const count = at(this.count, cell) + 1;
    this.count[cell] = count;
    if (value < at(this.min, cell)) this.min[cell] = value;
    if (value > at(this.max, cell)) this.max[cell] = value;
    if (micros < at(this.first, cell)) this.first[cell] = micros;
    if (micros > at(this.last, cell)) this.last[cell] = micros;
    this.#addToSum(cell, value);
    if (this.#withDeviation) {
      // Welford: the difference of two large sums of squares would have no correct digit for large counters.
      const delta = value - at(this.#mean, cell);
      const mean = at(this.#mean, cell) + delta / count;
      this.#mean[cell] = mean;
      this.#deviation[cell] = at(this.#deviation, cell) + delta * (value - mean);
    }
  }

  /** Counts many values at once, for cells without deviation and cardinalities. */
  addSummary(cell: number, { count, min, max, sum, first, last }: Summary): void {
    this.count[cell] = at(this.count, cell) + count;
    this.min[cell] = Math.min(at(this.min, cell), min);
    this.max[cell] = Math.max(at(this.max, cell), max);
    this.first[cell] = Math.min(at(this.first, cell), first);
    this.last[cell] = Math.max(at(this.last, cell), last);
    this.#addToSum(cell, sum);
  }

  /** Notes a value whose kinds are counted; see `cardinality`. */
  addDistinct(cell: number, kind: number, value: number): void {
    this.#distinct[cell]?.[kind]?.add(value);
  }

  cardinality(cell: number, kind: number): number {
    return this.#distinct[cell]?.[kind]?.size ?? 0;
  }

  sum(cell: number): number {
    const sum = at(this.#sum, cell);
    // Beyond the range of floats the correction is no number.
    return Number.isFinite(sum) ? sum + at(this.#lost, cell) : sum;
  }

  /** Of the population, not of a sample. */
  standardDeviation(cell: number): number {
    return Math.sqrt(at(this.#deviation, cell) / at(this.count, cell));
  }

  /** Adds what is in `other` to `cell`. */
  merge(cell: number, other: number): void {
    const [a, b] = [at(this.count, cell), at(this.count, other)];
    const delta = at(this.#mean, other) - at(this.#mean, cell);
    const own = at(this.#deviation, cell) + at(this.#deviation, other);
    this.#deviation[cell] = own + (delta * delta * a * b) / (a + b);
    this.#mean[cell] = at(this.#mean, cell) + (delta * b) / (a + b);
    this.count[cell] = a + b;
    this.min[cell] = Math.min(at(this.min, cell), at(this.min, other));
    this.max[cell] = Math.max(at(this.max, cell), at(this.max, other));
    this.first[cell] = Math.min(at(this.first, cell), at(this.first, other));
    this.last[cell] = Math.max(at(this.last, cell), at(this.last, other));
    this.#addToSum(cell, at(this.#sum, other));
    this.#lost[cell] = at(this.#lost, cell) + at(this.#lost, other);
    this.#distinct[other]?.forEach((values, kind) => {
      for (const value of values) this.addDistinct(cell, kind, value);
    });
  }

  /** Neumaier's sum: keeps what plain addition rounds away. */
  #addToSum(cell: number, value: number): void {
    const before = at(this.#sum, cell);
    const after = before + value;
    const lost = Math.abs(before) >= Math.abs(value) ? before - after + value : value - after + before;
    this.#sum[cell] = after;
    this.#lost[cell] = at(this.#lost, cell) + lost;
  }

  #grow(): void {
    this.bucket = doubled(this.bucket);
    this.group = doubled(this.group);
    this.count = doubled(this.count);
    this.min = doubled(this.min);
    this.max = doubled(this.max);
    this.first = doubled(this.first);
    this.last = doubled(this.last);
    this.#sum = doubled(this.#sum);
    this.#lost = doubled(this.#lost);
    this.#mean = doubled(this.#mean);
    this.#deviation = doubled(this.#deviation);
  }
}

function at(numbers: Float64Array, index: number): number {
  return numbers[index] as number;
}

function doubled(numbers: Float64Array): Float64Array<ArrayBuffer> {
  const larger = new Float64Array(numbers.length * 2);
  larger.set(numbers);
  return larger;
}
