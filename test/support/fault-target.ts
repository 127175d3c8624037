import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { listen } from './listen.ts';
import { Tally } from './oracle-tally.ts';

/** What a web service may do to who posts to it. */
export type TargetFault = keyof typeof FAULTS | 'refusing connections' | 'closing in the middle of a request';

/** A web service that takes lists of samples at `/samples` and of events at `/events`, unless it is told to misbehave. */
export interface FaultTarget extends AsyncDisposable {
  readonly port: number;
  /** What it has answered 200 to. */
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
  const target = new Target(onTaken);
  await target.listen();
  return target;
}

class Target implements FaultTarget {
  readonly samples = new Tally();
  readonly events = new Tally();
  readonly #onTaken: (item: unknown) => void;
  readonly #server = createServer((request, response) => void this.#handle(request, response));
  readonly #sockets = new Set<Socket>();
  #port = 0;
  #fault: TargetFault | null = null;
  #next: { readonly fault: TargetFault; items: number } | null = null;
  #refused = 0;

  constructor(onTaken: (item: unknown) => void) {
    this.#onTaken = onTaken;
    this.#server.on('connection', (socket: Socket) => {
      this.#sockets.add(socket.on('close', () => this.#sockets.delete(socket)).on('error', () => {}));
    });
  }

  get port(): number {
    return this.#port;
  }

  async listen(): Promise<void> {
    this.#port = await listen(this.#server, this.#port);
  }

  refused(): number {
    return this.#refused;
  }

  breaks(fault: TargetFault, afterItems = 0): void {
    this.#next = afterItems > 0 ? { fault, items: afterItems } : null;
    if (this.#next === null) this.#begin(fault);
  }

  isBroken(): boolean {
    return this.#fault !== null;
  }

  async heals(): Promise<void> {
    this.#fault = null;
    this.#next = null;
    // Requests that hang are never answered: who sent them must notice by itself.
    if (!this.#server.listening) await this.listen();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#down();
  }

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await this.#read(request);
    if (body === null) return;
    const items: readonly unknown[] = JSON.parse(body);
    const fault = this.#fault;
    if (fault === null) {
      this.#take(request.url === '/events' ? this.events : this.samples, items);
      response.end('{}');
      return;
    }
    this.#refused += items.length;
    if (fault in FAULTS) await FAULTS[fault as keyof typeof FAULTS](response);
    else request.destroy();
  }

  /** Null when the connection ended before the request did. */
  async #read(request: IncomingMessage): Promise<string | null> {
    const chunks: Buffer[] = [];
    try {
      for await (const chunk of request) {
        if (this.#fault === 'closing in the middle of a request') request.destroy();
        chunks.push(chunk as Buffer);
      }
    } catch {
      return null;
    }
    return request.complete ? Buffer.concat(chunks).toString() : null;
  }

  #take(tally: Tally, items: readonly unknown[]): void {
    for (const item of items) {
      tally.add(item);
      this.#onTaken(item);
    }
    if (this.#next === null) return;
    this.#next.items -= items.length;
    if (this.#next.items <= 0) this.#begin(this.#next.fault);
  }

  #begin(fault: TargetFault): void {
    this.#next = null;
    this.#fault = fault;
    if (fault === 'refusing connections') this.#down();
  }

  #down(): void {
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
  }
}
