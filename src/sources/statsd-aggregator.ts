import { type StatsdKind, StatsdLineParser } from '../lib/statsd-line.ts';
import type { Sample } from '../model/sample.ts';
import { COUNT, countUp, type StatsdCounts } from './statsd-counts.ts';
import { createSampleMaker, type SampleMaker, type SampleSettings } from './statsd-samples.ts';
import { createSeries, type Series, type SeriesSettings } from './statsd-series.ts';
import { type SeriesEntry, SourceTable } from './statsd-source-table.ts';
import type { ValueBudget } from './statsd-timer.ts';

export interface AggregatorSettings extends SeriesSettings, SampleSettings {
  /** Senders beyond this are not listened to until one was idle. */
  readonly maxSources: number;
  readonly maxSeriesPerSource: number;
  readonly maxSeries: number;
  /** Values of timers and sets held between two flushes. */
  readonly maxValues: number;
  /** A series nothing came for so long is forgotten, and a gauge no longer repeated. */
  readonly idleMicros: number;
}

const LINE_FEED = 0x0a;

/**
 * Gathers what senders measure between two flushes, by sender, name and tags. No clock, no socket: the time is handed
 * in. Names, senders and kept values are bounded, and what is beyond is counted, never held.
 */
export class StatsdAggregator {
  readonly #settings: AggregatorSettings;
  readonly #counts: StatsdCounts;
  readonly #parser = new StatsdLineParser();
  readonly #sources = new Map<string, SourceTable>();
  readonly #budget: ValueBudget;
  readonly #makeSamples: SampleMaker;
  #series = 0;
  #lastAddress = '';
  #lastSource: SourceTable | null = null;
  #bytes: Buffer = Buffer.alloc(0);
  #value = 0;

  constructor(settings: AggregatorSettings, counts: StatsdCounts) {
    this.#settings = settings;
    this.#counts = counts;
    this.#budget = { held: 0, limit: settings.maxValues };
    this.#makeSamples = createSampleMaker(settings, () => countUp(counts, COUNT.not_finite));
  }

  /** Takes the lines of one datagram. A bad line does not harm the others. Never throws. */
  take(datagram: Buffer, address: string): void {
    countUp(this.#counts, COUNT.datagrams);
    const source = this.#sourceOf(address);
    this.#bytes = datagram;
    let lines = 0;
    for (let start = 0; start < datagram.length; ) {
      const feed = datagram.indexOf(LINE_FEED, start);
      const end = feed < 0 ? datagram.length : feed;
      if (end > start) {
        lines++;
        this.#takeLine(source, datagram, start, end);
      }
      start = end + 1;
    }
    countUp(this.#counts, COUNT.lines, lines);
  }

  /**
   * Ends the interval: gives the samples of one series after the other, all with the time `nowMicros` (microseconds since
   * the epoch), and lets go of what was idle for too long. What is taken while it runs counts for the series that are
   * still to come, so nothing is lost or counted twice when it is done in slices.
   */
  *flush(nowMicros: number): Generator<readonly Sample[], void> {
    countUp(this.#counts, COUNT.flushes);
    const timestamp = this.#makeSamples.at(nowMicros);
    for (const [address, source] of this.#sources) {
      for (const [key, entry] of source.entries) {
        if (this.#isIdle(entry, nowMicros)) this.#forget(source, key, entry);
        else yield this.#count(timestamp(address, entry));
      }
      if (source.entries.size === 0) this.#forgetSource(address);
    }
    this.#showSize();
  }

  #count(samples: readonly Sample[]): readonly Sample[] {
    countUp(this.#counts, COUNT.samples, samples.length);
    return samples;
  }

  #takeLine(source: SourceTable | null, bytes: Buffer, start: number, end: number): void {
    const parser = this.#parser;
    const ignored = parser.ignoredSections;
    const problem = parser.parse(bytes, start, end);
    if (parser.ignoredSections !== ignored)
      countUp(this.#counts, COUNT.ignoredSections, parser.ignoredSections - ignored);
    if (problem !== null) countUp(this.#counts, COUNT[problem]);
    else if (source === null) countUp(this.#counts, COUNT.too_many_sources, parser.count);
    else this.#takeValues(source);
  }

  /** Nearly all lines have values of one kind, and thus one series. */
  #takeValues(source: SourceTable): void {
    const parser = this.#parser;
    let found: ReturnType<SourceTable['find']> | null = null;
    for (let index = 0; index < parser.count; index++) {
      const kind = parser.kinds[index] as StatsdKind;
      if (found === null || kind !== parser.kinds[index - 1])
        found = source.find(parser, this.#bytes, kind, this.#create);
      if (typeof found === 'string') countUp(this.#counts, COUNT[found]);
      else this.#add(found, index);
    }
  }

  #add({ series }: SeriesEntry, index: number): void {
    const parser = this.#parser;
    this.#value = index;
    const taken = series.add(
      parser.values[index] as number,
      parser.rates[index] as number,
      parser.signed[index] as boolean,
      this.#textOfValue,
    );
    if (!taken) countUp(this.#counts, COUNT.set_full);
  }

  readonly #textOfValue = (): string =>
    this.#bytes.toString(
      'latin1',
      this.#parser.valueStarts[this.#value],
      this.#parser.valueEnds[this.#value],
    );

  readonly #create = (kind: StatsdKind, { name }: { readonly name: string }): Series | null => {
    const { maxSeries, maxSeriesPerSource } = this.#settings;
    if (this.#series >= maxSeries) return null;
    if ((this.#lastSource?.entries.size ?? 0) >= maxSeriesPerSource) return null;
    this.#series++;
    this.#showSize();
    return createSeries(kind, name, this.#settings, this.#budget);
  };

  #sourceOf(address: string): SourceTable | null {
    if (address === this.#lastAddress && this.#lastSource !== null) return this.#lastSource;
    let source = this.#sources.get(address);
    if (source === undefined) {
      if (this.#sources.size >= this.#settings.maxSources) return null;
      source = new SourceTable();
      this.#sources.set(address, source);
    }
    this.#lastAddress = address;
    this.#lastSource = source;
    return source;
  }

  #isIdle(entry: SeriesEntry, nowMicros: number): boolean {
    if (entry.series.isFresh() || entry.lastFreshMicros === 0) {
      entry.lastFreshMicros = nowMicros;
      return false;
    }
    return nowMicros - entry.lastFreshMicros >= this.#settings.idleMicros;
  }

  #forget(source: SourceTable, key: string, entry: SeriesEntry): void {
    source.remove(key, entry);
    this.#series--;
  }

  #forgetSource(address: string): void {
    this.#sources.delete(address);
    this.#lastSource = null;
  }

  #showSize(): void {
    this.#counts[COUNT.sources] = this.#sources.size;
    this.#counts[COUNT.series] = this.#series;
  }
}
