import { readFile } from 'node:fs/promises';
import { isIP } from 'node:net';
import type { ChannelModel, Options, SocketOptions } from 'amqplib';
import { NephoscopeError, toError } from '../component/errors.ts';
import { connectError } from './broker-error.ts';
import type { RabbitSettings, TlsSettings } from './rabbit-settings.ts';
import { type BrokerHost, formatHost } from './transport-url.ts';

export interface DialRequest {
  readonly host: BrokerHost;
  readonly vhost: string;
  readonly settings: RabbitSettings;
  /** What the broker shows as the name of the connection. */
  readonly connectionName: string;
}

/** An open connection and the way to end it without asking the broker. */
export interface Line {
  readonly model: ChannelModel;
  readonly peer: string;
  /** Destroys the socket at once; the connection then reports its close. Safe to repeat. */
  kill(): void;
}

const CONNECT_TIMEOUT_MILLIS = 10_000;
const DEFAULT_LOGIN = 'guest';

/**
 * Connects to one host and logs in; takes 10 seconds at most.
 * Rejects with a transient `NephoscopeError` (E2002 to E2005, E2015), also when `signal` fires.
 */
export async function dial(request: DialRequest, signal: AbortSignal): Promise<Line> {
  const { host, vhost } = request;
  const peer = formatHost(host);
  const username = host.username || DEFAULT_LOGIN;
  const killer = new AbortController();
  const kill = (): void => killer.abort();
  signal.addEventListener('abort', kill, { once: true });
  try {
    // Loaded when the first broker is called: who uses none should not pay its memory.
    const { connect, credentials } = await import('amqplib');
    const options = await socketOptions(request, username, credentials, killer.signal);
    // A socket made with a signal that has fired already would connect all the same, and nothing could end it.
    signal.throwIfAborted();
    const model = await connect(connectOptions(request), options);
    return { model, peer, kill };
  } catch (thrown) {
    kill();
    throw connectError(thrown, { peer, vhost, username });
  } finally {
    signal.removeEventListener('abort', kill);
  }
}

function connectOptions({ host, vhost, settings }: DialRequest): Options.Connect {
  return {
    protocol: settings.tls === null ? 'amqp' : 'amqps',
    hostname: host.host,
    port: host.port,
    // The library decodes it once more.
    vhost: encodeURIComponent(vhost),
    heartbeat: settings.heartbeatSeconds,
  };
}

/** The `signal` is not in the library's types, but everything given here reaches the socket. */
async function socketOptions(
  { host, settings, connectionName }: DialRequest,
  username: string,
  credentials: Credentials,
  signal: AbortSignal,
): Promise<SocketOptions & { readonly signal: AbortSignal }> {
  return {
    ...(settings.tls === null ? {} : await tlsOptions(settings.tls, host.host)),
    credentials: login(credentials, settings.loginMethod, username, host.password?.reveal() || DEFAULT_LOGIN),
    clientProperties: { connection_name: connectionName, product: 'nephoscope' },
    noDelay: true,
    keepAlive: true,
    timeout: CONNECT_TIMEOUT_MILLIS,
    signal,
  };
}

type Credentials = typeof import('amqplib').credentials;

function login(
  credentials: Credentials,
  method: string,
  username: string,
  password: string,
): NonNullable<SocketOptions['credentials']> {
  if (method === 'EXTERNAL') return credentials.external();
  return method === 'PLAIN'
    ? credentials.plain(username, password)
    : credentials.amqplain(username, password);
}

async function tlsOptions(tls: TlsSettings, host: string): Promise<SocketOptions> {
  const [ca, cert, key] = await Promise.all([tls.caFile, tls.certFile, tls.keyFile].map(readTlsFile));
  return {
    rejectUnauthorized: tls.verify,
    ...(tls.verifyHostname ? {} : { checkServerIdentity: () => undefined }),
    ...(isIP(host) ? {} : { servername: host }),
    ...(ca === undefined ? {} : { ca }),
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
  };
}

async function readTlsFile(path: string | null): Promise<Buffer | undefined> {
  if (path === null) return undefined;
  try {
    return await readFile(path);
  } catch (thrown) {
    throw new NephoscopeError('E2015', `TLS file cannot be read: ${toError(thrown).message}`, {
      retry: 'transient',
      cause: thrown,
    });
  }
}
