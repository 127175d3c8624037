import type { JsonObject } from './json.ts';
import type { Priority } from './notification.ts';

/** Trait type codes as they travel on the bus: none, text, integer, float, datetime. */
export const TRAIT_TYPE = { none: 0, text: 1, integer: 2, float: 3, datetime: 4 } as const;
export type TraitType = (typeof TRAIT_TYPE)[keyof typeof TRAIT_TYPE];

/** Names of the trait types as the event API shows them, by code. */
export const TRAIT_TYPE_NAMES = ['none', 'string', 'integer', 'float', 'datetime'] as const;

/** Text, a finite number, an integer beyond 2^53; a datetime is naive ISO 8601 text in UTC. */
export type TraitValue = string | number | bigint;

/** One fact of an event, in the order of the wire form. */
export type Trait = readonly [name: string, type: TraitType, value: TraitValue];

/**
 * A typed happening. `generated` is naive ISO 8601 text in UTC (fraction only when it is not zero) and
 * `generatedMicros` the same instant in microseconds since the epoch. `raw` is the whole internal notification
 * when its priority is in `[event] store_raw`, else null. Events are shared by all sinks: never change one.
 */
export interface Event {
  readonly messageId: string;
  readonly eventType: string;
  readonly generated: string;
  readonly generatedMicros: number;
  readonly priority: Priority | null;
  /** Name of the cloud or cell it came from (`deployments`); null where only one is watched. */
  readonly deployment: string | null;
  readonly traits: readonly Trait[];
  readonly raw: JsonObject | null;
}
