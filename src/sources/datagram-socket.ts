import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { isIPv6 } from 'node:net';
import { NephoscopeError, toError } from '../component/errors.ts';

/** Where to listen. The address is a literal IPv4 or IPv6 address; port 0 is any free one. */
export interface DatagramAddress {
  readonly address: string;
  readonly port: number;
}

export interface DatagramSocketParts extends DatagramAddress {
  /** What the kernel is asked to hold while nobody reads. It may give less. */
  readonly receiveBufferBytes: number;
  /** IPv4 senders to an IPv6 socket are given as IPv4. Called for one datagram after the other; must not throw. */
  readonly onDatagram: (datagram: Buffer, address: string) => void;
  /** The socket failed after it was opened; it is closed. */
  readonly onFailure: (error: NephoscopeError) => void;
}

/** An open socket. */
export interface DatagramSocket {
  readonly port: number;
  /** What the kernel gave, counted as it was asked for. */
  readonly receiveBufferBytes: number;
  /** Resolves when it is closed; safe to repeat. */
  close(): Promise<void>;
}

/**
 * Opens a UDP socket. Rejects with a transient `NephoscopeError` (E5041): an address may be free, or there, later.
 */
export async function openDatagramSocket(parts: DatagramSocketParts): Promise<DatagramSocket> {
  const socket = createSocket({
    type: isIPv6(parts.address) ? 'udp6' : 'udp4',
    recvBufferSize: parts.receiveBufferBytes,
  });
  await bind(socket, parts);
  socket.on('error', (error) => {
    socket.close();
    parts.onFailure(cannotListen(parts, error));
  });
  socket.on('message', (datagram, sender) => parts.onDatagram(datagram, addressOf(sender)));
  const closed = new Promise<void>((resolve) => socket.once('close', resolve));
  let isOpen = true;
  socket.once('close', () => {
    isOpen = false;
  });
  return {
    port: socket.address().port,
    receiveBufferBytes: grantedBytes(socket),
    close: () => {
      if (isOpen) socket.close();
      isOpen = false;
      return closed;
    },
  };
}

/** `address:port`, with brackets around IPv6. */
export function formatDatagramAddress({ address, port }: DatagramAddress): string {
  return `${isIPv6(address) ? `[${address}]` : address}:${port}`;
}

function bind(socket: Socket, parts: DatagramSocketParts): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const onError = (error: Error): void => {
    socket.close();
    reject(cannotListen(parts, error));
  };
  socket.once('error', onError);
  socket.bind({ address: parts.address, port: parts.port, exclusive: true }, () => {
    socket.removeListener('error', onError);
    resolve();
  });
  return promise;
}

/** Linux reserves and reports twice of what it grants, for its own bookkeeping. */
function grantedBytes(socket: Socket): number {
  const reported = socket.getRecvBufferSize();
  return process.platform === 'linux' ? reported / 2 : reported;
}

const MAPPED = '::ffff:';

function addressOf({ address, family }: RemoteInfo): string {
  return family === 'IPv6' && address.startsWith(MAPPED) && address.includes('.')
    ? address.slice(MAPPED.length)
    : address;
}

function cannotListen(address: DatagramAddress, thrown: unknown): NephoscopeError {
  const text = `UDP ${formatDatagramAddress(address)} cannot be listened to: ${toError(thrown).message}`;
  return new NephoscopeError('E5041', text, { retry: 'transient', cause: thrown });
}
