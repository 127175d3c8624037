import type { ComponentStatus } from '../component/component.ts';
import { NephoscopeError } from '../component/errors.ts';
import { Secret } from '../config/option.ts';
import { createHttpClient, type HttpClient } from './http-client.ts';
import { type HttpAnswer, refusal } from './http-errors.ts';
import { MAX_PARALLEL_REQUESTS } from './http-options.ts';
import { tlsSettings } from './http-tls.ts';
import type {
  Publisher,
  PublisherContext,
  PublisherDefinition,
  PublisherUrl,
  UrlParameter,
} from './publisher.ts';

const TIMEOUT: UrlParameter<'float', number> = {
  name: 'timeout',
  isAboutTheWay: true,
  type: 'float',
  default: 5,
  min: 0.1,
  max: 3_600,
  unit: 'seconds',
  doc: 'How long connecting may take, and how long the target may be silent; one request takes at most twice as long.',
};
const MAX_RETRIES: UrlParameter<'integer', number> = {
  name: 'max_retries',
  isAboutTheWay: true,
  type: 'integer',
  default: 2,
  min: 0,
  doc: 'Accepted for older files, without effect: delivery sends everything again that was not taken.',
};
const VERIFY_SSL: UrlParameter<'text', string> = {
  name: 'verify_ssl',
  isAboutTheWay: true,
  type: 'text',
  default: 'True',
  doc: 'Whether the certificate of the target is verified, or a PEM file or directory of the authorities to trust.',
};
const CLIENT_CERT: UrlParameter<'text', null> = {
  name: 'clientcert',
  isAboutTheWay: true,
  type: 'text',
  default: null,
  doc: 'PEM file of the certificate to show to the target. Read again for each new connection.',
};
const CLIENT_KEY: UrlParameter<'text', null> = {
  name: 'clientkey',
  isAboutTheWay: true,
  type: 'text',
  default: null,
  doc: 'PEM file of the key of clientcert, unless it stands in the same file.',
};

/** What the URL of every publisher over HTTP may hold. */
const HTTP_PARAMETERS: readonly UrlParameter[] = [TIMEOUT, MAX_RETRIES, VERIFY_SSL, CLIENT_CERT, CLIENT_KEY];

const SSL: UrlParameter<'boolean', boolean> = {
  name: 'ssl',
  isAboutTheWay: true,
  type: 'boolean',
  default: false,
  doc: 'Whether the target is spoken to over TLS.',
};

/** Time in which one attempt may begin further requests. */
const WORK_MILLIS = 25_000;

/** What the definitions of all publishers over HTTP say: one attempt is time for many requests, and for the last to end. */
export const OVER_HTTP = {
  parameters: HTTP_PARAMETERS,
  passesQueryOn: true,
  delivery: { attemptTimeoutMillis: (url) => WORK_MILLIS + requestMillis(url) + 1_000 },
} satisfies Partial<PublisherDefinition>;

/** As `OVER_HTTP`, for schemes that do not say whether they mean TLS. */
export const OVER_HTTP_OR_TLS = {
  ...OVER_HTTP,
  parameters: [SSL, ...HTTP_PARAMETERS],
} satisfies Partial<PublisherDefinition>;

function requestMillis(url: PublisherUrl): number {
  return Math.round(url.get(TIMEOUT) * 2_000);
}

/** Where a publisher posts to. */
export interface HttpTarget {
  /** As it may be shown. */
  readonly shown: string;
  /** Percent-encoded, beginning with `/`. */
  readonly path: string;
  /** What of the query belongs to the target, with its `?`; empty when there is none. */
  readonly query: string;
  /** The most requests on the way. */
  readonly connections: number;
  readonly client: HttpClient;
  /** Posts to `path` and `query`, or to `path` when given. Rejects with an `HttpError` unless the answer is 2xx. */
  post(request: PostRequest, signal: AbortSignal): Promise<HttpAnswer>;
  /** When an attempt that begins now must begin no further request; as `performance.now()`. */
  workUntil(): number;
}

export interface PostRequest {
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | Uint8Array;
  readonly path?: string;
}

/**
 * The target a publisher's URL names, with its client; touches nothing outside. Throws a permanent `NephoscopeError`
 * (E1113) when there can be no such target. `isTls` is what the parameter `ssl` says unless given. With `usualPath` the
 * URL must have a path: services of that kind have nothing at `/`.
 */
export function createHttpTarget(
  url: PublisherUrl,
  context: PublisherContext,
  { isTls = url.get(SSL), usualPath }: { readonly isTls?: boolean; readonly usualPath?: string },
): HttpTarget {
  if (usualPath !== undefined && /^\/*$/.test(url.path))
    throw badUrl(`it has no path; the usual one is ${usualPath}`);
  const { origin, pathname: path } = placeOf(url, isTls);
  const { shown } = url;
  const login = loginOf(url);
  const secrets = [url.password?.reveal() ?? '', login?.reveal().slice('Basic '.length) ?? ''];
  const query = url.rest.length === 0 ? '' : `?${new URLSearchParams(url.rest.map(([...pair]) => pair))}`;
  const connections = context.config.get(MAX_PARALLEL_REQUESTS);
  const tls = tlsOf(url);
  if (isTls) showUnverified(context, !tls.verify);
  const settings = { origin, shown, authorization: login, connections, ...timesOf(url), tls };
  const client = createHttpClient(settings, context.log);
  return {
    shown,
    path,
    query,
    connections,
    client,
    post: async ({ headers, body, path: other = path + query }, signal) => {
      const answer = await client.request({ method: 'POST', path: other, headers, body }, signal);
      const error = refusal(answer, shown, secrets);
      if (error !== null) throw error;
      return answer;
    },
    workUntil: () => performance.now() + WORK_MILLIS,
  };
}

function timesOf(url: PublisherUrl) {
  const millis = Math.round(url.get(TIMEOUT) * 1_000);
  return {
    connectTimeoutMillis: millis,
    answerTimeoutMillis: millis,
    totalTimeoutMillis: requestMillis(url),
  };
}

function showUnverified({ metrics, name }: PublisherContext, isUnverified: boolean): void {
  metrics
    .gauge(
      'nephoscope_http_publisher_tls_unverified',
      'Whether verify_ssl is off, so that any machine in between may pose as the target.',
      ['publisher'],
    )
    .child(name)
    .set(isUnverified ? 1 : 0);
}

/** A publisher with the life of its target's connections. */
export function createHttpPublisher<Item>(
  { client }: Pick<HttpTarget, 'client'>,
  name: string,
  publish: Publisher<Item>['publish'],
): Publisher<Item> {
  let status: ComponentStatus = { state: 'stopped', reason: 'not started' };
  let stops = 0;
  return {
    name,
    start: async () => {
      const stopsBefore = stops;
      await client.start();
      if (stops === stopsBefore) status = { state: 'ok' };
    },
    stop: async (deadline) => {
      stops++;
      status = { state: 'stopped', reason: 'stopped' };
      await client.stop(deadline);
    },
    status: () => status,
    publish,
  };
}

function placeOf({ host, port, path }: PublisherUrl, isTls: boolean): URL {
  if (host === null) throw badUrl('it names no host');
  const address = host.includes(':') ? `[${host}]` : host;
  const text = `${isTls ? 'https' : 'http'}://${address}${port === null ? '' : `:${port}`}${path}`;
  try {
    return new URL(text);
  } catch (cause) {
    throw badUrl('its host is not the name or address of a machine', cause);
  }
}

function loginOf({ username, password }: PublisherUrl): Secret | null {
  if (username === null) return null;
  const login = Buffer.from(`${username}:${password?.reveal() ?? ''}`).toString('base64');
  return new Secret(`Basic ${login}`);
}

function tlsOf(url: PublisherUrl): ReturnType<typeof tlsSettings> {
  const [cert, key] = [url.get(CLIENT_CERT), url.get(CLIENT_KEY)];
  if (key !== null && cert === null) throw badUrl('clientkey is given without clientcert');
  return tlsSettings(url.get(VERIFY_SSL), cert, key);
}

function badUrl(why: string, cause?: unknown): NephoscopeError {
  return new NephoscopeError('E1113', `Bad publisher URL: ${why}`, { cause });
}
