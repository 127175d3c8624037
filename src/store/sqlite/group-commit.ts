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
  /** Runs once, inside a transaction: at once when the file is free, else when it is. */
  run(): Result;
}

export interface GroupCommitOptions {
  readonly database: DatabaseSync;
  /** Called after a roll-back and when another process wrote: what is remembered of the file may be wrong. */
  forget(): void;
  /** Called after each commit that went well, with what it wrote, and after each failure. */
  onCommit(rows: number): void;
  onFailure(error: NephoscopeError): void;
  /** Rows waiting for a locked file beyond this are refused with E3016. */
  readonly maxQueuedRows: number;
  /** How long a file locked by another process is waited for, without stopping the event loop. */
  readonly busyMillis: number;
}

/** Somebody who waits for the commit. */
interface Member {
  resolve(): void;
  reject(error: NephoscopeError): void;
}

interface Transaction {
  readonly members: Member[];
  readonly begunMillis: number;
  rows: number;
  /** Something was written since the last turn of the event loop. */
  isGrowing: boolean;
}

interface Waiting {
  readonly work: Work<unknown>;
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: NephoscopeError) => void;
}

/** A transaction larger than this is committed at once: its flush would take longer than its rows are worth. */
const MAX_GROUP_ROWS = 10_000;
/** Nobody waits longer than this for others to fill a transaction. */
const MAX_GROUP_MILLIS = 50;
const BUSY_PAUSE_MILLIS = 25;

/**
 * Puts what is written in consecutive turns of the event loop into one transaction, so that it costs one flush.
 *
 * Work runs when it is handed over, so nothing but its result is kept until the commit, which comes after the first turn
 * in which nothing more was written, or when the transaction is large or old. One writer alone waits for two turns.
 *
 * A failure of the machine (disk full, I/O, locked) rejects the whole group as transient. A failure of the data undoes
 * and rejects the one work it happened in. Whatever is rejected has left nothing behind.
 */
export class GroupCommit {
  readonly #options: GroupCommitOptions;
  readonly #begin: StatementSync;
  readonly #commit: StatementSync;
  readonly #mark: StatementSync;
  readonly #release: StatementSync;
  readonly #undo: StatementSync;
  readonly #dataVersion: StatementSync;
  #open: Transaction | null = null;
  /** Filled only while another process holds the file. */
  readonly #queue: Waiting[] = [];
  #queuedRows = 0;
  #lastDataVersion = 0;
  #busySince: number | null = null;
  #scheduled = false;
  #closed = false;
  #idle = Promise.withResolvers<void>();

  constructor(options: GroupCommitOptions) {
    const { database } = options;
    this.#options = options;
    this.#begin = database.prepare('BEGIN IMMEDIATE');
    this.#commit = database.prepare('COMMIT');
    this.#mark = database.prepare('SAVEPOINT work');
    this.#release = database.prepare('RELEASE work');
    this.#undo = database.prepare('ROLLBACK TO work');
    this.#dataVersion = database.prepare('PRAGMA data_version');
    this.#idle.resolve();
  }

  /** Resolves with the result of the work after its commit is on the disk. */
  submit<Result>(work: Work<Result>): Promise<Result> {
    if (this.#closed) return Promise.reject(notRunning(work.action));
    if (this.#queue.length > 0) return this.#wait(work);
    const begun = this.#open === null ? this.#tryBegin() : 'begun';
    if (begun === 'busy') return this.#wait(work);
    if (begun !== 'begun') return Promise.reject(begun);
    return this.#run(work);
  }

  /** Takes nothing more; resolves when all that was taken is settled, or rejects it when `signal` fires. */
  async close(signal: AbortSignal): Promise<void> {
    this.#closed = true;
    this.#commitNow();
    const giveUp = (): void => {
      for (let next = this.#next(); next !== undefined; next = this.#next()) {
        next.reject(notRunning(next.work.action));
      }
      this.#idle.resolve();
    };
    if (signal.aborted) giveUp();
    signal.addEventListener('abort', giveUp);
    await this.#idle.promise;
    signal.removeEventListener('abort', giveUp);
  }

  /** For the time that another process writes. */
  #wait<Result>(work: Work<Result>): Promise<Result> {
    if (this.#queue.length > 0 && this.#queuedRows + work.rows > this.#options.maxQueuedRows) {
      return Promise.reject(queueFull(work.action, this.#queuedRows));
    }
    const { promise, resolve, reject } = Promise.withResolvers<Result>();
    if (this.#queue.length === 0) this.#idle = Promise.withResolvers();
    this.#queue.push({ work, resolve: resolve as (value: unknown) => void, reject });
    this.#queuedRows += work.rows;
    this.#schedule(BUSY_PAUSE_MILLIS);
    return promise;
  }

  /** Only in an open transaction. A plain function: what a promise of it holds must not be the work. */
  #run<Result>(work: Work<Result>): Promise<Result> {
    const transaction = this.#open;
    if (transaction === null) throw new Error('there is no transaction');
    let result: Result;
    try {
      this.#mark.run();
      result = work.run();
      this.#release.run();
    } catch (thrown) {
      return Promise.reject(this.#undoWork(toStoreError(thrown, work.action)));
    }
    transaction.rows += work.rows;
    transaction.isGrowing = true;
    const committed = new Promise<Result>((resolve, reject) => {
      transaction.members.push({ resolve: () => resolve(result), reject });
    });
    if (transaction.rows >= MAX_GROUP_ROWS) this.#commitNow();
    else this.#schedule(0);
    return committed;
  }

  /** Gives the error back. What the machine failed at cannot be told from what it wrote before. */
  #undoWork(error: NephoscopeError): NephoscopeError {
    if (error.retry === 'transient') {
      this.#abandon(error);
      return error;
    }
    try {
      this.#undo.run();
      this.#release.run();
      this.#options.forget();
    } catch {
      // SQLite has rolled all of it back by itself.
      this.#abandon(transactionLost(error.message));
      return error;
    }
    this.#options.onFailure(error);
    this.#schedule(0);
    return error;
  }

  #schedule(pauseMillis: number): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    const turn = (): void => {
      this.#scheduled = false;
      if (this.#queue.length > 0) this.#tryQueue();
      else this.#turn();
    };
    if (pauseMillis === 0) setImmediate(turn);
    else setTimeout(turn, pauseMillis);
  }

  #turn(): void {
    const transaction = this.#open;
    if (transaction === null) return;
    const isYoung = performance.now() - transaction.begunMillis < MAX_GROUP_MILLIS;
    if (transaction.isGrowing && isYoung) {
      transaction.isGrowing = false;
      this.#schedule(0);
    } else {
      this.#commitNow();
    }
  }

  #tryQueue(): void {
    while (this.#queue.length > 0) {
      const begun = this.#open === null ? this.#tryBegin() : 'begun';
      if (begun === 'busy') {
        this.#schedule(BUSY_PAUSE_MILLIS);
        return;
      }
      if (begun !== 'begun') {
        for (let next = this.#next(); next !== undefined; next = this.#next()) next.reject(begun);
        this.#idle.resolve();
        return;
      }
      const next = this.#next();
      if (next !== undefined) this.#run(next.work).then(next.resolve, next.reject);
    }
    if (this.#closed) this.#commitNow();
  }

  /** Takes the first out of the queue. */
  #next(): Waiting | undefined {
    const first = this.#queue.shift();
    this.#queuedRows -= first?.work.rows ?? 0;
    return first;
  }

  #tryBegin(): 'begun' | 'busy' | NephoscopeError {
    try {
      this.#begin.run();
      this.#busySince = null;
      this.#noticeOtherWriters();
    } catch (thrown) {
      this.#busySince ??= performance.now();
      const waited = performance.now() - this.#busySince;
      if (isBusy(thrown) && waited < this.#options.busyMillis) return 'busy';
      this.#busySince = null;
      this.#rollBack();
      const error = toStoreError(thrown, 'begin to write');
      this.#options.onFailure(error);
      return error;
    }
    this.#open = { members: [], begunMillis: performance.now(), rows: 0, isGrowing: false };
    if (this.#queue.length === 0) this.#idle = Promise.withResolvers();
    return 'begun';
  }

  #noticeOtherWriters(): void {
    const version = firstNumber(this.#dataVersion);
    if (version !== this.#lastDataVersion) this.#options.forget();
    this.#lastDataVersion = version;
  }

  #commitNow(): void {
    const transaction = this.#open;
    if (transaction === null) return;
    try {
      this.#commit.run();
    } catch (thrown) {
      this.#abandon(toStoreError(thrown, 'commit'));
      return;
    }
    this.#end();
    this.#options.onCommit(transaction.rows);
    for (const { resolve } of transaction.members) resolve();
  }

  /** Nothing of the open transaction stays. */
  #abandon(error: NephoscopeError): void {
    const members = this.#open?.members ?? [];
    this.#rollBack();
    this.#end();
    this.#options.onFailure(error);
    for (const { reject } of members) reject(error);
  }

  #end(): void {
    this.#open = null;
    if (this.#queue.length === 0) this.#idle.resolve();
  }

  #rollBack(): void {
    const { database, forget } = this.#options;
    // SQLite has rolled back by itself after some failures, a full disk among them.
    if (database.isTransaction) database.exec('ROLLBACK');
    forget();
  }
}

function notRunning(action: string): NephoscopeError {
  return new NephoscopeError('E3012', `Cannot ${action}: the store is not running`, { retry: 'transient' });
}

function queueFull(action: string, rows: number): NephoscopeError {
  return new NephoscopeError('E3016', `Cannot ${action}: ${rows} rows wait to be written already`, {
    retry: 'transient',
  });
}

function transactionLost(reason: string): NephoscopeError {
  return new NephoscopeError('E3008', `The transaction was lost: ${reason}`, { retry: 'transient' });
}
