import type { Aggregate, StatisticsQuery, StatisticsRow } from '../query.ts';
import { createDescriptorReader, type DescriptorTexts } from './descriptor-texts.ts';
import type { ReadContext } from './read-context.ts';
import { type MeterRange, planPredicate, planScan, rangeSource, type ScanPlan } from './scan-plan.ts';
import { type Buckets, createBuckets } from './statistics-buckets.ts';
import { StatisticsCells } from './statistics-cells.ts';
import { createGroupNumbers, type GroupNumbers, type StatisticsGroup } from './statistics-groups.ts';

/**
 * Rows of statistics as columns: tens of thousands of rows pass from thread to thread at the cost of a few blocks of
 * memory. Per row: group number, start and end of the bucket, first and last sample, then the values asked for.
 */
export interface StatisticsTable {
  readonly groups: readonly StatisticsGroup[];
  readonly width: number;
  readonly numbers: Float64Array<ArrayBuffer>;
}

const FIXED_COLUMNS = 5;
/** With more buckets the statements cost more than the rows. */
const MAX_SUMMED_BUCKETS = 256;

/** Computes statistics in one pass over the samples of the meter that match. */
export function readStatistics(context: ReadContext, query: StatisticsQuery): StatisticsTable {
  const name = { kind: 'compare', field: 'name', op: 'eq', value: query.meter } as const;
  const plan = planScan(context, {
    kind: 'and',
    members: query.filter === undefined ? [name] : [name, query.filter],
  });
  const groups = createGroupNumbers(context, query.groupBy ?? []);
  const buckets = createBuckets(context, plan, query);
  const cells = collectCells(context, plan, query, groups, buckets);
  return toTable(cells, query, groups, buckets);
}

/** Turns a table into rows, ordered by bucket, then by group. */
export function toStatisticsRows({ groups, width, numbers }: StatisticsTable): readonly StatisticsRow[] {
  const rows: StatisticsRow[] = [];
  for (let offset = 0; offset < numbers.length; offset += width) {
    const group = groups[numbers[offset] ?? -1];
    // By hand: a view and Array.from for each row took as long as all the rest of it.
    const values: number[] = [];
    for (let index = offset + FIXED_COLUMNS; index < offset + width; index += 1)
      values.push(numbers[index] ?? 0);
    rows.push({
      unit: group?.unit ?? null,
      group: group?.values ?? [],
      periodStartMicros: numbers[offset + 1] ?? 0,
      periodEndMicros: numbers[offset + 2] ?? 0,
      firstSampleMicros: numbers[offset + 3] ?? 0,
      lastSampleMicros: numbers[offset + 4] ?? 0,
      values,
    });
  }
  return rows;
}

function collectCells(
  context: ReadContext,
  plan: ScanPlan,
  query: StatisticsQuery,
  groups: GroupNumbers,
  buckets: Buckets | null,
): StatisticsCells {
  const kinds = query.aggregates.filter((aggregate) => aggregate.func === 'cardinality');
  const withDeviation = query.aggregates.some(({ func }) => func === 'stddev');
  const cells = new StatisticsCells(withDeviation, kinds.length);
  const noteDistinct = kinds.length === 0 ? null : createDistinct(context, kinds, cells);
  const accepts = planPredicate(context, plan);
  const isPlain =
    accepts === null && noteDistinct === null && !withDeviation && (query.groupBy ?? []).length === 0;
  const summed = isPlain && (buckets === null || buckets.count <= MAX_SUMMED_BUCKETS);
  for (const range of plan.ranges) {
    groups.enter(range.unit);
    if (summed) addSums(context, plan, range, buckets, { cells, group: groups.numberOf(0) });
    else scanRange(range);
  }
  return cells;

  function scanRange(range: MeterRange): void {
    const findCell = createCellFinder(cells);
    context.scan(
      ['s.ts', 's.descriptor', 's.volume'],
      rangeSource(context, plan, range),
      (micros, descriptor, volume) => {
        if (accepts !== null && !accepts(descriptor)) return;
        const bucket = buckets === null ? 0 : buckets.of(micros);
        if (bucket < 0) return;
        const cell = findCell(bucket, groups.numberOf(descriptor));
        cells.add(cell, micros, volume);
        noteDistinct?.(cell, descriptor);
      },
    );
  }
}

/** Sums of SQLite's own, one statement per bucket: takes half the time where nothing must be told apart. */
function addSums(
  context: ReadContext,
  plan: ScanPlan,
  range: MeterRange,
  buckets: Buckets | null,
  target: { readonly cells: StatisticsCells; readonly group: number },
): void {
  const { cells, group } = target;
  for (let bucket = 0; bucket < (buckets?.count ?? 1); bucket += 1) {
    const [from, to] = buckets?.bounds(bucket) ?? [range.from, range.to];
    const part = { meter: range.meter, from: Math.max(range.from, from), to: Math.min(range.to, to) };
    const source = rangeSource(context, plan, part);
    const columns = 'count(*), min(s.volume), max(s.volume), sum(s.volume), min(s.ts), max(s.ts)';
    const row = context.first(`SELECT ${columns} FROM ${source.sql}`, source.parameters);
    const [count = 0, min = 0, max = 0, sum = 0, first = 0, last = 0] = (row ?? []).map(Number);
    if (count > 0) cells.addSummary(cells.create(bucket, group), { count, min, max, sum, first, last });
  }
}

/**
 * The cell of a group in the bucket it was last seen in. Rows of a meter come in order of time, so a group never goes
 * back to a bucket it left; what several meters of one unit give twice is merged afterwards.
 */
function createCellFinder(cells: StatisticsCells): (bucket: number, group: number) => number {
  const cellOf: number[] = [];
  return (bucket, group) => {
    const cell = cellOf[group];
    if (cell !== undefined && cells.bucket[cell] === bucket) return cell;
    const created = cells.create(bucket, group);
    cellOf[group] = created;
    return created;
  };
}

function createDistinct(
  context: ReadContext,
  kinds: readonly Extract<Aggregate, { func: 'cardinality' }>[],
  cells: StatisticsCells,
): (cell: number, descriptor: number) => void {
  const describe = createDescriptorReader(context);
  const numbers = new Map<string, number>();
  const known = new Map<number, readonly (number | null)[]>();
  const numberOf = (
    texts: DescriptorTexts,
    field: 'resourceId' | 'userId' | 'projectId' | 'source',
  ): number | null => {
    const text = texts[field];
    if (text === null) return null;
    const number = numbers.get(text) ?? numbers.size;
    numbers.set(text, number);
    return number;
  };
  return (cell, descriptor) => {
    let values = known.get(descriptor);
    if (values === undefined) {
      const texts = describe(descriptor);
      values = kinds.map(({ field }) => numberOf(texts, field));
      known.set(descriptor, values);
    }
    for (const [kind, value] of values.entries()) if (value !== null) cells.addDistinct(cell, kind, value);
  };
}

function toTable(
  cells: StatisticsCells,
  query: StatisticsQuery,
  groups: GroupNumbers,
  buckets: Buckets | null,
): StatisticsTable {
  const order = mergedInOrder(cells, groups.ranks());
  const width = FIXED_COLUMNS + query.aggregates.length;
  const numbers = new Float64Array(order.length * width);
  const columns = valueColumns(cells, query.aggregates);
  order.forEach((cell, row) => {
    const offset = row * width;
    const bucket = cells.bucket[cell] ?? 0;
    const first = cells.first[cell] ?? 0;
    const last = cells.last[cell] ?? 0;
    numbers[offset] = cells.group[cell] ?? 0;
    numbers[offset + 1] = buckets === null ? first : buckets.start(bucket);
    numbers[offset + 2] = buckets === null ? last : buckets.start(bucket) + buckets.periodMicros;
    numbers[offset + 3] = first;
    numbers[offset + 4] = last;
    for (const [index, column] of columns.entries()) numbers[offset + FIXED_COLUMNS + index] = column(cell);
  });
  return { groups: groups.groups, width, numbers };
}

/** Cells by bucket and group, those of one bucket and group made one. */
function mergedInOrder(cells: StatisticsCells, ranks: readonly number[]): readonly number[] {
  const rankOf = (cell: number): number => ranks[cells.group[cell] ?? 0] ?? 0;
  const bucketOf = (cell: number): number => cells.bucket[cell] ?? 0;
  const sorted = Array.from({ length: cells.size }, (_, cell) => cell).sort(
    (a, b) => bucketOf(a) - bucketOf(b) || rankOf(a) - rankOf(b),
  );
  const merged: number[] = [];
  for (const cell of sorted) {
    const last = merged.at(-1);
    const same =
      last !== undefined && bucketOf(last) === bucketOf(cell) && cells.group[last] === cells.group[cell];
    if (same) cells.merge(last, cell);
    else merged.push(cell);
  }
  return merged;
}

function valueColumns(
  cells: StatisticsCells,
  aggregates: readonly Aggregate[],
): readonly ((cell: number) => number)[] {
  let kind = -1;
  return aggregates.map((aggregate) => {
    switch (aggregate.func) {
      case 'min':
        return (cell) => cells.min[cell] ?? 0;
      case 'max':
        return (cell) => cells.max[cell] ?? 0;
      case 'sum':
        return (cell) => cells.sum(cell);
      case 'avg':
        return (cell) => cells.sum(cell) / (cells.count[cell] ?? 1);
      case 'count':
        return (cell) => cells.count[cell] ?? 0;
      case 'stddev':
        return (cell) => cells.standardDeviation(cell);
      case 'cardinality': {
        kind += 1;
        const own = kind;
        return (cell) => cells.cardinality(cell, own);
      }
      default:
        return aggregate satisfies never;
    }
  });
}
