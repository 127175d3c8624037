import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { Tally } from './oracle-tally.ts';

/** What a web service may do to who posts to it. */
export type TargetFault = keyof typeof FAULTS | 'refusing connections' | 'closing in the middle of a request';

/** A web service that takes lists of samples at `/samples` and of events at `/events`, unless it is told to misbehave. */
export interface FaultTarget extends AsyncDisposable {
  readonly port: number;
  /** What it has answered 200 to. What it got besides may come again, and counts as repeated only then. */
  readonly samples: Tally;
  readonly events: Tally;
  /** Items of requests that arrived whole and were not answered with 200. */
  refused(): number;
  /** Misbehaves from the moment on when it has taken `afterItems` more. */
  breaks(fault: TargetFault, afterItems?: number): void;
  isBroken(): boolean;
  /** Behaves again. */
  heals(): Promise<void>;
}

const ANSWER = 'HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}';
const TRICKLE_MILLIS = 150;

/** What is done instead of the answer. */
const FAULTS = {
  hanging: () => {},
  'answering 500': (response: ServerResponse) => response.writeHead(500).end('out of order'),
  'answering 429': (response: ServerResponse) => response.writeHead(429, { 'retry-after': '1' }).end(),
  'answering garbage': ({ socket }: ServerResponse) => socket?.end(Buffer.from([0, 255, 13, 10, 1, 13, 10])),
  'closing in the middle of its answer': ({ socket }: ServerResponse) =>
    socket?.write(ANSWER.slice(0, -1), () => socket.destroy()),
  'answering a byte at a time': async ({ socket }: ServerResponse) => {
    for (const byte of ANSWER) {
      if (socket?.destroyed !== false) return;
      socket.write(byte);
      await sleep(TRICKLE_MILLIS, undefined, { ref: false });
    }
  },
} as const;

/** Listens on a free port of 127.0.0.1; `onTaken` is called with each item at the moment it is taken. */
export async function startFaultTarget(onTaken: (item: unknown) => void = () => {}): Promise<FaultTarget> {
  const tallies = { '/samples': new Tally(), '/events': new Tally() };
  const sockets = new Set<Socket>();
  let fault: TargetFault | null = null;
  let next: { readonly fault: TargetFault; items: number } | null = null;
  let refused = 0;

  const take = (path: string, items: readonly unknown[]): void => {
    const tally = tallies[path as keyof typeof tallies];
    for (const item of items) {
      tally.add(item);
      onTaken(item);
    }
    if (next === null) return;
    next.items -= items.length;
    if (next.items <= 0) begin(next.fault);
  };
  const begin = (which: TargetFault): void => {
    next = null;
    fault = which;
    if (which === 'refusing connections') down();
  };
  const down = (): void => {
    server.close();
    for (const socket of sockets) socket.destroy();
  };
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    try {
      for await (const chunk of request) {
        if (fault === 'closing in the middle of a request') return void request.destroy();
        chunks.push(chunk as Buffer);
      }
    } catch {
      return;
    }
    const items: readonly unknown[] = JSON.parse(Buffer.concat(chunks).toString());
    if (fault === null) {
      take(request.url ?? '', items);
      response.end('{}');
      return;
    }
    refused += items.length;
    if (fault in FAULTS) await FAULTS[fault as keyof typeof FAULTS](response);
    else request.destroy();
  });
  server.on('connection', (socket) => {
    sockets.add(socket.on('close', () => sockets.delete(socket)).on('error', () => {}));
  });
  const listen = (port: number) =>
    new Promise<void>((resolve) => server.listen(port, '127.0.0.1', () => resolve()));
  await listen(0);
  const { port } = server.address() as AddressInfo;
  return {
    port,
    samples: tallies['/samples'],
    events: tallies['/events'],
    refused: () => refused,
    breaks: (which, afterItems = 0) => {
      if (afterItems > 0) next = { fault: which, items: afterItems };
      else begin(which);
    },
    isBroken: () => fault !== null,
    heals: async () => {
      fault = null;
      next = null;
      // Hung requests are never answered; their clients must notice by themselves.
      if (!server.listening) await listen(port);
    },
    [Symbol.asyncDispose]: async () => {
      down();
      await Promise.resolve();
    },
  };
}
