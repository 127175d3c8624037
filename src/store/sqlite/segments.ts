import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { firstRow } from './database.ts';

/**
 * Which part of a look-up table takes new keys. Hashes come in random order, and each one put into a large table
 * changes another page: seven times the cost of the record itself (measured with one million events). A segment is
 * small enough to stay in memory until it is full; later ones begin another.
 */
export interface SegmentKeeper {
  /** The segment for a key of a record of time `micros`; counts it. Only inside a write transaction. */
  take(micros: number): number;
  /** Writes what was counted; before every commit. Gives how many rows that took. */
  save(): number;
  /** How many rows all calls together wrote. */
  readonly written: number;
  forget(): void;
}

interface OpenSegment {
  readonly id: number;
  keys: number;
  first: number;
  last: number;
}

const SEGMENT_KEYS = 16_384;

/** The keeper of one kind of look-up, `event` or `sample`. */
export function createSegmentKeeper(database: DatabaseSync, kind: 'event' | 'sample'): SegmentKeeper {
  const statements = prepare(database);
  let open: OpenSegment | null = null;
  let changed = false;
  let written = 0;

  function save(): number {
    if (open === null || !changed) return 0;
    statements.update.run(open.keys, open.first, open.last, open.id);
    changed = false;
    written += 1;
    return 1;
  }

  function begin(micros: number): OpenSegment {
    save();
    const id = Number(statements.insert.run(kind, micros, micros).lastInsertRowid);
    written += 1;
    return { id, keys: 0, first: micros, last: micros };
  }

  return {
    take(micros) {
      open ??= readLast(statements.last, kind) ?? begin(micros);
      if (open.keys >= SEGMENT_KEYS) open = begin(micros);
      open.keys += 1;
      if (micros < open.first) open.first = micros;
      if (micros > open.last) open.last = micros;
      changed = true;
      return open.id;
    },
    save,
    get written() {
      return written;
    },
    forget() {
      open = null;
      changed = false;
    },
  };
}

interface Statements {
  readonly last: StatementSync;
  readonly insert: StatementSync;
  readonly update: StatementSync;
}

function prepare(database: DatabaseSync): Statements {
  return {
    last: database.prepare(
      'SELECT id, keys, first_micros, last_micros FROM segment WHERE kind = ? ORDER BY id DESC LIMIT 1',
    ),
    insert: database.prepare(
      'INSERT INTO segment (kind, keys, first_micros, last_micros) VALUES (?, 0, ?, ?)',
    ),
    update: database.prepare('UPDATE segment SET keys = ?, first_micros = ?, last_micros = ? WHERE id = ?'),
  };
}

function readLast(statement: StatementSync, kind: string): OpenSegment | null {
  const row = firstRow(statement, kind);
  if (row === undefined) return null;
  const [id, keys, first, last] = row.map(Number);
  return { id: id ?? 0, keys: keys ?? 0, first: first ?? 0, last: last ?? 0 };
}
