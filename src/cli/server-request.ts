import { type Command, Option } from 'commander';
import { NephoscopeError, toError } from '../component/errors.ts';
import type { CliIo } from './command.ts';
import { ApiCallError, createApiClient, DEFAULT_API_URL } from './http-client.ts';

/** Adds the address of the server under both of its names; the environment gives it as for every command. */
export function addServerOption(command: Command, io: CliIo): Command {
  const address = io.env['NEPHOSCOPE_API_URL'] ?? DEFAULT_API_URL;
  return command.addOption(
    new Option('--url, --api-url <url>', 'address of the running nephoscope').default(address),
  );
}

/** A GET of one path of a server. */
export interface ServerRequest {
  /** `http://host:port`. */
  readonly baseUrl: string;
  /** Begins with a slash; encoded. */
  readonly path: string;
  readonly parameters?: readonly (readonly [name: string, value: string])[];
  /** Ends the request and the reading of its answer. */
  readonly signal: AbortSignal;
  /** Answers that are errors and wanted all the same, e.g. 503 of /readyz. */
  readonly accepts?: readonly number[];
}

/**
 * The answer to a GET, its body not yet read; redirects are not followed. Rejects with E4031 (transient: nothing answers;
 * permanent: no address), with an `ApiCallError` for an answer that is an error, with the reason of `signal` when that
 * fired.
 */
export async function getFromServer(request: ServerRequest): Promise<Response> {
  const { baseUrl, path, parameters = [], signal, accepts = [] } = request;
  const url = createApiClient(baseUrl).urlOf({ method: 'GET', path, parameters });
  const response = await fetch(url, { redirect: 'error', signal }).catch((thrown: unknown) => {
    signal.throwIfAborted();
    throw unreachable(new URL(url).origin, thrown);
  });
  if (response.ok || accepts.includes(response.status)) return response;
  throw new ApiCallError(response.status, ...explain(await response.text(), response.status));
}

function unreachable(origin: string, thrown: unknown): NephoscopeError {
  return new NephoscopeError('E4031', `The server at ${origin} cannot be reached: ${whyBroken(thrown)}`, {
    retry: 'transient',
    cause: thrown,
  });
}

/** fetch wraps what happened; the system's own words are inside. */
export function whyBroken(thrown: unknown): string {
  const error = toError(thrown);
  const cause = error.cause instanceof AggregateError ? error.cause.errors[0] : error.cause;
  if (!(cause instanceof Error)) return error.message;
  return 'code' in cause && cause.code === 'ECONNREFUSED' ? 'nothing listens there' : cause.message;
}

function explain(text: string, status: number): [message: string, hint: string | undefined] {
  try {
    const { message, hint } = JSON.parse(text).error;
    return [String(message), typeof hint === 'string' ? hint : undefined];
  } catch {
    return [`The server answered with status ${status}`, undefined];
  }
}
