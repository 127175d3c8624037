import { Metrics } from '../observe/metrics.ts';

/** What a worker's exposition says, by family. */
interface Page {
  readonly head: Map<string, string>;
  readonly kind: Map<string, string>;
  /** By family and then by series, `name{labels}`. */
  readonly values: Map<string, Map<string, number>>;
}

/** These tell of one process and would mean nothing as a sum. */
const OF_ONE_PROCESS = new Set(['nephoscope_build_info', 'process_start_time_seconds']);

/**
 * The metrics of a process and its workers on one page: counters and gauges of the same series are added up, but for
 * gauges in seconds (ages, lags), of which the largest counts. What a worker that ended had counted stays counted.
 */
export class MergedMetrics extends Metrics {
  readonly #pages = new Map<number, string>();
  readonly #ended: Page = emptyPage();

  /** What worker `index` exposes now, in the text format. */
  setPage(index: number, text: string): void {
    this.#pages.set(index, text);
  }

  /** Worker `index` is gone: its counters are kept, its gauges are forgotten. */
  end(index: number): void {
    const text = this.#pages.get(index);
    this.#pages.delete(index);
    if (text === undefined) return;
    addPage(this.#ended, parsePage(text), (kind) => kind === 'counter');
  }

  override expose(): string {
    const page = parsePage(super.expose());
    addPage(page, this.#ended, () => true);
    for (const text of this.#pages.values()) addPage(page, parsePage(text), () => true);
    return render(page);
  }
}

function emptyPage(): Page {
  return { head: new Map(), kind: new Map(), values: new Map() };
}

/** Reads what `Metrics.expose` wrote, and nothing else of the format. */
function parsePage(text: string): Page {
  const page = emptyPage();
  let series = new Map<string, number>();
  for (const line of text.split('\n')) {
    if (line.startsWith('# HELP ')) {
      const name = line.slice(7, line.indexOf(' ', 7));
      series = new Map();
      page.head.set(name, line);
      page.values.set(name, series);
    } else if (line.startsWith('# TYPE ')) {
      const [, , name = '', kind = ''] = line.split(' ');
      page.kind.set(name, kind);
    } else if (line !== '') {
      const at = line.lastIndexOf(' ');
      series.set(line.slice(0, at), toNumber(line.slice(at + 1)));
    }
  }
  return page;
}

function addPage(target: Page, source: Page, wants: (kind: string) => boolean): void {
  for (const [name, series] of source.values) {
    const kind = source.kind.get(name) ?? '';
    if (OF_ONE_PROCESS.has(name) || !wants(kind)) continue;
    if (!target.values.has(name)) {
      target.head.set(name, source.head.get(name) ?? '');
      target.kind.set(name, kind);
      target.values.set(name, new Map());
    }
    addSeries(target.values.get(name) ?? new Map(), series, kind === 'gauge' && name.endsWith('_seconds'));
  }
}

function addSeries(
  target: Map<string, number>,
  source: ReadonlyMap<string, number>,
  isMaximum: boolean,
): void {
  for (const [key, value] of source) {
    const before = target.get(key);
    if (before === undefined) target.set(key, value);
    else target.set(key, isMaximum ? Math.max(before, value) : before + value);
  }
}

function render({ head, kind, values }: Page): string {
  const lines: string[] = [];
  for (const [name, series] of values) {
    lines.push(`${head.get(name)}\n# TYPE ${name} ${kind.get(name)}\n`);
    for (const [key, value] of series) lines.push(`${key} ${toText(value)}\n`);
  }
  return lines.join('');
}

function toNumber(text: string): number {
  return Number(text.replace('Inf', 'Infinity'));
}

function toText(value: number): string {
  if (value === Number.POSITIVE_INFINITY) return '+Inf';
  return value === Number.NEGATIVE_INFINITY ? '-Inf' : String(value);
}
