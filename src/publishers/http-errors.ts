import { STATUS_CODES } from 'node:http';
import type { ErrorCode } from '../component/error-codes.ts';
import { type ErrorDetails, NephoscopeError, toError } from '../component/errors.ts';

/** What a target answered. */
export interface HttpAnswer {
  readonly status: number;
  /** The body as UTF-8 text; bytes that are none have become U+FFFD. */
  readonly text: string;
  /** The body was longer than the bound of the client; `text` is its beginning. */
  readonly isTruncated: boolean;
  /** The value of a header, the first when there are several; `name` in lower case. */
  header(name: string): string | undefined;
}

/** An error of an HTTP exchange: besides code and `retry` what the other side said. */
export class HttpError extends NephoscopeError {
  /** Null when there was no answer. */
  readonly status: number | null;
  /** When the target asks to come again, in milliseconds from the answer; null when it does not say. */
  readonly retryAfterMillis: number | null;

  constructor(
    code: ErrorCode,
    message: string,
    details: ErrorDetails & { readonly status?: number; readonly retryAfterMillis?: number | null } = {},
  ) {
    super(code, message, details);
    this.name = 'HttpError';
    this.status = details.status ?? null;
    this.retryAfterMillis = details.retryAfterMillis ?? null;
  }
}

/** Too early, too much, too slow: the same request may be taken later. */
const COME_AGAIN: ReadonlySet<number> = new Set([408, 425, 429]);
/**
 * About the sender or the place, not about the data: to call it permanent would throw away everything from the moment a
 * password is changed or a proxy is set up wrongly until somebody notices. So it waits, and the status says why.
 */
const NOT_THE_DATA: ReadonlySet<number> = new Set([401, 402, 403, 404, 405, 407]);
const MAX_RETRY_AFTER_MILLIS = 86_400_000;
const MAX_EXCERPT = 200;

/**
 * The error that an answer means, or null for 2xx. 408, 425, 429 and 5xx are transient (E8012), as are redirects and
 * refusals that are about the sender (E8014); every other status is about the data and permanent (E8013). `shown` is
 * the target as it may be shown; nothing of the text of the answer that is in `secrets` appears in the error.
 */
export function refusal(
  answer: HttpAnswer,
  shown: string,
  secrets: readonly string[] = [],
): HttpError | null {
  const { status } = answer;
  if (status >= 200 && status < 300) return null;
  const retryAfterMillis = parseRetryAfter(answer.header('retry-after'), Date.now());
  const again =
    retryAfterMillis === null ? '' : `; come again after ${Math.ceil(retryAfterMillis / 1_000)} s`;
  const message = `${shown} answers ${status}${reasonOf(status)}${quoted(answer.text, secrets)}${again}`;
  const { code, retry } = judge(status);
  return new HttpError(code, message, { retry, status, retryAfterMillis });
}

function judge(status: number): { readonly code: ErrorCode; readonly retry: 'transient' | 'permanent' } {
  if (status >= 500 || COME_AGAIN.has(status)) return { code: 'E8012', retry: 'transient' };
  if (status < 400 || NOT_THE_DATA.has(status)) return { code: 'E8014', retry: 'transient' };
  return { code: 'E8013', retry: 'permanent' };
}

function reasonOf(status: number): string {
  const reason = STATUS_CODES[status];
  return reason === undefined ? '' : ` ${reason}`;
}

/** The beginning of a foreign text, in quotes and on one line, behind a blank; empty when there is none. */
export function quoted(text: string, secrets: readonly string[] = []): string {
  let shown = text.trim();
  for (const secret of secrets) if (secret !== '') shown = shown.replaceAll(secret, '(secret)');
  if (shown === '') return '';
  return ` ${JSON.stringify(shown.length > MAX_EXCERPT ? `${shown.slice(0, MAX_EXCERPT)}…` : shown)}`;
}

/** `Retry-After` in milliseconds from `nowMillis`: seconds or a date; at most a day; null for anything else. */
export function parseRetryAfter(value: string | undefined, nowMillis: number): number | null {
  if (value === undefined) return null;
  const text = value.trim();
  const millis = /^\d+$/.test(text) ? Number(text) * 1_000 : Date.parse(text) - nowMillis;
  if (Number.isNaN(millis) || !/^\d+$|^[A-Z][a-z]{2,8},? /.test(text)) return null;
  return Math.min(Math.max(0, millis), MAX_RETRY_AFTER_MILLIS);
}

const TIMED_OUT: ReadonlySet<string> = new Set([
  'UND_ERR_CONNECT_TIMEOUT',
  'UND_ERR_HEADERS_TIMEOUT',
  'UND_ERR_BODY_TIMEOUT',
  'ETIMEDOUT',
]);
const TLS_FAILED =
  /^(?:CERT_|ERR_TLS_|ERR_SSL_|UNABLE_TO_|DEPTH_ZERO_|SELF_SIGNED_|ERR_OSSL_|HOSTNAME_MISMATCH|INVALID_CA|EPROTO$)/;

const NOT_HTTP = 'HPE';

/** What went wrong before there was a whole answer; always transient. */
export function exchangeError(thrown: unknown, shown: string): HttpError {
  if (thrown instanceof NephoscopeError) {
    // A file that is wrong now may be right at the next try, after the operator has seen this.
    return new HttpError(thrown.code, thrown.message, { cause: thrown, retry: 'transient' });
  }
  const error = toError(thrown);
  const systemCode = systemCodeOf(error);
  const [code, message] = describe(systemCode, reasonText(error), shown);
  return new HttpError(code, message, { cause: thrown, retry: 'transient' });
}

function describe(systemCode: string, reason: string, shown: string): readonly [ErrorCode, string] {
  if (TIMED_OUT.has(systemCode)) return ['E8011', `${shown} does not answer: ${reason}`];
  if (TLS_FAILED.test(systemCode)) return ['E8016', `No TLS connection with ${shown}: ${reason}`];
  if (systemCode === NOT_HTTP) return ['E8015', `${shown} answers something that is no HTTP: ${reason}`];
  return ['E8010', `${shown} cannot be reached: ${reason}`];
}

function systemCodeOf(error: Error): string {
  // Some faults that the parser of HTTP finds carry a code of their own, some none.
  if (error.name === 'HTTPParserError') return NOT_HTTP;
  const code: unknown = 'code' in error ? error.code : undefined;
  if (typeof code === 'string') return code;
  return error.cause instanceof Error ? systemCodeOf(error.cause) : '';
}

/** Several addresses failed: the first says enough. */
function reasonText(error: Error): string {
  if (error instanceof AggregateError && error.message === '') return toError(error.errors[0]).message;
  return error.message;
}
