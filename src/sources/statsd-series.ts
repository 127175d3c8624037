import { hash52 } from '../lib/hash.ts';
import { STATSD_KIND, type StatsdKind } from '../lib/statsd-line.ts';
import type { SampleType } from '../model/sample.ts';
import { type TimerStatistic, TimerValues, type ValueBudget } from './statsd-timer.ts';

/** What the operator decides about the figures that are made. */
export interface SeriesSettings {
  /** Above 0, up to 100. */
  readonly percentiles: readonly number[];
  readonly timerStatistics: readonly TimerStatistic[];
  /** What `+1` and `-1` do to a gauge: change it by that (the reference daemon), or set it to that (DogStatsD). */
  readonly signedGauges: 'change' | 'set';
  /** From 0 up to, not including, 1. */
  readonly random: () => number;
}

/** One figure of a series at the end of an interval. `suffix` comes behind the name, empty or with its dot. */
export interface Figure {
  readonly suffix: string;
  readonly type: SampleType;
  readonly unit: string | null;
  readonly volume: number;
}

/** What one name with its tags has gathered since the last flush. */
export interface Series {
  readonly kind: StatsdKind;
  /** `text` gives the value as it was written; it is asked for by sets alone. False when there is no room for it. */
  add(value: number, rate: number, signed: boolean, text: () => string): boolean;
  /** Whether something came since the last `close`. */
  isFresh(): boolean;
  /** The figures of the interval, and the beginning of the next one. */
  close(): readonly Figure[];
  /** Gives back what it holds of the budget. */
  drop(): void;
}

/**
 * Makes the series of a kind. `name` is the meter's; a set counts what its name is called.
 *
 * counter → delta, the sum of value / rate; gauge → gauge, repeated at each flush; set → gauge, how many different
 * texts; timer and histogram → gauges `.mean`, `.p90` … in ms (a histogram in no unit) and the delta `.count`.
 * Counters, sets and timers without a value in the interval give nothing: the reference daemon repeats zeros for ever.
 */
export function createSeries(
  kind: StatsdKind,
  name: string,
  settings: SeriesSettings,
  budget: ValueBudget,
): Series {
  switch (kind) {
    case STATSD_KIND.counter:
      return new Counter();
    case STATSD_KIND.gauge:
      return new Gauge(settings.signedGauges === 'change');
    case STATSD_KIND.set:
      return new DistinctTexts(name.slice(name.lastIndexOf('.') + 1), budget);
    default:
      return new Timer(kind, settings, budget);
  }
}

class Counter implements Series {
  readonly kind = STATSD_KIND.counter;
  #sum = 0;
  #isFresh = false;

  add(value: number, rate: number): boolean {
    this.#sum += value / rate;
    this.#isFresh = true;
    return true;
  }

  isFresh(): boolean {
    return this.#isFresh;
  }

  close(): readonly Figure[] {
    if (!this.#isFresh) return [];
    const volume = this.#sum;
    this.#sum = 0;
    this.#isFresh = false;
    return [{ suffix: '', type: 'delta', unit: null, volume }];
  }

  drop(): void {}
}

/**
 * The reference daemon sets a gauge that is unknown or zero even when the value has a sign. That is the same as adding
 * to 0, so there is no exception here: an unknown gauge counts from 0.
 */
class Gauge implements Series {
  readonly kind = STATSD_KIND.gauge;
  readonly #signChanges: boolean;
  #value = 0;
  #isFresh = false;

  constructor(signChanges: boolean) {
    this.#signChanges = signChanges;
  }

  add(value: number, _rate: number, signed: boolean): boolean {
    this.#value = (signed && this.#signChanges ? this.#value : 0) + value;
    this.#isFresh = true;
    return true;
  }

  isFresh(): boolean {
    return this.#isFresh;
  }

  close(): readonly Figure[] {
    this.#isFresh = false;
    return [{ suffix: '', type: 'gauge', unit: null, volume: this.#value }];
  }

  drop(): void {}
}

/** A set beyond this stops growing: its figure then says "at least so many". */
const MAX_DISTINCT = 100_000;

class DistinctTexts implements Series {
  readonly kind = STATSD_KIND.set;
  readonly #unit: string;
  readonly #budget: ValueBudget;
  /** Hashes, as the texts themselves may be long; one in 2^52 is a mistake nobody will meet. */
  #hashes = new Set<number>();

  constructor(unit: string, budget: ValueBudget) {
    this.#unit = unit;
    this.#budget = budget;
  }

  add(_value: number, _rate: number, _signed: boolean, text: () => string): boolean {
    const hash = hash52(text());
    if (this.#hashes.has(hash)) return true;
    const { size } = this.#hashes;
    if (size >= MAX_DISTINCT || (size > 0 && this.#budget.held >= this.#budget.limit)) return false;
    this.#hashes.add(hash);
    this.#budget.held++;
    return true;
  }

  isFresh(): boolean {
    return this.#hashes.size > 0;
  }

  close(): readonly Figure[] {
    const volume = this.#hashes.size;
    if (volume === 0) return [];
    this.drop();
    return [{ suffix: '', type: 'gauge', unit: this.#unit, volume }];
  }

  drop(): void {
    this.#budget.held -= this.#hashes.size;
    this.#hashes = new Set();
  }
}

class Timer implements Series {
  readonly kind: StatsdKind;
  readonly #settings: SeriesSettings;
  readonly #values: TimerValues;

  constructor(kind: StatsdKind, settings: SeriesSettings, budget: ValueBudget) {
    this.kind = kind;
    this.#settings = settings;
    this.#values = new TimerValues(budget, settings.random);
  }

  add(value: number, rate: number): boolean {
    this.#values.add(value, rate);
    return true;
  }

  isFresh(): boolean {
    return !this.#values.isEmpty;
  }

  close(): readonly Figure[] {
    if (this.#values.isEmpty) return [];
    const unit = this.kind === STATSD_KIND.timer ? 'ms' : null;
    const statistics = this.#settings.timerStatistics.map((name): Figure => {
      const volume = this.#values.statistic(name);
      if (name === 'count') return { suffix: '.count', type: 'delta', unit: null, volume };
      return { suffix: `.${name}`, type: 'gauge', unit, volume };
    });
    const percentiles = this.#settings.percentiles.map((percent): Figure => {
      const suffix = `.p${String(percent).replace('.', '_')}`;
      return { suffix, type: 'gauge', unit, volume: this.#values.percentile(percent) };
    });
    this.#values.clear();
    return [...statistics, ...percentiles];
  }

  drop(): void {
    this.#values.clear();
  }
}
