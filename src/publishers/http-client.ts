import type { buildConnector, Dispatcher, Pool } from 'undici';
import type { Deadline } from '../component/component.ts';
import type { Secret } from '../config/option.ts';
import type { Logger } from '../observe/logger.ts';
import { exchangeError, type HttpAnswer, HttpError } from './http-errors.ts';
import { readTlsMaterial, type TlsMaterial, type TlsSettings } from './http-tls.ts';

/** Whom a client talks to and how long it waits. */
export interface HttpClientSettings {
  /** `http://host:port` or `https://host:port`, without anything behind it. Requests go there and nowhere else. */
  readonly origin: string;
  /** The target as errors and the log name it: no user, no password, no query. */
  readonly shown: string;
  /** Value of the header `Authorization`, sent with every request. */
  readonly authorization: Secret | null;
  /** The most connections, which is the most requests on the way; more requests wait in order. */
  readonly connections: number;
  /** How long making a connection (with TLS) may take. */
  readonly connectTimeoutMillis: number;
  /** How long the target may be silent: until its answer begins and between two pieces of it. */
  readonly answerTimeoutMillis: number;
  /** How long one request may take in all, waiting for a connection included. */
  readonly totalTimeoutMillis: number;
  readonly tls: TlsSettings;
  /** What is read of an answer; 64 KiB. The rest is thrown away with the connection. */
  readonly maxAnswerBytes?: number;
}

export interface HttpRequest {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** Path with query, percent-encoded, beginning with `/`. */
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array;
}

/**
 * A keep-alive HTTP/1.1 client for one origin, shared by everything that publishes over HTTP.
 *
 * One request is one try: nothing is repeated and no redirect is followed, so credentials never go anywhere else.
 * Connections are kept and reused. Certificate files are read again for each new connection, so renewed ones need no
 * restart. Safe for concurrent use between `start` and `stop`.
 */
export interface HttpClient {
  /**
   * Loads what is needed and reads the certificate files; connects to nothing. Rejects with a permanent
   * `NephoscopeError` (E8017) when one of them cannot be used. Warns when certificates are not verified. May be
   * called again, also after `stop`.
   */
  start(): Promise<void>;
  /**
   * Resolves with the answer, whatever its status (see `refusal`). Rejects with a transient `HttpError`: E8010 not
   * reachable or broken off, E8011 too slow or `signal` fired, E8015 no HTTP, E8016 TLS, E8017 files.
   */
  request(request: HttpRequest, signal: AbortSignal): Promise<HttpAnswer>;
  /** Lets requests on the way end until the deadline, then breaks them off. Safe at any time, and twice. */
  stop(deadline: Deadline): Promise<void>;
}

const DEFAULT_MAX_ANSWER_BYTES = 64 * 1024;

/** Makes a client; touches nothing outside. The exports of this file and of `http-errors.ts` are kept stable. */
export function createHttpClient(settings: HttpClientSettings, log: Logger): HttpClient {
  return new PooledHttpClient(settings, log);
}

class PooledHttpClient implements HttpClient {
  readonly #settings: HttpClientSettings;
  readonly #log: Logger;
  #pool: Pool | null = null;
  #starting: Promise<void> | null = null;

  constructor(settings: HttpClientSettings, log: Logger) {
    this.#settings = settings;
    this.#log = log;
  }

  async start(): Promise<void> {
    if (this.#pool !== null) return;
    this.#starting ??= this.#open().finally(() => {
      this.#starting = null;
    });
    await this.#starting;
  }

  async request(request: HttpRequest, signal: AbortSignal): Promise<HttpAnswer> {
    const { shown, totalTimeoutMillis, answerTimeoutMillis, authorization } = this.#settings;
    if (this.#pool === null)
      throw new HttpError('E8010', `Not connected to ${shown}`, { retry: 'transient' });
    using limit = limitOf(signal, totalTimeoutMillis, shown);
    try {
      const response = await this.#pool.request({
        method: request.method,
        path: request.path,
        headers: {
          'user-agent': 'nephoscope',
          ...(authorization === null ? {} : { authorization: authorization.reveal() }),
          ...request.headers,
        },
        body: request.body ?? null,
        signal: limit.signal,
        headersTimeout: answerTimeoutMillis,
        bodyTimeout: answerTimeoutMillis,
      });
      return await readAnswer(response, this.#settings.maxAnswerBytes ?? DEFAULT_MAX_ANSWER_BYTES);
    } catch (thrown) {
      throw limit.signal.aborted ? limit.signal.reason : exchangeError(thrown, shown);
    }
  }

  async stop({ signal }: Deadline): Promise<void> {
    await this.#starting?.catch(() => {});
    const pool = this.#pool;
    this.#pool = null;
    if (pool === null) return;
    const giveUp = (): void => void pool.destroy().catch(() => {});
    if (signal.aborted) giveUp();
    signal.addEventListener('abort', giveUp, { once: true });
    // Closing reports that it was cut short; what was under way has said so itself.
    await pool.close().catch(() => {});
    signal.removeEventListener('abort', giveUp);
  }

  async #open(): Promise<void> {
    const { origin, tls, connections } = this.#settings;
    const undici = await import('undici');
    const isTls = origin.startsWith('https:');
    const material = isTls ? await readTlsMaterial(tls) : null;
    if (isTls && !tls.verify) this.#log.warn({ origin }, 'Certificates of the target are not verified');
    const connect = this.#connector(undici.buildConnector, material);
    this.#pool = new undici.Pool(origin, { connections, pipelining: 1, allowH2: false, connect });
  }

  /** Makes connections with the files as they are at that moment. */
  #connector(build: typeof buildConnector, first: TlsMaterial | null): buildConnector.connector {
    const timeout = this.#settings.connectTimeoutMillis;
    const connectorOf = (tls: TlsMaterial | null): buildConnector.connector =>
      build({ timeout, allowH2: false, ...(tls as buildConnector.BuildOptions | null) });
    let connector = connectorOf(first);
    if (first === null) return connector;
    let known = JSON.stringify(first);
    const renew = async (): Promise<buildConnector.connector> => {
      const material = await readTlsMaterial(this.#settings.tls);
      const text = JSON.stringify(material);
      if (text !== known) connector = connectorOf(material);
      known = text;
      return connector;
    };
    return (options, callback) => {
      renew().then(
        (current) => current(options, callback),
        (thrown: Error) => callback(thrown, null),
      );
    };
  }
}

/** Fires with a reason of our own when the caller gives up or the time is over; leaves nothing behind. */
function limitOf(
  signal: AbortSignal,
  millis: number,
  shown: string,
): { readonly signal: AbortSignal } & Disposable {
  const controller = new AbortController();
  const end = (why: string): void =>
    controller.abort(new HttpError('E8011', `${shown} does not answer: ${why}`, { retry: 'transient' }));
  const giveUp = (): void => end('no longer waited for');
  if (signal.aborted) giveUp();
  signal.addEventListener('abort', giveUp, { once: true });
  const timer = setTimeout(() => end(`nothing after ${millis} ms`), millis);
  return {
    signal: controller.signal,
    [Symbol.dispose]: () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', giveUp);
    },
  };
}

async function readAnswer(response: Dispatcher.ResponseData, maxBytes: number): Promise<HttpAnswer> {
  const { statusCode: status, headers, body } = response;
  // Cutting a long body short makes it report that; an error nobody listens to would end the process.
  body.on('error', () => {});
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of body as AsyncIterable<Buffer>) {
    chunks.push(chunk.subarray(0, maxBytes - bytes));
    bytes += chunk.length;
    if (bytes > maxBytes) break;
  }
  return {
    status,
    text: Buffer.concat(chunks).toString(),
    isTruncated: bytes > maxBytes,
    header: (name) => {
      const value = headers[name];
      return typeof value === 'string' ? value : value?.[0];
    },
  };
}
