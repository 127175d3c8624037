import type { Channel, ChannelModel } from 'amqplib';
import { replyCode, replyText } from '../../bus/broker-error.ts';
import type { Finding } from './finding.ts';

/** A queue as a passive declaration shows it. */
export interface QueueReading {
  /** Messages that wait; those on their way to a consumer are not counted. */
  readonly ready: number;
  readonly consumers: number;
}

/** What looking gave: the thing, that it is not there, or that the broker does not let us look. */
export type Looked<Thing> =
  | { readonly kind: 'there'; readonly thing: Thing }
  | { readonly kind: 'missing' }
  | { readonly kind: 'refused'; readonly text: string };

/**
 * Looks at a queue without touching it. Each look has a channel of its own, since the broker closes the channel when the
 * queue is not there. Rejects only when the connection itself is lost.
 */
export function lookAtQueue(model: ChannelModel, name: string): Promise<Looked<QueueReading>> {
  return look(model, async (channel) => {
    const { messageCount, consumerCount } = await channel.checkQueue(name);
    return { ready: messageCount, consumers: consumerCount };
  });
}

/** The same for an exchange. */
export function lookAtExchange(model: ChannelModel, name: string): Promise<Looked<true>> {
  return look(model, async (channel) => {
    await channel.checkExchange(name);
    return true as const;
  });
}

async function look<Thing>(
  model: ChannelModel,
  ask: (channel: Channel) => Promise<Thing>,
): Promise<Looked<Thing>> {
  const channel = await model.createChannel();
  // The same error comes as the rejection of the question.
  channel.on('error', () => {});
  try {
    const thing = await ask(channel);
    await channel.close();
    return { kind: 'there', thing };
  } catch (thrown) {
    const code = replyCode(thrown);
    if (code === null) throw thrown;
    return code === 404 ? { kind: 'missing' } : { kind: 'refused', text: replyText(thrown) };
  }
}

/**
 * What the broker would not show. RabbitMQ lets any user of the virtual host look, so this is another program's private
 * queue, or a broker that is stricter.
 */
export function refusals(
  label: string,
  looked: readonly (readonly [name: string, found: Looked<unknown>])[],
): readonly Finding[] {
  const refused = looked.flatMap(([name, found]) =>
    found.kind === 'refused' ? [{ name, text: found.text }] : [],
  );
  const [first] = refused;
  if (first === undefined) return [];
  return [
    {
      severity: 'warning',
      id: 'broker-does-not-show',
      what: `${label}: the broker does not let us look at ${refused.map(({ name }) => name).join(', ')}`,
      why: first.text,
      fix: 'Look who made it, and at the rights of our user: rabbitmqctl list_permissions -p VHOST',
    },
  ];
}
