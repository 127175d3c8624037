import type { Component } from '../component/component.ts';
import type { NephoscopeError } from '../component/errors.ts';
import type { Event, Trait, TraitType } from '../model/event.ts';
import type { Sample } from '../model/sample.ts';
import type {
  EventQuery,
  SampleFilter,
  SampleQuery,
  StatisticsQuery,
  StatisticsRow,
  StoredMeter,
  StoredResource,
  StoredSample,
} from './query.ts';

/**
 * What a commit did: how many rows are new, which of the given items (by index) were there already, and which can never
 * be stored (E3009). All three together are all items.
 */
export interface RecordResult {
  readonly recorded: number;
  readonly duplicates: readonly number[];
  readonly rejected: readonly { readonly index: number; readonly error: NephoscopeError }[];
}

/**
 * Where samples are kept and read. Every back end passes the contract suite in `test/contract/store.ts`.
 *
 * Writes take what they are given before they return, and keep none of it; they resolve after a durable commit and are idempotent: a sample is the same when meter, timestamp, resource
 * and id are. Calls made in the same turn of the event loop share one commit. Reads never block writes; they see
 * all that was recorded before the call. All methods reject with a `NephoscopeError` (E30xx); `transient` when the
 * same call may succeed later. Safe for concurrent use between `start` and `stop`.
 */
export interface SampleStore {
  recordSamples(samples: readonly Sample[]): Promise<RecordResult>;
  /** One item per (meter, resource), from the sample stored last among those that match. */
  meters(filter: SampleFilter | undefined, limit: number | undefined): Promise<readonly StoredMeter[]>;
  samples(query: SampleQuery): Promise<readonly StoredSample[]>;
  sample(id: string): Promise<StoredSample | null>;
  resources(filter: SampleFilter | undefined, limit: number | undefined): Promise<readonly StoredResource[]>;
  statistics(query: StatisticsQuery): Promise<readonly StatisticsRow[]>;
}

/** Where events are kept and read; promises as `SampleStore`. An event is the same when message_id and time are. */
export interface EventStore {
  recordEvents(events: readonly Event[]): Promise<RecordResult>;
  events(query: EventQuery): Promise<readonly Event[]>;
  event(messageId: string): Promise<Event | null>;
  /** Event types that have events, sorted. */
  eventTypes(): Promise<readonly string[]>;
  /** Distinct (name, type) of the traits of one event type, sorted by name. */
  traitDescriptions(
    eventType: string,
  ): Promise<readonly { readonly name: string; readonly type: TraitType }[]>;
  /** Every occurrence of one trait in the events of one type, oldest event first. */
  traits(eventType: string, traitName: string, limit: number | undefined): Promise<readonly Trait[]>;
}

/** Where it came from, to put it back there: exchange, routing key, properties; or the HTTP request. */
export interface ParkedOrigin {
  readonly source: string;
  readonly exchange?: string;
  readonly routingKey?: string;
  readonly [key: string]: string | number | boolean | undefined;
}

/** Something that could not be processed, with its bytes as they came. */
export interface ParkedItem {
  /** Why: an error code, and its text. */
  readonly code: string;
  readonly reason: string;
  readonly origin: ParkedOrigin;
  readonly body: Uint8Array;
  readonly parkedMicros: number;
  /** As far as it could be read. */
  readonly messageId: string | null;
  readonly eventType: string | null;
}

export interface StoredParkedItem extends ParkedItem {
  readonly id: number;
  /** How often it was parked: the same bytes for the same reason are one item. */
  readonly times: number;
}

/** Where is put aside what cannot be processed; promises as `SampleStore`. */
export interface ParkingStore {
  /** Durable before it resolves. The same body and code again only count up `times`. */
  park(items: readonly ParkedItem[]): Promise<void>;
  /** Newest first, bodies included. */
  parked(query: { readonly code?: string; readonly limit?: number }): Promise<readonly StoredParkedItem[]>;
  parkedItem(id: number): Promise<StoredParkedItem | null>;
  parkedCount(): Promise<number>;
  /** Gives the number of items removed. */
  dropParked(ids: readonly number[]): Promise<number>;
}

/** Seconds to keep, counted from the sample's or event's own time; null keeps for ever. */
export interface RetentionPolicy {
  readonly sampleTtlSeconds: number | null;
  readonly eventTtlSeconds: number | null;
}

export interface ExpireResult {
  readonly samples: number;
  readonly events: number;
}

/** All of it in one back end. */
export interface Store extends Component, SampleStore, EventStore, ParkingStore {
  /** Deletes what is older than the policy allows at `nowMicros`, in short steps so that writers wait little. */
  expire(policy: RetentionPolicy, nowMicros: number, signal: AbortSignal): Promise<ExpireResult>;
}
