import type { DatabaseSync } from 'node:sqlite';
import type { ExpireResult, RetentionPolicy } from '../store.ts';
import { allRows, firstNumber, firstRow } from './database.ts';
import type { GroupCommit } from './group-commit.ts';
import type { SeriesFold } from './series-fold.ts';

/** What expiry works on. */
export interface ExpireParts {
  readonly database: DatabaseSync;
  readonly commits: GroupCommit;
  readonly fold: SeriesFold;
  /** Called inside a transaction that removed rows others may have remembered. */
  forget(): void;
}

/** Rows a step deletes at most: some ten milliseconds. */
const STEP_ROWS = 10_000;
const SECOND_MICROS = 1_000_000;

/**
 * Deletes samples and events that are too old, then what nothing refers to any more. Each step is a transaction of its
 * own between those of the writers; ends early, with what it did so far, when `signal` fires.
 */
export async function expire(
  parts: ExpireParts,
  policy: RetentionPolicy,
  nowMicros: number,
  signal: AbortSignal,
): Promise<ExpireResult> {
  const before = (seconds: number | null): number | null =>
    seconds === null ? null : Math.floor(nowMicros - seconds * SECOND_MICROS);
  const samplesBefore = before(policy.sampleTtlSeconds);
  const eventsBefore = before(policy.eventTtlSeconds);
  return {
    samples: samplesBefore === null ? 0 : await expireSamples(parts, samplesBefore, signal),
    events: eventsBefore === null ? 0 : await expireEvents(parts, eventsBefore, signal),
  };
}

async function expireSamples(parts: ExpireParts, before: number, signal: AbortSignal): Promise<number> {
  const { database } = parts;
  await step(parts, () => raiseFloor(database, before));
  const meters = allRows(database.prepare('SELECT id FROM meter')).map(([id]) => Number(id));
  let deleted = 0;
  for (const meter of meters) {
    deleted += await repeat(parts, signal, () => deleteSamples(database, meter, before));
  }
  await expireSegments(parts, 'sample', before, signal);
  await expireSeries(parts, before, signal);
  return deleted;
}

async function expireEvents(parts: ExpireParts, before: number, signal: AbortSignal): Promise<number> {
  const { database } = parts;
  const deleted = await repeat(parts, signal, () => deleteEvents(database, before));
  await expireSegments(parts, 'event', before, signal);
  await step(parts, () => {
    const gone = `event_type NOT IN (SELECT t.id FROM event_type t WHERE EXISTS (
      SELECT 1 FROM event e WHERE e.event_type = t.id))`;
    const traits = database.prepare(`DELETE FROM trait WHERE ${gone}`).run();
    if (traits.changes !== 0) parts.forget();
  });
  return deleted;
}

/** Runs `work` in transactions until it deletes nothing more; gives how much it deleted. */
async function repeat(parts: ExpireParts, signal: AbortSignal, work: () => number): Promise<number> {
  let total = 0;
  while (!signal.aborted) {
    const deleted = await step(parts, work);
    total += deleted;
    if (deleted === 0) break;
  }
  return total;
}

function step<Result>(parts: ExpireParts, work: () => Result): Promise<Result> {
  return parts.commits.submit({ action: 'delete old records', rows: STEP_ROWS, run: work });
}

/** From here on `series.first_ts` before this time is only a bound; see series-spans.ts. */
function raiseFloor(database: DatabaseSync, before: number): void {
  database
    .prepare(
      `INSERT INTO state (key, value) VALUES ('samples_expired_before', ?)
       ON CONFLICT (key) DO UPDATE SET value = max(value, excluded.value)`,
    )
    .run(before);
}

function deleteSamples(database: DatabaseSync, meter: number, before: number): number {
  const nth = database.prepare(
    'SELECT ts FROM sample WHERE meter = ? AND ts < ? ORDER BY ts LIMIT 1 OFFSET ?',
  );
  const first = firstRow(nth, meter, before, 0);
  if (first === undefined) return 0;
  const end = firstRow(nth, meter, before, STEP_ROWS);
  // At least the samples of one instant go, however many they are.
  const to = end === undefined ? before : Math.max(Number(end[0]), Number(first[0]) + 1);
  const remove = database.prepare('DELETE FROM sample WHERE meter = ? AND ts < ?');
  return Number(remove.run(meter, to).changes);
}

function deleteEvents(database: DatabaseSync, before: number): number {
  const nth = database.prepare(
    'SELECT generated FROM event WHERE generated < ? ORDER BY generated LIMIT 1 OFFSET ?',
  );
  const first = firstRow(nth, before, 0);
  if (first === undefined) return 0;
  const end = firstRow(nth, before, STEP_ROWS / 4);
  const to = end === undefined ? before : Math.max(Number(end[0]), Number(first[0]) + 1);
  return Number(database.prepare('DELETE FROM event WHERE generated < ?').run(to).changes);
}

/** Look-up segments all of whose records are too old; in others, keys without a record do no harm. */
async function expireSegments(
  parts: ExpireParts,
  kind: 'event' | 'sample',
  before: number,
  signal: AbortSignal,
): Promise<void> {
  const { database } = parts;
  const table = `${kind}_lookup`;
  await repeat(parts, signal, () => {
    const select = database.prepare(
      'SELECT id FROM segment WHERE kind = ? AND last_micros < ? ORDER BY id LIMIT 1',
    );
    const row = firstRow(select, kind, before);
    if (row === undefined) return 0;
    database.prepare(`DELETE FROM ${table} WHERE segment = ?`).run(row[0] as number);
    database.prepare('DELETE FROM segment WHERE id = ?').run(row[0] as number);
    parts.forget();
    return 1;
  });
}

async function expireSeries(parts: ExpireParts, before: number, signal: AbortSignal): Promise<void> {
  const { database } = parts;
  let after = 0;
  while (!signal.aborted) {
    const reached = await step(parts, () => expireSeriesAfter(parts, after, before));
    if (reached === null) break;
    after = reached;
  }
  await step(parts, () => {
    const unused = `NOT EXISTS (SELECT 1 FROM sample s WHERE s.meter = meter.id)
      AND NOT EXISTS (SELECT 1 FROM series q WHERE q.meter = meter.id)`;
    if (database.prepare(`DELETE FROM meter WHERE ${unused}`).run().changes !== 0) parts.forget();
  });
}

/**
 * Deletes series that ended before a time, with what only they referred to, among some thousand descriptors. Gives the
 * last descriptor looked at, or null at the end.
 */
function expireSeriesAfter(parts: ExpireParts, after: number, before: number): number | null {
  const { database } = parts;
  const end = firstRow(
    database.prepare('SELECT id FROM descriptor WHERE id > ? ORDER BY id LIMIT 1 OFFSET ?'),
    after,
    STEP_ROWS / 4,
  );
  const to = end === undefined ? Number.MAX_SAFE_INTEGER : Number(end[0]);
  const range = [after, to, before] as const;
  foldCandidates(parts, range);
  const where = 'descriptor > ? AND descriptor <= ? AND last_ts < ?';
  const touched = allRows(
    database.prepare(`DELETE FROM series WHERE ${where} RETURNING descriptor`),
    ...range,
  );
  if (touched.length > 0) {
    deleteOrphans(database, new Set(touched.map(([descriptor]) => Number(descriptor))));
    parts.forget();
  }
  return end === undefined ? null : to;
}

/** Series that look ended may have samples behind the fold line. */
function foldCandidates({ database, fold }: ExpireParts, range: readonly [number, number, number]): void {
  const candidates = allRows(
    database.prepare(`
      SELECT DISTINCT q.meter, m.folded_before FROM series q JOIN meter m ON m.id = q.meter
      WHERE q.descriptor > ? AND q.descriptor <= ? AND q.last_ts < ?`),
    ...range,
  );
  for (const [meter, foldedBefore] of candidates) fold.foldAll(Number(meter), Number(foldedBefore));
}

function deleteOrphans(database: DatabaseSync, descriptors: ReadonlySet<number>): void {
  const inUse = database.prepare('SELECT count(*) FROM (SELECT 1 FROM series WHERE descriptor = ? LIMIT 1)');
  const removeDescriptor = database.prepare('DELETE FROM descriptor WHERE id = ? RETURNING resource');
  const removeMetadata = database.prepare('DELETE FROM metadata WHERE descriptor = ?');
  const removeResource = database.prepare(`
    DELETE FROM resource WHERE id = ?1 AND NOT EXISTS (SELECT 1 FROM descriptor WHERE resource = ?1)`);
  for (const descriptor of descriptors) {
    if (firstNumber(inUse, descriptor) > 0) continue;
    const [resource] = firstRow(removeDescriptor, descriptor) ?? [];
    removeMetadata.run(descriptor);
    if (resource !== undefined) removeResource.run(resource as number);
  }
}
