import { createSocket, type Socket } from 'node:dgram';
import { lookup } from 'node:dns/promises';
import { NephoscopeError, toError } from '../component/errors.ts';

/** Where datagrams go: one address of a host. */
interface UdpAddress {
  readonly address: string;
  readonly family: number;
}

/** What became of one datagram: the kernel took it, or why not. */
type SendOutcome = NodeJS.ErrnoException | null;

/**
 * The addresses of a host, those of IPv6 first as in the original.
 * Rejects with a transient `NephoscopeError` (E8070) when there is none.
 */
export async function resolveUdpHost(host: string): Promise<readonly UdpAddress[]> {
  try {
    const found = await lookup(host, { all: true, order: 'verbatim' });
    return found.toSorted((a, b) => b.family - a.family);
  } catch (cause) {
    const { code = 'unknown error' } = toError(cause) as NodeJS.ErrnoException;
    const text = `Host ${JSON.stringify(host)} cannot be resolved: ${code}`;
    throw new NephoscopeError('E8070', text, { retry: 'transient', cause });
  }
}

/**
 * A socket that sends to one address. It is connected, so that the kernel tells when nobody listens there: then an ICMP
 * message came back, which need not be about the last datagram and may never come.
 */
export class UdpSocket {
  readonly address: string;
  readonly #socket: Socket;
  readonly #onRefused: () => void;

  private constructor({ address, family }: UdpAddress, onRefused: () => void) {
    this.address = address;
    this.#onRefused = onRefused;
    this.#socket = createSocket({
      type: family === 6 ? 'udp6' : 'udp4',
      // It is an address already; the usual look-up would cost a turn of the event loop for each datagram.
      lookup: (_host, _options, callback) => callback(null, address, family),
    });
  }

  /** Connected to the first of `addresses` that has a route. Rejects with a transient `NephoscopeError` (E8072). */
  static async open(
    addresses: readonly UdpAddress[],
    port: number,
    onRefused: () => void,
  ): Promise<UdpSocket> {
    let failure: unknown;
    for (const each of addresses) {
      const socket = new UdpSocket(each, onRefused);
      try {
        await socket.#connect(port);
        return socket;
      } catch (thrown) {
        socket.close();
        failure ??= thrown;
      }
    }
    const text = `No datagram can be sent to any address of the host: ${toError(failure).message}`;
    throw new NephoscopeError('E8072', text, { retry: 'transient', cause: failure });
  }

  /** Resolves with null when the kernel took it. A refusal that came back for an earlier one is told and not given. */
  async send(datagram: Buffer): Promise<SendOutcome> {
    const outcome = await this.#sendOnce(datagram);
    if (outcome?.code !== 'ECONNREFUSED') return outcome;
    // The kernel told of an earlier datagram instead of sending this one.
    this.#onRefused();
    return this.#sendOnce(datagram);
  }

  close(): void {
    try {
      this.#socket.close();
    } catch {
      // It was closed before.
    }
  }

  #sendOnce(datagram: Buffer): Promise<SendOutcome> {
    return new Promise((resolve) => {
      try {
        this.#socket.send(datagram, (error) => resolve(error));
      } catch (thrown) {
        resolve(toError(thrown));
      }
    });
  }

  #connect(port: number): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#socket.on('error', (error: NodeJS.ErrnoException) => {
        if (error.code === 'ECONNREFUSED') this.#onRefused();
        reject(error);
      });
      this.#socket.once('connect', resolve);
      this.#socket.connect(port, this.address);
    });
  }
}
