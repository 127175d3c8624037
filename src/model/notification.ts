import type { JsonObject, JsonValue } from './json.ts';

/** The priorities of oslo.messaging, in lower case as in routing keys (`notifications.info`). */
export const PRIORITIES = ['audit', 'debug', 'info', 'warn', 'error', 'critical', 'sample'] as const;
export type Priority = (typeof PRIORITIES)[number];

/**
 * What a service said, taken out of its envelope.
 *
 * Shapes: `timestampMicros` is the instant of `timestamp` in microseconds since the epoch, UTC (a text without
 * zone is UTC); `context` holds the `_context_*` keys without their prefix; `document` is what definition paths
 * see: the message itself plus `ctxt` and `metadata`, so both the paths of Ceilometer ≥ 9 (`ctxt.user_id`) and
 * the flat ones of older releases (`_context_user_id`) find their values.
 */
export interface Notification {
  readonly messageId: string;
  readonly eventType: string;
  readonly priority: Priority;
  readonly publisherId: string;
  /** Name of the cloud or cell whose bus it came by (`deployments`); null where only one is watched. */
  readonly deployment: string | null;
  readonly timestamp: string;
  readonly timestampMicros: number;
  readonly payload: JsonValue;
  readonly context: JsonObject;
  readonly document: JsonObject;
  /**
   * The same notification with every number as its token says (see `JsonScalar`), or itself when the plain parse
   * lost nothing. Costs a second parse when something was lost, so ask only before a number is stored as text or
   * a whole document is stored. The result is kept; safe to call repeatedly.
   */
  exact(): Notification;
}
