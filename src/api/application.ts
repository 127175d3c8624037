import { STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import type { Readable } from 'node:stream';
import fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import type { Logger } from '../observe/logger.ts';
import { ApiError, errorAnswer, toApiError } from './errors.ts';
import { createFailureLog, type FailureLog } from './failure-log.ts';
import { ItemBudget } from './item-budget.ts';
import { refuseForeign } from './loopback.ts';
import { parseQueryString, type QueryParameters, refuseNul } from './query-parameters.ts';
import { createRequestMetrics } from './request-metrics.ts';
import type { ApiAnswer, ApiContext, ApiLimits, ApiRequest, ApiRoute } from './route.ts';
import { apiRoutes } from './routes.ts';

/** The routes on a listening socket. Used once: after `close` make another. */
export interface ApiApplication {
  /** Rejects with the system's error when the address cannot be bound. */
  listen(host: string, port: number): Promise<void>;
  /** The bound port; only after `listen`. */
  port(): number | undefined;
  /** Takes nothing new and finishes what is in flight; when `giveUp` fires, cuts what is left. */
  close(giveUp: AbortSignal): Promise<void>;
}

/** Connections and requests at a time; more wait in the kernel or are told to come again. */
const MAXIMUM_CONNECTIONS = 1_024;
const MAXIMUM_REQUESTS = 256;

/** How long a peer may be silent, by what it is expected to do. Keep-alive is longer than that of usual proxies. */
const TIMEOUTS = {
  headersMillis: 10_000,
  requestMillis: 120_000,
  keepAliveMillis: 65_000,
  silenceMillis: 300_000,
  checkEveryMillis: 5_000,
};

/** Long enough for queries with many conditions; far from what hurts. */
const MAXIMUM_HEADER_BYTES = 65_536;
const MAXIMUM_PATH_PART = 4_096;

/** Not counted against `MAXIMUM_REQUESTS`: what tells an overloaded server from a dead one. */
const ALWAYS_ANSWERED: ReadonlySet<string> = new Set(['/healthz', '/readyz', '/metrics']);

const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'];

/** Makes the application; nothing listens yet. `requestId` gives a new id for each request. */
export function createApplication(
  context: ApiContext,
  logger: Logger,
  requestId: () => string,
): ApiApplication {
  const running = new Set<AbortController>();
  const failures = createFailureLog(logger);
  const app = createFastify(requestId);
  app.removeAllContentTypeParsers();
  // Bodies are read by their handlers, piece by piece.
  app.addContentTypeParser('*', (_request, payload, done) => done(null, payload));
  addHooks(app, context);
  app.setErrorHandler((thrown, request, reply) => sendError(thrown, request, reply, failures));
  app.setNotFoundHandler((request) => {
    throw new ApiError(404, 'E4005', `There is no path ${pathOf(request.url)}`, { origin: 'routing' });
  });
  addRoutes(app, apiRoutes(), context, running);
  return {
    listen: async (host, port) => {
      app.server.maxConnections = MAXIMUM_CONNECTIONS;
      await app.listen({ host, port });
    },
    port: () => {
      const address = app.server.address();
      return typeof address === 'object' ? address?.port : undefined;
    },
    close: (giveUp) => closeApplication(app, giveUp, running),
  };
}

function createFastify(requestId: () => string): FastifyInstance {
  return fastify({
    genReqId: requestId,
    connectionTimeout: TIMEOUTS.silenceMillis,
    keepAliveTimeout: TIMEOUTS.keepAliveMillis,
    requestTimeout: TIMEOUTS.requestMillis,
    http: {
      headersTimeout: TIMEOUTS.headersMillis,
      connectionsCheckingInterval: TIMEOUTS.checkEveryMillis,
      maxHeaderSize: MAXIMUM_HEADER_BYTES,
    },
    routerOptions: {
      ignoreTrailingSlash: true,
      maxParamLength: MAXIMUM_PATH_PART,
      // Parsed later, where its errors have somewhere to go.
      querystringParser: (text) => ({ text }),
    },
    frameworkErrors: (thrown, request, reply) => {
      reply.header('x-openstack-request-id', request.id);
      send(reply, errorAnswer(thrown, request.url));
    },
    clientErrorHandler: (error, socket) => refuseMalformed(error, socket, requestId()),
  });
}

function addHooks(app: FastifyInstance, context: ApiContext): void {
  const metrics = createRequestMetrics(context.metrics);
  let inFlight = 0;
  app.addHook('onRequest', async (request, reply) => {
    const end = metrics.begin();
    inFlight++;
    // Unlike the framework's own hook this one also runs when the client is gone before the answer.
    reply.raw.once('close', () => {
      inFlight--;
      const route = request.is404 ? null : (request.routeOptions.url ?? null);
      end({ route, method: request.method, status: reply.raw.writableFinished ? reply.statusCode : null });
    });
    reply.header('x-openstack-request-id', request.id);
    reply.header('x-content-type-options', 'nosniff');
    refuseForeign({ method: request.method, host: request.headers.host, origin: request.headers.origin });
    if (inFlight > MAXIMUM_REQUESTS && !ALWAYS_ANSWERED.has(pathOf(request.url))) {
      throw new ApiError(503, 'E4011', `${MAXIMUM_REQUESTS} requests are being answered already`);
    }
  });
}

function addRoutes(
  app: FastifyInstance,
  routes: readonly ApiRoute[],
  context: ApiContext,
  running: Set<AbortController>,
): void {
  const budget = new ItemBudget(context.limits.maximumReturnItems);
  for (const route of routes) {
    app.route({
      method: route.method,
      url: route.path,
      handler: async (request, reply) =>
        sendAnswer(reply, await answer(route, request, reply, { ...context, running, budget })),
    });
  }
  for (const [path, methods] of Map.groupBy(routes, (route) => route.path)) {
    refuseOtherMethods(
      app,
      path,
      methods.map(({ method }) => method),
    );
  }
}

function refuseOtherMethods(app: FastifyInstance, path: string, methods: readonly string[]): void {
  const allowed = methods.includes('GET') ? [...methods, 'HEAD'] : methods;
  const others = METHODS.filter((method) => !allowed.includes(method));
  app.route({
    method: others,
    url: path,
    handler: async ({ method }) => {
      throw new ApiError(405, 'E4006', `The method ${method} is not allowed for this resource.`, {
        origin: 'routing',
        headers: { allow: allowed.join(', ') },
      });
    },
  });
}

interface AnswerContext extends ApiContext {
  readonly running: Set<AbortController>;
  readonly budget: ItemBudget;
}

async function answer(
  route: ApiRoute,
  request: FastifyRequest,
  reply: FastifyReply,
  { running, budget, ...context }: AnswerContext,
): Promise<ApiAnswer> {
  const controller = new AbortController();
  running.add(controller);
  reply.raw.once('close', () => {
    running.delete(controller);
    controller.abort();
  });
  const parts = decoded(request);
  const items = itemsOf(route, parts.query, context.limits);
  if (items > 0) {
    const giveBack = await budget.take(items, controller.signal);
    // What is held is free only when the last byte has left, or the client.
    if (reply.raw.closed) giveBack();
    else reply.raw.once('close', giveBack);
  }
  return await route.handle(context, {
    ...parts,
    headers: request.headers,
    body: request.body as Readable | undefined,
    baseUrl: `http://${request.headers.host}`,
    signal: controller.signal,
  });
}

/** How many items the answer may hold; what is wrong about the limit is for the route to say. */
function itemsOf(route: ApiRoute, query: QueryParameters, limits: ApiLimits): number {
  if (route.isUnlimited === true) return limits.maximumReturnItems;
  if (!('limit' in route.parameters)) return 0;
  const asked = Number(query.get('limit')?.[0] ?? limits.defaultReturnLimit);
  return asked >= 1 ? asked : 0;
}

/** The parameters of path and query. Throws an `ApiError` (400) for what no store can hold. */
function decoded(
  request: FastifyRequest,
): Pick<ApiRequest<ReturnType<typeof parseQueryString>>, 'path' | 'query'> {
  const path = request.params as Record<string, string>;
  for (const [name, value] of Object.entries(path)) refuseNul(name, value);
  const { text } = request.query as { text: string };
  return { path, query: parseQueryString(text) };
}

function sendAnswer(reply: FastifyReply, { status = 200, type, body }: ApiAnswer): FastifyReply {
  if (body === undefined) return reply.code(status).send();
  if (type !== undefined) return reply.code(status).header('content-type', type).send(body);
  return send(reply, { status, headers: {}, body });
}

function sendError(
  thrown: unknown,
  request: FastifyRequest,
  reply: FastifyReply,
  failures: FailureLog,
): void {
  const error = toApiError(thrown);
  if (error.status >= 500) failures.report(error, request);
  send(reply, errorAnswer(error, request.url));
}

/** Bytes, because the framework would add a charset to the type of a text, which JSON does not have. */
function send(reply: FastifyReply, { status, headers, body }: ReturnType<typeof errorAnswer>): FastifyReply {
  return reply
    .code(status)
    .headers(headers)
    .header('content-type', 'application/json')
    .send(Buffer.from(JSON.stringify(body)));
}

function pathOf(url: string): string {
  return url.split(/[?#]/, 1)[0] ?? url;
}

/** What is no HTTP never becomes a request: the answer is written to the socket itself. */
function refuseMalformed(error: Error & { readonly code?: string }, socket: Socket, requestId: string): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  const status = MALFORMED_STATUS.get(error.code ?? '') ?? 400;
  const message = status === 431 ? 'The request header is too large' : 'The request is malformed or too slow';
  const body = JSON.stringify(
    errorAnswer(new ApiError(status, 'E4014', message, { origin: 'routing' }), '/').body,
  );
  socket.end(
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\nConnection: close\r\nContent-Type: application/json\r\n` +
      `x-openstack-request-id: ${requestId}\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  );
}

const MALFORMED_STATUS: ReadonlyMap<string, number> = new Map([
  ['HPE_HEADER_OVERFLOW', 431],
  ['ERR_HTTP_REQUEST_TIMEOUT', 408],
]);

async function closeApplication(
  app: FastifyInstance,
  giveUp: AbortSignal,
  running: ReadonlySet<AbortController>,
): Promise<void> {
  const cut = (): void => {
    for (const controller of running) controller.abort();
    app.server.closeAllConnections();
  };
  // A connection may still come in between the deadline and the end of listening, hence more than once.
  const repeat = setInterval(() => giveUp.aborted && cut(), 50);
  giveUp.addEventListener('abort', cut, { once: true });
  try {
    await app.close();
  } finally {
    clearInterval(repeat);
    giveUp.removeEventListener('abort', cut);
  }
}
