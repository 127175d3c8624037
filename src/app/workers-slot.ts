import { setTimeout as sleep } from 'node:timers/promises';
import { NephoscopeError } from '../component/errors.ts';
import { type Backoff, createBackoff } from '../lib/backoff.ts';
import type { Logger } from '../observe/logger.ts';
import { type NamedStatus, type ParentMessage, unpackError, type WorkerMessage } from './workers-protocol.ts';

/** A child process, as far as it is of interest here. */
export interface WorkerProcess {
  readonly pid: number | undefined;
  /** Never throws; what cannot be sent is lost with the process. */
  send(message: ParentMessage): void;
  onMessage(take: (message: WorkerMessage) => void): void;
  /** Called once, when it has ended or could not be started; `how` is for the operator. */
  onEnd(call: (how: string) => void): void;
  /** SIGKILL. Safe to repeat. */
  kill(): void;
}

/** Starts worker `index` (from 1). Touches nothing but the new process. */
export type ForkWorker = (index: number) => WorkerProcess;

export interface SlotParts {
  readonly index: number;
  readonly fork: ForkWorker;
  readonly log: Logger;
  /** Answers a request of the worker. Never rejects. */
  readonly serve: (request: WorkerRequest) => Promise<ParentMessage>;
  readonly onReport: (metrics: string) => void;
  readonly onEnd: (reason: EndReason) => void;
  readonly retry?: { readonly initialMillis: number; readonly maxMillis: number };
  /** How long a worker may be silent; it reports every second. */
  readonly silenceMillis?: number;
}

export type WorkerRequest = Extract<WorkerMessage, { readonly type: 'request' }>;

/** Why a worker ended that was not asked to, for counting. */
export type EndReason = 'ended' | 'refused' | 'stuck';

const DEFAULT_RETRY = { initialMillis: 500, maxMillis: 30_000 };
/** A worker that lived this long was a good one: its end begins a new row of attempts. */
const GOOD_LIFE_MILLIS = 10_000;
const DEFAULT_SILENCE_MILLIS = 60_000;
/** Silence is counted in looks, so that a machine that slept does not make all workers look dead. */
const LOOKS = 12;

/**
 * One worker: started, watched, started again when it ends without being asked, until it is stopped.
 *
 *   idle ──start──► starting ──'started'──► running ──ended, or silent too long──► waiting ──back-off──► starting
 */
export class WorkerSlot {
  readonly index: number;
  readonly #parts: SlotParts;
  readonly #backoff: Backoff;
  readonly #log: Logger;
  #process: WorkerProcess | null = null;
  #ended: Promise<void> = Promise.resolve();
  #scope = new AbortController();
  #isRunning = false;
  #bornAt = 0;
  #silentLooks = 0;
  #isStuck = false;
  #trouble: NephoscopeError | null = null;
  #statuses: readonly NamedStatus[] = [];
  #first: PromiseWithResolvers<void> | null = null;

  constructor(parts: SlotParts) {
    this.index = parts.index;
    this.#parts = parts;
    this.#log = parts.log.child({ worker: parts.index });
    this.#backoff = createBackoff(parts.retry ?? DEFAULT_RETRY);
  }

  /**
   * Resolves when the worker runs for the first time; rejects with the error it says it cannot start for. One that just
   * dies is started again meanwhile.
   */
  start(): Promise<void> {
    if (this.#first !== null) return this.#first.promise;
    this.#scope = new AbortController();
    this.#first = Promise.withResolvers<void>();
    this.#first.promise.catch(() => {});
    this.#begin();
    return this.#first.promise;
  }

  /** Asks it to end within `millis` milliseconds; resolves when it has. */
  async stop(millis: number): Promise<void> {
    this.#scope.abort();
    this.#first?.resolve();
    this.#first = null;
    this.#process?.send({ type: 'stop', millis });
    await this.#ended;
  }

  /** Ends it at once. */
  kill(): void {
    this.#process?.kill();
  }

  isRunning(): boolean {
    return this.#isRunning;
  }

  /** Why it does not run, or null. */
  trouble(): NephoscopeError | null {
    return this.#trouble;
  }

  pid(): number | undefined {
    return this.#process?.pid;
  }

  /** Of the parts of the worker, as it last told. */
  statuses(): readonly NamedStatus[] {
    return this.#statuses;
  }

  #begin(): void {
    const child = this.#parts.fork(this.index);
    const ended = Promise.withResolvers<void>();
    this.#process = child;
    this.#ended = ended.promise;
    this.#bornAt = performance.now();
    this.#silentLooks = 0;
    this.#isStuck = false;
    const watch = this.#watchSilence(child);
    child.onMessage((message) => this.#take(message, child));
    child.onEnd((how) => {
      clearInterval(watch);
      this.#process = null;
      this.#isRunning = false;
      this.#statuses = [];
      this.#afterEnd(how);
      ended.resolve();
    });
  }

  #take(message: WorkerMessage, child: WorkerProcess): void {
    this.#silentLooks = 0;
    switch (message.type) {
      case 'started':
        this.#isRunning = true;
        this.#trouble = null;
        this.#first?.resolve();
        this.#log.info({ pid: child.pid }, 'Worker runs');
        return;
      case 'failed':
        this.#trouble = unpackError(message.error);
        this.#first?.reject(this.#trouble);
        return;
      case 'report':
        this.#statuses = message.statuses;
        this.#parts.onReport(message.metrics);
        return;
      case 'request':
        void this.#parts.serve(message).then((answers) => child.send(answers));
    }
  }

  #watchSilence(child: WorkerProcess): NodeJS.Timeout {
    const silenceMillis = this.#parts.silenceMillis ?? DEFAULT_SILENCE_MILLIS;
    return setInterval(() => {
      if (++this.#silentLooks < LOOKS || this.#isStuck) return;
      this.#isStuck = true;
      this.#log.error({ code: 'E2021', pid: child.pid }, 'Worker does not answer and is ended');
      child.kill();
    }, silenceMillis / LOOKS).unref();
  }

  #afterEnd(how: string): void {
    if (this.#scope.signal.aborted) return;
    const refused = this.#trouble !== null && !this.#isStuck;
    this.#parts.onEnd(this.#isStuck ? 'stuck' : refused ? 'refused' : 'ended');
    if (performance.now() - this.#bornAt >= GOOD_LIFE_MILLIS) this.#backoff.reset();
    const waitMillis = this.#backoff.nextMillis();
    if (!refused) this.#trouble = endError(this.index, how, this.#isStuck);
    this.#log.warn(
      { err: this.#trouble, how, retryInMillis: waitMillis },
      'Worker ended, it is started again',
    );
    void this.#beginLater(waitMillis, this.#scope.signal);
  }

  async #beginLater(waitMillis: number, signal: AbortSignal): Promise<void> {
    await sleep(waitMillis, undefined, { signal, ref: false }).catch(() => {});
    if (signal.aborted) return;
    // What it refused to start for may be over; if not, it says so again.
    this.#begin();
  }
}

function endError(index: number, how: string, isStuck: boolean): NephoscopeError {
  const what = isStuck ? `Worker ${index} did not answer and was ended` : `Worker ${index} ended: ${how}`;
  return new NephoscopeError(isStuck ? 'E2021' : 'E2020', what, { retry: 'transient' });
}
