import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { NephoscopeError } from '../../component/errors.ts';
import type { Sample } from '../../model/sample.ts';
import type { RecordResult } from '../store.ts';
import { firstNumber } from './database.ts';
import type { DescriptorEntry } from './descriptors.ts';
import { Descriptors } from './descriptors.ts';
import type { Labels } from './labels.ts';
import { type MeterEntry, Meters } from './meters.ts';
import { Refusals } from './refusals.ts';
import { foreignDiscriminator, ownDiscriminator } from './sample-identity.ts';
import { createSegmentKeeper, type SegmentKeeper } from './segments.ts';

const RESERVED_MICROS = 1_000_000;

/**
 * Writes samples. `record` runs inside a write transaction; `forget` must follow a roll-back.
 *
 * In the usual case a sample costs one insert: its meter, resource and descriptor are remembered, and `series` knows
 * the descriptor already. What `series` says about times of recent samples is brought up later; see series-fold.ts.
 */
export class SampleWriter {
  readonly meters: Meters;
  readonly #descriptors: Descriptors;
  readonly #lookups: SegmentKeeper;
  readonly #insert: StatementSync;
  readonly #selectRecorded: StatementSync;
  readonly #totalChanges: StatementSync;
  readonly #upsertSeries: StatementSync;
  readonly #upsertReserved: StatementSync;
  readonly #insertLookup: StatementSync;
  readonly #nowMicros: () => number;
  #lastRecorded: number;
  #reservedBefore = 0;

  constructor(database: DatabaseSync, labels: Labels, nowMicros: () => number) {
    this.#nowMicros = nowMicros;
    this.meters = new Meters(database);
    this.#descriptors = new Descriptors(database, labels);
    this.#lookups = createSegmentKeeper(database, 'sample');
    this.#insert = database.prepare(`
      INSERT OR IGNORE INTO sample (meter, ts, resource, disc, volume, descriptor, recorded, id)
      VALUES (?, ?, ?, ?, ?, ?, ?, ?)`);
    this.#selectRecorded = database.prepare(
      'SELECT recorded FROM sample WHERE meter = ? AND ts = ? AND resource = ? AND disc = ?',
    );
    this.#totalChanges = database.prepare('SELECT total_changes()');
    this.#upsertSeries = database.prepare(`
      INSERT INTO series (descriptor, meter, first_ts, last_ts, stored) VALUES (?1, ?2, ?3, ?3, ?4)
      ON CONFLICT (descriptor, meter) DO UPDATE SET
        first_ts = min(first_ts, excluded.first_ts), last_ts = max(last_ts, excluded.last_ts), stored = excluded.stored`);
    this.#insertLookup = database.prepare(
      'INSERT OR IGNORE INTO sample_lookup (segment, hash, meter, ts) VALUES (?, ?, ?, ?)',
    );
    this.#upsertReserved = database.prepare(`
      INSERT INTO state (key, value) VALUES ('recorded_before', ?)
      ON CONFLICT (key) DO UPDATE SET value = max(value, excluded.value)`);
    this.#lastRecorded = firstNumber(
      database.prepare("SELECT value FROM state WHERE key = 'recorded_before'"),
    );
  }

  /** What it throws is no fault of one sample: nothing of this call may then be committed. */
  record(samples: readonly Sample[]): RecordResult {
    const refusals = new Refusals('record samples');
    // Two passes: the insert is a quarter faster when nothing but rows goes through the processor's caches meanwhile.
    const rows: ResolvedSample[] = [];
    for (let index = 0; index < samples.length; index += 1) {
      const row = refusals.guard(index, () => this.#resolve(samples[index] as Sample, index));
      if (row !== undefined) rows.push(row);
    }
    // Every sample gets an instant of its own, so the order of recording stays known.
    const firstRecorded = Math.max(this.#lastRecorded + 1, this.#nowMicros());
    this.#lastRecorded = firstRecorded + rows.length - 1;
    this.#reserve();
    const expected = firstNumber(this.#totalChanges) + rows.length;
    let besides = 0;
    for (let index = 0; index < rows.length; index += 1) {
      besides += this.#insertRow(rows[index] as ResolvedSample, firstRecorded + index);
    }
    besides += this.#lookups.save();
    const complete = firstNumber(this.#totalChanges) === expected + besides;
    const duplicates = complete ? [] : this.#findDuplicates(rows, firstRecorded);
    return { recorded: rows.length - duplicates.length, duplicates, rejected: refusals.rejected };
  }

  forget(): void {
    this.meters.forget();
    this.#descriptors.forget();
    this.#lookups.forget();
    this.#reservedBefore = 0;
  }

  /**
   * Keeps instants of recording unique and growing over restarts, whatever the clock does: the next start begins
   * behind what is reserved. In steps, so that it costs one row per second.
   */
  #reserve(): void {
    if (this.#lastRecorded < this.#reservedBefore) return;
    this.#reservedBefore = this.#lastRecorded + RESERVED_MICROS;
    this.#upsertReserved.run(this.#reservedBefore);
  }

  #resolve(sample: Sample, index: number): ResolvedSample {
    checkSample(sample);
    const own = ownDiscriminator(sample.id, sample.timestampMicros);
    return {
      index,
      meter: this.meters.find(sample),
      descriptor: this.#descriptors.find(sample),
      timestampMicros: sample.timestampMicros,
      discriminator: own < 0 ? foreignDiscriminator(sample.id) : own,
      volume: sample.volume,
      foreignId: own < 0 ? sample.id : null,
    };
  }

  /**
   * Inserts a sample unless it is there already; gives how many rows of other tables it wrote. Whether it was there is
   * not asked where nothing depends on it: `record` sees from the sum that all were new.
   */
  #insertRow(row: ResolvedSample, recorded: number): number {
    const { meter, descriptor, timestampMicros, discriminator, volume, foreignId } = row;
    const { resource } = descriptor;
    const known = meter.runs.get(resource) === descriptor.id && timestampMicros >= meter.foldedBefore;
    if (known && foreignId === null) {
      // Of all ways to run a statement the one that makes no result.
      this.#insert.get(
        meter.id,
        timestampMicros,
        resource,
        discriminator,
        volume,
        descriptor.id,
        recorded,
        null,
      );
      return 0;
    }
    const { changes } = this.#insert.run(
      meter.id,
      timestampMicros,
      resource,
      discriminator,
      volume,
      descriptor.id,
      recorded,
      foreignId,
    );
    if (changes === 0) return 0;
    return (
      (known ? 0 : this.#noteInSeries(row, recorded)) + (foreignId === null ? 0 : this.#noteForeignId(row))
    );
  }

  #noteInSeries({ meter, descriptor, timestampMicros }: ResolvedSample, recorded: number): number {
    meter.runs.set(descriptor.resource, descriptor.id);
    return Number(this.#upsertSeries.run(descriptor.id, meter.id, timestampMicros, recorded).changes);
  }

  #noteForeignId({ meter, discriminator, timestampMicros }: ResolvedSample): number {
    const before = this.#lookups.written;
    const segment = this.#lookups.take(timestampMicros);
    const { changes } = this.#insertLookup.run(segment, discriminator, meter.id, timestampMicros);
    return Number(changes) + this.#lookups.written - before;
  }

  /** Samples that are in the table, but not as they would have been recorded now. */
  #findDuplicates(rows: readonly ResolvedSample[], firstRecorded: number): readonly number[] {
    return rows.flatMap(({ index, meter, timestampMicros, descriptor, discriminator }, at) => {
      const recorded = firstNumber(
        this.#selectRecorded,
        meter.id,
        timestampMicros,
        descriptor.resource,
        discriminator,
      );
      return recorded === firstRecorded + at ? [] : [index];
    });
  }
}

/** A sample as numbers; built whole before the first insert. */
interface ResolvedSample {
  /** In the call. */
  readonly index: number;
  readonly meter: MeterEntry;
  readonly descriptor: DescriptorEntry;
  readonly timestampMicros: number;
  readonly discriminator: number;
  readonly volume: number;
  readonly foreignId: string | null;
}

function checkSample(sample: Sample): void {
  if (!Number.isSafeInteger(sample.timestampMicros)) throw refused(sample, 'its timestamp is out of range');
  if (!Number.isFinite(sample.volume)) throw refused(sample, 'its volume is no finite number');
  if (typeof sample.resourceId !== 'string') throw refused(sample, 'its resource_id is no text');
}

function refused({ name, id }: Sample, reason: string): NephoscopeError {
  return new NephoscopeError('E3009', `Sample ${id} of meter ${name} cannot be stored: ${reason}`);
}
