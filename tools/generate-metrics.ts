import { code, codes, pageHead, prose, table } from './generate-markdown.ts';

/** One metric of the program, as `Metrics.describe()` gives it. */
export interface DescribedMetric {
  readonly name: string;
  readonly kind: string;
  readonly help: string;
  readonly labels: readonly string[];
}

/** docs/reference/metrics.md: what the program counts about itself. Pure. */
export function metricsPage(metrics: readonly DescribedMetric[]): string {
  const rows = metrics
    .toSorted((one, other) => (one.name < other.name ? -1 : Number(one.name > other.name)))
    .map(({ name, kind, help, labels }) => [
      code(name),
      kind,
      labels.length === 0 ? '' : codes(labels),
      prose(help),
    ]);
  const introduction = "The program's own metrics, in Prometheus text format at `/metrics`.\n";
  return `${pageHead('Metrics', 'src/app/metrics-catalog.ts')}\n${introduction}\n${table(['name', 'kind', 'labels', 'meaning'], rows)}`;
}
