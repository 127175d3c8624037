import type { MetricPoint } from './top-metrics.ts';

/** A metrics page and when it was read, in seconds of a clock that only goes forward. */
export interface Reading {
  readonly atSeconds: number;
  readonly points: readonly MetricPoint[];
}

/** What one part of the program does. Null: it does not count that. Rates are per second between two readings. */
export interface TopRow {
  readonly stage: string;
  /** Empty where a stage is one part. */
  readonly part: string;
  readonly inPerSecond: number | null;
  readonly outPerSecond: number | null;
  /** Items it holds now. */
  readonly waiting: number | null;
  readonly oldestSeconds: number | null;
  /** Items thrown away since the start of the program, and between the readings. */
  readonly dropped: Losses | null;
  /** Attempts that failed; what they were about is tried again, parked or refused. */
  readonly errors: Losses | null;
  /** What else is worth knowing, short. */
  readonly notes: readonly string[];
}

export interface Losses {
  readonly total: number;
  readonly recent: number;
}

/** What a metric means, by the end of its name. The first that fits counts. */
const ROLES = [
  { role: 'in', pattern: /^received(_\w+)?_total$/ },
  { role: 'out', pattern: /^(acknowledged|accepted|sent|published|taken|recorded|delivered|samples)_total$/ },
  { role: 'oldest', pattern: /(oldest\w*|lag|age)_seconds$/ },
  {
    role: 'waiting',
    pattern: /^(in_flight|waiting\w*|queued_items|held_(items|samples|messages)|requests_in_flight)$/,
  },
  { role: 'dropped', pattern: /^(dropped|lost|missed)(_\w+)?_total$/ },
  {
    role: 'errors',
    pattern:
      /^(refused|rejected|failures|failed|errors|trouble|retries|bad_\w+)(_\w+)?_total$|_errors_total$/,
  },
] as const;

type Role = (typeof ROLES)[number]['role'];

interface Stage {
  readonly name: string;
  /** What the names of its metrics begin with. */
  readonly prefix: string;
  /** Labels that tell its parts apart; of those a metric has, joined. Empty: one row. */
  readonly parts: readonly string[];
  /** Gauges and counters that become words. */
  readonly notes?: readonly Note[];
}

interface Note {
  readonly metric: string;
  /** Undefined: nothing to say. `label` is the value of its last label. */
  readonly say: (value: number, label: string) => string | undefined;
}

const STAGES: readonly Stage[] = [
  {
    name: 'source',
    prefix: 'nephoscope_source_',
    parts: ['deployment', 'source'],
    notes: [
      { metric: 'connected', say: (value) => (value === 0 ? 'not connected' : undefined) },
      { metric: 'foreign_consumers', say: (value) => some(value, 'other readers') },
      { metric: 'problems', say: (value, code) => (value > 0 ? code : undefined) },
    ],
  },
  { name: 'statsd', prefix: 'nephoscope_statsd_', parts: [] },
  { name: 'collector', prefix: 'nephoscope_collector_', parts: [] },
  { name: 'polling', prefix: 'nephoscope_polling_', parts: [] },
  { name: 'pipeline', prefix: 'nephoscope_pipeline_', parts: ['pipeline', 'publisher'] },
  {
    name: 'publisher',
    prefix: 'nephoscope_publisher_',
    parts: ['publisher'],
    notes: [{ metric: 'queued_batches', say: (value) => some(value, 'batches on disk') }],
  },
  {
    name: 'store',
    prefix: 'nephoscope_store_',
    parts: [],
    notes: [{ metric: 'free_bytes', say: (value) => `${(value / 1024 ** 3).toFixed(1)} GiB free` }],
  },
  { name: 'api', prefix: 'nephoscope_api_', parts: [] },
];

/** Prefixes of names that are shown in rows made by hand, in the head, or tell nothing about flow. */
const ELSEWHERE =
  /^nephoscope_(notifications|converted|conversion|samples|parked|build|taps?|log|expired|workers)_/;

/** All rows, in the order in which records pass. `before` and `after` are of the same server. Pure. */
export function topRows(before: Reading, after: Reading): readonly TopRow[] {
  const change = new Change(before, after);
  const rows = new Map(STAGES.map((stage) => [stage.name, stageRows(stage, change)]));
  const of = (name: string): readonly TopRow[] => rows.get(name) ?? [];
  return [
    ...of('source'),
    ...of('statsd'),
    ...of('collector'),
    ...conversionRow(change),
    ...of('polling'),
    ...of('pipeline'),
    ...of('publisher'),
    ...of('store'),
    ...parkedRow(change),
    ...apiRow(of('api'), change),
    ...unknownRows(change),
  ];
}

/** The same metric at two times. */
class Change {
  readonly seconds: number;
  readonly points: readonly MetricPoint[];
  readonly #before: ReadonlyMap<string, number>;

  constructor(before: Reading, after: Reading) {
    this.seconds = Math.max(0.001, after.atSeconds - before.atSeconds);
    this.points = after.points;
    this.#before = new Map(before.points.map((point) => [identity(point), point.value]));
  }

  /** How much counters grew. One that became smaller began anew with the program. */
  growth(points: readonly MetricPoint[]): number {
    return sum(
      points.map((point) => {
        const before = this.#before.get(identity(point)) ?? 0;
        return point.value >= before ? point.value - before : point.value;
      }),
    );
  }

  rate(points: readonly MetricPoint[]): number | null {
    return points.length === 0 ? null : this.growth(points) / this.seconds;
  }

  losses(points: readonly MetricPoint[]): Losses | null {
    if (points.length === 0) return null;
    return { total: sum(points.map(({ value }) => value)), recent: this.growth(points) };
  }

  named(name: string): readonly MetricPoint[] {
    return this.points.filter((point) => point.name === name);
  }
}

function identity({ name, labels }: MetricPoint): string {
  return `${name}\0${[...labels].flat().join('\0')}`;
}

function stageRows(stage: Stage, change: Change): readonly TopRow[] {
  const points = change.points.filter(({ name }) => name.startsWith(stage.prefix));
  const byPart = Map.groupBy(points, (point) => partOf(point, stage));
  return [...byPart].map(([part, some]) => stageRow(stage, part, some, change));
}

function partOf({ labels }: MetricPoint, stage: Stage): string {
  const names = stage.parts.flatMap((label) => labels.get(label) || []);
  return names.map((name) => name.replace(/^(?:source|publisher):/, '')).join(' → ');
}

function stageRow(stage: Stage, part: string, points: readonly MetricPoint[], change: Change): TopRow {
  const byRole = Map.groupBy(points, ({ name }) => roleOf(name.slice(stage.prefix.length)));
  const of = (role: Role): readonly MetricPoint[] => byRole.get(role) ?? [];
  return {
    stage: stage.name,
    part,
    inPerSecond: change.rate(of('in')),
    outPerSecond: change.rate(of('out')),
    waiting: of('waiting').length === 0 ? null : sum(of('waiting').map(({ value }) => value)),
    oldestSeconds: of('oldest').length === 0 ? null : Math.max(...of('oldest').map(({ value }) => value)),
    dropped: change.losses(of('dropped')),
    errors: change.losses(of('errors')),
    notes: notesOf(stage, points),
  };
}

function roleOf(name: string): Role | null {
  return ROLES.find(({ pattern }) => pattern.test(name))?.role ?? null;
}

function notesOf({ prefix, notes = [] }: Stage, points: readonly MetricPoint[]): readonly string[] {
  return notes.flatMap(({ metric, say }) =>
    points
      .filter(({ name }) => name === prefix + metric)
      .flatMap(({ value, labels }) => say(value, [...labels.values()].at(-1) ?? '') ?? []),
  );
}

function conversionRow(change: Change): readonly TopRow[] {
  const taken = change.named('nephoscope_notifications_total');
  if (taken.length === 0) return [];
  const unwanted = change.named('nephoscope_notifications_unwanted_total');
  const duplicates = taken.filter(({ labels }) => labels.get('outcome') === 'duplicate');
  const perSecond = (points: readonly MetricPoint[], word: string): readonly string[] => {
    const rate = Math.round(change.rate(points) ?? 0);
    return rate > 0 ? [`${rate} ${word}/s`] : [];
  };
  return [
    {
      stage: 'conversion',
      part: '',
      // What is unwanted is among those taken.
      inPerSecond: change.rate(taken),
      outPerSecond: change.rate(change.named('nephoscope_converted_total')),
      waiting: null,
      oldestSeconds: null,
      dropped: change.losses(change.named('nephoscope_samples_dropped_total')),
      errors: change.losses(change.named('nephoscope_conversion_problems_total')),
      notes: [...perSecond(unwanted, 'unwanted'), ...perSecond(duplicates, 'duplicates')],
    },
  ];
}

function parkedRow(change: Change): readonly TopRow[] {
  const points = change.named('nephoscope_parked_total');
  if (points.length === 0) return [];
  const codes = points.map(({ labels, value }) => `${labels.get('code') ?? '?'} ×${value}`);
  return [{ ...EMPTY_ROW, stage: 'parked', inPerSecond: change.rate(points), notes: codes }];
}

function apiRow(rows: readonly TopRow[], change: Change): readonly TopRow[] {
  const requests = change.named('nephoscope_api_requests_total');
  const failed = requests.filter(({ labels }) => labels.get('status')?.startsWith('5'));
  return rows.map((row) => ({
    ...row,
    inPerSecond: change.rate(requests),
    errors: requests.length === 0 ? null : (change.losses(failed) ?? { total: 0, recent: 0 }),
  }));
}

/** Parts this table knows nothing of are shown when they lose something. */
function unknownRows(change: Change): readonly TopRow[] {
  const others = change.points.filter(
    ({ name, value }) =>
      name.startsWith('nephoscope_') &&
      !ELSEWHERE.test(name) &&
      !STAGES.some(({ prefix }) => name.startsWith(prefix)) &&
      value > 0 &&
      /_(dropped|lost|refused|errors|failures|bad)(_\w+)?_total$/.test(name),
  );
  return [...Map.groupBy(others, ({ name }) => name)].map(([name, points]) => ({
    ...EMPTY_ROW,
    stage: name.split('_')[1] ?? name,
    part: name.replace(/^nephoscope_[^_]*_|_total$/g, ''),
    errors: change.losses(points),
  }));
}

const EMPTY_ROW: TopRow = {
  stage: '',
  part: '',
  inPerSecond: null,
  outPerSecond: null,
  waiting: null,
  oldestSeconds: null,
  dropped: null,
  errors: null,
  notes: [],
};

function some(value: number, what: string): string | undefined {
  return value > 0 ? `${value} ${what}` : undefined;
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
