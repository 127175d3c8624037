import { displayWidth, escapeControls } from './display-text.ts';
import type { MetricPoint } from './top-metrics.ts';
import type { Losses, Reading, TopRow } from './top-rows.ts';

/** A part that has something to say, of /readyz. */
export interface PartState {
  readonly name: string;
  readonly state: string;
  readonly reason: string | null;
}

/** Everything one screen shows. */
export interface TopView {
  readonly url: string;
  /** Local time of the second reading. */
  readonly at: Date;
  readonly state: string;
  readonly process: ProcessFigures;
  readonly rows: readonly TopRow[];
  readonly parts: readonly PartState[];
}

/** Null where the page does not say. */
export interface ProcessFigures {
  readonly version: string | null;
  readonly uptimeSeconds: number | null;
  /** Of one processor: 100 is one of them busy all the time. */
  readonly cpuPercent: number | null;
  readonly memoryBytes: number | null;
  readonly loopLagSeconds: number | null;
}

/** The figures of the process out of two readings of its metrics. Pure. */
export function processFigures(before: Reading, after: Reading, nowSeconds: number): ProcessFigures {
  const value = (reading: Reading, name: string): number | null => pointOf(reading, name)?.value ?? null;
  const started = value(after, 'process_start_time_seconds');
  const [early, late] = [before, after].map((reading) => value(reading, 'process_cpu_seconds_total'));
  const seconds = Math.max(0.001, after.atSeconds - before.atSeconds);
  return {
    version: pointOf(after, 'nephoscope_build_info')?.labels.get('version') ?? null,
    uptimeSeconds: started === null ? null : Math.max(0, nowSeconds - started),
    cpuPercent:
      typeof early === 'number' && typeof late === 'number'
        ? (Math.max(0, late - early) / seconds) * 100
        : null,
    memoryBytes: value(after, 'process_resident_memory_bytes'),
    loopLagSeconds: value(after, 'nodejs_eventloop_lag_seconds'),
  };
}

function pointOf({ points }: Reading, wanted: string): MetricPoint | undefined {
  return points.find(({ name }) => name === wanted);
}

interface Column {
  readonly title: string;
  readonly isNumber: boolean;
  readonly text: (row: TopRow) => string;
}

const COLUMNS: readonly Column[] = [
  { title: 'STAGE', isNumber: false, text: ({ stage }) => stage },
  { title: 'PART', isNumber: false, text: ({ part }) => shortened(part) },
  { title: 'IN/s', isNumber: true, text: ({ inPerSecond }) => rateText(inPerSecond) },
  { title: 'OUT/s', isNumber: true, text: ({ outPerSecond }) => rateText(outPerSecond) },
  { title: 'WAITING', isNumber: true, text: ({ waiting }) => countText(waiting) },
  { title: 'OLDEST', isNumber: true, text: ({ oldestSeconds }) => ageText(oldestSeconds) },
  { title: 'DROPPED', isNumber: true, text: ({ dropped }) => lossText(dropped) },
  { title: 'ERRORS', isNumber: true, text: ({ errors }) => lossText(errors) },
  { title: '', isNumber: false, text: ({ notes }) => notes.join(', ') },
];

/** The table for people with a line on the process above and the parts that are not well below; no line ends in blanks. Pure. */
export function formatTop(view: TopView): string {
  const cells = [COLUMNS.map(({ title }) => title), ...view.rows.map(cellsOf)];
  const widths = COLUMNS.map((_, index) => Math.max(...cells.map((row) => displayWidth(row[index] ?? ''))));
  const table = cells.map((row) =>
    row
      .map((text, index) => padded(text, widths[index] ?? 0, COLUMNS[index]?.isNumber === true))
      .join('  ')
      .trimEnd(),
  );
  const troubles = view.parts.map(partLine);
  return [headLine(view), '', ...table, ...(troubles.length === 0 ? [] : ['', ...troubles]), ''].join('\n');
}

/** Names of pipelines can be long, and the figures stand behind them. */
const MAX_PART = 44;

function shortened(part: string): string {
  return part.length > MAX_PART ? `${part.slice(0, MAX_PART - 1)}…` : part;
}

function cellsOf(row: TopRow): readonly string[] {
  return COLUMNS.map(({ text }) => escapeControls(text(row)));
}

function padded(text: string, width: number, isNumber: boolean): string {
  const blanks = ' '.repeat(Math.max(0, width - displayWidth(text)));
  return isNumber ? blanks + text : text + blanks;
}

function headLine({ url, at, state, process }: TopView): string {
  const { version, uptimeSeconds, cpuPercent, memoryBytes, loopLagSeconds } = process;
  return [
    `nephoscope ${version ?? '?'}`,
    url,
    state,
    ...(uptimeSeconds === null ? [] : [`up ${ageText(uptimeSeconds)}`]),
    ...(cpuPercent === null ? [] : [`cpu ${Math.round(cpuPercent)} %`]),
    ...(memoryBytes === null ? [] : [`memory ${Math.round(memoryBytes / 1_048_576)} MiB`]),
    ...(loopLagSeconds === null ? [] : [`loop lag ${Math.round(loopLagSeconds * 1_000)} ms`]),
    at.toTimeString().slice(0, 8),
  ]
    .map(escapeControls)
    .join('  ');
}

function partLine({ name, state, reason }: PartState): string {
  return escapeControls(`${name}: ${state}${reason === null ? '' : `, ${reason}`}`);
}

function rateText(rate: number | null): string {
  if (rate === null) return '';
  return rate === 0 ? '0' : rate < 10 ? rate.toFixed(1) : String(Math.round(rate));
}

function countText(count: number | null): string {
  return count === null ? '' : String(Math.round(count));
}

/** What is new since the reading before stands behind the sum. */
function lossText(losses: Losses | null): string {
  if (losses === null) return '';
  const total = String(Math.round(losses.total));
  return losses.recent > 0 ? `${total} (+${Math.round(losses.recent)})` : total;
}

/** `12 s`, `5 m`, `3 h 20 m`, `4 d 2 h`. */
function ageText(seconds: number | null): string {
  if (seconds === null) return '';
  if (seconds < 10) return `${Number(seconds.toFixed(1))} s`;
  if (seconds < 120) return `${Math.round(seconds)} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} m`;
  const hours = Math.floor(minutes / 60);
  return hours < 48 ? `${hours} h ${minutes % 60} m` : `${Math.floor(hours / 24)} d ${hours % 24} h`;
}

/** The same for programs, names with underscores. Pure. */
export function topDocument(view: TopView): object {
  return {
    at: view.at.toISOString(),
    url: view.url,
    state: view.state,
    process: {
      version: view.process.version,
      uptime_seconds: view.process.uptimeSeconds,
      cpu_percent: view.process.cpuPercent,
      memory_bytes: view.process.memoryBytes,
      loop_lag_seconds: view.process.loopLagSeconds,
    },
    rows: view.rows.map((row) => ({
      stage: row.stage,
      part: row.part,
      in_per_second: row.inPerSecond,
      out_per_second: row.outPerSecond,
      waiting: row.waiting,
      oldest_seconds: row.oldestSeconds,
      dropped: row.dropped,
      errors: row.errors,
      notes: row.notes,
    })),
    parts: view.parts,
  };
}
