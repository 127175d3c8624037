import type { Component, ComponentStatus, Deadline } from '../component/component.ts';
import { NephoscopeError } from '../component/errors.ts';
import type { Event } from '../model/event.ts';
import type { Sample } from '../model/sample.ts';
import type { Delivery } from '../pipeline/runner.ts';
import type { ParkedItem } from '../store/store.ts';
import {
  type Answer,
  type Call,
  type NamedStatus,
  type ParentMessage,
  packError,
  packEvents,
  packSamples,
  unpackDelivery,
  unpackError,
  type WorkerMessage,
} from './workers-protocol.ts';

/** A worker's end of the channel. */
export interface ParentPort {
  /** Resolves when the message is on its way, rejects when it will not arrive. */
  send(message: WorkerMessage): Promise<void>;
  onMessage(take: (message: ParentMessage) => void): void;
  /** Called when the parent is gone, however it ended. */
  onDisconnect(call: () => void): void;
}

/** What is done in the parent for its workers. */
export interface ParentLink extends Component {
  /** What `PipelineRunner.publish` of the parent's pipelines gives; rejects transiently when the parent is gone. */
  publishSamples(samples: readonly Sample[], signal: AbortSignal): Promise<Delivery>;
  publishEvents(events: readonly Event[], signal: AbortSignal): Promise<Delivery>;
  /** Durable before it resolves. */
  park(items: readonly ParkedItem[]): Promise<void>;
  /** Tells the parent how this worker is, now and every second. */
  reportEverySecond(metrics: () => string, statuses: () => readonly NamedStatus[]): void;
  started(): Promise<void>;
  failed(thrown: unknown): Promise<void>;
  /** `stop` is called when the parent asks for a stop, with the time for it, and when it is gone, with none. */
  onStop(stop: (millis: number) => void): void;
}

interface Pending {
  readonly resolve: (answer: Answer) => void;
  readonly reject: (error: NephoscopeError) => void;
}

const REPORT_MILLIS = 1000;

/** Makes the worker's side. Nothing is sent before it is used. */
export function createParentLink(port: ParentPort): ParentLink {
  return new PortLink(port);
}

class PortLink implements ParentLink {
  readonly name = 'parent';
  readonly #port: ParentPort;
  readonly #waiting = new Map<number, readonly Pending[]>();
  #calls: Call[] = [];
  #callers: Pending[] = [];
  #nextId = 1;
  #isGone = false;
  #stop: ((millis: number) => void) | null = null;
  /** Milliseconds that were given to a stop nobody was there for yet. */
  #stopWanted: number | null = null;
  #report: () => Promise<void> = async () => {};
  #timer: NodeJS.Timeout | undefined;

  constructor(port: ParentPort) {
    this.#port = port;
    port.onMessage((message) => this.#take(message));
    port.onDisconnect(() => this.#lose());
  }

  async start(): Promise<void> {}

  /** The last report holds the figures of the end. */
  async stop(_deadline: Deadline): Promise<void> {
    clearInterval(this.#timer);
    await this.#report();
  }

  status(): ComponentStatus {
    return this.#isGone ? { state: 'failed', reason: 'E2022 the serving process is gone' } : { state: 'ok' };
  }

  publishSamples(samples: readonly Sample[], signal: AbortSignal): Promise<Delivery> {
    return this.#call({ kind: 'samples', items: packSamples(samples) }, signal).then(deliveryOf);
  }

  publishEvents(events: readonly Event[], signal: AbortSignal): Promise<Delivery> {
    return this.#call({ kind: 'events', items: packEvents(events) }, signal).then(deliveryOf);
  }

  async park(items: readonly ParkedItem[]): Promise<void> {
    await this.#call({ kind: 'park', items });
  }

  reportEverySecond(metrics: () => string, statuses: () => readonly NamedStatus[]): void {
    this.#report = () => this.#send({ type: 'report', metrics: metrics(), statuses: statuses() });
    this.#timer = setInterval(() => void this.#report(), REPORT_MILLIS).unref();
    void this.#report();
  }

  started(): Promise<void> {
    return this.#send({ type: 'started' });
  }

  failed(thrown: unknown): Promise<void> {
    return this.#send({ type: 'failed', error: packError(thrown) });
  }

  onStop(stop: (millis: number) => void): void {
    this.#stop = stop;
    if (this.#stopWanted !== null) stop(this.#stopWanted);
  }

  #askToStop(millis: number): void {
    if (this.#stop !== null) this.#stop(millis);
    this.#stopWanted = millis;
  }

  /**
   * Calls of one turn leave in one message. A plain function, and what it waits for knows nothing of the call: records
   * that are on their way must not be held here as well.
   */
  #call(call: Call, signal?: AbortSignal): Promise<Answer> {
    if (this.#isGone) return Promise.reject(gone());
    const { promise, resolve, reject } = Promise.withResolvers<Answer>();
    this.#calls.push(call);
    this.#callers.push({ resolve, reject });
    if (this.#calls.length === 1) setImmediate(() => this.#flush());
    return answered(promise, reject, signal);
  }

  #flush(): void {
    const id = this.#nextId++;
    const calls = this.#calls;
    const callers = this.#callers;
    this.#calls = [];
    this.#callers = [];
    this.#waiting.set(id, callers);
    void this.#send({ type: 'request', id, calls });
  }

  /** Never rejects: a message that does not arrive means that nobody is there any more. */
  async #send(message: WorkerMessage): Promise<void> {
    if (this.#isGone) return;
    await this.#port.send(message).catch(() => this.#lose());
  }

  #take(message: ParentMessage): void {
    if (message.type === 'stop') {
      this.#askToStop(message.millis);
      return;
    }
    const callers = this.#waiting.get(message.id) ?? [];
    this.#waiting.delete(message.id);
    for (const [index, { resolve, reject }] of callers.entries()) {
      const answer = message.answers[index];
      if (answer === undefined) reject(gone());
      else resolve(answer);
    }
  }

  /** What is not answered is not acknowledged: the broker gives it to somebody else. */
  #lose(): void {
    if (this.#isGone) return;
    this.#isGone = true;
    clearInterval(this.#timer);
    const callers = [...this.#waiting.values(), this.#callers].flat();
    this.#waiting.clear();
    for (const { reject } of callers) reject(gone());
    this.#askToStop(0);
  }
}

async function answered(
  promise: Promise<Answer>,
  reject: (error: NephoscopeError) => void,
  signal: AbortSignal | undefined,
): Promise<Answer> {
  const giveUp = (): void => reject(waitingEnded());
  if (signal?.aborted === true) giveUp();
  signal?.addEventListener('abort', giveUp, { once: true });
  try {
    const answer = await promise;
    if ('error' in answer) throw unpackError(answer.error);
    return answer;
  } finally {
    signal?.removeEventListener('abort', giveUp);
  }
}

function deliveryOf(answer: Answer): Delivery {
  if (!('delivery' in answer)) throw gone();
  return unpackDelivery(answer.delivery);
}

function waitingEnded(): NephoscopeError {
  return new NephoscopeError('E2022', 'Waiting for the serving process was ended', { retry: 'transient' });
}

function gone(): NephoscopeError {
  return new NephoscopeError('E2022', 'The serving process is gone', { retry: 'transient' });
}

/** The channel of a process that was started as a worker; null in one that was not. */
export function processPort(): ParentPort | null {
  if (process.send === undefined) return null;
  return {
    send: (message) =>
      new Promise((resolve, reject) => {
        // Throws when the channel is closed already.
        process.send?.(message, undefined, undefined, (error) =>
          error === null ? resolve() : reject(error),
        );
      }),
    onMessage: (take) => void process.on('message', (message) => take(message as ParentMessage)),
    onDisconnect: (call) => void process.on('disconnect', call),
  };
}
