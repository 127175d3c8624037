import type { Sample, SampleType } from '../../model/sample.ts';
import type { PollingNamespace } from '../namespaces.ts';

/** One meter a pollster may give samples of; the reference page of the meters is made of these. */
export interface PolledMeter {
  readonly name: string;
  readonly type: SampleType;
  readonly unit: string;
  /** What is measured, for the operator. */
  readonly doc: string;
}

/** One run of a pollster. */
export interface PollContext {
  /** This node's name, as the option host gives it. */
  readonly host: string;
  /** When the run began: naive ISO 8601 text in UTC, and the same instant in microseconds since the epoch. */
  readonly timestamp: string;
  readonly timestampMicros: number;
  /** The same moment on the monotonic clock, in seconds. */
  readonly monotonicSeconds: number;
  /** Fires when the run has taken too long or the program stops; what comes later is thrown away. */
  readonly signal: AbortSignal;
  /** Resolves after `millis`; rejects with the signal's reason as soon as `signal` fires. */
  wait(millis: number): Promise<void>;
}

/**
 * Measures one kind of thing and makes samples of it.
 *
 * Constructing one touches nothing outside. `poll` is called once per interval and never before the last call has
 * ended, so a pollster may keep what it read last time. All samples of a run carry the timestamp of the context.
 * What is not there (a disk pulled, a file system unmounted) simply gives no sample. `poll` rejects when the whole
 * measurement is impossible; it is called again at the next interval all the same.
 */
export interface Pollster {
  /** Unique, for logs and metrics, e.g. `host.cpu`. */
  readonly name: string;
  readonly namespace: PollingNamespace;
  readonly meters: readonly PolledMeter[];
  poll(context: PollContext): Promise<readonly Sample[]>;
}
