/**
 * The one contract of everything that is started and stopped: stores, publishers, sources, servers.
 *
 * Constructing checks options and touches nothing outside. The order of a whole program is in `lifecycle.ts`:
 * sinks start first and sources last; stopping runs the other way, so each part drains into a living neighbour.
 */
export interface Component {
  /** Unique within the program, for logs, metrics and `/readyz`, e.g. `source:amqp` or `publisher:store`. */
  readonly name: string;

  /**
   * Resolves when the part can do its work, or when it goes on trying in the background (then `status()` says so).
   * Rejects with a `NephoscopeError` when it never will. May be called again after a failure or a stop.
   * `signal` ends waiting inside `start`.
   */
  start(signal: AbortSignal): Promise<void>;

  /**
   * Ends the part: takes nothing new, finishes what it holds until `deadline`, then gives up what is left.
   * Safe before, during and after `start`, and twice; concurrent callers get the same promise. Always settles.
   */
  stop(deadline: Deadline): Promise<void>;

  /** How it is now. Cheap; called by `/readyz` and the metrics page. */
  status(): ComponentStatus;
}

export type ComponentState = 'starting' | 'ok' | 'degraded' | 'failed' | 'stopped';

export interface ComponentStatus {
  readonly state: ComponentState;
  /** One line for the operator; present unless the state is `ok`. */
  readonly reason?: string;
}

/** The end of the time a stop may take. `signal` fires when it has passed. */
export interface Deadline {
  readonly signal: AbortSignal;
  remainingMillis(): number;
}

/** A deadline `millis` from now. Its timer does not keep the process alive. */
export function createDeadline(millis: number): Deadline {
  const end = performance.now() + millis;
  return {
    signal: AbortSignal.timeout(Math.max(0, millis)),
    remainingMillis: () => Math.max(0, end - performance.now()),
  };
}
