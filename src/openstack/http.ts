import { readFile } from 'node:fs/promises';
import type { Agent, Dispatcher } from 'undici';
import { NephoscopeError, toError } from '../component/errors.ts';
import type { TlsSettings } from './credentials.ts';

export interface HttpClientOptions {
  readonly tls: TlsSettings;
  /** How long one request may take, connecting and reading the answer included. */
  readonly timeoutMillis: number;
  /** How many connections to one server, and so how many requests at a time. */
  readonly connections: number;
}

export interface HttpRequest {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH';
  /** An absolute http or https address. Shown in errors without its query. */
  readonly url: string;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
}

export interface HttpAnswer {
  readonly status: number;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  readonly text: string;
}

/** A client of HTTP services for any number of overlapping requests; connections are kept. */
export interface HttpClient {
  /**
   * Reads the files of the TLS settings; connects to nothing. Rejects with a permanent `NephoscopeError` (E8035) when
   * one cannot be read. May be called again; `request` calls it by itself.
   */
  open(): Promise<void>;
  /**
   * One request and its whole answer, whatever its status; redirects are not followed. Throws a transient
   * `NephoscopeError`: E8036 when the server cannot be reached or does not answer in time or `signal` fires, E8035
   * when TLS fails, E8039 when the answer is larger than 16 MiB.
   */
  request(request: HttpRequest, signal: AbortSignal): Promise<HttpAnswer>;
  /** Ends all connections, at once. May be called twice. */
  close(): Promise<void>;
}

const MAX_ANSWER_BYTES = 16 * 1024 * 1024;

/** Makes a client; touches nothing outside. */
export function createHttpClient(options: HttpClientOptions): HttpClient {
  return new PooledClient(options);
}

class PooledClient implements HttpClient {
  readonly #options: HttpClientOptions;
  #agent: Promise<Agent> | null = null;

  constructor(options: HttpClientOptions) {
    this.#options = options;
  }

  async open(): Promise<void> {
    await this.#opened();
  }

  async request(request: HttpRequest, signal: AbortSignal): Promise<HttpAnswer> {
    const limit = AbortSignal.any([signal, AbortSignal.timeout(this.#options.timeoutMillis)]);
    const agent = await this.#opened();
    try {
      return await exchange(agent, request, limit);
    } catch (thrown) {
      throw failure(thrown, request, signal, this.#options.timeoutMillis);
    }
  }

  async close(): Promise<void> {
    const agent = await this.#agent?.catch(() => null);
    this.#agent = null;
    // Closing reports what it cut short; that has said so itself.
    await agent?.destroy().catch(() => {});
  }

  #opened(): Promise<Agent> {
    this.#agent ??= openAgent(this.#options).catch((thrown) => {
      this.#agent = null;
      throw thrown;
    });
    return this.#agent;
  }
}

async function openAgent({ tls, connections, timeoutMillis }: HttpClientOptions): Promise<Agent> {
  // Loaded only where it is used: it would take a third of the time that `--help` may take.
  const [undici, material] = await Promise.all([import('undici'), readTls(tls)]);
  return new undici.Agent({
    connections,
    // The limit is one for the whole request.
    headersTimeout: 0,
    bodyTimeout: 0,
    connect: { ...material, timeout: timeoutMillis },
  });
}

/** A connection that lay idle may have been closed by the server just when it was used again: then once more. */
async function exchange(agent: Agent, request: HttpRequest, signal: AbortSignal): Promise<HttpAnswer> {
  try {
    return await exchangeOnce(agent, request, signal);
  } catch (thrown) {
    if (!isClosed(thrown) || signal.aborted) throw thrown;
    return await exchangeOnce(agent, request, signal);
  }
}

async function exchangeOnce(agent: Agent, request: HttpRequest, signal: AbortSignal): Promise<HttpAnswer> {
  const { origin, pathname, search } = new URL(request.url);
  const answer = await agent.request({
    origin,
    path: pathname + search,
    method: request.method,
    headers: request.headers,
    body: request.body ?? null,
    signal,
  });
  return { status: answer.statusCode, headers: answer.headers, text: await readBounded(answer, request) };
}

async function readBounded(answer: Dispatcher.ResponseData, request: HttpRequest): Promise<string> {
  const chunks: Buffer[] = [];
  let total = 0;
  for await (const chunk of answer.body as AsyncIterable<Buffer>) {
    total += chunk.length;
    if (total > MAX_ANSWER_BYTES) {
      throw new NephoscopeError('E8039', `${shownUrl(request.url)} answered with more than 16 MiB`, {
        retry: 'transient',
      });
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

async function readTls(tls: TlsSettings): Promise<Record<string, unknown>> {
  const cert = tls.certFile === null ? undefined : await readPem(tls.certFile);
  const key = tls.keyFile === null ? cert : await readPem(tls.keyFile);
  return {
    rejectUnauthorized: !tls.insecure,
    ...(tls.caFile === null ? {} : { ca: await readPem(tls.caFile) }),
    ...(cert === undefined ? {} : { cert, key }),
  };
}

async function readPem(file: string): Promise<Buffer> {
  try {
    return await readFile(file);
  } catch (cause) {
    throw new NephoscopeError('E8035', `${file} cannot be read: ${toError(cause).message}`, { cause });
  }
}

function isClosed(thrown: unknown): boolean {
  const code = codeOf(thrown);
  return code === 'UND_ERR_SOCKET' || code === 'ECONNRESET' || code === 'EPIPE';
}

/** Whether a request failed because its time was over, and not because the caller gave up. */
export function wasTooSlow(error: NephoscopeError): boolean {
  return error.code === 'E8036' && error.cause instanceof Error && error.cause.name === 'TimeoutError';
}

/** Whether a request failed because the server, which took the connection, closed it instead of answering, twice. */
export function wasClosedByServer(error: NephoscopeError): boolean {
  return error.code === 'E8036' && isClosed(error.cause);
}

function codeOf(thrown: unknown): string {
  return thrown instanceof Error && 'code' in thrown ? String(thrown.code) : '';
}

function failure(
  thrown: unknown,
  request: HttpRequest,
  signal: AbortSignal,
  timeoutMillis: number,
): NephoscopeError {
  if (thrown instanceof NephoscopeError) return thrown;
  const where = shownUrl(request.url);
  const details = { retry: 'transient', cause: thrown } as const;
  if (signal.aborted) return new NephoscopeError('E8036', `The request to ${where} was given up`, details);
  const { name, message } = toError(thrown);
  if (name === 'TimeoutError' || codeOf(thrown) === 'UND_ERR_CONNECT_TIMEOUT') {
    return new NephoscopeError('E8036', `${where} did not answer within ${timeoutMillis / 1000} s`, details);
  }
  if (isTlsFailure(codeOf(thrown))) {
    return new NephoscopeError('E8035', `TLS with ${where} failed: ${message}`, details);
  }
  return new NephoscopeError('E8036', `${where} cannot be reached: ${message || codeOf(thrown)}`, details);
}

function isTlsFailure(code: string): boolean {
  return /^(?:ERR_TLS|ERR_SSL|ERR_OSSL|CERT_|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO_|HOSTNAME_MISMATCH|EPROTO)/.test(
    code,
  );
}

/** An address for people: without user, password and query. */
export function shownUrl(url: string): string {
  if (!URL.canParse(url)) return '(no address)';
  const { origin, pathname } = new URL(url);
  return origin + pathname;
}
