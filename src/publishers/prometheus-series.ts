import type { Sample } from '../model/sample.ts';

/** A label of a series: its name, and its value, which is never empty. */
export type Label = readonly [name: string, value: string];

/** What Prometheus calls a time series, with the samples of a batch that belong to it. */
export interface Series {
  readonly name: string;
  /** Sorted by name, as remote write wants them. */
  readonly labels: readonly Label[];
  /** The labels as the text format writes them, `{a="b",c="d"}`; empty when there are none. */
  readonly labelText: string;
  readonly points: readonly Point[];
}

export interface Point {
  /** In the batch. */
  readonly index: number;
  readonly sample: Sample;
}

/**
 * Sorts a batch into series, in the order in which they first appear; the points of each as in the batch. Pure.
 *
 * The name is the meter's with `_` for what Prometheus does not permit. The labels are always the same ones:
 * `deployment`, `project_id`, `resource_id`, `user_id`, each left out when it is null or empty, which for Prometheus is
 * the same. The unit is none: it would make another series of a meter whose unit is spelled anew.
 */
export function groupBySeries(samples: readonly Sample[]): readonly Series[] {
  const found = new Map<string, Series & { readonly points: Point[] }>();
  for (const [index, sample] of samples.entries()) {
    const name = prometheusName(sample.name);
    const labelText = labelTextOf(sample);
    const key = name + labelText;
    let series = found.get(key);
    if (series === undefined) {
      series = { name, labels: labelsOf(sample), labelText, points: [] };
      found.set(key, series);
    }
    series.points.push({ index, sample });
  }
  return [...found.values()];
}

/** The point that is the latest by its timestamp; of equal ones the last. */
export function latestPoint({ points }: Pick<Series, 'points'>): Point {
  return points.reduce((latest, point) =>
    point.sample.timestampMicros >= latest.sample.timestampMicros ? point : latest,
  );
}

/** The name of a meter in Prometheus: as the original for `.` and `-`, and `_` for everything else not permitted. */
export function prometheusName(meter: string): string {
  const name = meter.replace(/[^A-Za-z0-9_:]/g, '_');
  return /^[A-Za-z_:]/.test(name) ? name : `_${name}`;
}

/** The type of a meter in Prometheus; null for a delta, for which it has none (reference: samples-and-events.md section 5). */
export function prometheusType({ type }: Pick<Sample, 'type'>): 'counter' | 'gauge' | null {
  if (type === 'cumulative') return 'counter';
  return type === 'gauge' ? 'gauge' : null;
}

/** Help texts go on one line. */
export function escapeHelpText(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n');
}

function labelsOf({ deployment, projectId, resourceId, userId }: Sample): readonly Label[] {
  const all: readonly (readonly [string, string | null])[] = [
    ['deployment', deployment],
    ['project_id', projectId],
    ['resource_id', resourceId],
    ['user_id', userId],
  ];
  return all.flatMap(([name, value]): readonly Label[] =>
    value === null || value === '' ? [] : [[name, value]],
  );
}

/** The same labels as text, without a list for each sample. */
function labelTextOf({ deployment, projectId, resourceId, userId }: Sample): string {
  const text =
    pairText('deployment', deployment) +
    pairText('project_id', projectId) +
    pairText('resource_id', resourceId) +
    pairText('user_id', userId);
  return text === '' ? '' : `{${text.slice(1)}}`;
}

function pairText(name: string, value: string | null): string {
  return value === null || value === '' ? '' : `,${name}="${escapeLabelValue(value)}"`;
}

function escapeLabelValue(value: string): string {
  return /[\\"\n]/.test(value) ? escapeHelpText(value).replaceAll('"', '\\"') : value;
}
