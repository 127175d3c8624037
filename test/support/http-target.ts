import { createServer, type IncomingHttpHeaders } from 'node:http';
import { createServer as createTlsServer, type ServerOptions } from 'node:https';
import type { Socket } from 'node:net';
import type { TestContext } from 'node:test';
import { listen } from './listen.ts';

/** One request as it came in. */
export interface ReceivedRequest {
  readonly method: string;
  /** With its query. */
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

/** What is done with a request: an answer, silence, or bytes on the bare socket (`close`: and then its end). */
export type Reaction =
  | { readonly status: number; readonly headers?: Readonly<Record<string, string>>; readonly body?: string }
  | 'hang'
  | { readonly raw: string; readonly close: boolean };

/** A web service for tests that keeps what it gets and does what it is told. */
export interface FakeHttpTarget extends AsyncDisposable {
  readonly port: number;
  /** In order of their arrival, with their whole body. */
  readonly requests: readonly ReceivedRequest[];
  /** Connections accepted so far. */
  connections(): number;
  /** Requests whose reaction is still to come, at their highest. */
  mostAtOnce(): number;
  /** What happens from now on; 200 with `{}` at first. */
  react(reaction: (request: ReceivedRequest) => Reaction | Promise<Reaction>): void;
  /** Refuses connections, and cuts those there are, until `up`. */
  down(): Promise<void>;
  up(): Promise<void>;
  /** Answers no request that comes from now on, whatever `react` says, until `release`. */
  hang(): void;
  release(): void;
}

const DEFAULT_REACTION: Reaction = { status: 200, body: '{}' };

/** As `startHttpTarget`, for as long as the test runs. */
export async function httpTargetFor(t: TestContext, tls?: ServerOptions): Promise<FakeHttpTarget> {
  const target = await startHttpTarget(tls);
  t.after(() => target[Symbol.asyncDispose]());
  return target;
}

/** Listens on a free port of 127.0.0.1, over TLS when `tls` is given. */
export async function startHttpTarget(tls?: ServerOptions): Promise<FakeHttpTarget> {
  const server = tls === undefined ? createServer() : createTlsServer(tls);
  const requests: ReceivedRequest[] = [];
  const sockets = new Set<Socket>();
  let connections = 0;
  let atOnce = 0;
  let mostAtOnce = 0;
  let isHanging = false;
  let react: (request: ReceivedRequest) => Reaction | Promise<Reaction> = () => DEFAULT_REACTION;
  server.on('connection', (socket: Socket) => {
    connections++;
    sockets.add(socket.on('close', () => sockets.delete(socket)));
  });
  server.on('request', async (request, response) => {
    const chunks: Buffer[] = [];
    try {
      for await (const chunk of request) chunks.push(chunk as Buffer);
    } catch {
      return;
    }
    const { method = '', url: path = '', headers } = request;
    const received = { method, path, headers, body: Buffer.concat(chunks) };
    requests.push(received);
    mostAtOnce = Math.max(mostAtOnce, ++atOnce);
    const reaction = isHanging ? 'hang' : await react(received);
    atOnce--;
    if (reaction === 'hang') return;
    if ('raw' in reaction) {
      response.socket?.write(reaction.raw, () => reaction.close && response.socket?.destroy());
    } else response.writeHead(reaction.status, reaction.headers).end(reaction.body);
  });
  const port = await listen(server, 0);
  const down = async (): Promise<void> => {
    for (const socket of sockets) socket.destroy();
    if (server.listening) await new Promise((resolve) => server.close(resolve));
  };
  return {
    port,
    requests,
    connections: () => connections,
    mostAtOnce: () => mostAtOnce,
    react: (reaction) => {
      react = reaction;
    },
    down,
    up: async () => void (await listen(server, port)),
    hang: () => {
      isHanging = true;
    },
    release: () => {
      isHanging = false;
    },
    [Symbol.asyncDispose]: down,
  };
}
