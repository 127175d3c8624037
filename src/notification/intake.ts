import type { ParkedOrigin } from '../store/store.ts';

/** Where a notification came from; `deployment` names its cloud or cell, absent where only one is watched. */
export interface MessageOrigin extends ParkedOrigin {
  readonly deployment?: string;
}

/** A notification as it came: bytes and where they came from. The bytes are never changed. */
export interface RawMessage {
  readonly body: Uint8Array;
  readonly origin: MessageOrigin;
}

/**
 * What became of one message; each means "the sender may forget it".
 * accepted: what it produced is safe with every wanted sink (or it produced nothing that is wanted);
 * duplicate: all of it was there already; parked: it cannot be processed and lies in the parking store.
 */
export type MessageOutcome = 'accepted' | 'duplicate' | 'parked';

/**
 * Where sources hand over notifications. One outcome per message, in order, after the next stage has it.
 *
 * Rejects with a transient `NephoscopeError` when nothing may be acknowledged (the store does not answer, or the
 * program stops): give the same messages again later. May be called concurrently; batches of some hundred
 * messages are the efficient size. Takes at once everything it is given, so the caller bounds what is in flight.
 */
export interface Intake {
  take(messages: readonly RawMessage[], signal: AbortSignal): Promise<readonly MessageOutcome[]>;
}
