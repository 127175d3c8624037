import { isIP } from 'node:net';
import type { ComponentStatus } from '../component/component.ts';
import { NephoscopeError } from '../component/errors.ts';
import type { Sample } from '../model/sample.ts';
import { type MeteringTarget, readMeteringTarget } from './metering-target.ts';
import { encodeSampleMessage } from './msgpack-message.ts';
import type {
  Publisher,
  PublisherContext,
  PublisherDefinition,
  PublisherUrl,
  PublishResult,
  Rejection,
} from './publisher.ts';
import { TargetTrouble } from './target-trouble.ts';
import { resolveUdpHost, UdpSocket } from './udp-socket.ts';

/**
 * `udp://`: one datagram for each sample, a msgpack mapping of the signed metering message (reference:
 * samples-and-events.md section 5). Best effort: a sample is taken when the kernel took its datagram; nobody says whether
 * it arrived. What the kernel does not take is given again by the runner, which the original does not.
 */
export const UDP_PUBLISHER: PublisherDefinition = {
  schemes: ['udp'],
  summary:
    'Sends one datagram for each sample. Best effort: whatever is lost on the way is lost. Not for what is billed.',
  form: 'udp://HOST[:PORT]',
  examples: ['udp://collector.example.org', 'udp://[2001:db8::1]:4952'],
  parameters: [],
  samples: (url, context) => new UdpPublisher(url, context),
};

/** What an IPv4 datagram holds. */
const MAX_DATAGRAM_BYTES = 65_507;
/** So many datagrams are given to the kernel before its answers are looked at. */
const WINDOW = 64;
/** A name may lead elsewhere after a while. */
const RESOLVE_AGAIN_MILLIS = 60_000;

class UdpPublisher implements Publisher<Sample> {
  readonly name: string;
  readonly #context: PublisherContext;
  readonly #target: MeteringTarget;
  readonly #refusals;
  readonly #errors;
  #socket: UdpSocket | null = null;
  #resolvedAt = 0;
  #isRunning = false;
  readonly #trouble = new TargetTrouble();
  #wasRefused = false;

  constructor(url: PublisherUrl, context: PublisherContext) {
    this.name = context.name;
    this.#context = context;
    this.#target = readMeteringTarget(url, context);
    const count = (what: string, help: string) =>
      context.metrics.counter(`nephoscope_udp_${what}_total`, help, ['publisher']).child(context.name);
    this.#errors = count('send_errors', 'Datagrams the kernel did not take; they are sent again.');
    this.#refusals = count('refused', 'Answers that nobody listens at the target; datagrams were lost.');
  }

  /** Never rejects: a host that cannot be resolved yet is looked up again with each batch. */
  async start(): Promise<void> {
    this.#isRunning = true;
    await this.#open().catch((thrown: unknown) => this.#failed(thrown));
  }

  async stop(): Promise<void> {
    this.#isRunning = false;
    this.#close();
  }

  status(): ComponentStatus {
    return this.#trouble.status(this.#isRunning);
  }

  async publish(samples: readonly Sample[], signal: AbortSignal): Promise<PublishResult> {
    const socket = await this.#opened();
    const sending = new Sending(samples, socket, (sample) => this.#encode(sample));
    this.#wasRefused = false;
    await sending.run(signal);
    this.#errors.add(sending.errors);
    if (sending.failure !== null) this.#failed(sending.failure);
    else if (!this.#wasRefused) this.#trouble.clear();
    return sending.result();
  }

  #encode(sample: Sample): Buffer {
    const datagram = encodeSampleMessage(sample, this.#target.secret);
    if (datagram.length <= MAX_DATAGRAM_BYTES) return datagram;
    const text = `A sample of ${sample.name} has ${datagram.length} bytes; a datagram holds ${MAX_DATAGRAM_BYTES}`;
    throw new NephoscopeError('E8071', text);
  }

  async #opened(): Promise<UdpSocket> {
    if (!this.#isRunning)
      throw new NephoscopeError('E8072', 'The publisher was stopped', { retry: 'transient' });
    try {
      return await this.#open();
    } catch (thrown) {
      // A name server that does not answer for a while is no reason to forget where the host was.
      if (this.#socket !== null) return this.#socket;
      this.#failed(thrown);
      throw thrown;
    }
  }

  async #open(): Promise<UdpSocket> {
    const now = performance.now();
    const isFresh = isIP(this.#target.host) !== 0 || now - this.#resolvedAt < RESOLVE_AGAIN_MILLIS;
    if (this.#socket !== null && isFresh) return this.#socket;
    // Also after a failure: not with every batch.
    this.#resolvedAt = now;
    const addresses = await resolveUdpHost(this.#target.host);
    if (this.#socket !== null && this.#socket.address === addresses[0]?.address) return this.#socket;
    const socket = await UdpSocket.open(addresses, this.#target.port, () => this.#refused());
    this.#close();
    if (this.#isRunning) this.#socket = socket;
    else socket.close();
    return socket;
  }

  #close(): void {
    this.#socket?.close();
    this.#socket = null;
  }

  #refused(): void {
    this.#refusals.add();
    this.#wasRefused = true;
    const text = `Nobody listens at ${this.#target.host} port ${this.#target.port}: samples are lost`;
    const error = new NephoscopeError('E8072', text, { retry: 'transient' });
    // No call fails for it, so nobody else would log it.
    if (this.#trouble.note(error)) this.#context.log.warn({ err: error }, 'Datagrams do not arrive');
  }

  /** The next batch looks the host up anew. */
  #failed(thrown: unknown): void {
    this.#trouble.note(thrown);
    this.#close();
  }
}

/** One batch on its way. */
class Sending {
  readonly failed: number[] = [];
  /** How often the kernel refused. */
  errors = 0;
  /** Why the last of the failed ones was not sent. */
  failure: NephoscopeError | null = null;
  readonly #samples: readonly Sample[];
  readonly #socket: UdpSocket;
  readonly #encode: (sample: Sample) => Buffer;
  readonly #rejected: Rejection[] = [];

  constructor(samples: readonly Sample[], socket: UdpSocket, encode: (sample: Sample) => Buffer) {
    this.#samples = samples;
    this.#socket = socket;
    this.#encode = encode;
  }

  async run(signal: AbortSignal): Promise<void> {
    for (let start = 0; start < this.#samples.length; start += WINDOW) {
      const window = this.#samples.slice(start, start + WINDOW);
      if (signal.aborted || this.failure !== null) this.#leave(start, window.length);
      else await Promise.all(window.map((sample, offset) => this.#send(sample, start + offset)));
    }
  }

  result(): PublishResult {
    const { failed, failure } = this;
    const accepted = this.#samples.length - this.#rejected.length - failed.length;
    const result = { accepted, duplicates: [], rejected: this.#rejected };
    return failure === null ? result : { ...result, postponed: { indexes: failed, error: failure } };
  }

  async #send(sample: Sample, index: number): Promise<void> {
    let datagram: Buffer;
    try {
      datagram = this.#encode(sample);
    } catch (thrown) {
      if (!(thrown instanceof NephoscopeError)) throw thrown;
      this.#rejected.push({ index, error: thrown });
      return;
    }
    const outcome = await this.#socket.send(datagram);
    // The datagram counts as sent: that nobody listened is told apart.
    if (outcome !== null && outcome.code !== 'ECONNREFUSED') this.#fail(index, outcome);
  }

  #fail(index: number, cause: NodeJS.ErrnoException): void {
    if (cause.code === 'EMSGSIZE') {
      this.#rejected.push({ index, error: new NephoscopeError('E8071', cause.message, { cause }) });
      return;
    }
    this.failed.push(index);
    this.errors++;
    this.failure = new NephoscopeError('E8072', `The kernel did not take a datagram: ${cause.message}`, {
      retry: 'transient',
      cause,
    });
  }

  #leave(start: number, length: number): void {
    for (let index = start; index < start + length; index += 1) this.failed.push(index);
    this.failure ??= new NephoscopeError('E8072', 'Sending was ended', { retry: 'transient' });
  }
}
