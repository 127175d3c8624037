import type { TraitType } from '../model/event.ts';
import type { JsonScalar } from '../model/json.ts';
import type { SampleType } from '../model/sample.ts';

/**
 * Questions to a store, as data. Pure: HTTP and command line build them, each store translates them.
 * Times are microseconds since the epoch, UTC.
 */
export type ComparisonOperator = 'lt' | 'le' | 'eq' | 'ne' | 'ge' | 'gt';

/** Fields of a sample that can be compared; `metadata.<dotted key>` reaches into the resource metadata. */
export type SampleField =
  | 'name'
  | 'type'
  | 'unit'
  | 'volume'
  | 'userId'
  | 'projectId'
  | 'resourceId'
  | 'source'
  | 'deployment'
  | 'timestamp'
  | 'recordedAt'
  | 'id'
  | `metadata.${string}`;

/**
 * A condition on samples. Null as value of `eq` means "is not set", of `ne` "is set"; every other comparison with what is
 * not set is false. Metadata compare by JSON type, as stored. `match` searches a text field with a regular expression
 * (JavaScript's, flag u); it is false for numbers. `not` is true where its member is false.
 */
export type SampleFilter =
  | {
      readonly kind: 'compare';
      readonly field: SampleField;
      readonly op: ComparisonOperator;
      readonly value: JsonScalar;
    }
  | { readonly kind: 'match'; readonly field: SampleField; readonly pattern: string }
  | { readonly kind: 'and' | 'or'; readonly members: readonly SampleFilter[] }
  | { readonly kind: 'not'; readonly member: SampleFilter };

export interface SampleQuery {
  readonly filter?: SampleFilter;
  /** Default: newest timestamp first, last recorded first among equals. */
  readonly orderBy?: readonly { readonly field: SampleField; readonly direction: 'asc' | 'desc' }[];
  readonly limit?: number;
}

/** A stored sample: what was recorded, and when (microseconds since the epoch). */
export interface StoredSample {
  readonly id: string;
  readonly name: string;
  readonly type: SampleType;
  readonly unit: string | null;
  readonly volume: number;
  readonly userId: string | null;
  readonly projectId: string | null;
  readonly resourceId: string;
  readonly source: string;
  readonly deployment: string | null;
  readonly timestampMicros: number;
  readonly recordedMicros: number;
  /** The metadata as exact JSON text; parse with `lib/exact-json.ts` where number texts matter. */
  readonly metadataJson: string;
}

/** One meter of one resource, described by the sample stored last. */
export interface StoredMeter {
  readonly name: string;
  readonly type: SampleType;
  readonly unit: string | null;
  readonly resourceId: string;
  readonly userId: string | null;
  readonly projectId: string | null;
  readonly source: string;
  readonly deployment: string | null;
}

/** A resource as its newest sample in the asked range describes it. */
export interface StoredResource {
  readonly resourceId: string;
  readonly userId: string | null;
  readonly projectId: string | null;
  readonly source: string;
  readonly deployment: string | null;
  readonly firstSampleMicros: number;
  readonly lastSampleMicros: number;
  readonly metadataJson: string;
  /** Names of the meters with samples in the asked range, in order of first appearance. */
  readonly meters: readonly string[];
}

export const GROUP_FIELDS = [
  'userId',
  'resourceId',
  'projectId',
  'source',
  'metadata.instance_type',
] as const;
export type GroupField = (typeof GROUP_FIELDS)[number];

export type Aggregate =
  | { readonly func: 'min' | 'max' | 'avg' | 'sum' | 'count' | 'stddev' }
  | { readonly func: 'cardinality'; readonly field: 'resourceId' | 'userId' | 'projectId' | 'source' };

export interface StatisticsQuery {
  readonly meter: string;
  readonly filter?: SampleFilter;
  /** Bucket length in seconds; absent or 0: one bucket over the whole range. */
  readonly periodSeconds?: number;
  /** First instant of the first bucket; default: the first matching sample. */
  readonly startMicros?: number;
  /** Where the last bucket ends; default: the last matching sample, which then belongs to the last bucket. */
  readonly endMicros?: number;
  readonly groupBy?: readonly GroupField[];
  readonly aggregates: readonly Aggregate[];
}

/** One bucket × group × unit with samples in it. `values` is parallel to `aggregates` of the query. */
export interface StatisticsRow {
  readonly unit: string | null;
  readonly group: readonly (string | null)[];
  readonly periodStartMicros: number;
  readonly periodEndMicros: number;
  readonly firstSampleMicros: number;
  readonly lastSampleMicros: number;
  readonly values: readonly number[];
}

/** A condition on one trait; datetime values are naive ISO text, integers beyond 2^53 are bigint. */
export interface TraitCondition {
  readonly name: string;
  readonly type: TraitType;
  readonly op: ComparisonOperator;
  readonly value: string | number | bigint;
}

/** All conditions hold for the same event. Ordered by `generated`, oldest first (`desc`: newest first). */
export interface EventQuery {
  readonly eventType?: string;
  readonly messageId?: string;
  readonly deployment?: string;
  readonly priority?: string;
  readonly startMicros?: number;
  /** Inclusive. */
  readonly endMicros?: number;
  readonly traits?: readonly TraitCondition[];
  /** Only events whose text trait `project_id` is this, and events without one: what the original shows an admin. */
  readonly projectOrNone?: string;
  readonly order?: 'asc' | 'desc';
  readonly limit?: number;
}
