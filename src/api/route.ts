import type { Readable } from 'node:stream';
import type { TSchema } from '@sinclair/typebox';
import type { ComponentStatus } from '../component/component.ts';
import type { Intake } from '../notification/intake.ts';
import type { Metrics } from '../observe/metrics.ts';
import type { Taps } from '../observe/taps.ts';
import type { Store } from '../store/store.ts';
import { type ParameterSet, type ParameterValues, readParameters } from './parameters.ts';
import type { QueryParameters } from './query-parameters.ts';

/** Bounds of what a request may ask and carry. */
export interface ApiLimits {
  /** Length of a list asked for without `limit`. */
  readonly defaultReturnLimit: number;
  /** Items one answer may hold; more is an error. */
  readonly maximumReturnItems: number;
  /** Size of a request body in bytes. */
  readonly maxRequestBytes: number;
}

/** What handlers work with. */
export interface ApiContext {
  readonly store: Store;
  readonly intake: Intake;
  readonly metrics: Metrics;
  readonly taps: Taps;
  readonly statuses: () => readonly { readonly name: string; readonly status: ComponentStatus }[];
  readonly limits: ApiLimits;
}

/** A request as handlers see it: decoded and checked. */
export interface ApiRequest<Query> {
  /** The parts of the path that the template names, decoded once. */
  readonly path: Readonly<Record<string, string>>;
  readonly query: Query;
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  /** The body as it comes in; nobody else reads it. Undefined when the request has none. */
  readonly body: Readable | undefined;
  /** `http://host:port` as the client named this server, for links. */
  readonly baseUrl: string;
  /** Fires when the client is gone or the server gives up at the end of its stop deadline. */
  readonly signal: AbortSignal;
}

/** What a handler gives back. A text is sent as it is, anything else as JSON; `undefined` sends no body. */
export interface ApiAnswer {
  readonly status?: number;
  readonly type?: string;
  readonly body?: unknown;
}

/** A path with a method: what it takes, what it gives, what it does. Validation and document both come from it. */
export interface ApiRoute {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  /** With `:name` for the variable parts. */
  readonly path: string;
  /** Group in the document. */
  readonly tag: string;
  /** One sentence. */
  readonly summary: string;
  readonly parameters: ParameterSet;
  /** True for lists that take no limit and may still be long. */
  readonly isUnlimited?: boolean;
  /** Content types the body may have; absent when the route takes none. */
  readonly bodyTypes?: readonly string[];
  /** Body of the successful answer; absent when it has none or no JSON. */
  readonly answer?: TSchema;
  /** Status of the successful answer. */
  readonly status: number;
  /** False for paths that only say why they are not served. */
  readonly documented: boolean;
  /** Throws an `ApiError`, or what the store and the intake throw. */
  handle(context: ApiContext, request: ApiRequest<QueryParameters>): Promise<ApiAnswer>;
}

interface RouteDefinition<Params extends ParameterSet>
  extends Omit<ApiRoute, 'parameters' | 'handle' | 'status' | 'documented'> {
  readonly parameters?: Params;
  readonly status?: number;
  readonly documented?: boolean;
  handle(context: ApiContext, request: ApiRequest<ParameterValues<Params>>): Promise<ApiAnswer> | ApiAnswer;
}

/** Declares a route; its handler sees the parameters as they were read. */
export function defineRoute<Params extends ParameterSet = Record<never, never>>(
  definition: RouteDefinition<Params>,
): ApiRoute {
  const parameters = definition.parameters ?? ({} as Params);
  return {
    ...definition,
    status: definition.status ?? 200,
    documented: definition.documented ?? true,
    parameters,
    handle: async (context, request) =>
      await definition.handle(context, { ...request, query: readParameters(parameters, request.query) }),
  };
}
