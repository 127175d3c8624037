import type { DatabaseSync } from 'node:sqlite';
import type { ComponentStatus, Deadline } from '../../component/component.ts';
import { NephoscopeError, toError } from '../../component/errors.ts';
import { parseExact } from '../../lib/exact-json.ts';
import { formatUtc } from '../../lib/timestamp.ts';
import type { Event } from '../../model/event.ts';
import type { JsonObject } from '../../model/json.ts';
import type { Priority } from '../../model/notification.ts';
import type { Sample } from '../../model/sample.ts';
import type { Logger } from '../../observe/logger.ts';
import type { Metrics } from '../../observe/metrics.ts';
import type { EventQuery, SampleFilter, SampleQuery, StatisticsQuery } from '../query.ts';
import type { ExpireResult, ParkedItem, RecordResult, RetentionPolicy, Store } from '../store.ts';
import { openDatabase } from './database.ts';
import { createDiskSpace } from './disk-space.ts';
import { EventWriter } from './event-writer.ts';
import { expire } from './expire.ts';
import { GroupCommit } from './group-commit.ts';
import { Labels } from './labels.ts';
import { migrate } from './migrate.ts';
import { MIGRATIONS } from './migrations.ts';
import { ParkingWriter } from './parking-writer.ts';
import { toPlainFilter, withPlainFilter } from './plain-query.ts';
import type { EventRow } from './read-events.ts';
import { toStatisticsRows } from './read-statistics.ts';
import { ReaderClient } from './reader-client.ts';
import { SampleWriter } from './sample-writer.ts';
import { SeriesFold } from './series-fold.ts';
import { type StateLock, takeStateLock } from './state-lock.ts';
import { registerStoreMetrics, type StoreMetrics } from './store-metrics.ts';
import { parseTraits } from './trait-match.ts';

export interface SqliteStoreOptions {
  /** The file; it and its directory are made when missing, readable for this user only. */
  readonly path: string;
  /** Refuse to start when another program serves from this file; for all but tools that look in beside it. */
  readonly exclusive: boolean;
  readonly metrics?: Metrics;
  readonly logger?: Logger;
  /** The clock, microseconds since the epoch; the system's unless given. */
  readonly nowMicros?: () => number;
  /** How long a read may take; 30 s unless given. */
  readonly readTimeoutMillis?: number;
  /** Reads waiting beyond this are refused; 64 unless given. */
  readonly maxQueuedReads?: number;
  /** Rows waiting to be written beyond this are refused; 200,000 unless given. */
  readonly maxQueuedRows?: number;
  /** The file does not grow beyond this; unlimited unless given. */
  readonly maxFileBytes?: number;
}

/** What exists between start and stop. */
interface Running {
  readonly database: DatabaseSync;
  readonly lock: StateLock | null;
  readonly commits: GroupCommit;
  readonly labels: Labels;
  readonly samples: SampleWriter;
  readonly events: EventWriter;
  readonly parking: ParkingWriter;
  readonly fold: SeriesFold;
  readonly reader: ReaderClient;
}

const WRITER_CACHE_KIBIBYTES = 8_192;
/** Little, because the system keeps the file in memory too, and long reads pass through once. */
const READER_CACHE_KIBIBYTES = 4_096;
const READER_HEAP_MEGABYTES = 192;
const BUSY_MILLIS = 10_000;
const LOW_DISK_BYTES = 256 * 1024 * 1024;
const PAGE_BYTES = 4_096;
/** How far the fold line stays behind the clock: samples are rarely later than that. */
const FOLD_DISTANCE_MICROS = 120_000_000;
const FOLD_PERIOD_MICROS = 120_000_000;
const FOLD_ROWS = 20_000;

/**
 * The embedded store: one SQLite file, written by this thread in group commits and read by a thread of its own. See
 * `Store` for what it promises and migrations.ts for how the data lie.
 */
export class SqliteStore implements Store {
  readonly name = 'store:sqlite';
  readonly #options: SqliteStoreOptions;
  readonly #nowMicros: () => number;
  readonly #metrics: StoreMetrics;
  readonly #freeBytes: () => number | null;
  #running: Running | null = null;
  #stopping: Promise<void> | null = null;
  #failure: NephoscopeError | null = null;
  #lastFold = Number.NEGATIVE_INFINITY;
  #folding = false;

  constructor(options: SqliteStoreOptions) {
    this.#options = options;
    this.#nowMicros = options.nowMicros ?? (() => Date.now() * 1_000);
    this.#freeBytes = createDiskSpace(options.path);
    this.#metrics = registerStoreMetrics(options.metrics, {
      waitingReads: () => this.#running?.reader.size ?? 0,
      freeBytes: this.#freeBytes,
    });
  }

  async start(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    await this.#stopping;
    if (this.#running !== null) return;
    const { path, exclusive, logger } = this.#options;
    const lock = exclusive ? takeStateLock(path) : null;
    let database: DatabaseSync | undefined;
    try {
      database = openDatabase(path, { readOnly: false, cacheKibibytes: WRITER_CACHE_KIBIBYTES });
      const applied = migrate(database, MIGRATIONS, { exclusive });
      this.#running = this.#assemble(database, lock);
      logger?.info({ path, appliedSchemaSteps: applied }, 'Store open');
    } catch (thrown) {
      database?.close();
      lock?.release();
      throw thrown;
    }
  }

  stop(deadline: Deadline): Promise<void> {
    this.#stopping ??= this.#stop(deadline).finally(() => {
      this.#stopping = null;
    });
    return this.#stopping;
  }

  status(): ComponentStatus {
    if (this.#running === null) return { state: 'stopped', reason: 'Not started, or stopped' };
    if (this.#failure !== null)
      return { state: 'degraded', reason: `${this.#failure.code} ${this.#failure.message}` };
    const free = this.#freeBytes();
    if (free !== null && free < LOW_DISK_BYTES) {
      return {
        state: 'degraded',
        reason: `Only ${Math.floor(free / 1_048_576)} MiB are free on the disk of the store`,
      };
    }
    return { state: 'ok' };
  }

  recordSamples(samples: readonly Sample[]): Promise<RecordResult> {
    if (samples.length === 0) return Promise.resolve(NOTHING_RECORDED);
    return this.#counted('sample', this.#submit(samples, 'samples'));
  }

  recordEvents(events: readonly Event[]): Promise<RecordResult> {
    if (events.length === 0) return Promise.resolve(NOTHING_RECORDED);
    return this.#counted('event', this.#submit(events, 'events'));
  }

  async park(items: readonly ParkedItem[]): Promise<void> {
    if (items.length === 0) return;
    const { commits, parking } = this.#started('park');
    await commits.submit({ action: 'park', rows: items.length, run: () => parking.park(items) });
    this.#metrics.recorded('parked', { recorded: items.length, duplicates: 0 });
  }

  async dropParked(ids: readonly number[]): Promise<number> {
    if (ids.length === 0) return 0;
    const { commits, parking } = this.#started('drop parked items');
    return commits.submit({ action: 'drop parked items', rows: ids.length, run: () => parking.drop(ids) });
  }

  async meters(filter: SampleFilter | undefined, limit: number | undefined): ReturnType<Store['meters']> {
    return this.#reader().read('meters', filter && toPlainFilter(filter), limit);
  }

  async samples(query: SampleQuery): ReturnType<Store['samples']> {
    return this.#reader().read('samples', withPlainFilter(query));
  }

  async sample(id: string): ReturnType<Store['sample']> {
    return this.#reader().read('sample', id);
  }

  async resources(
    filter: SampleFilter | undefined,
    limit: number | undefined,
  ): ReturnType<Store['resources']> {
    return this.#reader().read('resources', filter && toPlainFilter(filter), limit);
  }

  async statistics(query: StatisticsQuery): ReturnType<Store['statistics']> {
    return toStatisticsRows(await this.#reader().read('statistics', withPlainFilter(query)));
  }

  async events(query: EventQuery): Promise<readonly Event[]> {
    return (await this.#reader().read('events', query)).map(toEvent);
  }

  async event(messageId: string): Promise<Event | null> {
    const row = await this.#reader().read('event', messageId);
    return row === null ? null : toEvent(row);
  }

  async eventTypes(): ReturnType<Store['eventTypes']> {
    return this.#reader().read('eventTypes');
  }

  async traitDescriptions(eventType: string): ReturnType<Store['traitDescriptions']> {
    return this.#reader().read('traitDescriptions', eventType);
  }

  async traits(eventType: string, traitName: string, limit: number | undefined): ReturnType<Store['traits']> {
    return this.#reader().read('traits', eventType, traitName, limit);
  }

  async parked(query: { readonly code?: string; readonly limit?: number }): ReturnType<Store['parked']> {
    return this.#reader().read('parked', query);
  }

  async parkedItem(id: number): ReturnType<Store['parkedItem']> {
    return this.#reader().read('parkedItem', id);
  }

  async parkedCount(): Promise<number> {
    return this.#reader().read('parkedCount');
  }

  async expire(policy: RetentionPolicy, nowMicros: number, signal: AbortSignal): Promise<ExpireResult> {
    const running = this.#started('delete old records');
    const result = await expire({ ...running, forget: () => forget(running) }, policy, nowMicros, signal);
    this.#metrics.expired('sample', result.samples);
    this.#metrics.expired('event', result.events);
    return result;
  }

  /** A plain function, apart from what waits for the commit: the items must not be held until then. */
  #submit<Item>(items: readonly Item[], kind: 'samples' | 'events'): Promise<RecordResult> {
    const running = this.#running;
    const action = `record ${kind}`;
    if (running === null) return Promise.reject(notRunning(action));
    const writer = running[kind] as { record(items: readonly unknown[]): RecordResult };
    return running.commits.submit({ action, rows: items.length, run: () => writer.record(items) });
  }

  async #counted(kind: 'sample' | 'event', recording: Promise<RecordResult>): Promise<RecordResult> {
    const result = await recording;
    this.#metrics.recorded(kind, { recorded: result.recorded, duplicates: result.duplicates.length });
    return result;
  }

  #assemble(database: DatabaseSync, lock: StateLock | null): Running {
    const { path, readTimeoutMillis, maxQueuedReads, maxQueuedRows, maxFileBytes } = this.#options;
    if (maxFileBytes !== undefined) {
      database.exec(`PRAGMA max_page_count = ${Math.max(1, Math.floor(maxFileBytes / PAGE_BYTES))}`);
    }
    const labels = new Labels(database);
    const samples = new SampleWriter(database, labels, this.#nowMicros);
    const events = new EventWriter(database, labels);
    const writers = { labels, samples, events };
    return {
      database,
      lock,
      ...writers,
      parking: new ParkingWriter(database),
      fold: new SeriesFold(database, samples.meters),
      commits: new GroupCommit({
        database,
        forget: () => forget(writers),
        onCommit: () => this.#onCommit(),
        onFailure: (error) => this.#onFailure(error),
        maxQueuedRows: maxQueuedRows ?? 200_000,
        busyMillis: BUSY_MILLIS,
      }),
      reader: new ReaderClient({
        path,
        cacheKibibytes: READER_CACHE_KIBIBYTES,
        timeoutMillis: readTimeoutMillis ?? 30_000,
        maxQueued: maxQueuedReads ?? 64,
        maxHeapMegabytes: READER_HEAP_MEGABYTES,
      }),
    };
  }

  async #stop({ signal }: Deadline): Promise<void> {
    const running = this.#running;
    if (running === null) return;
    const { commits, reader, database, lock } = running;
    await commits.close(signal);
    await reader.close();
    this.#running = null;
    try {
      // So that the next start, and a copy of the one file, need no log.
      database.exec('PRAGMA wal_checkpoint(TRUNCATE)');
    } catch (thrown) {
      this.#options.logger?.warn(
        { err: toError(thrown) },
        'The log of the store could not be merged; the next start does it',
      );
    } finally {
      database.close();
      lock?.release();
    }
  }

  #started(action: string): Running {
    if (this.#running !== null) return this.#running;
    throw notRunning(action);
  }

  #reader(): ReaderClient {
    return this.#started('read').reader;
  }

  #onCommit(): void {
    this.#metrics.committed();
    this.#failure = null;
    if (!this.#folding && this.#nowMicros() - this.#lastFold >= FOLD_PERIOD_MICROS) void this.#foldSeries();
  }

  #onFailure(error: NephoscopeError): void {
    this.#metrics.failed(error);
    // A record that cannot be stored says nothing about the store.
    if (error.retry === 'permanent') return;
    if (this.#failure?.code !== error.code)
      this.#options.logger?.error({ err: error }, 'The store cannot write');
    this.#failure = error;
  }

  /** Brings `series` up to date in small steps; see series-fold.ts. */
  async #foldSeries(): Promise<void> {
    this.#folding = true;
    this.#lastFold = this.#nowMicros();
    const target = this.#lastFold - FOLD_DISTANCE_MICROS;
    try {
      const { commits, fold } = this.#started('fold');
      const action = 'bring series up to date';
      while (await commits.submit({ action, rows: 0, run: () => fold.step(target, FOLD_ROWS) })) {
        // Each step is a transaction between those of the writers.
      }
    } catch {
      // Already counted and shown by the commit; the next fold does it all.
    } finally {
      this.#folding = false;
    }
  }
}

const NOTHING_RECORDED: RecordResult = Object.freeze({ recorded: 0, duplicates: [], rejected: [] });

function notRunning(action: string): NephoscopeError {
  return new NephoscopeError('E3012', `Cannot ${action}: the store is not running`, { retry: 'transient' });
}

function forget({ labels, samples, events }: Pick<Running, 'labels' | 'samples' | 'events'>): void {
  labels.forget();
  samples.forget();
  events.forget();
}

function toEvent(row: EventRow): Event {
  return {
    messageId: row.messageId,
    eventType: row.eventType,
    generated: formatUtc(row.generatedMicros),
    generatedMicros: row.generatedMicros,
    priority: row.priority as Priority | null,
    deployment: row.deployment,
    traits: parseTraits(row.traitsText),
    raw: row.rawText === null ? null : (parseExact(row.rawText) as JsonObject),
  };
}
