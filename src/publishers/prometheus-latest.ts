import { setImmediate as turn } from 'node:timers/promises';
import type { Sample } from '../model/sample.ts';
import type { Metrics } from '../observe/metrics.ts';
import {
  escapeHelpText,
  groupBySeries,
  latestPoint,
  prometheusType,
  type Series,
} from './prometheus-series.ts';

/** How one sink wants its samples kept. */
export interface LatestSettings {
  /** The most series kept at a time, those of other sinks included. */
  readonly maxSeries: number;
  /** How long a series is shown after its last sample came. */
  readonly expiryMillis: number;
  /** Whether the time of measurement is shown. */
  readonly showsTime: boolean;
}

interface Entry {
  /** Name and labels, as shown. */
  readonly text: string;
  value: number;
  timestampMicros: number;
  showsTime: boolean;
  /** As `performance.now()`. */
  expiresAt: number;
}

/** The series of one name. */
interface Family {
  /** Null for a delta, and once meters of several types share the name. */
  type: 'counter' | 'gauge' | null;
  readonly help: string;
  readonly series: Map<string, Entry>;
}

/** Series shown before others get a turn. */
const SERIES_PER_TURN = 5_000;

/**
 * The latest value of each series, bounded, for Prometheus to fetch. A series that has got no sample for a while goes;
 * a sample older than what is kept changes nothing. In memory only: after a restart it fills again.
 */
export class LatestSamples {
  readonly #families = new Map<string, Family>();
  #size = 0;

  /** Series kept, those that are about to go included. */
  get size(): number {
    return this.#size;
  }

  /**
   * Keeps a batch; gives the indexes of samples for whose series there was no room. `nowMillis` is `performance.now()`.
   */
  record(samples: readonly Sample[], settings: LatestSettings, nowMillis: number): readonly number[] {
    const refused: number[] = [];
    for (const series of groupBySeries(samples)) {
      if (this.#update(series, settings, nowMillis)) continue;
      refused.push(...series.points.map(({ index }) => index));
    }
    return refused.sort((a, b) => a - b);
  }

  /** All series in the text format 0.0.4, by name. Takes turns with other work, so it may show a batch in part. */
  async expose(nowMillis: number): Promise<string> {
    this.#expire(nowMillis);
    let text = '';
    let untilTurn = SERIES_PER_TURN;
    for (const [name, { type, help, series }] of this.#families) {
      text += `# HELP ${name} ${help}\n# TYPE ${name} ${type ?? 'untyped'}\n`;
      for (const entry of series.values()) {
        text += lineOf(entry);
        if (--untilTurn > 0) continue;
        untilTurn = SERIES_PER_TURN;
        await turn();
      }
    }
    return text;
  }

  /** False when there is no room. */
  #update(series: Series, settings: LatestSettings, nowMillis: number): boolean {
    const { sample } = latestPoint(series);
    const known = this.#families.get(series.name)?.series.get(series.labelText);
    if (known === undefined && !this.#hasRoom(settings, nowMillis)) return false;
    const entry = known ?? this.#add(series, sample);
    entry.expiresAt = nowMillis + settings.expiryMillis;
    entry.showsTime = settings.showsTime;
    if (sample.timestampMicros < entry.timestampMicros) return true;
    entry.value = sample.volume;
    entry.timestampMicros = sample.timestampMicros;
    return true;
  }

  #hasRoom({ maxSeries }: LatestSettings, nowMillis: number): boolean {
    if (this.#size >= maxSeries) this.#expire(nowMillis);
    return this.#size < maxSeries;
  }

  #add({ name, labelText }: Series, sample: Sample): Entry {
    const type = prometheusType(sample);
    let family = this.#families.get(name);
    if (family === undefined) {
      const unit = sample.unit === null || sample.unit === '' ? '' : ` in ${sample.unit}`;
      family = { type, help: escapeHelpText(`Meter ${sample.name}${unit}`), series: new Map() };
      this.#families.set(name, family);
    }
    if (family.type !== type) family.type = null;
    const entry: Entry = {
      text: name + labelText,
      value: sample.volume,
      timestampMicros: sample.timestampMicros,
      showsTime: false,
      expiresAt: 0,
    };
    family.series.set(labelText, entry);
    this.#size++;
    return entry;
  }

  #expire(nowMillis: number): void {
    for (const [name, { series }] of this.#families) {
      for (const [key, { expiresAt }] of series) {
        if (expiresAt <= nowMillis && series.delete(key)) this.#size--;
      }
      if (series.size === 0) this.#families.delete(name);
    }
  }
}

function lineOf({ text, value, timestampMicros, showsTime }: Entry): string {
  return showsTime ? `${text} ${value} ${Math.floor(timestampMicros / 1_000)}\n` : `${text} ${value}\n`;
}

const ofPrograms = new WeakMap<Metrics, LatestSamples>();

/**
 * The latest samples of the program that has these `metrics`: every program has one of both. So neither the contract of
 * publishers nor that of the API has to speak of this one sink.
 */
export function latestSamplesOf(metrics: Metrics): LatestSamples {
  const known = ofPrograms.get(metrics);
  if (known !== undefined) return known;
  const latest = new LatestSamples();
  ofPrograms.set(metrics, latest);
  const series = metrics
    .gauge('nephoscope_prometheus_scrape_series', 'Series that are kept to be fetched at /v1/prometheus.')
    .child();
  metrics.onCollect(() => series.set(latest.size));
  return latest;
}
