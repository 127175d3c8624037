import { setTimeout as sleep } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import type { ComponentStatus, Deadline } from '../component/component.ts';
import { NephoscopeError, toError } from '../component/errors.ts';
import { StartStop } from '../component/start-stop.ts';
import type { Config } from '../config/option.ts';
import { createBackoff } from '../lib/backoff.ts';
import { whenAborted } from '../lib/when-aborted.ts';
import type { Sample } from '../model/sample.ts';
import type { Logger } from '../observe/logger.ts';
import type { Metrics } from '../observe/metrics.ts';
import type { DeliverSamples } from '../polling/pollster-runner.ts';
import { readKernelDrops } from './datagram-kernel-drops.ts';
import { isLoopbackAddress } from './datagram-senders.ts';
import { formatDatagramAddress } from './datagram-socket.ts';
import type { Source } from './source.ts';
import { COUNT, createStatsdCounts, type StatsdCounts } from './statsd-counts.ts';
import { registerStatsdMetrics, type StatsdMetrics } from './statsd-metrics.ts';
import { readStatsdSettings } from './statsd-options.ts';
import type { ReceiverData, ReceiverOrder, ReceiverReport, ReceiverSettings } from './statsd-protocol.ts';

/** What the statsd source uses of the program it lives in. */
export interface StatsdContext {
  readonly config: Config;
  /** Where its samples go; see `DeliverSamples`. */
  readonly deliverSamples: DeliverSamples;
  readonly log: Logger;
  readonly metrics: Metrics;
}

/**
 * The statsd source, when `[statsd] enabled` asks for it. Throws a permanent `NephoscopeError` (E5040, E5045) for options
 * that cannot be right.
 */
export function createStatsdSources(context: StatsdContext): readonly Source[] {
  const settings = readStatsdSettings(context.config);
  return settings === null ? [] : [new StatsdSource(settings, context)];
}

/** Much of the memory of the thread is small and short-lived. */
const YOUNG_MEGABYTES = 16;
/**
 * Above what the limits of names and values need (measured: 5.5 kB for each name at the end of a flush with eight figures
 * of each), so that only a defect meets it, and does not take the program along.
 */
const BASE_MEGABYTES = 256;
const KILOBYTES_PER_SERIES = 8;
const DELIVERY_RETRY = { initialMillis: 200, maxMillis: 15_000 };
const RESTART = { initialMillis: 500, maxMillis: 30_000 };

/**
 * Receives in a thread of its own (see statsd-thread.ts) and hands on the samples of each flush, in chunks, one after the
 * other. What the next stage cannot take now is given to it again until it does; meanwhile the thread puts its flushes
 * off. Nobody is told of anything: UDP has no answer, so what the kernel had no room for is lost, and counted.
 */
class StatsdSource implements Source {
  readonly name = 'source:statsd';
  readonly #settings: ReceiverSettings;
  readonly #deliver: DeliverSamples;
  readonly #log: Logger;
  readonly #metrics: StatsdMetrics;
  readonly #counts: StatsdCounts = createStatsdCounts();
  readonly #restart = createBackoff(RESTART);
  #thread: Thread | null = null;
  readonly #turns = new StartStop();
  #problem: string | null = null;
  #trouble: NephoscopeError | null = null;
  #smallBuffer: string | null = null;
  #listeningPort: number | null = null;
  /** Samples that were taken, refused or counted as lost. */
  #accounted = 0;
  #earlierDrops = 0;
  #lastDrops = 0;

  constructor(settings: ReceiverSettings, { deliverSamples, log, metrics }: StatsdContext) {
    this.#settings = settings;
    this.#deliver = deliverSamples;
    this.#log = log.child({ part: this.name });
    this.#metrics = registerStatsdMetrics(metrics, this.#counts);
    metrics.onCollect(() => this.#readDrops());
  }

  async start(signal: AbortSignal): Promise<void> {
    const turn = this.#turns.beforeStart();
    if (turn !== null && !(await turn)) return;
    if (this.#thread !== null) return;
    this.#warnOfOpenDoor();
    const thread = this.#startThread();
    await Promise.race([thread.settled.promise, whenAborted(signal)]);
  }

  stop(deadline: Deadline): Promise<void> {
    return this.#turns.stop(() => this.#end(deadline));
  }

  status(): ComponentStatus {
    if (this.#thread === null) return { state: 'stopped', reason: 'not started' };
    if (this.#problem !== null) return { state: 'degraded', reason: this.#problem };
    if (this.#trouble !== null)
      return { state: 'degraded', reason: `samples are not taken: ${this.#trouble.message}` };
    if (this.#listeningPort === null) return { state: 'starting', reason: 'opening its socket' };
    return this.#smallBuffer === null ? { state: 'ok' } : { state: 'ok', reason: this.#smallBuffer };
  }

  #warnOfOpenDoor(): void {
    const { address, allowedSources } = this.#settings;
    if (isLoopbackAddress(address)) return;
    this.#log.warn(
      { address, allowedSources },
      'statsd listens beyond this machine: senders are not authenticated',
    );
  }

  #startThread(): Thread {
    // The same file ending as this file has: .ts in development, .js when built.
    const file = import.meta.url.endsWith('.ts') ? './statsd-thread.ts' : './statsd-thread.js';
    const data: ReceiverData = { settings: this.#settings, counts: this.#counts };
    const { maxSeries } = this.#settings;
    const worker = new Worker(new URL(file, import.meta.url), {
      workerData: data,
      execArgv: [],
      resourceLimits: {
        maxOldGenerationSizeMb: BASE_MEGABYTES + Math.ceil((maxSeries * KILOBYTES_PER_SERIES) / 1000),
        maxYoungGenerationSizeMb: YOUNG_MEGABYTES,
      },
    });
    const thread: Thread = {
      worker,
      settled: Promise.withResolvers(),
      stopped: Promise.withResolvers(),
      exited: Promise.withResolvers(),
      giveUp: new AbortController(),
    };
    worker.on('message', (report: ReceiverReport) => this.#onReport(thread, report));
    worker.on('error', (error) => this.#onDeath(thread, error));
    worker.on('exit', () => {
      thread.exited.resolve();
      this.#onDeath(thread, new Error('its thread ended'));
    });
    this.#thread = thread;
    return thread;
  }

  #onReport(thread: Thread, report: ReceiverReport): void {
    switch (report.kind) {
      case 'listening':
        this.#onListening(report.port, report.receiveBufferBytes);
        thread.settled.resolve();
        break;
      case 'not-listening':
        this.#onNotListening(report.reason);
        thread.settled.resolve();
        break;
      case 'samples':
        void this.#handOn(thread, report.samples);
        break;
      case 'stopped':
        thread.stopped.resolve();
        break;
      default:
        report satisfies never;
    }
  }

  #onListening(port: number, receiveBufferBytes: number): void {
    this.#problem = null;
    this.#listeningPort = port;
    this.#restart.reset();
    const asked = this.#settings.receiveBufferBytes;
    const where = formatDatagramAddress({ address: this.#settings.address, port });
    this.#log.info({ address: where, receiveBufferBytes }, 'statsd listens');
    if (receiveBufferBytes >= asked) return;
    this.#smallBuffer = `E5044 the receive buffer is ${receiveBufferBytes} bytes, asked for were ${asked}`;
    this.#log.warn({ code: 'E5044', receiveBufferBytes, asked }, 'Receive buffer is smaller than asked for');
  }

  #onNotListening(reason: string): void {
    const isNew = this.#problem === null;
    this.#problem = `E5041 ${reason}`;
    this.#forgetSocket();
    if (isNew) this.#log.warn({ code: 'E5041', reason }, 'statsd cannot listen, it is tried again');
  }

  /** Until they are taken, refused for good, or the stop gives up. */
  async #handOn(thread: Thread, samples: readonly Sample[]): Promise<void> {
    const backoff = createBackoff(DELIVERY_RETRY);
    const { signal } = thread.giveUp;
    for (;;) {
      try {
        await this.#deliver(samples, signal);
        this.#recovered();
        break;
      } catch (thrown) {
        if (signal.aborted) return;
        if (this.#isFinal(thrown, samples)) break;
        await sleep(backoff.nextMillis(), undefined, { signal }).catch(() => {});
      }
    }
    this.#accounted += samples.length;
    tell(thread, 'taken');
  }

  /** What was made and never handed on, wherever it was when its thread ended. */
  #countLost(): void {
    const made = this.#counts[COUNT.samples] as number;
    this.#metrics.lostSamples.add(made - this.#accounted);
    this.#accounted = made;
  }

  /** Notes why the samples were not taken; true when they never will be. */
  #isFinal(thrown: unknown, samples: readonly Sample[]): boolean {
    const cause = toError(thrown);
    const text = `${samples.length} samples of statsd were not taken: ${cause.message}`;
    const error = new NephoscopeError('E5043', text, { retry: 'transient', cause });
    const isRefused = cause instanceof NephoscopeError && cause.retry === 'permanent';
    if (isRefused) this.#metrics.refusedSamples.add(samples.length);
    if (this.#trouble?.message !== error.message)
      this.#log.warn({ err: error, isRefused }, 'Samples of statsd not taken');
    this.#trouble = isRefused ? null : error;
    return isRefused;
  }

  #recovered(): void {
    if (this.#trouble === null) return;
    this.#trouble = null;
    this.#log.info('Samples of statsd are taken again');
  }

  #onDeath(thread: Thread, error: Error): void {
    if (this.#thread !== thread || this.#turns.isStopping) return;
    thread.settled.resolve();
    thread.giveUp.abort();
    this.#countLost();
    this.#forgetSocket();
    this.#problem = `E5042 the receiving thread ended: ${error.message}`;
    this.#metrics.restarts.add();
    const waitMillis = this.#restart.nextMillis();
    this.#log.error({ code: 'E5042', err: error, retryInMillis: waitMillis }, 'Receiver of statsd ended');
    // A thread that has ended stays in its place until the next one, so that a stop meanwhile finds it.
    const ended: Thread = { ...thread, giveUp: new AbortController() };
    this.#thread = ended;
    setTimeout(() => {
      if (this.#thread === ended && !this.#turns.isStopping) this.#startThread();
    }, waitMillis).unref();
  }

  /** The thread reads, flushes and waits for us to hand on; then it ends by itself. */
  async #end(deadline: Deadline): Promise<void> {
    const thread = this.#thread;
    if (thread === null) return;
    tell(thread, 'stop');
    const done = Promise.race([thread.stopped.promise, thread.exited.promise]);
    await Promise.race([done, whenAborted(deadline.signal)]);
    thread.giveUp.abort();
    await thread.worker.terminate();
    this.#countLost();
    thread.settled.resolve();
    this.#thread = null;
    this.#problem = null;
    this.#trouble = null;
    this.#forgetSocket();
  }

  /** The kernel counts for each socket from 0. */
  #readDrops(): void {
    if (this.#listeningPort !== null) {
      const { address } = this.#settings;
      const drops = readKernelDrops({ address, port: this.#listeningPort });
      this.#lastDrops = Math.max(drops ?? 0, this.#lastDrops);
    }
    this.#metrics.kernelDropped.set(this.#earlierDrops + this.#lastDrops);
  }

  #forgetSocket(): void {
    this.#earlierDrops += this.#lastDrops;
    this.#lastDrops = 0;
    this.#listeningPort = null;
    this.#smallBuffer = null;
  }
}

interface Thread {
  readonly worker: Worker;
  /** Resolves when it listens, or says why it does not. */
  readonly settled: PromiseWithResolvers<void>;
  readonly stopped: PromiseWithResolvers<void>;
  readonly exited: PromiseWithResolvers<void>;
  /** Ends the waiting for the next stage. */
  readonly giveUp: AbortController;
}

/** A thread that has ended hears nothing, which is as well. */
function tell(thread: Thread, order: ReceiverOrder): void {
  thread.worker.postMessage(order);
}
