import type { DatabaseSync, StatementSync } from 'node:sqlite';
import type { Sample } from '../../model/sample.ts';
import { firstRow } from './database.ts';
import { RunTable } from './run-table.ts';

/** A meter as the writer knows it. */
export interface MeterEntry {
  readonly id: number;
  readonly type: string;
  readonly unit: string | null;
  /** Samples before this are counted in `series` one by one; see series-fold.ts. */
  foldedBefore: number;
  /** Which descriptor the sample stored last has, by resource. */
  readonly runs: RunTable;
}

/** More meters than a cloud has; beyond it all are forgotten and read again. */
const MAX_METERS = 4_096;

/** Meters are told apart by name, type and unit, as the original does. Only inside a write transaction. */
export class Meters {
  readonly #select: StatementSync;
  readonly #insert: StatementSync;
  #byName = new Map<string, MeterEntry[]>();
  #byId = new Map<number, MeterEntry>();

  constructor(database: DatabaseSync) {
    this.#select = database.prepare(
      'SELECT id, folded_before FROM meter WHERE name = ? AND type = ? AND unit IS ?',
    );
    this.#insert = database.prepare(
      'INSERT INTO meter (name, type, unit, folded_before) VALUES (?, ?, ?, ?)',
    );
  }

  /** The meter of a sample, made when it is new. */
  find(sample: Sample): MeterEntry {
    const entries = this.#byName.get(sample.name);
    if (entries !== undefined) {
      for (const entry of entries) if (entry.type === sample.type && entry.unit === sample.unit) return entry;
    }
    return this.#load(sample);
  }

  /** The meter with this number, if it is remembered. */
  known(id: number): MeterEntry | undefined {
    return this.#byId.get(id);
  }

  forget(): void {
    this.#byName = new Map();
    this.#byId = new Map();
  }

  #load({ name, type, unit }: Sample): MeterEntry {
    if (this.#byId.size >= MAX_METERS) this.forget();
    const row = firstRow(this.#select, name, type, unit);
    const id = Number(
      row?.[0] ?? this.#insert.run(name, type, unit, Number.MIN_SAFE_INTEGER).lastInsertRowid,
    );
    const foldedBefore = Number(row?.[1] ?? Number.MIN_SAFE_INTEGER);
    const entry: MeterEntry = { id, type, unit, foldedBefore, runs: new RunTable() };
    const entries = this.#byName.get(name);
    if (entries === undefined) this.#byName.set(name, [entry]);
    else entries.push(entry);
    this.#byId.set(id, entry);
    return entry;
  }
}
