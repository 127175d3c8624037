import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { NephoscopeError } from '../../component/errors.ts';
import type { Sample } from '../../model/sample.ts';
import type { RecordResult } from '../store.ts';
import { firstNumber } from './database.ts';
import type { DescriptorEntry } from './descriptors.ts';
import { Descriptors } from './descriptors.ts';
import { Labels } from './labels.ts';
import { type MeterEntry, Meters } from './meters.ts';
import { foreignDiscriminator, ownDiscriminator } from './sample-identity.ts';
import { createSegmentKeeper, type SegmentKeeper } from './segments.ts';

/**
 * Writes samples. `record` runs inside a write transaction; `forget` must follow a roll-back.
 *
 * In the usual case a sample costs one insert: its meter, resource and descriptor are remembered, and `series` knows
 * the descriptor already. What `series` says about times of recent samples is brought up later; see series-fold.ts.
 */
export class SampleWriter {
  readonly meters: Meters;
  readonly #labels: Labels;
  readonly #descriptors: Descriptors;
  readonly #lookups: SegmentKeeper;
  readonly #insert: StatementSync;
  readonly #upsertSeries: StatementSync;
  readonly #insertLookup: StatementSync;
  readonly #nowMicros: () => number;
  #lastRecorded: number;

  constructor(database: DatabaseSync, nowMicros: () => number) {
    this.#nowMicros = nowMicros;
    this.meters = new Meters(database);
    this.#labels = new Labels(database);
    this.#descriptors = new Descriptors(database, this.#labels);
    this.#lookups = createSegmentKeeper(database, 'sample');
    this.#insert = database.prepare(`
      INSERT OR IGNORE INTO sample (meter, ts, resource, disc, volume, descriptor, recorded, id)
      VALUES (?, ?, ?, ?, ?, ?, ?, ?)`);
    this.#upsertSeries = database.prepare(`
      INSERT INTO series (descriptor, meter, first_ts, last_ts, stored) VALUES (?1, ?2, ?3, ?3, ?4)
      ON CONFLICT (descriptor, meter) DO UPDATE SET
        first_ts = min(first_ts, excluded.first_ts), last_ts = max(last_ts, excluded.last_ts), stored = excluded.stored`);
    this.#insertLookup = database.prepare(
      'INSERT OR IGNORE INTO sample_lookup (segment, hash, meter, ts) VALUES (?, ?, ?, ?)',
    );
    this.#lastRecorded = firstNumber(database.prepare('SELECT max(stored) FROM series'));
  }

  /** Throws E3009 for a sample that cannot be stored; nothing of the transaction may then be committed. */
  record(samples: readonly Sample[]): RecordResult {
    // Two passes: the insert is a third faster when nothing but rows goes through the processor's caches meanwhile.
    const rows = samples.map((sample) => this.#resolve(sample));
    // Every sample gets an instant of its own, so the order of recording stays known.
    let recorded = Math.max(this.#lastRecorded, this.#nowMicros() - 1);
    const duplicates: number[] = [];
    for (let index = 0; index < rows.length; index += 1) {
      recorded += 1;
      if (!this.#insertRow(rows[index] as ResolvedSample, recorded)) duplicates.push(index);
    }
    this.#lastRecorded = recorded;
    this.#lookups.save();
    return { recorded: samples.length - duplicates.length, duplicates };
  }

  forget(): void {
    this.meters.forget();
    this.#labels.forget();
    this.#descriptors.forget();
    this.#lookups.forget();
  }

  #resolve(sample: Sample): ResolvedSample {
    checkSample(sample);
    const own = ownDiscriminator(sample.id, sample.timestampMicros);
    return {
      meter: this.meters.find(sample),
      descriptor: this.#descriptors.find(sample),
      timestampMicros: sample.timestampMicros,
      discriminator: own < 0 ? foreignDiscriminator(sample.id) : own,
      volume: sample.volume,
      foreignId: own < 0 ? sample.id : null,
    };
  }

  /** False when the sample is there already. */
  #insertRow({ meter, descriptor, timestampMicros, discriminator, volume, foreignId }: ResolvedSample, recorded: number): boolean {
    const { resource } = descriptor;
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
    if (changes === 0) return false;
    if (meter.runs.get(resource) !== descriptor.id || timestampMicros < meter.foldedBefore) {
      this.#noteInSeries(meter, descriptor, timestampMicros, recorded);
    }
    if (foreignId !== null) {
      this.#insertLookup.run(this.#lookups.take(timestampMicros), discriminator, meter.id, timestampMicros);
    }
    return true;
  }

  #noteInSeries(
    meter: MeterEntry,
    descriptor: DescriptorEntry,
    timestampMicros: number,
    recorded: number,
  ): void {
    this.#upsertSeries.run(descriptor.id, meter.id, timestampMicros, recorded);
    meter.runs.set(descriptor.resource, descriptor.id);
  }
}

/** A sample as numbers; built whole before the first insert. */
interface ResolvedSample {
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
