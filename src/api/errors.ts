import type { ErrorCode } from '../component/error-codes.ts';
import { type ErrorDetails, NephoscopeError } from '../component/errors.ts';

/** An answer other than success: an HTTP status, and which of the two shapes of API v2 it takes. */
export class ApiError extends NephoscopeError {
  readonly status: number;
  /** `handler`: a WSME fault. `routing`: the shape the web framework of the original gave before any handler. */
  readonly origin: 'handler' | 'routing';
  /** Headers that belong to the answer, e.g. `Allow`. */
  readonly headers: Readonly<Record<string, string>>;

  constructor(
    status: number,
    code: ErrorCode,
    message: string,
    details: ErrorDetails & {
      readonly origin?: 'handler' | 'routing';
      readonly headers?: Readonly<Record<string, string>>;
    } = {},
  ) {
    super(code, message, details);
    this.name = 'ApiError';
    this.status = status;
    this.origin = details.origin ?? 'handler';
    this.headers = details.headers ?? {};
  }
}

/** 400: a parameter the path does not have. The text is WSME's, which clients match on. */
export function unknownArgument(name: string, why?: string): ApiError {
  return new ApiError(400, 'E4001', `Unknown argument: "${name}"${why === undefined ? '' : `: ${why}`}`);
}

/** 400: a value that cannot be used. The text is WSME's, which clients match on. */
export function invalidInput(name: string, value: string, why: string): ApiError {
  return new ApiError(400, 'E4002', `Invalid input for field/attribute ${name}. Value: '${value}'. ${why}`);
}

/** 400: something else is wrong with a value. */
export function badValue(message: string): ApiError {
  return new ApiError(400, 'E4002', message);
}

/** 400: conditions that do not fit together or cannot be read. */
export function badCondition(message: string): ApiError {
  return new ApiError(400, 'E4003', message);
}

/** 404: the path exists, the thing does not. */
export function notFound(what: string, id: string): ApiError {
  return new ApiError(404, 'E4004', `${what} ${id} Not Found`);
}

/** What goes over the wire for an error. */
export interface ErrorAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: unknown;
}

/**
 * Turns anything thrown into an answer. Pure.
 *
 * Under `/v2` the shapes are those of API v2: `{error_message: {faultcode, faultstring, debuginfo}}`, and for
 * routing errors code, title and description beside them, because aodhclient reads `faultstring` from both.
 * Elsewhere `{error: {code, message, hint}}`. What is not one of our errors becomes 500 without its text, which may
 * hold anything; the caller logs it.
 */
export function errorAnswer(thrown: unknown, path: string): ErrorAnswer {
  const error = toApiError(thrown);
  const headers = error.status === 503 ? { 'retry-after': '1', ...error.headers } : error.headers;
  return { status: error.status, headers, body: isVersion2(path) ? faultBody(error) : ownBody(error) };
}

/** Whether the path belongs to the telemetry API, whose errors have shapes of their own. */
function isVersion2(path: string): boolean {
  return path === '/' || path === '/v2' || path.startsWith('/v2/') || path.startsWith('/v2?');
}

/** What the store says when it is the question that cannot be answered: bad, too slow, too much. */
const QUESTION_ERRORS: ReadonlySet<ErrorCode> = new Set<ErrorCode>(['E3011', 'E3013', 'E3018']);

/** The error as an `ApiError`: store and framework errors get the status that fits them. */
export function toApiError(thrown: unknown): ApiError {
  if (thrown instanceof ApiError) return thrown;
  if (thrown instanceof NephoscopeError) {
    const status = thrown.retry === 'transient' ? 503 : QUESTION_ERRORS.has(thrown.code) ? 400 : 500;
    return new ApiError(status, thrown.code, thrown.message, { hint: thrown.hint, cause: thrown });
  }
  return (
    fromFramework(thrown) ?? new ApiError(500, 'E4015', 'The request failed unexpectedly', { cause: thrown })
  );
}

/** Errors of fastify itself say in `statusCode` whose fault they are. */
function fromFramework(thrown: unknown): ApiError | null {
  if (!(thrown instanceof Error) || !('statusCode' in thrown)) return null;
  const status = thrown.statusCode;
  if (typeof status !== 'number' || status < 400 || status > 499) return null;
  if (status === 413) return new ApiError(413, 'E4008', 'The request body is too large', { cause: thrown });
  if (status === 415)
    return new ApiError(415, 'E4009', 'The content type is not understood', { cause: thrown });
  return new ApiError(status, 'E4014', 'The request is malformed', { cause: thrown, origin: 'routing' });
}

function faultBody(error: ApiError): unknown {
  const fault = {
    faultcode: error.status < 500 ? 'Client' : 'Server',
    faultstring: error.message,
    debuginfo: null,
  };
  if (error.origin === 'handler') return { error_message: fault };
  return {
    error_message: { code: error.status, title: title(error.status), description: error.message, ...fault },
  };
}

function ownBody(error: ApiError): unknown {
  return { error: { code: error.code, message: error.message, hint: error.hint } };
}

const TITLES: Readonly<Record<number, string>> = {
  400: 'Bad Request',
  403: 'Forbidden',
  404: 'Not Found',
  405: 'Method Not Allowed',
  410: 'Gone',
  414: 'URI Too Long',
  431: 'Request Header Fields Too Large',
  503: 'Service Unavailable',
};

function title(status: number): string {
  return TITLES[status] ?? 'Error';
}
