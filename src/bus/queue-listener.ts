import { setTimeout as sleep } from 'node:timers/promises';
import type { ConsumeMessage } from 'amqplib';
import { NephoscopeError } from '../component/errors.ts';
import type { Logger } from '../observe/logger.ts';
import type { AmqpSession } from './amqp-connection.ts';
import { connectionLost } from './broker-error.ts';
import { type Consumption, consumeQueues, type Lane, probeQueue } from './consume.ts';
import type { RabbitSettings } from './rabbit-settings.ts';
import { declareTopology, missingExchanges, type Topology, type TopologyFinding } from './topology.ts';

export interface ListenRequest {
  readonly topology: Topology;
  readonly settings: RabbitSettings;
  readonly log: Logger;
  /** As in `ConsumeRequest`. */
  readonly openLane: (lane: Lane) => (message: ConsumeMessage) => void;
  /** Whether more is in hand than memory should hold; asked after each message. */
  readonly holdsTooMuch: () => boolean;
  /** Called with all differences between what was asked for and what is there, each time they are looked at. */
  readonly onFindings: (findings: readonly TopologyFinding[]) => void;
  /** Called when exchanges had been deleted and were made and bound again. */
  readonly onRepair?: (error: NephoscopeError) => void;
}

/** Listens for the length of one session. */
export interface QueueListener {
  /** Ends the consumers; acknowledging still works. Safe to repeat; never rejects. */
  cancel(): Promise<void>;
  /**
   * Gives the channel up once the broker has read every acknowledgement on it, which the end of the connection alone
   * would overtake; what was not acknowledged belongs to the broker again. Safe to repeat; never rejects.
   */
  close(): Promise<void>;
}

/**
 * Declares a topology and consumes its queues on one session. Queues that cannot be had are left out and tried again
 * at the longest reconnect interval, beside those that work; at the same pace exchanges that somebody deleted, of which
 * a consumer is not told, are made and bound again. Since prefetch counts messages and not bytes, a listener that
 * holds too much gives everything back to the broker and asks for fewer messages at a time until the session ends.
 * Rejects when the session is lost meanwhile.
 */
export async function listenToQueues(session: AmqpSession, request: ListenRequest): Promise<QueueListener> {
  const listener = new Listener(session, request);
  await listener.open();
  return listener;
}

/** Fewer are never asked for, so that the largest messages get through too. */
const LEAST_PREFETCH = 16;

class Listener implements QueueListener {
  readonly #session: AmqpSession;
  readonly #request: ListenRequest;
  #prefetchCount: number;
  #consumption: Consumption | null = null;
  /** A change of consumers that is under way; the next one waits for it. */
  #changing: Promise<void> | null = null;
  #findings: readonly TopologyFinding[] = [];
  #isCompleting = false;
  #isCancelled = false;

  constructor(session: AmqpSession, request: ListenRequest) {
    this.#session = session;
    this.#request = request;
    this.#prefetchCount = request.settings.prefetchCount;
  }

  async open(): Promise<void> {
    this.#findings = await this.#declare();
    await this.#consume();
    void this.#keepBound();
  }

  async cancel(): Promise<void> {
    this.#isCancelled = true;
    await this.#changing;
    // On a lost connection there is nothing to cancel.
    await this.#consumption?.cancel().catch(() => {});
  }

  async close(): Promise<void> {
    this.#isCancelled = true;
    await this.#changing;
    await this.#consumption?.close();
  }

  #declare(): Promise<readonly TopologyFinding[]> {
    const { topology, settings } = this.#request;
    return declareTopology(this.#session.model, topology, settings.declare);
  }

  async #consume(): Promise<void> {
    const { topology, settings } = this.#request;
    const missing = missingQueues(this.#findings);
    this.#consumption = await consumeQueues(this.#session, {
      queues: topology.queues.map(({ name }) => name).filter((name) => !missing.has(name)),
      prefetchCount: this.#prefetchCount,
      arguments: settings.consumeArguments,
      openLane: (lane) => this.#openLane(lane),
    });
    this.#setFindings(withRefused(this.#findings, this.#consumption.refused));
    if (!this.#isCompleting) void this.#complete();
    this.#boundMemory();
  }

  #openLane(lane: Lane): (message: ConsumeMessage) => void {
    const take = this.#request.openLane(lane);
    return (message) => {
      take(message);
      this.#boundMemory();
    };
  }

  #boundMemory(): void {
    if (!this.#request.holdsTooMuch() || this.#prefetchCount <= LEAST_PREFETCH) return;
    // While consumers are being changed it waits; it is looked at again when that is done.
    if (this.#changing !== null || this.#consumption === null) return;
    this.#prefetchCount = Math.max(LEAST_PREFETCH, Math.floor(this.#prefetchCount / 8));
    this.#request.log.warn(
      { prefetchCount: this.#prefetchCount },
      'Messages are very large, fewer are asked for at a time',
    );
    void this.#consumeAnew();
  }

  /** Never rejects: a failure is one of the session. */
  async #consumeAnew(): Promise<void> {
    while (this.#changing !== null) await this.#changing;
    if (this.#isCancelled || this.#session.lost.aborted) return;
    this.#changing = this.#swapConsumers()
      .catch((thrown: unknown) => this.#session.fail(connectionLost(this.#session.peer, thrown)))
      .finally(() => {
        this.#changing = null;
      });
    await this.#changing;
    this.#boundMemory();
  }

  async #swapConsumers(): Promise<void> {
    await this.#consumption?.close();
    await this.#consume();
  }

  /** Looks from time to time whether the exchanges are still there, until the session ends. */
  async #keepBound(): Promise<void> {
    const { settings, topology, onRepair } = this.#request;
    const wait = { signal: this.#session.lost, ref: false };
    try {
      for (;;) {
        await sleep(settings.retryMaxMillis, undefined, wait);
        if (this.#isCancelled) return;
        const known = new Set(this.#findings.map(({ kind, name }) => `${kind} ${name}`));
        const missing = await missingExchanges(this.#session.model, topology);
        const deleted = missing.filter((name) => !known.has(`exchange ${name}`));
        if (deleted.length === 0) continue;
        const refused = this.#findings.filter(({ kind, usable }) => kind === 'queue' && !usable);
        const errors = new Map(refused.map(({ name, error }) => [name, error]));
        this.#setFindings(withRefused(await this.#declare(), errors));
        onRepair?.(exchangesDeleted(deleted));
      }
    } catch {
      // The session is lost; the next one declares everything anyway.
    }
  }

  /** Tries again from time to time what could not be had, as long as there is something. */
  async #complete(): Promise<void> {
    this.#isCompleting = true;
    try {
      while (this.#findings.some((finding) => !finding.usable)) {
        await sleep(this.#request.settings.retryMaxMillis, undefined, { signal: this.#session.lost });
        await this.#tryToComplete();
      }
    } catch {
      // The session is lost; the next one declares everything anyway.
    } finally {
      this.#isCompleting = false;
    }
  }

  async #tryToComplete(): Promise<void> {
    const before = missingQueues(this.#findings);
    const declared = await this.#declare();
    const unavailable = missingQueues(declared);
    const refused = new Map<string, NephoscopeError>();
    for (const queue of before) {
      const refusal = unavailable.has(queue) ? null : await probeQueue(this.#session, queue);
      if (refusal !== null) refused.set(queue, refusal);
    }
    this.#setFindings(withRefused(declared, refused));
    const after = missingQueues(this.#findings);
    if ([...before].some((queue) => !after.has(queue))) await this.#consumeAnew();
  }

  #setFindings(findings: readonly TopologyFinding[]): void {
    this.#findings = findings;
    this.#request.onFindings(findings);
  }
}

function exchangesDeleted(names: readonly string[]): NephoscopeError {
  const what = names.map((name) => JSON.stringify(name)).join(', ');
  return new NephoscopeError('E2019', `Exchange ${what} had been deleted, it is there again`);
}

function missingQueues(findings: readonly TopologyFinding[]): ReadonlySet<string> {
  return new Set(findings.filter(({ kind, usable }) => kind === 'queue' && !usable).map(({ name }) => name));
}

/** The findings with those queues as unusable that may be declared but not read. */
function withRefused(
  findings: readonly TopologyFinding[],
  refused: ReadonlyMap<string, NephoscopeError>,
): readonly TopologyFinding[] {
  const others = findings.filter(({ kind, name }) => kind !== 'queue' || !refused.has(name));
  return [
    ...others,
    ...[...refused].map(([name, error]) => ({ kind: 'queue', name, error, usable: false }) as const),
  ];
}
