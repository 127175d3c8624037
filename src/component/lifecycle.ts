import { type Component, type ComponentStatus, createDeadline, type Deadline } from './component.ts';
import { toError } from './errors.ts';

/**
 * Starts and stops a program's components in the order that loses nothing.
 *
 * Components are given sinks first and sources last. They start in that order, one after another, so that
 * nothing is taken in before there is somewhere to put it; they stop in the reverse order, each draining into
 * neighbours that still live, all within one deadline. A component that fails to start stops those already
 * started; a component that fails to stop does not keep the others from stopping.
 */
export class Lifecycle {
  readonly #components: readonly Component[];
  readonly #starting = new AbortController();
  #started = 0;
  #stopped: Promise<readonly Error[]> | null = null;

  constructor(components: readonly Component[]) {
    this.#components = components;
  }

  /**
   * Starts all; rejects with the first failure after everything started before it was stopped again
   * (`cleanupMillis` for that). A `stop` meanwhile ends it.
   */
  async start(cleanupMillis = 5_000): Promise<void> {
    for (const component of this.#components) {
      if (this.#starting.signal.aborted) return;
      this.#started++;
      try {
        await component.start(this.#starting.signal);
      } catch (thrown) {
        await this.stop(createDeadline(cleanupMillis));
        throw toError(thrown);
      }
    }
  }

  /** Stops all that was started, sources first; gives what went wrong. Repeated calls get the same promise. */
  stop(deadline: Deadline): Promise<readonly Error[]> {
    this.#stopped ??= this.#stopAll(deadline);
    return this.#stopped;
  }

  statuses(): readonly { readonly name: string; readonly status: ComponentStatus }[] {
    return this.#components.map((component) => ({ name: component.name, status: component.status() }));
  }

  async #stopAll(deadline: Deadline): Promise<readonly Error[]> {
    this.#starting.abort();
    const errors: Error[] = [];
    for (const component of this.#components.slice(0, this.#started).reverse()) {
      try {
        await withinDeadline(component, deadline);
      } catch (thrown) {
        errors.push(
          new Error(`${component.name} did not stop cleanly: ${toError(thrown).message}`, { cause: thrown }),
        );
      }
    }
    return errors;
  }
}

/** A component that outlives the deadline is left behind: the process is about to end and must not hang. */
async function withinDeadline(component: Component, deadline: Deadline): Promise<void> {
  const stopped = component.stop(deadline);
  let onPassed: () => void = () => {};
  const passed = new Promise<never>((_, reject) => {
    // A short grace: at the deadline the component itself gives up what it holds, and may say so.
    onPassed = () => setTimeout(() => reject(new Error('the deadline has passed')), 250).unref();
    if (deadline.signal.aborted) onPassed();
    else deadline.signal.addEventListener('abort', onPassed, { once: true });
  });
  try {
    await Promise.race([stopped, passed]);
  } finally {
    deadline.signal.removeEventListener('abort', onPassed);
  }
}
