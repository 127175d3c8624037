import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { NephoscopeError } from '../../component/errors.ts';
import { stringifyExact } from '../../lib/exact-json.ts';
import { type Event, TRAIT_TYPE, type Trait } from '../../model/event.ts';
import type { JsonObject } from '../../model/json.ts';
import type { RecordResult } from '../store.ts';
import { firstNumber } from './database.ts';
import { IDENTITY_TRAITS, identityHash, messageHash } from './hashing.ts';
import { refuseDeepText, toJsonText } from './json-text.ts';
import type { Labels } from './labels.ts';
import { Refusals } from './refusals.ts';
import { createSegmentKeeper, type SegmentKeeper } from './segments.ts';

interface EventTypeEntry {
  readonly id: number;
  /** Trait types seen under a name, as bits. */
  readonly traits: Map<string, number>;
}

/** Event types come from outside; beyond this number all are forgotten and read again. */
const MAX_TYPES = 4_096;
const MAX_TRAIT_NAMES = 1_024;

/** Writes events. `record` runs inside a write transaction; `forget` must follow a roll-back. */
export class EventWriter {
  readonly #labels: Labels;
  readonly #lookups: SegmentKeeper;
  readonly #insert: StatementSync;
  readonly #insertLookup: StatementSync;
  readonly #selectType: StatementSync;
  readonly #insertType: StatementSync;
  readonly #insertTrait: StatementSync;
  #types = new Map<string, EventTypeEntry>();
  /** Values of the event at hand that have a key already. */
  readonly #identities: string[] = [];

  constructor(database: DatabaseSync, labels: Labels) {
    this.#labels = labels;
    this.#lookups = createSegmentKeeper(database, 'event');
    this.#insert = database.prepare(`
      INSERT OR IGNORE INTO event (generated, disc, event_type, message_id, priority, traits, raw, deployment)
      VALUES (?, ?, ?, ?, ?, ?, ?, ?)`);
    this.#insertLookup = database.prepare(
      'INSERT OR IGNORE INTO event_lookup (segment, hash, event) VALUES (?, ?, ?)',
    );
    this.#selectType = database.prepare('SELECT id FROM event_type WHERE name = ?');
    this.#insertType = database.prepare('INSERT INTO event_type (name) VALUES (?)');
    this.#insertTrait = database.prepare(
      'INSERT OR IGNORE INTO trait (event_type, name, type) VALUES (?, ?, ?)',
    );
  }

  /** What it throws is no fault of one event: nothing of this call may then be committed. */
  record(events: readonly Event[]): RecordResult {
    const duplicates: number[] = [];
    const refusals = new Refusals('record events');
    for (let index = 0; index < events.length; index += 1) {
      const row = refusals.guard(index, () => toRow(events[index] as Event));
      if (row !== undefined && !this.#insertRow(row)) duplicates.push(index);
    }
    this.#lookups.save();
    const recorded = events.length - duplicates.length - refusals.rejected.length;
    return { recorded, duplicates, rejected: refusals.rejected };
  }

  forget(): void {
    this.#types = new Map();
    this.#lookups.forget();
  }

  #insertRow({ event, traitsText, rawText }: EventRow): boolean {
    const { generatedMicros, messageId, traits } = event;
    const type = this.#types.get(event.eventType) ?? this.#loadType(event.eventType);
    const hash = messageHash(messageId);
    const { changes, lastInsertRowid } = this.#insert.run(
      generatedMicros,
      hash,
      type.id,
      messageId,
      event.priority,
      traitsText,
      rawText,
      this.#labels.idOf(event.deployment),
    );
    if (changes === 0) return false;
    this.#insertLookup.run(this.#lookups.take(generatedMicros), hash, lastInsertRowid);
    this.#identities.length = 0;
    for (const trait of traits) this.#noteTrait(type, trait, generatedMicros, lastInsertRowid);
    return true;
  }

  #noteTrait(type: EventTypeEntry, trait: Trait, micros: number, row: number | bigint): void {
    const [name, traitType, value] = trait;
    const seen = type.traits.get(name) ?? 0;
    const bit = 1 << traitType;
    if ((seen & bit) === 0) {
      if (type.traits.size >= MAX_TRAIT_NAMES) type.traits.clear();
      this.#insertTrait.run(type.id, name, traitType);
      type.traits.set(name, seen | bit);
    }
    if (traitType === TRAIT_TYPE.text && IDENTITY_TRAITS.has(name)) {
      const text = String(value);
      if (this.#identities.includes(text)) return;
      this.#identities.push(text);
      this.#insertLookup.run(this.#lookups.take(micros), identityHash(text), row);
    }
  }

  #loadType(name: string): EventTypeEntry {
    if (this.#types.size >= MAX_TYPES) this.#types = new Map();
    const id = firstNumber(this.#selectType, name) || Number(this.#insertType.run(name).lastInsertRowid);
    const entry: EventTypeEntry = { id, traits: new Map() };
    this.#types.set(name, entry);
    return entry;
  }
}

/** An event with the texts that are stored of it; made before anything is written. */
interface EventRow {
  readonly event: Event;
  readonly traitsText: string;
  readonly rawText: string | null;
}

/** Throws for an event that cannot be stored. */
function toRow(event: Event): EventRow {
  if (!Number.isSafeInteger(event.generatedMicros)) throw refused(event, 'its time is out of range');
  return { event, traitsText: textOfTraits(event), rawText: textOfRaw(event.raw) };
}

/**
 * The traits as compact JSON, `[["name",type,value],…]`. The readers search in this text, so one trait must always
 * give the same text.
 */
function textOfTraits(event: Event): string {
  let exact = false;
  for (const [, , value] of event.traits) {
    if (typeof value === 'string') continue;
    if (typeof value === 'number' && !Number.isFinite(value))
      throw refused(event, 'a trait is no finite number');
    exact ||= typeof value === 'bigint' || Object.is(value, -0);
  }
  return exact
    ? stringifyExact(event.traits as readonly (readonly (string | number | bigint)[])[])
    : JSON.stringify(event.traits);
}

function textOfRaw(raw: JsonObject | null): string | null {
  if (raw === null) return null;
  const text = toJsonText(raw);
  refuseDeepText(text);
  return text;
}

function refused({ messageId, eventType }: Event, reason: string): NephoscopeError {
  return new NephoscopeError('E3009', `Event ${messageId} of type ${eventType} cannot be stored: ${reason}`);
}
