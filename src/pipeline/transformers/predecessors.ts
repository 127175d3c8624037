import type { Sample } from '../../model/sample.ts';
import { KeyedState } from './keyed-state.ts';
import type { DropReason, TransformerTools, Turn } from './transformer.ts';

/** A sample that was taken, as the next one of its series sees it. */
export interface Predecessor {
  readonly timestampMicros: number;
  readonly monotonicTime: number | null;
  readonly volume: number;
}

/** What comes of a sample and the one before it: a number, or why nothing. */
export type Difference = number | DropReason;

interface Taken extends Predecessor {
  readonly id: string;
  readonly series: Series;
  readonly difference: Difference;
}

/** One meter of one resource of one cloud. */
interface Series {
  last: Taken | null;
  /** Taken before the last one and still known, oldest first. */
  readonly earlier: Taken[];
}

/**
 * Compares each sample with the one before it of the same series.
 *
 * A sample that `compare` finds late leaves the series as it was, so the newest always stays. An exact repeat (same id,
 * series and time as the last sample of its series or one of those that were lately) gives what it gave before, whatever
 * has come since.
 */
export class Predecessors {
  readonly #compare: (previous: Predecessor, sample: Sample) => Difference;
  readonly #series: KeyedState<Series>;
  /** A ring of all that is in some `earlier`: so all of them together are bounded, whatever their series are. */
  readonly #recent: Taken[] = [];
  readonly #maxRecent: number;
  #oldest = 0;

  constructor(compare: (previous: Predecessor, sample: Sample) => Difference, tools: TransformerTools) {
    const { maxSeries, idleMicros, maxRecent } = tools.limits;
    this.#compare = compare;
    this.#maxRecent = maxRecent;
    this.#series = new KeyedState({ maxKeys: maxSeries, idleMicros }, (_, reason) => tools.evict(reason));
  }

  get size(): number {
    return this.#series.size;
  }

  clear(): void {
    this.#series.clear();
    this.#recent.length = 0;
    this.#oldest = 0;
  }

  take(sample: Sample, { nowMicros }: Turn): Difference {
    const series = this.#seriesOf(sample, nowMicros);
    const { last } = series;
    if (last === null) return this.#replace(series, null, sample, 'first');
    const known = isSurelyNew(last, sample) ? undefined : findRepeat(series, last, sample);
    if (known !== undefined) return known.difference;
    const difference = this.#compare(last, sample);
    return difference === 'late' ? difference : this.#replace(series, last, sample, difference);
  }

  #seriesOf(sample: Sample, nowMicros: number): Series {
    const key = seriesKey(sample);
    const known = this.#series.get(key, nowMicros);
    if (known !== undefined) return known;
    const series: Series = { last: null, earlier: [] };
    this.#series.set(key, series, nowMicros);
    return series;
  }

  #replace(series: Series, last: Taken | null, sample: Sample, difference: Difference): Difference {
    const { id, timestampMicros, monotonicTime, volume } = sample;
    series.last = { id, timestampMicros, monotonicTime, volume, series, difference };
    if (last !== null) this.#keep(last);
    return difference;
  }

  #keep(taken: Taken): void {
    taken.series.earlier.push(taken);
    if (this.#recent.length < this.#maxRecent) {
      this.#recent.push(taken);
      return;
    }
    // The oldest of all is also the oldest of its series.
    this.#recent[this.#oldest]?.series.earlier.shift();
    this.#recent[this.#oldest] = taken;
    this.#oldest = (this.#oldest + 1) % this.#maxRecent;
  }
}

/** Resource ids are unique within one cloud only: hosts are called compute-1 in each of them. */
export function seriesKey({ name, resourceId, deployment }: Sample): string {
  return deployment === null ? `${name}\0${resourceId}` : `${name}\0${resourceId}\0${deployment}`;
}

/** Newer by each clock than all that was taken, so it needs no look at what was. */
function isSurelyNew(last: Predecessor, sample: Sample): boolean {
  if (sample.timestampMicros <= last.timestampMicros) return false;
  if (last.monotonicTime === null || sample.monotonicTime === null) return true;
  return sample.monotonicTime > last.monotonicTime;
}

function findRepeat(series: Series, last: Taken, sample: Sample): Taken | undefined {
  const isSame = ({ id, timestampMicros }: Taken): boolean =>
    timestampMicros === sample.timestampMicros && id === sample.id;
  return isSame(last) ? last : series.earlier.findLast(isSame);
}
