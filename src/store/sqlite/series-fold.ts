import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { allRows, firstRow } from './database.ts';
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
  readonly #limit: StatementSync;
  readonly #fold: StatementSync;
  readonly #move: StatementSync;

  constructor(database: DatabaseSync, meters: Meters) {
    this.#meters = meters;
    this.#behind = database.prepare(
      'SELECT id, folded_before FROM meter WHERE folded_before < ? AND id > ? ORDER BY id',
    );
    this.#limit = database.prepare(
      'SELECT ts FROM sample WHERE meter = ? AND ts >= ? AND ts < ? ORDER BY ts LIMIT 1 OFFSET ?',
    );
    this.#fold = database.prepare(`
      INSERT INTO series (descriptor, meter, first_ts, last_ts, stored)
      SELECT descriptor, meter, min(ts), max(ts), max(recorded) FROM sample
      WHERE meter = ? AND ts >= ? AND ts < ? GROUP BY descriptor
      ON CONFLICT (descriptor, meter) DO UPDATE SET
        first_ts = min(first_ts, excluded.first_ts), last_ts = max(last_ts, excluded.last_ts)`);
    this.#move = database.prepare('UPDATE meter SET folded_before = ? WHERE id = ?');
  }

  /**
   * Moves the line of the first meter behind `afterMeter` that is not at `target` yet, over at most about `maxRows`
   * samples. Gives that meter's number and whether it reached the target, or null when there is no such meter. Only
   * inside a write transaction.
   */
  step(
    afterMeter: number,
    target: number,
    maxRows: number,
  ): { readonly meter: number; readonly done: boolean } | null {
    for (const [id, line] of allRows(this.#behind, target, afterMeter)) {
      const meter = Number(id);
      const from = Number(line);
      // A meter without new samples keeps its line: nothing is written for it.
      if (firstRow(this.#limit, meter, from, target, 0) === undefined) continue;
      const end = firstRow(this.#limit, meter, from, target, maxRows)?.[0];
      // Samples of one instant are not parted.
      const to = end === undefined ? target : Math.max(Number(end), from + 1);
      this.#foldRange(meter, from, to);
      return { meter, done: to >= target };
    }
    return null;
  }

  /** Counts all samples of a meter, also those behind the line; the line stays. Only inside a write transaction. */
  foldAll(meter: number, foldedBefore: number): void {
    this.#fold.run(meter, foldedBefore, Number.MAX_SAFE_INTEGER);
  }

  #foldRange(meter: number, from: number, to: number): void {
    this.#fold.run(meter, from, to);
    this.#move.run(to, meter);
    const known = this.#meters.known(meter);
    if (known !== undefined) known.foldedBefore = to;
  }
}
