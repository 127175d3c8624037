import type { ComponentStatus, Deadline } from '../component/component.ts';
import { NephoscopeError } from '../component/errors.ts';
import { StartStop } from '../component/start-stop.ts';
import { createBackoff } from '../lib/backoff.ts';
import { whenAborted } from '../lib/when-aborted.ts';
import type { RawMessage } from '../notification/intake.ts';
import type { Logger } from '../observe/logger.ts';
import type { Metrics, Series } from '../observe/metrics.ts';
import { notificationBody } from './datagram-body.ts';
import { readKernelDrops } from './datagram-kernel-drops.ts';
import { type DatagramSettings, readDatagramSettings } from './datagram-options.ts';
import { isLoopbackAddress } from './datagram-senders.ts';
import { type DatagramSocket, formatDatagramAddress, openDatagramSocket } from './datagram-socket.ts';
import { DeliveryPump } from './delivery-pump.ts';
import type { Source, SourceContext } from './source.ts';
import { type SourceMetrics, sourceMetrics } from './source-metrics.ts';

/**
 * Notifications by UDP, when `[notification_udp] enabled` asks for them. Throws a permanent `NephoscopeError` (E5040) for
 * options that cannot be right.
 */
export function createDatagramNotificationSources(context: SourceContext): readonly Source[] {
  const settings = readDatagramSettings(context.config);
  return settings === null ? [] : [new DatagramNotificationSource(settings, context)];
}

const BATCH_SIZE = 500;
const REOPEN = { initialMillis: 500, maxMillis: 15_000 };
/** Turns of the loop in which what has arrived is read before the socket is closed. */
const LAST_TURNS = 50;

/**
 * One datagram, one notification, best effort: what arrives while too much waits, or while the process is busy for longer
 * than the receive buffer lasts, is lost and counted; the sender is never told. What was read is given to the intake until
 * it is taken, and repeats are known by their message id, as on the bus.
 */
class DatagramNotificationSource implements Source {
  readonly name = 'source:udp';
  readonly #settings: DatagramSettings;
  readonly #log: Logger;
  readonly #metrics: SourceMetrics;
  readonly #dropped: (reason: 'not_allowed' | 'full' | 'not_a_notification' | 'kernel') => Series;
  readonly #pump: DeliveryPump;
  readonly #backoff = createBackoff(REOPEN);
  #push: ((message: RawMessage, tag: number) => void) | null = null;
  #isRunning = false;
  #socket: DatagramSocket | null = null;
  #retry: NodeJS.Timeout | undefined;
  #problem: NephoscopeError | null = null;
  readonly #turns = new StartStop();
  #tag = 0;
  #unreadable = 0;
  #earlierDrops = 0;
  #lastDrops = 0;

  constructor(settings: DatagramSettings, { intake, log, metrics }: SourceContext) {
    this.#settings = settings;
    this.#log = log.child({ part: this.name });
    this.#metrics = sourceMetrics(metrics, 'udp');
    this.#dropped = droppedSeries(metrics);
    this.#pump = new DeliveryPump({
      intake,
      batchSize: BATCH_SIZE,
      batchTimeoutMillis: 0,
      metrics: this.#metrics,
      log: this.#log,
    });
    metrics.onCollect(() => {
      this.#metrics.inFlight.set(this.#pump.inFlight());
      this.#readDrops();
    });
  }

  async start(signal: AbortSignal): Promise<void> {
    const turn = this.#turns.beforeStart();
    if (turn !== null && !(await turn)) return;
    if (this.#isRunning) return;
    this.#isRunning = true;
    const { address } = this.#settings;
    if (!isLoopbackAddress(address))
      this.#log.warn({ address }, 'Notifications by UDP beyond this machine: senders are not authenticated');
    this.#push = this.#pump.open({ lost: new AbortController().signal, acknowledgeUpTo: () => false });
    await Promise.race([this.#open(), whenAborted(signal)]);
  }

  stop(deadline: Deadline): Promise<void> {
    return this.#turns.stop(() => this.#end(deadline));
  }

  status(): ComponentStatus {
    if (!this.#isRunning) return { state: 'stopped', reason: 'not started' };
    if (this.#problem !== null) return { state: 'degraded', reason: `E5041 ${this.#problem.message}` };
    const trouble = this.#pump.trouble();
    if (trouble !== null)
      return { state: 'degraded', reason: `notifications are not taken: ${trouble.message}` };
    return this.#socket === null ? { state: 'starting', reason: 'opening its socket' } : { state: 'ok' };
  }

  async #open(): Promise<void> {
    try {
      const socket = await openDatagramSocket({
        ...this.#settings,
        onDatagram: (datagram, sender) => this.#take(datagram, sender),
        onFailure: (error) => this.#openLater(error),
      });
      if (!this.#isRunning) {
        await socket.close();
        return;
      }
      this.#socket = socket;
      this.#problem = null;
      this.#backoff.reset();
      this.#reportOpen(socket);
    } catch (thrown) {
      if (!(thrown instanceof NephoscopeError)) throw thrown;
      this.#openLater(thrown);
    }
  }

  #reportOpen({ port, receiveBufferBytes }: DatagramSocket): void {
    const { address, receiveBufferBytes: asked } = this.#settings;
    const where = formatDatagramAddress({ address, port });
    this.#log.info({ address: where, receiveBufferBytes }, 'Takes notifications by UDP');
    if (receiveBufferBytes < asked)
      this.#log.warn(
        { code: 'E5044', receiveBufferBytes, asked },
        'Receive buffer is smaller than asked for',
      );
  }

  #openLater(error: NephoscopeError): void {
    this.#forgetSocket();
    if (!this.#isRunning) return;
    if (this.#problem === null) this.#log.warn({ err: error }, 'No notifications by UDP, it is tried again');
    this.#problem = error;
    this.#retry = setTimeout(() => void this.#open(), this.#backoff.nextMillis()).unref();
  }

  #take(datagram: Buffer, sender: string): void {
    if (!this.#settings.isAllowed(sender)) {
      this.#dropped('not_allowed').add();
      return;
    }
    this.#metrics.received.value++;
    if (this.#pump.inFlight() >= this.#settings.maxWaiting) {
      this.#dropped('full').add();
      return;
    }
    try {
      const body = notificationBody(datagram);
      this.#push?.({ body, origin: { source: 'udp', sender } }, ++this.#tag);
    } catch (thrown) {
      this.#dropped('not_a_notification').add();
      // The first one only: a line for each would be what a flood of them wants.
      if (this.#unreadable++ === 0) this.#log.warn({ err: thrown, sender }, 'Datagram dropped');
    }
  }

  /** First what has arrived, then what waits. */
  async #end(deadline: Deadline): Promise<void> {
    if (!this.#isRunning) return;
    clearTimeout(this.#retry);
    for (let turn = 0; turn < LAST_TURNS && !deadline.signal.aborted; turn++)
      await new Promise((resolve) => setImmediate(resolve));
    this.#isRunning = false;
    await this.#socket?.close();
    this.#forgetSocket();
    await this.#pump.drain(deadline);
    this.#push = null;
    this.#problem = null;
  }

  /** The kernel counts for each socket from 0. */
  #readDrops(): void {
    if (this.#socket !== null) {
      const { address } = this.#settings;
      const drops = readKernelDrops({ address, port: this.#socket.port });
      this.#lastDrops = Math.max(drops ?? 0, this.#lastDrops);
    }
    this.#dropped('kernel').set(this.#earlierDrops + this.#lastDrops);
  }

  #forgetSocket(): void {
    this.#earlierDrops += this.#lastDrops;
    this.#lastDrops = 0;
    this.#socket = null;
  }
}

function droppedSeries(metrics: Metrics): (reason: string) => Series {
  const family = metrics.counter(
    'nephoscope_notification_udp_dropped_total',
    'Datagrams that were not taken: not_allowed sender, full (too many waited), not_a_notification, kernel (the receive buffer was full).',
    ['reason'],
  );
  return (reason) => family.child(reason);
}
