import { Worker } from 'node:worker_threads';
import { NephoscopeError } from '../../component/errors.ts';
import type { ReadArguments, ReadMethod, ReadResult } from './read-methods.ts';
import type { ReadAnswer, ReaderData, ReadRequest } from './reader-protocol.ts';

export interface ReaderOptions {
  readonly path: string;
  readonly cacheKibibytes: number;
  /** How long a read may wait and run in all. */
  readonly timeoutMillis: number;
  /** Reads waiting beyond this are refused with E3010. */
  readonly maxQueued: number;
  /** Bounds the memory of one answer; what needs more is refused with E3018. */
  readonly maxHeapMegabytes: number;
}

interface Pending extends ReadRequest {
  readonly timer: NodeJS.Timeout;
  resolve(value: unknown): void;
  reject(error: NephoscopeError): void;
}

/** A thread, and the flag by which it learns that nobody waits for an answer. */
interface Thread {
  readonly worker: Worker;
  readonly cancelled: Int32Array<SharedArrayBuffer>;
}

/** Answers are short-lived and few; the default would hold three times as much memory for good. */
const YOUNG_MEGABYTES = 8;
/** A cancelled read looks at the flag every few thousand rows; one that does not answer by then is stuck in one step. */
const CANCEL_GRACE_MILLIS = 1_000;

/**
 * Sends reads to a thread of their own, one at a time, in order. The thread is started by the first read and again
 * after it died. A read that takes too long is rejected with E3011; the thread is told, and replaced when it does
 * not listen.
 */
export class ReaderClient {
  readonly #options: ReaderOptions;
  #thread: Thread | null = null;
  #queue: Pending[] = [];
  #running: Pending | null = null;
  #lastNumber = 0;
  #closed = false;

  constructor(options: ReaderOptions) {
    this.#options = options;
  }

  /** Reads that wait or run. */
  get size(): number {
    return this.#queue.length + (this.#running === null ? 0 : 1);
  }

  read<Method extends ReadMethod>(
    method: Method,
    ...values: ReadArguments<Method>
  ): Promise<ReadResult<Method>> {
    if (this.#closed) return Promise.reject(notRunning());
    if (this.#queue.length >= this.#options.maxQueued) return Promise.reject(tooMany(this.#queue.length));
    const { promise, resolve, reject } = Promise.withResolvers<ReadResult<Method>>();
    this.#lastNumber += 1;
    const number = this.#lastNumber;
    const timer = setTimeout(() => this.#timeOut(number), this.#options.timeoutMillis);
    this.#queue.push({
      number,
      method,
      arguments: values,
      timer,
      resolve: resolve as (value: unknown) => void,
      reject,
    });
    this.#sendNext();
    return promise;
  }

  /** Takes nothing more and rejects what waits; resolves when the thread has ended. */
  async close(): Promise<void> {
    this.#closed = true;
    const thread = this.#thread;
    this.#failAll(notRunning());
    this.#thread = null;
    await thread?.worker.terminate();
  }

  #sendNext(): void {
    if (this.#running !== null) return;
    const next = this.#queue.shift();
    if (next === undefined) {
      this.#thread?.worker.unref();
      return;
    }
    this.#thread ??= this.#startThread();
    this.#running = next;
    this.#thread.worker.ref();
    const { number, method } = next;
    try {
      this.#thread.worker.postMessage({ number, method, arguments: next.arguments } satisfies ReadRequest);
    } catch (thrown) {
      // What cannot be copied to another thread is no data.
      this.#settle((pending) =>
        pending.reject(new NephoscopeError('E3013', `Bad question: ${String(thrown)}`)),
      );
    }
  }

  #startThread(): Thread {
    // The same file ending as this file has: .ts in development, .js when built.
    const file = import.meta.url.endsWith('.ts') ? './reader.ts' : './reader.js';
    const cancelled = new Int32Array(new SharedArrayBuffer(4));
    const { path, cacheKibibytes, maxHeapMegabytes } = this.#options;
    const worker = new Worker(new URL(file, import.meta.url), {
      workerData: { path, cacheKibibytes, cancelled } satisfies ReaderData,
      execArgv: [],
      resourceLimits: { maxOldGenerationSizeMb: maxHeapMegabytes, maxYoungGenerationSizeMb: YOUNG_MEGABYTES },
    });
    const thread = { worker, cancelled };
    worker.on('message', (answer: ReadAnswer) => this.#onAnswer(thread, answer));
    worker.on('error', (error) => this.#onDeath(thread, error));
    worker.on('exit', () => this.#onDeath(thread, new Error('The reader thread ended')));
    return thread;
  }

  #onAnswer(thread: Thread, answer: ReadAnswer): void {
    // A late answer to a read that was given up only shows that the thread is free.
    if (thread !== this.#thread || answer.number !== this.#running?.number) return;
    this.#settle((pending) => {
      if ('error' in answer) pending.reject(toError(answer.error));
      else pending.resolve(answer.value);
    });
  }

  #onDeath(thread: Thread, cause: Error): void {
    if (thread !== this.#thread) return;
    this.#thread = null;
    const error = deathError(cause);
    if (this.#running === null) return;
    this.#settle((pending) => pending.reject(error));
  }

  #settle(how: (pending: Pending) => void): void {
    const pending = this.#running;
    this.#running = null;
    if (pending !== null) {
      clearTimeout(pending.timer);
      how(pending);
    }
    if (!this.#closed) this.#sendNext();
  }

  #timeOut(number: number): void {
    const error = tookTooLong(this.#options.timeoutMillis);
    if (this.#running?.number !== number) {
      const waiting = this.#queue.find((pending) => pending.number === number);
      this.#queue = this.#queue.filter((pending) => pending !== waiting);
      waiting?.reject(error);
      return;
    }
    const thread = this.#thread;
    this.#running.reject(error);
    if (thread === null) return;
    Atomics.store(thread.cancelled, 0, number);
    // It keeps its place as the running one until the thread is free, or given up.
    const grace = setTimeout(() => {
      if (this.#running?.number === number) this.#abandon(thread);
    }, CANCEL_GRACE_MILLIS);
    grace.unref();
  }

  /** Leaves a thread to itself; it ends when its present step does. */
  #abandon(thread: Thread): void {
    if (thread === this.#thread) this.#thread = null;
    void thread.worker.terminate();
    this.#settle(() => {});
  }

  #failAll(error: NephoscopeError): void {
    const all = [...(this.#running === null ? [] : [this.#running]), ...this.#queue];
    this.#running = null;
    this.#queue = [];
    for (const pending of all) {
      clearTimeout(pending.timer);
      pending.reject(error);
    }
  }
}

function toError({
  code,
  message,
  hint,
  retry,
}: Extract<ReadAnswer, { error: unknown }>['error']): NephoscopeError {
  return new NephoscopeError(code, message, { hint, retry });
}

function deathError(cause: Error): NephoscopeError {
  if ((cause as NodeJS.ErrnoException).code === 'ERR_WORKER_OUT_OF_MEMORY') {
    return new NephoscopeError('E3018', 'The answer does not fit into the memory of the reader', { cause });
  }
  return new NephoscopeError('E3015', `The reader thread failed: ${cause.message}`, {
    retry: 'transient',
    cause,
  });
}

function notRunning(): NephoscopeError {
  return new NephoscopeError('E3012', 'Cannot read: the store is not running', { retry: 'transient' });
}

function tooMany(queued: number): NephoscopeError {
  return new NephoscopeError('E3010', `${queued} reads are waiting already`, { retry: 'transient' });
}

function tookTooLong(millis: number): NephoscopeError {
  return new NephoscopeError('E3011', `The read did not end within ${millis} ms`, { retry: 'transient' });
}
