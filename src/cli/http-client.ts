import { NephoscopeError, toError } from '../component/errors.ts';
import { parseExact } from '../lib/exact-json.ts';
import { isJsonObject, type JsonValue } from '../model/json.ts';

/** A request to the API as the command line makes it: shown with `--show-request`, sent by the client. */
export interface ApiCall {
  readonly method: 'GET' | 'POST' | 'DELETE';
  /** Begins with a slash; its variable parts are encoded. */
  readonly path: string;
  /** In this order, not encoded. */
  readonly parameters: readonly (readonly [name: string, value: string])[];
}

/** Talks to one API. */
export interface ApiClient {
  /**
   * The answer's document, numbers exact; null when it has none. Rejects with an `ApiCallError`, or with a transient
   * E4031 when the server cannot be reached or does not answer in time.
   */
  send(call: ApiCall): Promise<JsonValue>;
  /** The whole address of a call. */
  urlOf(call: ApiCall): string;
}

/** An answer that is an error. */
export class ApiCallError extends NephoscopeError {
  readonly status: number;

  constructor(status: number, message: string, hint: string | undefined) {
    super('E4032', message, {
      ...(hint === undefined ? {} : { hint }),
      retry: status === 503 ? 'transient' : 'permanent',
    });
    this.name = 'ApiCallError';
    this.status = status;
  }
}

/** Where `nephoscope serve` listens unless told otherwise. */
export const DEFAULT_API_URL = 'http://127.0.0.1:8777';
const TIMEOUT_MILLIS = 60_000;

/** A client of the API at `baseUrl`. Throws a `NephoscopeError` (E4031) when that is no HTTP address. */
export function createApiClient(baseUrl: string, timeoutMillis: number = TIMEOUT_MILLIS): ApiClient {
  const base = checkedBase(baseUrl);
  const urlOf = ({ path, parameters }: ApiCall): string => {
    const query = parameters.map((pair) => pair.map(encodeURIComponent).join('=')).join('&');
    return `${base}${path}${query === '' ? '' : `?${query}`}`;
  };
  return {
    urlOf,
    send: async (call) => {
      const { status, text } = await exchange(urlOf(call), call.method, base, timeoutMillis);
      const document = parseAnswer(text, status, base);
      if (status >= 400) throw new ApiCallError(status, ...explain(document, status));
      return document;
    },
  };
}

function checkedBase(baseUrl: string): string {
  const url = URL.canParse(baseUrl) ? new URL(baseUrl) : null;
  if (url === null || (url.protocol !== 'http:' && url.protocol !== 'https:')) {
    throw new NephoscopeError('E4031', `--api-url is no HTTP address: ${baseUrl}`, {
      hint: `Write it like ${DEFAULT_API_URL}.`,
    });
  }
  return `${url.origin}${url.pathname.replace(/\/+$/, '')}`;
}

async function exchange(url: string, method: string, base: string, timeoutMillis: number) {
  try {
    const response = await fetch(url, {
      method,
      headers: { accept: 'application/json' },
      redirect: 'error',
      signal: AbortSignal.timeout(timeoutMillis),
    });
    return { status: response.status, text: await response.text() };
  } catch (thrown) {
    throw new NephoscopeError('E4031', `The API at ${base} cannot be reached: ${whyUnreachable(thrown)}`, {
      retry: 'transient',
      cause: thrown,
    });
  }
}

/** fetch wraps what happened; the system's own words are inside. */
function whyUnreachable(thrown: unknown): string {
  const error = toError(thrown);
  if (error.name === 'TimeoutError') return 'it does not answer in time';
  const cause = error.cause instanceof AggregateError ? error.cause.errors[0] : error.cause;
  if (!(cause instanceof Error)) return error.message;
  return 'code' in cause && cause.code === 'ECONNREFUSED' ? 'nothing listens there' : cause.message;
}

function parseAnswer(text: string, status: number, base: string): JsonValue {
  if (text === '') return null;
  try {
    return parseExact(text);
  } catch (thrown) {
    throw new NephoscopeError('E4033', `${base} answered with status ${status} and no JSON`, {
      cause: thrown,
    });
  }
}

/** The message and hint of an error in any of the shapes the API has. */
function explain(document: JsonValue, status: number): [message: string, hint: string | undefined] {
  const error = isJsonObject(document) ? (document['error_message'] ?? document['error']) : undefined;
  const fields = isJsonObject(error) ? error : {};
  const message =
    fields['faultstring'] ?? fields['message'] ?? fields['title'] ?? `The API answered with status ${status}`;
  const hint = fields['hint'];
  return [String(message), typeof hint === 'string' ? hint : undefined];
}
