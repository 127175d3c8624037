import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { NephoscopeError } from '../../component/errors.ts';
import { allRows, firstRow, iterateRows, type Row, type SqlParameter } from './database.ts';
import { Generations } from './generations.ts';
import { storedSampleId } from './sample-identity.ts';

/** SQL with its parameters; identifiers in it come from closed lists, everything from outside is a parameter. */
export interface SqlText {
  readonly sql: string;
  readonly parameters: readonly SqlParameter[];
}

/** Called for each row that `scan` gives, with the columns as arguments. */
export type ScanStep = (a: number, b: number, c: number, d: number) => void;
/** A condition that is not SQL, e.g. on metadata; see `holds`. */
export type Predicate = (value: unknown) => boolean;

/** How many rows pass between two looks whether the caller still waits. */
const ROWS_PER_LOOK = 4_096;
const KEPT_STATEMENTS = 64;

/**
 * A read connection with what queries need beside SQL. One query at a time: `beginQuery` starts afresh.
 *
 * Adding up in a function called per row is faster than GROUP BY, which sorts (200,000 rows into 40,000 groups: 35 ms
 * against 75), and lets a query be cancelled in the middle.
 */
export class ReadContext {
  readonly #database: DatabaseSync;
  readonly #statements = new Generations<string, StatementSync>(KEPT_STATEMENTS);
  readonly #isCancelled: () => boolean;
  #predicates: Predicate[] = [];
  #step: ScanStep = () => {};
  #rows = 0;

  /** `isCancelled` is asked every few thousand rows; when it says yes the query throws E3011. */
  constructor(database: DatabaseSync, isCancelled: () => boolean) {
    this.#database = database;
    this.#isCancelled = isCancelled;
    database.function('holds', { deterministic: true }, (slot, value) => {
      this.#countRow();
      return this.#predicates[Number(slot)]?.(value) === true ? 1 : 0;
    });
    database.function('sample_id', { deterministic: true }, (text, micros, disc) =>
      storedSampleId(text as string | null, Number(micros), Number(disc)),
    );
    // One function for each number of columns: passing an argument takes a tenth of the time of a row.
    const call = (a: unknown, b: unknown, c: unknown, d: unknown): number => {
      this.#countRow();
      this.#step(a as number, b as number, c as number, d as number);
      return 0;
    };
    database.aggregate('scan2', { start: 0, step: (_, a, b) => call(a, b, 0, 0) });
    database.aggregate('scan3', { start: 0, step: (_, a, b, c) => call(a, b, c, 0) });
    database.aggregate('scan4', { start: 0, step: (_, a, b, c, d) => call(a, b, c, d) });
  }

  /** Runs a query on one consistent state of the file. */
  query<Result>(work: () => Result): Result {
    this.#predicates = [];
    this.#rows = 0;
    this.#database.exec('BEGIN');
    try {
      return work();
    } finally {
      if (this.#database.isTransaction) this.#database.exec('COMMIT');
    }
  }

  /** Makes a condition usable in SQL as `holds(slot, value)`, until the query ends. */
  addPredicate(predicate: Predicate): number {
    return this.#predicates.push(predicate) - 1;
  }

  all(sql: string, parameters: readonly SqlParameter[] = []): readonly Row[] {
    return allRows(this.#prepare(sql), ...parameters);
  }

  first(sql: string, parameters: readonly SqlParameter[] = []): Row | undefined {
    return firstRow(this.#prepare(sql), ...parameters);
  }

  /** Rows one by one; the caller may stop early. A statement must not be iterated twice at the same time. */
  *iterate(sql: string, parameters: readonly SqlParameter[] = []): Generator<Row> {
    for (const row of iterateRows(this.#prepare(sql), ...parameters)) {
      this.#countRow();
      yield row;
    }
  }

  /** Calls `step` with these number columns (two to four) of every row of `FROM … WHERE …`. */
  scan(columns: readonly string[], from: SqlText, step: ScanStep): void {
    this.#step = step;
    this.first(`SELECT scan${columns.length}(${columns.join(', ')}) FROM ${from.sql}`, from.parameters);
  }

  /** Counts a row; throws E3011 when the caller waits no more. */
  #countRow(): void {
    this.#rows += 1;
    if (this.#rows % ROWS_PER_LOOK === 0) this.#look();
  }

  #look(): void {
    if (!this.#isCancelled()) return;
    throw new NephoscopeError('E3011', 'The read was ended: it took too long, or nobody waits for it', {
      retry: 'transient',
    });
  }

  #prepare(sql: string): StatementSync {
    const kept = this.#statements.get(sql);
    if (kept !== undefined) return kept;
    const statement = this.#database.prepare(sql);
    this.#statements.set(sql, statement);
    return statement;
  }
}
