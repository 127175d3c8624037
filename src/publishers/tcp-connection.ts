import { connect, type Socket } from 'node:net';
import { setImmediate as turn } from 'node:timers/promises';
import { NephoscopeError, toError } from '../component/errors.ts';
import { whenAborted } from '../lib/when-aborted.ts';

/** A target that neither answers nor is there is noticed after some minutes at the latest. */
const KEEP_ALIVE_MILLIS = 30_000;
/** One that never closes its side is not waited for. */
const GOODBYE_MILLIS = 1_000;

/**
 * A connection that bytes are written to and nothing is read from. Its end is noticed by itself; then it is of no use any
 * more and another one is to be opened.
 */
export class TcpConnection {
  /** Resolves with the reason when the connection has ended. */
  readonly ended: Promise<NephoscopeError>;
  readonly #socket: Socket;
  readonly #peer: string;
  readonly #settle: (error: NephoscopeError) => void;
  #end: NephoscopeError | null = null;

  private constructor(socket: Socket, peer: string) {
    this.#socket = socket;
    this.#peer = peer;
    const { promise, resolve } = Promise.withResolvers<NephoscopeError>();
    this.ended = promise;
    this.#settle = resolve;
    socket.on('error', (error) => this.#note(error));
    for (const event of ['end', 'close']) socket.on(event, () => this.#note(new Error('it was closed')));
    // What the target says is not understood, but unread it would hide the end.
    socket.resume();
    if (socket.destroyed) this.#note(new Error('it was closed'));
  }

  /**
   * Opens one; to whichever address of the host answers first. `signal` ends waiting.
   * Rejects with a transient `NephoscopeError` (E8073).
   */
  static async open(host: string, port: number, signal: AbortSignal): Promise<TcpConnection> {
    const peer = `${host} port ${port}`;
    const socket = connect({
      host,
      port,
      noDelay: true,
      keepAlive: true,
      keepAliveInitialDelay: KEEP_ALIVE_MILLIS,
    });
    try {
      await connected(socket, signal);
    } catch (cause) {
      socket.destroy();
      const text = `No connection to ${peer}: ${reasonOf(cause)}`;
      throw new NephoscopeError('E8073', text, { retry: 'transient', cause });
    }
    return new TcpConnection(socket, peer);
  }

  /** Whether it has ended. Lets an end that was reported to this machine already be noticed first. */
  async isEnded(): Promise<boolean> {
    await turn();
    return this.#end !== null;
  }

  /**
   * Resolves when the kernel has taken all of `bytes` and the connection still stood then. Nobody says whether the
   * target read them. Rejects with a transient `NephoscopeError` (E8074) when it ended or `signal` fired; it is then
   * closed, for part of the bytes may be on their way.
   */
  async write(bytes: Buffer, signal: AbortSignal): Promise<void> {
    const giveUp = (): void => {
      this.#socket.destroy(new Error(`${this.#peer} did not take it in time`));
    };
    signal.addEventListener('abort', giveUp, { once: true });
    if (signal.aborted) giveUp();
    try {
      await Promise.race([this.#written(bytes), this.ended]);
      if (await this.isEnded()) throw this.#end;
    } finally {
      signal.removeEventListener('abort', giveUp);
    }
  }

  /**
   * Says good-bye after what was written, and waits a moment for the target to do the same: then it has read everything.
   * Never rejects; `signal` ends waiting.
   */
  async close(signal: AbortSignal): Promise<void> {
    if (this.#end === null && !signal.aborted) {
      this.#socket.end();
      await Promise.race([
        this.ended,
        whenAborted(AbortSignal.any([signal, AbortSignal.timeout(GOODBYE_MILLIS)])),
      ]);
    }
    this.#socket.destroy();
  }

  /** Resolves in any case; a failure is one of the connection and comes as its end. */
  #written(bytes: Buffer): Promise<void> {
    return new Promise((resolve) => {
      this.#socket.write(bytes, (error) => {
        if (error) this.#note(error);
        resolve();
      });
    });
  }

  #note(cause: Error): void {
    if (this.#end !== null) return;
    const text = `The connection to ${this.#peer} was lost: ${cause.message}`;
    this.#end = new NephoscopeError('E8074', text, { retry: 'transient', cause });
    this.#socket.destroy();
    this.#settle(this.#end);
  }
}

function connected(socket: Socket, signal: AbortSignal): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const giveUp = (): void => reject(new Error('it does not answer'));
  socket.once('connect', resolve);
  socket.once('error', reject);
  signal.addEventListener('abort', giveUp, { once: true });
  if (signal.aborted) giveUp();
  return promise.finally(() => {
    socket.off('error', reject);
    // One that fails later is destroyed already.
    socket.on('error', () => {});
    signal.removeEventListener('abort', giveUp);
  });
}

/** With several addresses the reasons are inside of the error. */
function reasonOf(cause: unknown): string {
  const errors = cause instanceof AggregateError ? cause.errors : [cause];
  return errors.map((error) => toError(error).message).join('; ');
}
