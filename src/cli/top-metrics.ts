import { NephoscopeError } from '../component/errors.ts';

/** One line of a metrics page. */
export interface MetricPoint {
  readonly name: string;
  readonly labels: ReadonlyMap<string, string>;
  readonly value: number;
}

const LINE = /^([A-Za-z_:][\w:]*)(?:\{(.*)\})?\s+(\S+)(?:\s+-?\d+)?$/s;
const LABEL = /\s*([A-Za-z_]\w*)="((?:[^"\\]|\\.)*)"\s*(?:,|$)/sy;

/**
 * Reads Prometheus text format 0.0.4; comments are left out, escapes undone. Pure; linear in time. Throws a permanent
 * `NephoscopeError` (E6036) for a line that is none of a metrics page.
 */
export function parseMetrics(text: string): readonly MetricPoint[] {
  return text.split('\n').flatMap((line) => {
    if (line.trim() === '' || line.startsWith('#')) return [];
    const [, name, labels = '', value = ''] = LINE.exec(line) ?? [];
    const number = numberOf(value);
    if (name === undefined || number === undefined) throw unreadable(line);
    return [{ name, labels: labelsOf(labels, line), value: number }];
  });
}

function labelsOf(text: string, line: string): ReadonlyMap<string, string> {
  const labels = new Map<string, string>();
  for (LABEL.lastIndex = 0; LABEL.lastIndex < text.length; ) {
    const [found, name = '', value = ''] = LABEL.exec(text) ?? [];
    if (found === undefined) throw unreadable(line);
    labels.set(
      name,
      value.replace(/\\(.)/gs, (_, character: string) => (character === 'n' ? '\n' : character)),
    );
  }
  return labels;
}

function numberOf(text: string): number | undefined {
  if (text === '+Inf' || text === 'Inf') return Number.POSITIVE_INFINITY;
  if (text === '-Inf') return Number.NEGATIVE_INFINITY;
  if (text === 'NaN') return Number.NaN;
  return /^[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?$/i.test(text) ? Number(text) : undefined;
}

function unreadable(line: string): NephoscopeError {
  return new NephoscopeError('E6036', `No line of a metrics page: ${JSON.stringify(line.slice(0, 100))}`);
}
