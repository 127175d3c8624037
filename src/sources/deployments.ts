import { shadowTopology, type Topology } from '../bus/topology.ts';
import type { TransportUrl } from '../bus/transport-url.ts';
import type { Source, SourceContext } from './source.ts';

/**
 * One stream of notifications to listen to: a broker and what to read there. Pure data, made of the transport options
 * or of one entry of the deployments file.
 */
export interface Deployment {
  /** What its records carry; null for the brokers of the transport options. */
  readonly name: string | null;
  /** Unique; names the source in logs, metrics and status. */
  readonly id: string;
  /** For the operator: which option or entry it is, and where that is set. */
  readonly where: string;
  /** Where and how to connect; its query holds what this deployment sets otherwise than the options. */
  readonly url: TransportUrl;
  /** What to read, as the services have it. With `shadow`, what the copy is made of. */
  readonly topology: Topology;
  readonly shadow: Shadow | null;
  /** Read queues that have other consumers. */
  readonly takeover: boolean;
}

/** A queue of our own that gets a copy of everything. */
export interface Shadow {
  readonly queue: string;
  /** Its bounds, as arguments of its declaration. */
  readonly arguments: Readonly<Record<string, string | number>>;
}

/**
 * What knows one transport. The connection's options are in the URL and the configuration; everything of the protocol
 * stays behind this interface.
 */
export interface NotificationDriver {
  /** What the URL of a deployment begins with. */
  readonly schemes: readonly string[];
  /** Throws a permanent `NephoscopeError` (E2001, E2014) for a URL or options that cannot be right. Pure. */
  check(deployment: Deployment, context: Pick<SourceContext, 'config'>): void;
  /** Touches nothing outside; throws what `check` throws. Sources made with the same `group` begin together. */
  create(deployment: Deployment, context: SourceContext, group: StartGroup): Source;
}

/** What is read in the end. Pure. */
export function effectiveTopology({ topology, shadow }: Deployment): Topology {
  return shadow === null ? topology : shadowTopology(topology, shadow.queue, shadow.arguments);
}

/**
 * Lets sources that a program starts one after another connect at the same time, so that a broker which does not answer
 * holds up the start once and not once for each deployment.
 */
export class StartGroup {
  readonly #members: { readonly begin: () => void; readonly giveUp: () => void; isStarted: boolean }[] = [];
  #hasBegun = false;

  /** `begin` connects without waiting; `giveUp` undoes that for a source whose own start never came. */
  add(begin: () => void, giveUp: () => void): { started(): void; stopped(): void } {
    const member = { begin, giveUp, isStarted: false };
    this.#members.push(member);
    return {
      started: () => {
        member.isStarted = true;
        if (this.#hasBegun) return;
        this.#hasBegun = true;
        for (const other of this.#members) if (other !== member) other.begin();
      },
      stopped: () => {
        member.isStarted = false;
        if (!this.#hasBegun) return;
        this.#hasBegun = false;
        for (const other of this.#members) if (!other.isStarted) other.giveUp();
      },
    };
  }
}
