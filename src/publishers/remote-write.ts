import { ProtobufWriter } from '../lib/protobuf.ts';
import { snappyCompress } from '../lib/snappy.ts';
import type { Sample } from '../model/sample.ts';
import { HttpError } from './http-errors.ts';
import { createHttpPublisher, createHttpTarget, type HttpTarget, OVER_HTTP_OR_TLS } from './http-target.ts';
import { type Unit, UnitsAttempt } from './http-units.ts';
import { groupBySeries, type Series } from './prometheus-series.ts';
import type { Publisher, PublisherDefinition } from './publisher.ts';

/**
 * `prometheus-remote-write://`: Prometheus' remote write protocol 1.0, which Mimir, Thanos, VictoriaMetrics and others
 * take as well. Each sample arrives with the time at which it was measured, to the millisecond.
 *
 * A receiver takes the samples of a series in order of time and refuses older ones, in some cases with the whole request:
 * then halves are sent until those it does not want are alone. Repeating a batch is harmless: a value that is there
 * already is taken again or refused as older.
 */
export const REMOTE_WRITE_PUBLISHER: PublisherDefinition = {
  schemes: ['prometheus-remote-write'],
  summary:
    'Writes samples with their time to Prometheus, or to anything else that takes its remote write 1.0.',
  form: 'prometheus-remote-write://[USER:PASSWORD@]HOST[:PORT]/PATH',
  examples: [
    'prometheus-remote-write://127.0.0.1:9090/api/v1/write',
    'prometheus-remote-write://mimir.example.org/api/v1/push?ssl=1',
  ],
  ...OVER_HTTP_OR_TLS,
  samples: (url, context) => {
    const target = createHttpTarget(url, context, { usualPath: '/api/v1/write' });
    return createHttpPublisher(target, context.name, writeTo(target));
  },
};

const HEADERS = {
  'content-type': 'application/x-protobuf',
  'content-encoding': 'snappy',
  'x-prometheus-remote-write-version': '0.1.0',
};

/** One value of one series, and the items of the batch that say so. */
interface Entry extends Unit {
  readonly indexes: number[];
  readonly series: Series;
  readonly millis: number;
  readonly value: number;
}

function writeTo(target: HttpTarget): Publisher<Sample>['publish'] {
  return async (samples, signal) => {
    const attempt = new UnitsAttempt(target.workUntil(), target.shown);
    // By series and time, so the earlier half of a series always goes first.
    const entries = groupBySeries(samples)
      .toSorted(byName)
      .flatMap((series) => entriesOf(series, attempt));
    await attempt.send(entries, (part) =>
      target.post({ headers: HEADERS, body: snappyCompress(writeRequest(part)) }, signal),
    );
    return attempt.result(samples.length);
  };
}

function byName(a: Series, b: Series): number {
  if (a.name !== b.name) return a.name < b.name ? -1 : 1;
  return a.labelText < b.labelText ? -1 : 1;
}

/** In order of time. Of several values for one millisecond the first counts, as it would for the receiver. */
function entriesOf(series: Series, attempt: UnitsAttempt): readonly Entry[] {
  const entries: Entry[] = [];
  for (const { index, sample } of series.points.toSorted(byTime)) {
    const millis = Math.floor(sample.timestampMicros / 1_000);
    const last = entries.at(-1);
    if (last?.millis !== millis) entries.push({ indexes: [index], series, millis, value: sample.volume });
    else if (last.value === sample.volume) last.indexes.push(index);
    else attempt.reject({ indexes: [index] }, twoValues(series, sample));
  }
  return entries;
}

function byTime(a: Series['points'][number], b: Series['points'][number]): number {
  return a.sample.timestampMicros - b.sample.timestampMicros;
}

function twoValues({ name, labelText }: Series, { timestamp }: Sample): HttpError {
  return new HttpError('E8018', `${name}${labelText} has another value for ${timestamp} already`);
}

/** Field numbers of `prometheus.WriteRequest`, `TimeSeries`, `Label` and `Sample`. */
const FIELD = { timeseries: 1, labels: 1, samples: 2, name: 1, labelValue: 2, value: 1, timestamp: 2 };

function writeRequest(entries: readonly Entry[]): Uint8Array {
  const writer = new ProtobufWriter(entries.length * 128);
  for (let from = 0; from < entries.length; ) {
    const { series } = entries[from] as Entry;
    let to = from + 1;
    while (entries[to]?.series === series) to++;
    const members = entries.slice(from, to);
    writer.message(FIELD.timeseries, () => writeSeries(writer, series, members));
    from = to;
  }
  return writer.result();
}

function writeSeries(writer: ProtobufWriter, { name, labels }: Series, entries: readonly Entry[]): void {
  for (const [label, value] of [['__name__', name] as const, ...labels]) {
    writer.message(FIELD.labels, () => {
      writer.string(FIELD.name, label);
      writer.string(FIELD.labelValue, value);
    });
  }
  for (const { value, millis } of entries) {
    writer.message(FIELD.samples, () => {
      writer.double(FIELD.value, value);
      writer.int64(FIELD.timestamp, millis);
    });
  }
}
