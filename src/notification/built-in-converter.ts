import type { MeterContext } from './meter-samples.ts';

/** Makes samples of notifications that no definition could describe. Never throws anything but `NotificationError`. */
export interface BuiltInConverter {
  /** Whether it takes notifications of an event type. Pure. */
  matches(eventType: string): boolean;
  /** Adds the samples of a notification to the collector of `context`. */
  addSamples(context: MeterContext): void;
}
