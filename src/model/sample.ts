import type { JsonObject } from './json.ts';

/** gauge: an absolute value; delta: the increase since the sample before; cumulative: a growing counter. */
export const SAMPLE_TYPES = ['gauge', 'delta', 'cumulative'] as const;
export type SampleType = (typeof SAMPLE_TYPES)[number];

/**
 * One measured value of one meter of one resource.
 *
 * `timestamp` is ISO 8601 text as it travels on the bus (offset kept, `+00:00` where none was given);
 * `timestampMicros` is the same instant in microseconds since the epoch, UTC. `volume` is finite, in `unit`.
 * `id` is made by `sampleId` for what nephoscope itself measures or converts, or is the sender's own text.
 * Samples are shared by all sinks: never change one.
 */
export interface Sample {
  readonly id: string;
  readonly name: string;
  readonly type: SampleType;
  readonly unit: string | null;
  readonly volume: number;
  readonly userId: string | null;
  readonly userName: string | null;
  readonly projectId: string | null;
  readonly projectName: string | null;
  readonly resourceId: string;
  readonly timestamp: string;
  readonly timestampMicros: number;
  readonly resourceMetadata: JsonObject;
  readonly source: string;
  /** Name of the cloud or cell it came from (`deployments`); null where only one is watched. */
  readonly deployment: string | null;
  /** Seconds of the poller's monotonic clock; meaningful inside one process lifetime only. */
  readonly monotonicTime: number | null;
}
