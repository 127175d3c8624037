import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { after, before } from 'node:test';
import { promisify } from 'node:util';
import { type Channel, type ChannelModel, connect, type Options } from 'amqplib';
import { until } from './until.ts';

const run = promisify(execFile);
const OPTIONS = { timeout: 30_000 };

/** A virtual host of its own for one test file; everything in it goes with it. */
export interface TestVhost extends AsyncDisposable {
  readonly name: string;
  /** Its transport URL as `guest`; `port` for going through a proxy, `query` as `a=1&b=2`. */
  url(port?: number, query?: string): string;
  /** Lets the broker close all connections to this virtual host, as an operator would. */
  closeAllConnections(): Promise<void>;
  /** A connection for looking at things and publishing, not under test. */
  open(): Promise<TestClient>;
}

export interface TestClient extends AsyncDisposable {
  readonly channel: Channel;
  /** Publishes and waits for the confirmation of all. */
  publish(
    exchange: string,
    routingKey: string,
    bodies: readonly string[],
    options?: Options.Publish,
  ): Promise<void>;
  /** Messages ready in a queue (not those delivered and unacknowledged); null when there is no such queue. */
  ready(queue: string): Promise<number | null>;
  /** Consumers of a queue; 0 when there is no such queue. */
  consumers(queue: string): Promise<number>;
}

/** Makes a virtual host where guest may do everything. */
export async function createVhost(): Promise<TestVhost> {
  const vhost = newVhost();
  await vhost.create();
  return vhost;
}

/**
 * A virtual host with an open client for the tests of the suite that calls it (or of the file), there from before the
 * first until after the last of them. `skip`: that of the tests, where they have no suite that says it.
 */
export function suiteVhost(skip: string | false = false): {
  readonly vhost: TestVhost;
  readonly client: TestClient;
  /** Gives `client` another connection, after its own was closed. */
  reopen(): Promise<void>;
} {
  const vhost = newVhost();
  let open: TestClient | null = null;
  const opened = (): TestClient => {
    if (open === null) throw new Error('The client is there within tests only');
    return open;
  };
  const reopen = async (): Promise<void> => {
    open = await vhost.open();
  };
  before(async () => {
    if (skip !== false) return;
    await vhost.create();
    await reopen();
  });
  after(async () => {
    if (skip !== false) return;
    await open?.[Symbol.asyncDispose]();
    await vhost[Symbol.asyncDispose]();
  });
  const client: TestClient = {
    get channel() {
      return opened().channel;
    },
    publish: (...message) => opened().publish(...message),
    ready: (queue) => opened().ready(queue),
    consumers: (queue) => opened().consumers(queue),
    [Symbol.asyncDispose]: () => opened()[Symbol.asyncDispose](),
  };
  return { vhost, client, reopen };
}

/** A virtual host that has its name, and is not there before `create`. */
function newVhost(): TestVhost & { create(): Promise<void> } {
  const name = `nephoscope-test-${randomUUID()}`;
  return {
    name,
    create: async () => {
      await run('rabbitmqctl', ['-q', 'add_vhost', name], OPTIONS);
      await setPermissions('guest', name, '.*', '.*', '.*');
    },
    url: (port = 5672, query = '') =>
      `rabbit://guest:guest@127.0.0.1:${port}/${name}${query === '' ? '' : `?${query}`}`,
    closeAllConnections: async () => {
      await run('rabbitmqctl', ['-q', 'close_all_connections', '--vhost', name, 'test'], OPTIONS);
    },
    open: () => openClient(name),
    [Symbol.asyncDispose]: async () => {
      await run('rabbitmqctl', ['-q', 'delete_vhost', name], OPTIONS);
    },
  };
}

/** Makes a user without any permission yet; goes with the returned disposable. */
export async function createUser(name: string, password: string): Promise<AsyncDisposable> {
  await run('rabbitmqctl', ['-q', 'add_user', name, password], OPTIONS);
  return {
    [Symbol.asyncDispose]: async () => {
      await run('rabbitmqctl', ['-q', 'delete_user', name], OPTIONS);
    },
  };
}

/** Patterns of what a user may configure, write and read in a virtual host. */
export async function setPermissions(
  user: string,
  vhost: string,
  ...patterns: readonly [string, string, string]
): Promise<void> {
  await run('rabbitmqctl', ['-q', 'set_permissions', '-p', vhost, user, ...patterns], OPTIONS);
}

/** How many messages of a queue are delivered to someone and not acknowledged. */
export async function unacknowledged(vhost: string, queue: string): Promise<number> {
  const { stdout } = await run(
    'rabbitmqctl',
    ['-q', 'list_queues', '-p', vhost, 'name', 'messages_unacknowledged', '--no-table-headers'],
    OPTIONS,
  );
  const line = stdout.split('\n').find((each) => each.startsWith(`${queue}\t`));
  return Number(line?.split('\t')[1] ?? 0);
}

async function openClient(vhost: string): Promise<TestClient> {
  const model = await connect({ hostname: '127.0.0.1', vhost: encodeURIComponent(vhost) });
  model.on('error', () => {});
  const confirming = await model.createConfirmChannel();
  confirming.on('error', () => {});
  return {
    channel: confirming,
    publish: async (exchange, routingKey, bodies, options = {}) => {
      for (const body of bodies)
        confirming.publish(exchange, routingKey, Buffer.from(body), { persistent: true, ...options });
      await confirming.waitForConfirms();
    },
    ready: async (queue) => (await lookUp(model, queue))?.messageCount ?? null,
    consumers: async (queue) => (await lookUp(model, queue))?.consumerCount ?? 0,
    [Symbol.asyncDispose]: async () => {
      await model.close().catch(() => {});
    },
  };
}

/** A passive look needs a channel of its own, since the broker closes it when the queue is not there. */
async function lookUp(model: ChannelModel, queue: string) {
  const channel = await model.createChannel();
  channel.on('error', () => {});
  try {
    const found = await channel.checkQueue(queue);
    await channel.close();
    return found;
  } catch {
    return null;
  }
}

/** Waits until someone consumes the queue. */
export async function consumed(client: TestClient, queue: string, limitMillis?: number): Promise<void> {
  await until(`${queue} has a consumer`, async () => (await client.consumers(queue)) > 0, limitMillis);
}
