import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { NephoscopeError } from '../../component/errors.ts';
import { firstNumber } from './database.ts';
import { isBusy, toStoreError } from './errors.ts';

/** Some writing that must happen as a whole. */
export interface Work<Result> {
  /** What it does, for error messages: `record samples`. */
  readonly action: string;
  /** About how many rows it writes: bounds a transaction and the queue. */
  readonly rows: number;
  /** Runs inside a transaction, perhaps again in another one after a roll-back. */
  run(): Result;
}

export interface GroupCommitOptions {
  readonly database: DatabaseSync;
  /** Called after a roll-back and when another process wrote: what is remembered of the file may be wrong. */
  forget(): void;
  /** Called after each commit that went well, with what it wrote, and after each failure. */
  onCommit(rows: number): void;
  onFailure(error: NephoscopeError): void;
  /** Rows waiting beyond this are refused with E3016. */
  readonly maxQueuedRows: number;
  /** How long a file locked by another process is waited for, without stopping the event loop. */
  readonly busyMillis: number;
}

interface Entry {
  readonly work: Work<unknown>;
  resolve(value: unknown): void;
  reject(error: NephoscopeError): void;
}

/** A transaction larger than this stops the event loop for longer than its flush. */
const MAX_GROUP_ROWS = 10_000;
const BUSY_PAUSE_MILLIS = 25;

/**
 * Puts the writing asked for in one turn of the event loop into one transaction, so that it costs one flush.
 *
 * A failure of the machine (disk full, I/O, locked) rejects the whole group as transient. A failure of the data
 * rolls the group back and runs its members one by one, so that only the poisonous one is rejected. Whatever is
 * rejected has left nothing behind.
 */
export class GroupCommit {
  readonly #options: GroupCommitOptions;
  readonly #begin: StatementSync;
  readonly #commit: StatementSync;
  readonly #dataVersion: StatementSync;
  #queue: Entry[] = [];
  #queuedRows = 0;
  #lastDataVersion = 0;
  #busySince: number | null = null;
  #scheduled = false;
  #closed = false;
  #idle = Promise.withResolvers<void>();

  constructor(options: GroupCommitOptions) {
    this.#options = options;
    this.#begin = options.database.prepare('BEGIN IMMEDIATE');
    this.#commit = options.database.prepare('COMMIT');
    this.#dataVersion = options.database.prepare('PRAGMA data_version');
    this.#idle.resolve();
  }

  /** Resolves with the result of the work after its commit is on the disk. */
  submit<Result>(work: Work<Result>): Promise<Result> {
    if (this.#closed) return Promise.reject(notRunning(work.action));
    if (this.#queue.length > 0 && this.#queuedRows + work.rows > this.#options.maxQueuedRows) {
      return Promise.reject(queueFull(work.action, this.#queuedRows));
    }
    const { promise, resolve, reject } = Promise.withResolvers<Result>();
    if (this.#queue.length === 0) this.#idle = Promise.withResolvers();
    this.#queue.push({ work, resolve: resolve as (value: unknown) => void, reject });
    this.#queuedRows += work.rows;
    this.#schedule(0);
    return promise;
  }

  /** Takes nothing more; resolves when all that was taken is settled, or rejects it when `signal` fires. */
  async close(signal: AbortSignal): Promise<void> {
    this.#closed = true;
    const giveUp = (): void => {
      for (const { work, reject } of this.#takeAll()) reject(notRunning(work.action));
      this.#idle.resolve();
    };
    if (signal.aborted) giveUp();
    signal.addEventListener('abort', giveUp);
    await this.#idle.promise;
    signal.removeEventListener('abort', giveUp);
  }

  #schedule(pauseMillis: number): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    const turn = (): void => {
      this.#scheduled = false;
      this.#turn();
    };
    if (pauseMillis === 0) setImmediate(turn);
    else setTimeout(turn, pauseMillis);
  }

  #turn(): void {
    const group = this.#nextGroup();
    if (group.length === 0) return;
    const started = this.#tryBegin();
    if (started === 'busy') {
      this.#schedule(BUSY_PAUSE_MILLIS);
      return;
    }
    this.#dropFromQueue(group);
    if (started instanceof NephoscopeError) this.#rejectAll(group, started);
    else this.#runGroup(group);
    if (this.#queue.length > 0) this.#schedule(0);
    else this.#idle.resolve();
  }

  #nextGroup(): readonly Entry[] {
    let rows = 0;
    let count = 0;
    for (const { work } of this.#queue) {
      if (count > 0 && rows + work.rows > MAX_GROUP_ROWS) break;
      rows += work.rows;
      count += 1;
    }
    return this.#queue.slice(0, count);
  }

  #tryBegin(): 'begun' | 'busy' | NephoscopeError {
    try {
      this.#begin.run();
      this.#busySince = null;
      this.#noticeOtherWriters();
      return 'begun';
    } catch (thrown) {
      this.#busySince ??= performance.now();
      const waited = performance.now() - this.#busySince;
      if (isBusy(thrown) && waited < this.#options.busyMillis) return 'busy';
      this.#busySince = null;
      this.#rollBack();
      return toStoreError(thrown, 'begin to write');
    }
  }

  #noticeOtherWriters(): void {
    const version = firstNumber(this.#dataVersion);
    if (version !== this.#lastDataVersion) this.#options.forget();
    this.#lastDataVersion = version;
  }

  #runGroup(group: readonly Entry[]): void {
    const results: unknown[] = [];
    let current = group[0];
    try {
      for (const entry of group) {
        current = entry;
        results.push(entry.work.run());
      }
      current = undefined;
      this.#commit.run();
    } catch (thrown) {
      this.#rollBack();
      const error = toStoreError(thrown, current?.work.action ?? 'commit');
      if (group.length === 1 || error.retry === 'transient') this.#rejectAll(group, error);
      else this.#runOneByOne(group);
      return;
    }
    this.#options.onCommit(rowsOf(group));
    group.forEach(({ resolve }, index) => {
      resolve(results[index]);
    });
  }

  #runOneByOne(group: readonly Entry[]): void {
    for (const entry of group) {
      const started = this.#tryBegin();
      if (started === 'begun') this.#runGroup([entry]);
      else this.#rejectAll([entry], started === 'busy' ? lockedMeanwhile(entry.work.action) : started);
    }
  }

  #rollBack(): void {
    const { database, forget } = this.#options;
    // SQLite has rolled back by itself after some failures, a full disk among them.
    if (database.isTransaction) database.exec('ROLLBACK');
    forget();
  }

  #rejectAll(group: readonly Entry[], error: NephoscopeError): void {
    this.#options.onFailure(error);
    for (const { reject } of group) reject(error);
  }

  #dropFromQueue(group: readonly Entry[]): void {
    this.#queue = this.#queue.slice(group.length);
    this.#queuedRows -= rowsOf(group);
  }

  #takeAll(): readonly Entry[] {
    const all = this.#queue;
    this.#queue = [];
    this.#queuedRows = 0;
    return all;
  }
}

function rowsOf(group: readonly Entry[]): number {
  return group.reduce((rows, { work }) => rows + work.rows, 0);
}

function notRunning(action: string): NephoscopeError {
  return new NephoscopeError('E3012', `Cannot ${action}: the store is not running`, { retry: 'transient' });
}

function queueFull(action: string, rows: number): NephoscopeError {
  return new NephoscopeError('E3016', `Cannot ${action}: ${rows} rows wait to be written already`, {
    retry: 'transient',
  });
}

function lockedMeanwhile(action: string): NephoscopeError {
  return new NephoscopeError('E3007', `Cannot ${action}: the store file is locked`, { retry: 'transient' });
}
