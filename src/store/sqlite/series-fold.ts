import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { allRows, firstNumber, firstRow } from './database.ts';
import type { Meters } from './meters.ts';

/**
 * Keeps `first_ts` and `last_ts` of `series` without a write per sample.
 *
 * Each meter has a line in time, `folded_before`. What lies before it is counted in `series`: late samples are when they
 * are recorded, all others when the line moves over them (this fold, some thousand samples in one statement). What
 * lies behind it is looked at by the readers. The line follows the clock at a distance, so live samples are behind it.
 */
export class SeriesFold {
  readonly #meters: Meters;
  readonly #behind: StatementSync;
  readonly #nth: StatementSync;
  readonly #count: StatementSync;
  readonly #fold: StatementSync;
  readonly #move: StatementSync;

  constructor(database: DatabaseSync, meters: Meters) {
    this.#meters = meters;
    this.#behind = database.prepare('SELECT id, folded_before FROM meter WHERE folded_before < ?');
    this.#nth = database.prepare(
      'SELECT ts FROM sample WHERE meter = ? AND ts >= ? AND ts < ? ORDER BY ts LIMIT 1 OFFSET ?',
    );
    this.#count = database.prepare('SELECT count(*) FROM sample WHERE meter = ? AND ts >= ? AND ts < ?');
    this.#fold = database.prepare(`
      INSERT INTO series (descriptor, meter, first_ts, last_ts, stored)
      SELECT descriptor, meter, min(ts), max(ts), max(recorded) FROM sample
      WHERE meter = ? AND ts >= ? AND ts < ? GROUP BY descriptor
      ON CONFLICT (descriptor, meter) DO UPDATE SET
        first_ts = min(first_ts, excluded.first_ts), last_ts = max(last_ts, excluded.last_ts)`);
    this.#move = database.prepare('UPDATE meter SET folded_before = ? WHERE id = ?');
  }

  /**
   * Moves the lines of meters to `target`, over about `maxRows` samples in all. False when there was nothing left to
   * do. Only inside a write transaction.
   */
  step(target: number, maxRows: number): boolean {
    let rows = 0;
    for (const [id, line] of allRows(this.#behind, target)) {
      const meter = Number(id);
      const from = Number(line);
      // A meter without new samples keeps its line: nothing is written for it.
      if (firstRow(this.#nth, meter, from, target, 0) === undefined) continue;
      if (rows >= maxRows) return true;
      const end = firstRow(this.#nth, meter, from, target, maxRows - rows)?.[0];
      // Samples of one instant are not parted.
      const to = end === undefined ? target : Math.max(Number(end), from + 1);
      rows += this.#foldRange(meter, from, to);
    }
    return rows > 0;
  }

  /** Counts all samples of a meter, also those behind the line; the line stays. Only inside a write transaction. */
  foldAll(meter: number, foldedBefore: number): void {
    this.#fold.run(meter, foldedBefore, Number.MAX_SAFE_INTEGER);
  }

  /** Gives the number of samples. */
  #foldRange(meter: number, from: number, to: number): number {
    const samples = firstNumber(this.#count, meter, from, to);
    this.#fold.run(meter, from, to);
    this.#move.run(to, meter);
    const known = this.#meters.known(meter);
    if (known !== undefined) known.foldedBefore = to;
    return samples;
  }
}
