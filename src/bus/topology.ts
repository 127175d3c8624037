import type { Channel, ChannelModel } from 'amqplib';
import { NephoscopeError } from '../component/errors.ts';
import type { Priority } from '../model/notification.ts';
import { replyCode, replyText } from './broker-error.ts';
import type { DeclareFlags, QueueArguments } from './rabbit-settings.ts';

/** Topic exchanges, and queues with the exchanges and routing keys they are bound to. */
export interface Topology {
  readonly exchanges: readonly string[];
  readonly queues: readonly QueuePlan[];
}

export interface QueuePlan {
  readonly name: string;
  /** Besides the arguments that all queues are declared with; these win. */
  readonly arguments?: QueueArguments;
  readonly bindings: readonly { readonly exchange: string; readonly routingKey: string }[];
}

/** Something that is not as it was asked for. */
export interface TopologyFinding {
  readonly kind: 'exchange' | 'queue' | 'binding';
  readonly name: string;
  /** E2007: exists otherwise; E2008: no access; E2009: not to be had. */
  readonly error: NephoscopeError;
  /** True when what exists will do. */
  readonly usable: boolean;
}

/**
 * What oslo.messaging has for notifications: one queue `<topic>.<priority>`, shared by all services of a virtual host
 * and bound to the exchange of each. Publishers declare the same, so whoever comes first makes it. Pure.
 */
export function notificationTopology(
  exchanges: readonly string[],
  topics: readonly string[],
  priorities: readonly Priority[],
): Topology {
  const keys = [...new Set(topics.flatMap((topic) => priorities.map((priority) => `${topic}.${priority}`)))];
  const distinct = [...new Set(exchanges)];
  return {
    exchanges: distinct,
    queues: keys.map((key) => ({
      name: key,
      bindings: distinct.map((exchange) => ({ exchange, routingKey: key })),
    })),
  };
}

/**
 * One queue `name` of our own, bound to everything the queues of `topology` are bound to: a copy of the stream, as the
 * pools of oslo.messaging are. Nobody else's queue is touched. Pure.
 */
export function shadowTopology(topology: Topology, name: string, queueArguments: QueueArguments): Topology {
  const bindings = new Map(
    topology.queues.flatMap((queue) =>
      queue.bindings.map((binding) => [`${binding.exchange}\0${binding.routingKey}`, binding] as const),
    ),
  );
  return {
    exchanges: topology.exchanges,
    queues: [{ name, bindings: [...bindings.values()], arguments: queueArguments }],
  };
}

/**
 * The exchanges of `topology` that are not there. An exchange takes its bindings with it and nobody is told, so who
 * listens has to look. Rejects only when the connection itself is lost.
 */
export async function missingExchanges(model: ChannelModel, topology: Topology): Promise<readonly string[]> {
  const looker = new Declarer(model, NO_FLAGS);
  try {
    const missing: string[] = [];
    for (const name of topology.exchanges) if (await looker.isMissing(name)) missing.push(name);
    return missing;
  } finally {
    await looker.close();
  }
}

const NO_FLAGS: DeclareFlags = { durable: false, autoDelete: false, queueArguments: {} };

/**
 * Declares all of `topology`; safe to repeat. What exists with other properties is used as it is, and each difference
 * is in the result; one refusal does not stop the rest. Rejects only when the connection itself is lost.
 */
export async function declareTopology(
  model: ChannelModel,
  topology: Topology,
  flags: DeclareFlags,
): Promise<readonly TopologyFinding[]> {
  const declarer = new Declarer(model, flags);
  try {
    for (const exchange of topology.exchanges) await declarer.exchange(exchange);
    for (const queue of topology.queues) await declarer.queue(queue);
    return declarer.findings;
  } finally {
    await declarer.close();
  }
}

/** Works on a channel of its own, since the broker closes the channel at each refusal. */
class Declarer {
  readonly findings: TopologyFinding[] = [];
  readonly #model: ChannelModel;
  readonly #flags: DeclareFlags;
  readonly #unusableExchanges = new Set<string>();
  #channel: Channel | null = null;

  constructor(model: ChannelModel, flags: DeclareFlags) {
    this.#model = model;
    this.#flags = flags;
  }

  async exchange(name: string): Promise<void> {
    const { durable, autoDelete } = this.#flags;
    const refusal = await this.#attempt((channel) =>
      channel.assertExchange(name, 'topic', { durable, autoDelete }),
    );
    if (refusal === null) return;
    const usable = (await this.#attempt((channel) => channel.checkExchange(name))) === null;
    if (!usable) this.#unusableExchanges.add(name);
    this.#found('exchange', name, refusal, usable);
  }

  async isMissing(exchange: string): Promise<boolean> {
    return (await this.#attempt((channel) => channel.checkExchange(exchange)))?.code === 404;
  }

  async queue({ name, bindings, arguments: ownArguments = {} }: QueuePlan): Promise<void> {
    const refusal = await this.#declareQueue(name, ownArguments);
    if (refusal !== null) {
      const usable = (await this.#attempt((channel) => channel.checkQueue(name))) === null;
      this.#found('queue', name, refusal, usable);
      if (!usable) return;
    }
    for (const { exchange, routingKey } of bindings) {
      if (this.#unusableExchanges.has(exchange)) continue;
      const unbound = await this.#attempt((channel) => channel.bindQueue(name, exchange, routingKey));
      if (unbound !== null) this.#found('binding', `${exchange} → ${name}`, unbound, false);
    }
  }

  async close(): Promise<void> {
    await this.#channel?.close().catch(() => {});
  }

  async #declareQueue(name: string, ownArguments: QueueArguments): Promise<Refusal | null> {
    const { durable, autoDelete, queueArguments } = this.#flags;
    const all = { ...queueArguments, ...ownArguments };
    const declare = (): Promise<Refusal | null> =>
      this.#attempt((channel) => channel.assertQueue(name, { durable, autoDelete, arguments: all }));
    const refusal = await declare();
    // A queue of a dead node: a transient one lost its messages with the node, so nothing more is lost by making it
    // anew. A durable one comes back with its messages and is waited for.
    if (refusal?.code !== 404 || durable) return refusal;
    await this.#attempt((channel) => channel.deleteQueue(name));
    return declare();
  }

  /** Null when it worked, the refusal of the broker when there is one; rejects when there is no broker any more. */
  async #attempt(operation: (channel: Channel) => Promise<unknown>): Promise<Refusal | null> {
    const channel = await this.#open();
    try {
      await operation(channel);
      return null;
    } catch (thrown) {
      const code = replyCode(thrown);
      if (code === null) throw thrown;
      this.#channel = null;
      return { code, text: replyText(thrown), cause: thrown };
    }
  }

  async #open(): Promise<Channel> {
    if (this.#channel !== null) return this.#channel;
    const channel = await this.#model.createChannel();
    // The same error comes as the rejection of the operation.
    channel.on('error', () => {});
    this.#channel = channel;
    return channel;
  }

  #found(kind: TopologyFinding['kind'], name: string, refusal: Refusal, usable: boolean): void {
    this.findings.push({ kind, name, usable, error: refusalError(kind, name, refusal) });
  }
}

/** What the broker said when it closed the channel. */
export interface Refusal {
  readonly code: number;
  readonly text: string;
  readonly cause: unknown;
}

/** The error for a refusal by the broker: 406 exists otherwise, 403 no access, anything else cannot be used. */
export function refusalError(kind: TopologyFinding['kind'], name: string, refusal: Refusal): NephoscopeError {
  const what = `${kind} ${JSON.stringify(name)}`;
  const details = { retry: 'transient', cause: refusal.cause } as const;
  if (refusal.code === 403) {
    return new NephoscopeError('E2008', `Broker refused access to ${what}: ${refusal.text}`, details);
  }
  if (refusal.code !== 406) {
    return new NephoscopeError('E2009', `Broker cannot provide ${what}: ${refusal.text}`, details);
  }
  const difference = /inequivalent arg '([^']*)'.*: received (.*) but current is (.*)$/s.exec(refusal.text);
  const [, argument = '', ours = '', theirs = ''] = difference ?? [];
  const text = difference === null ? refusal.text : `its ${argument} is ${theirs}, we would declare ${ours}`;
  const hint = MISMATCH_HINTS[argument];
  return new NephoscopeError('E2007', `Existing ${what} is used as it is: ${text}`, {
    ...details,
    ...(hint === undefined ? {} : { hint }),
  });
}

const MISMATCH_HINTS: Readonly<Record<string, string>> = {
  durable: 'Set amqp_durable_queues of [oslo_messaging_rabbit] as the services have it.',
  auto_delete: 'Set amqp_auto_delete of [oslo_messaging_rabbit] as the services have it.',
  'x-queue-type':
    'Set rabbit_quorum_queue of [oslo_messaging_rabbit] as the services have it; the type of a queue cannot change, so a migration deletes it first.',
  'x-delivery-limit': 'Set rabbit_quorum_delivery_limit of [oslo_messaging_rabbit] as the services have it.',
  'x-message-ttl': 'Nothing needs to be done; the messages of this queue expire.',
  type: 'Notifications need a topic exchange; find out who made this one otherwise.',
};
