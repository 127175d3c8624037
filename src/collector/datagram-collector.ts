import { setTimeout as sleep } from 'node:timers/promises';
import type { Component, ComponentStatus, Deadline } from '../component/component.ts';
import { NephoscopeError, toError } from '../component/errors.ts';
import { StartStop } from '../component/start-stop.ts';
import { createBackoff } from '../lib/backoff.ts';
import { decodeMsgpack, MsgpackError } from '../lib/msgpack.ts';
import { whenAborted } from '../lib/when-aborted.ts';
import { isJsonObject, type JsonObject } from '../model/json.ts';
import type { Sample } from '../model/sample.ts';
import type { Logger } from '../observe/logger.ts';
import type { Metrics } from '../observe/metrics.ts';
import type { Signing } from '../publishers/signing.ts';
import { readKernelDrops } from '../sources/datagram-kernel-drops.ts';
import {
  type DatagramSocket,
  formatDatagramAddress,
  openDatagramSocket,
} from '../sources/datagram-socket.ts';
import type { ParkingStore } from '../store/store.ts';
import { hasValidSignature } from '../wire/message-signature.ts';
import { SAMPLES } from './collected-kind.ts';
import type { CollectorMetrics, DropReason } from './collector-metrics.ts';
import type { Dispatcher } from './dispatch.ts';
import { parkedDatum } from './parked-datum.ts';
import type { RepeatingLog } from './repeating-log.ts';
import type { ReplayGuard } from './replay-guard.ts';

export interface DatagramCollectorParts {
  readonly address: string;
  /** 0: any free one, for tests. */
  readonly port: number;
  readonly signing: Signing;
  readonly guard: ReplayGuard;
  readonly dispatcher: Dispatcher<Sample>;
  readonly parking: ParkingStore;
  readonly counts: CollectorMetrics;
  readonly metrics: Metrics;
  readonly log: Logger;
  readonly repeating: RepeatingLog;
  readonly nowMicros: () => number;
}

/** What waits for the dispatchers. More is dropped and counted: nobody can be asked to send slower. */
const MAX_WAITING = 20_000;
const BATCH_SIZE = 1_000;
/** At 1 KB each some eight thousand samples, while the program is busy elsewhere. */
const RECEIVE_BUFFER_BYTES = 8 * 1024 * 1024;
const OPEN_AGAIN = { initialMillis: 500, maxMillis: 30_000 };

/**
 * Takes signed metering messages by UDP, one msgpack mapping a datagram, in both dialects of msgpack.
 *
 * Whoever can reach the port can send, so only what is signed, of this time and not there before is taken. Nothing tells
 * the sender what became of a datagram: what is dropped here or by the kernel is lost, and counted.
 */
export class DatagramCollector implements Component {
  readonly name = 'collector:udp';
  readonly #parts: DatagramCollectorParts;
  #waiting: Held[] = [];
  #socket: DatagramSocket | null = null;
  #listening: Promise<void> | null = null;
  #working: Promise<void> | null = null;
  #stopping = new AbortController();
  #giveUp = new AbortController();
  readonly #turns = new StartStop();
  #isRunning = false;
  #trouble: Error | null = null;

  constructor(parts: DatagramCollectorParts) {
    this.#parts = parts;
    const drops = parts.metrics.counter(
      'nephoscope_collector_kernel_drops_total',
      'Datagrams the kernel threw away since the socket was opened because its buffer was full.',
    );
    const waiting = parts.metrics.gauge(
      'nephoscope_collector_udp_waiting',
      'Samples that wait for the dispatchers.',
    );
    parts.metrics.onCollect(() => {
      waiting.child().set(this.#waiting.length);
      const port = this.port();
      const count = port === null ? null : readKernelDrops({ address: parts.address, port });
      if (count !== null) drops.child().set(count);
    });
  }

  /** The port it listens on; null while it does not. */
  port(): number | null {
    return this.#socket?.port ?? null;
  }

  /** An address that cannot be had yet is tried again in the background. */
  async start(): Promise<void> {
    const turn = this.#turns.beforeStart();
    if (turn !== null && !(await turn)) return;
    if (this.#isRunning) return;
    this.#isRunning = true;
    this.#stopping = new AbortController();
    this.#giveUp = new AbortController();
    this.#parts.dispatcher.resume();
    await this.#open().catch((thrown: unknown) => this.#openLater(toError(thrown)));
  }

  stop(deadline: Deadline): Promise<void> {
    return this.#turns.stop(() => this.#end(deadline));
  }

  status(): ComponentStatus {
    if (!this.#isRunning) return { state: 'stopped', reason: 'not started' };
    const trouble = this.#trouble ?? this.#parts.dispatcher.trouble();
    if (trouble === null) return { state: 'ok' };
    const code = trouble instanceof NephoscopeError ? `${trouble.code} ` : '';
    return { state: 'degraded', reason: `${code}${trouble.message}` };
  }

  async #end(deadline: Deadline): Promise<void> {
    this.#isRunning = false;
    this.#stopping.abort();
    this.#parts.dispatcher.drain();
    await this.#socket?.close();
    this.#socket = null;
    const giveUp = (): void => this.#giveUp.abort();
    deadline.signal.addEventListener('abort', giveUp, { once: true });
    if (deadline.signal.aborted) giveUp();
    await Promise.race([Promise.all([this.#working, this.#listening]), whenAborted(deadline.signal)]);
    deadline.signal.removeEventListener('abort', giveUp);
    this.#dropWaiting();
  }

  async #open(): Promise<void> {
    const { address, port, log } = this.#parts;
    this.#socket = await openDatagramSocket({
      address,
      port,
      receiveBufferBytes: RECEIVE_BUFFER_BYTES,
      onDatagram: (datagram, sender) => this.#receive(datagram, sender),
      onFailure: (error) => this.#openLater(error),
    });
    this.#trouble = null;
    const { receiveBufferBytes } = this.#socket;
    const at = formatDatagramAddress({ address, port: this.#socket.port });
    log.info({ address: at, receiveBufferBytes }, 'Takes metering messages by UDP');
    if (receiveBufferBytes < RECEIVE_BUFFER_BYTES) {
      const fields = {
        wanted: RECEIVE_BUFFER_BYTES,
        received: receiveBufferBytes,
        setting: 'net.core.rmem_max',
      };
      log.warn(fields, 'Kernel gives a smaller receive buffer than asked for');
    }
    // It was stopped meanwhile.
    if (this.#stopping.signal.aborted) await this.#socket.close();
  }

  #openLater(cause: Error): void {
    const { address, port, log } = this.#parts;
    const text = `UDP ${formatDatagramAddress({ address, port })} cannot be listened to: ${cause.message}`;
    this.#trouble = new NephoscopeError('E5026', text, { retry: 'transient', cause });
    this.#socket = null;
    log.warn({ err: this.#trouble }, 'No metering messages by UDP for now');
    this.#listening ??= this.#openAgain().finally(() => {
      this.#listening = null;
    });
  }

  async #openAgain(): Promise<void> {
    const { signal } = this.#stopping;
    const backoff = createBackoff(OPEN_AGAIN);
    while (!signal.aborted) {
      await sleep(backoff.nextMillis(), undefined, { signal }).catch(() => {});
      if (signal.aborted) return;
      try {
        return await this.#open();
      } catch {
        // The first failure stands in the status.
      }
    }
  }

  #receive(datagram: Buffer, sender: string): void {
    const { counts } = this.#parts;
    counts.received.add();
    try {
      const message = readMessage(datagram);
      const verdict = this.#judge(message);
      if (typeof verdict === 'string') this.#drop(verdict, sender);
      else this.#hold(verdict, sender);
    } catch (thrown) {
      // Whatever it is: a datagram of somebody must not end the program.
      this.#drop('unreadable', sender, toError(thrown).message);
    }
  }

  /** The sample, or why it is not taken. Throws for a message that is none. */
  #judge(message: JsonObject): Held | DropReason {
    const { signing, guard, nowMicros } = this.#parts;
    if (!hasValidSignature(message, signing.accepted, signing)) return 'bad-signature';
    const sample = SAMPLES.parse(message);
    const verdict = guard.judge(String(message.message_signature), sample.timestampMicros, nowMicros());
    return verdict === 'fresh' ? { message, sample } : verdict;
  }

  #hold(held: Held, sender: string): void {
    if (this.#waiting.length >= MAX_WAITING || this.#stopping.signal.aborted) {
      this.#drop('overflow', sender);
      return;
    }
    this.#waiting.push(held);
    this.#working ??= this.#work().finally(() => {
      this.#working = null;
    });
  }

  #drop(reason: DropReason, sender: string, detail?: string): void {
    this.#parts.counts.dropped(reason).add();
    const fields = { sender, reason, ...(detail === undefined ? {} : { detail }) };
    this.#parts.repeating.warn(CODES[reason], fields, 'Datagram dropped');
  }

  /** One batch after another, while the next one gathers. */
  async #work(): Promise<void> {
    // Lets what is in the socket's buffer come into the first batch.
    await new Promise((resolve) => setImmediate(resolve));
    while (this.#waiting.length > 0 && !this.#giveUp.signal.aborted) {
      const batch = this.#waiting.splice(0, BATCH_SIZE);
      try {
        await this.#dispatch(batch);
      } catch (thrown) {
        this.#lose(batch.length, thrown);
      }
    }
  }

  async #dispatch(batch: readonly Held[]): Promise<void> {
    const { dispatcher, parking, counts, nowMicros } = this.#parts;
    const items = batch.map(({ sample }) => sample);
    const { refused } = await dispatcher.dispatch(items, this.#giveUp.signal);
    counts.recorded.add(items.length - refused.size);
    if (refused.size === 0) return;
    const parked = [...refused].flatMap(([index, error]) => {
      const held = batch[index];
      return held === undefined ? [] : [parkedDatum(refusedDatum(held, error), nowMicros())];
    });
    await parking.park(parked);
    counts.parked.add(parked.length);
  }

  /** Nobody sends it again. */
  #lose(count: number, thrown: unknown): void {
    this.#parts.counts.dropped('not-taken').add(count);
    this.#parts.repeating.warn(
      'E5031',
      { err: thrown, count },
      'Samples from UDP could be neither stored nor parked',
    );
  }

  #dropWaiting(): void {
    if (this.#waiting.length > 0) this.#lose(this.#waiting.length, new Error('The collector stops'));
    this.#waiting = [];
  }
}

interface Held {
  readonly message: JsonObject;
  readonly sample: Sample;
}

const CODES = {
  'bad-signature': 'E5022',
  replayed: 'E5028',
  stale: 'E5028',
  unreadable: 'E5027',
  overflow: 'E5031',
  'not-taken': 'E5031',
} as const satisfies Record<DropReason, string>;

function readMessage(datagram: Buffer): JsonObject {
  try {
    const value = decodeMsgpack(datagram);
    if (isJsonObject(value)) return value;
  } catch (cause) {
    if (!(cause instanceof MsgpackError)) throw cause;
    throw new NephoscopeError('E5027', `It is no msgpack: ${cause.message}`, { cause });
  }
  throw new NephoscopeError('E5027', 'It is msgpack, but no mapping');
}

function refusedDatum({ message, sample }: Held, error: NephoscopeError) {
  return {
    datum: message,
    eventType: SAMPLES.eventType,
    error,
    origin: { source: 'collector:samples' },
    messageId: sample.id,
    timestampMicros: sample.timestampMicros,
    publisherId: 'collector.udp',
  };
}
