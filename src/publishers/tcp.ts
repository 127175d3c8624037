import type { ComponentStatus, Deadline } from '../component/component.ts';
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
import { TcpConnection } from './tcp-connection.ts';

/** A dead target must not hold up the start of the rest of the program. */
const START_WAIT_MILLIS = 3_000;

/**
 * `tcp://`: signed metering messages with the key `publisher_id` over one connection, each as msgpack behind its length in
 * eight bytes, little-endian (reference: samples-and-events.md section 5). The receiver never answers: a batch is taken
 * when the kernel took it and the connection still stood, so what lies in the buffers when a connection breaks may be
 * lost, and what was on the way when it broke is sent again. Neither encrypted nor authenticated but for the signatures.
 */
export const TCP_PUBLISHER: PublisherDefinition = {
  schemes: ['tcp'],
  summary:
    'Sends samples over a TCP connection. Nothing confirms that they arrived: when the target dies, what was in the buffers is lost.',
  form: 'tcp://HOST[:PORT]',
  examples: ['tcp://collector.example.org:4952'],
  parameters: [],
  samples: (url, context) => new TcpPublisher(url, context),
};

class TcpPublisher implements Publisher<Sample> {
  readonly name: string;
  readonly #context: PublisherContext;
  readonly #target: MeteringTarget;
  readonly #connections;
  #connection: TcpConnection | null = null;
  #isRunning = false;
  readonly #trouble = new TargetTrouble();

  constructor(url: PublisherUrl, context: PublisherContext) {
    this.name = context.name;
    this.#context = context;
    this.#target = readMeteringTarget(url, context);
    this.#connections = context.metrics
      .counter('nephoscope_tcp_connections_total', 'Connections opened to the target.', ['publisher'])
      .child(context.name);
  }

  /** Never rejects: a target that is not there yet is tried again with each batch. */
  async start(signal: AbortSignal): Promise<void> {
    this.#isRunning = true;
    const wait = AbortSignal.any([signal, AbortSignal.timeout(START_WAIT_MILLIS)]);
    await this.#open(wait).catch((thrown: unknown) => void this.#trouble.note(thrown));
  }

  async stop(deadline: Deadline): Promise<void> {
    this.#isRunning = false;
    const connection = this.#connection;
    this.#connection = null;
    this.#trouble.clear();
    await connection?.close(deadline.signal);
  }

  status(): ComponentStatus {
    return this.#trouble.status(this.#isRunning);
  }

  async publish(samples: readonly Sample[], signal: AbortSignal): Promise<PublishResult> {
    const { frames, rejected } = this.#encode(samples);
    try {
      const connection = await this.#open(signal);
      if (frames.length > 0) await connection.write(Buffer.concat(frames), signal);
    } catch (thrown) {
      this.#trouble.note(thrown);
      throw thrown;
    }
    this.#trouble.clear();
    return { accepted: samples.length - rejected.length, duplicates: [], rejected };
  }

  #encode(samples: readonly Sample[]): {
    readonly frames: readonly Buffer[];
    readonly rejected: Rejection[];
  } {
    const more = { publisher_id: this.#context.host };
    const frames: Buffer[] = [];
    const rejected: Rejection[] = [];
    for (const [index, sample] of samples.entries()) {
      try {
        const message = encodeSampleMessage(sample, this.#target.secret, more);
        frames.push(lengthOf(message), message);
      } catch (thrown) {
        if (!(thrown instanceof NephoscopeError)) throw thrown;
        rejected.push({ index, error: thrown });
      }
    }
    return { frames, rejected };
  }

  /** The connection as it stands, else a new one. */
  async #open(signal: AbortSignal): Promise<TcpConnection> {
    if (!this.#isRunning)
      throw new NephoscopeError('E8073', 'The publisher was stopped', { retry: 'transient' });
    const standing = this.#connection;
    if (standing !== null && !(await standing.isEnded())) return standing;
    const opened = await TcpConnection.open(this.#target.host, this.#target.port, signal);
    void opened.ended.then((error) => this.#ended(opened, error));
    if (!this.#isRunning) {
      await opened.close(AbortSignal.abort());
      throw new NephoscopeError('E8073', 'The publisher was stopped', { retry: 'transient' });
    }
    this.#connection = opened;
    this.#connections.add();
    this.#trouble.clear();
    return opened;
  }

  #ended(connection: TcpConnection, error: NephoscopeError): void {
    if (this.#connection !== connection) return;
    this.#connection = null;
    this.#trouble.note(error);
  }
}

function lengthOf(message: Buffer): Buffer {
  const length = Buffer.allocUnsafe(8);
  length.writeBigUInt64LE(BigInt(message.length));
  return length;
}
