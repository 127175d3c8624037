import { NephoscopeError } from '../component/errors.ts';
import type { Credentials, ServiceAccess } from './credentials.ts';
import { createHttpClient, type HttpAnswer, type HttpClient, type HttpRequest, shownUrl } from './http.ts';
import {
  createKeystoneSession,
  findEndpoint,
  type KeystoneSession,
  type ServiceChoice,
  type Token,
  type TokenProject,
} from './keystone.ts';

export interface ServiceRequest {
  readonly method: HttpRequest['method'];
  /** Below the endpoint of the service, with its first `/`; may have a query. */
  readonly path: string;
  readonly body?: string;
  /** `application/json` unless given. */
  readonly contentType?: string;
  /** More headers; names in lower case. */
  readonly headers?: Readonly<Record<string, string>>;
}

/** An answer of a service: whatever its status, except those that say that we are not let in or it does not work. */
export interface ServiceAnswer {
  readonly status: number;
  /** What was answered, parsed; null when it is empty or no JSON. */
  json(): unknown;
}

/**
 * One service of the cloud, for any number of overlapping calls.
 *
 * A token that the service does not take is replaced once and the request repeated. All calls throw a transient
 * `NephoscopeError`: E8031 to E8034 from Keystone, E8035, E8036 and E8039 from the connection, E8037 when the service
 * does not take our credentials (401), E8038 when it cannot work now (429 and from 502 on), E8039 for a redirect.
 */
export interface ServiceClient {
  /** Rejects with a permanent `NephoscopeError` (E8035) when a file of the TLS settings cannot be read. */
  open(): Promise<void>;
  call(request: ServiceRequest, signal: AbortSignal): Promise<ServiceAnswer>;
  /** Asks Keystone instead of the service, below its /v3. Null when there is no Keystone. */
  askKeystone(path: string, signal: AbortSignal): Promise<ServiceAnswer | null>;
  /** The project we are logged in to; null when there is none. */
  project(signal: AbortSignal): Promise<TokenProject | null>;
  /** Where the service is, as far as it is known yet; for logs. */
  shownEndpoint(): string;
  /** Ends all connections. May be called twice. */
  close(): Promise<void>;
}

export interface ServiceClientOptions {
  readonly access: ServiceAccess;
  readonly service: { readonly type: string; readonly name: string | null };
  /** Of one request, where the access does not say it. */
  readonly timeoutMillis: number;
  /** How many requests at a time. */
  readonly connections: number;
}

/** Creates a client; touches nothing outside. */
export function createServiceClient(options: ServiceClientOptions): ServiceClient {
  const { access, service, connections } = options;
  const timeoutMillis = access.timeoutMillis ?? options.timeoutMillis;
  const http = createHttpClient({ tls: access.tls, timeoutMillis, connections });
  const choice = { ...service, interface: access.interface, region: access.region };
  return new Client(http, createGate(access.credentials, choice, http));
}

/** What a request needs to be let in. */
interface Pass {
  readonly endpoint: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly token: Token | null;
}

/** Gives passes, and takes back those that were refused. */
interface Gate {
  readonly keystoneUrl: string | null;
  pass(signal: AbortSignal): Promise<Pass>;
  /** For Keystone itself. */
  keystonePass(signal: AbortSignal): Promise<Pass>;
  refused(pass: Pass): void;
}

function createGate(credentials: Credentials, choice: ServiceChoice, http: HttpClient): Gate {
  if (credentials.kind === 'fixed') return fixedGate(credentials);
  return keystoneGate(credentials.authUrl, createKeystoneSession(credentials, http), choice);
}

function fixedGate({ endpoint, headers }: Extract<Credentials, { kind: 'fixed' }>): Gate {
  const shown = Object.entries(headers).map(([name, value]) => [name, value.reveal()] as const);
  const pass: Pass = { endpoint, headers: Object.fromEntries(shown), token: null };
  const passed = Promise.resolve(pass);
  return { keystoneUrl: null, pass: () => passed, keystonePass: () => passed, refused: () => {} };
}

function keystoneGate(url: string, session: KeystoneSession, choice: ServiceChoice): Gate {
  const passTo = async (endpointOf: (token: Token) => string, signal: AbortSignal): Promise<Pass> => {
    const token = await session.token(signal);
    return { endpoint: endpointOf(token), headers: { 'x-auth-token': token.secret.reveal() }, token };
  };
  return {
    keystoneUrl: url,
    pass: (signal) => passTo((token) => findEndpoint(token, choice), signal),
    keystonePass: (signal) => passTo(() => url, signal),
    refused: ({ token }) => {
      if (token !== null) session.forget(token);
    },
  };
}

class Client implements ServiceClient {
  readonly #http: HttpClient;
  readonly #gate: Gate;
  #endpoint = '(not known yet)';

  constructor(http: HttpClient, gate: Gate) {
    this.#http = http;
    this.#gate = gate;
  }

  async open(): Promise<void> {
    await this.#http.open();
  }

  async call(request: ServiceRequest, signal: AbortSignal): Promise<ServiceAnswer> {
    return await this.#send(request, () => this.#gate.pass(signal), signal);
  }

  async askKeystone(path: string, signal: AbortSignal): Promise<ServiceAnswer | null> {
    if (this.#gate.keystoneUrl === null) return null;
    return await this.#send({ method: 'GET', path }, () => this.#gate.keystonePass(signal), signal);
  }

  async project(signal: AbortSignal): Promise<TokenProject | null> {
    if (this.#gate.keystoneUrl === null) return null;
    return (await this.#gate.keystonePass(signal)).token?.project ?? null;
  }

  shownEndpoint(): string {
    return this.#endpoint;
  }

  async close(): Promise<void> {
    await this.#http.close();
  }

  async #send(
    request: ServiceRequest,
    pass: () => Promise<Pass>,
    signal: AbortSignal,
  ): Promise<ServiceAnswer> {
    const first = await pass();
    const answer = await this.#exchange(request, first, signal);
    if (answer.status !== 401) return checked(request, first, answer);
    this.#gate.refused(first);
    const second = first.token === null ? first : await pass();
    const again = first.token === null ? answer : await this.#exchange(request, second, signal);
    return checked(request, second, again);
  }

  async #exchange(request: ServiceRequest, pass: Pass, signal: AbortSignal): Promise<HttpAnswer> {
    this.#endpoint = shownUrl(pass.endpoint);
    const { method, path, body, contentType = 'application/json' } = request;
    const headers = {
      accept: 'application/json',
      ...(body === undefined ? {} : { 'content-type': contentType }),
      ...request.headers,
      ...pass.headers,
    };
    const url = pass.endpoint + path;
    return await this.#http.request(
      body === undefined ? { method, url, headers } : { method, url, headers, body },
      signal,
    );
  }
}

function checked(request: ServiceRequest, pass: Pass, answer: HttpAnswer): ServiceAnswer {
  const { status } = answer;
  const what = `${shownUrl(pass.endpoint + request.path)} answered ${status}`;
  const details = { retry: 'transient' } as const;
  if (status === 401) throw new NephoscopeError('E8037', `${what}: our credentials are not taken`, details);
  if (status === 429 || status >= 502) throw new NephoscopeError('E8038', what, details);
  if (status >= 300 && status < 400) {
    throw new NephoscopeError('E8039', `${what}: redirects are not followed`, details);
  }
  return { status, json: () => parseOrNull(answer.text) };
}

function parseOrNull(text: string): unknown {
  try {
    return text === '' ? null : JSON.parse(text);
  } catch {
    return null;
  }
}
