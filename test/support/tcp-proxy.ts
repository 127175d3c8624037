import { connect, createServer, type Socket } from 'node:net';
import { listen } from './listen.ts';

/** A TCP proxy that a test can cut, hold and bring back on the same port. */
export interface TcpProxy extends AsyncDisposable {
  readonly port: number;
  /** Connections that were made through it. */
  accepted(): number;
  /** Refuses connections from now on and cuts those that are open. */
  down(): Promise<void>;
  /** Listens again, on the same port. */
  up(): Promise<void>;
  /** Passes nothing on and closes nothing, as a network that swallows everything. */
  freeze(): void;
  /** Passes on again what comes from now on; what was swallowed is lost, so the open connections should be cut. */
  thaw(): void;
  /** Cuts the open connections; new ones are accepted. */
  cut(): void;
}

/** Makes a proxy in front of a port of this machine; `down` at first when `listening` is false. */
export async function createTcpProxy(targetPort: number, listening = true): Promise<TcpProxy> {
  const pairs = new Set<readonly [Socket, Socket]>();
  let frozen = false;
  let accepted = 0;
  const server = createServer((client) => {
    accepted++;
    const target = connect({ host: '127.0.0.1', port: targetPort });
    const pair = [client, target] as const;
    pairs.add(pair);
    const end = (): void => {
      if (frozen) return;
      pairs.delete(pair);
      client.destroy();
      target.destroy();
    };
    for (const [from, to] of [pair, [target, client] as const]) {
      from.on('data', (chunk) => {
        if (!frozen) to.write(chunk);
      });
      from.on('error', end).on('close', end);
    }
  });
  const cut = (): void => {
    for (const [client, target] of [...pairs]) {
      client.destroy();
      target.destroy();
    }
    pairs.clear();
  };
  const close = async (): Promise<void> => {
    cut();
    if (server.listening) await new Promise((resolve) => server.close(resolve));
  };
  const port = await listen(server, 0);
  if (!listening) await close();
  return {
    port,
    accepted: () => accepted,
    cut,
    down: close,
    up: async () => {
      await listen(server, port);
    },
    freeze: () => {
      frozen = true;
    },
    thaw: () => {
      frozen = false;
    },
    [Symbol.asyncDispose]: close,
  };
}
