import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Channel } from 'amqplib';
import { NephoscopeError } from '../component/errors.ts';
import type { AmqpSession } from './amqp-connection.ts';
import { connectionLost, replyCode } from './broker-error.ts';
import type { Topology } from './topology.ts';

/*
 * Who else reads a queue? AMQP tells how many consumers a queue has, not whose they are. So all processes of one
 * installation also consume one queue that is theirs alone, before they consume any other and until their connection
 * is gone: the consumers of that queue are the members, and what a shared queue has beyond them belongs to others.
 * The count holds for sibling workers, for a second host that joins on purpose, and for the half-dead connection of
 * a member whose host lost its power, which the broker still counts until its heartbeat runs out.
 */

/** A queue that others consume too. */
export interface SharedQueue {
  readonly queue: string;
  /** How many of them. */
  readonly consumers: number;
}

/** Name of the members' queue of a group for the queues of `topology`; groups that read other queues have another. */
export function membersQueueName(group: string, topology: Topology): string {
  const names = topology.queues.map(({ name }) => name).sort();
  const digest = createHash('sha256').update(names.join('\0')).digest('hex').slice(0, 12);
  return `nephoscope.members.${group}.${digest}`;
}

/** A member that is just leaving is counted on one queue and no longer on the other: then a second look helps. */
const LOOKS = 4;
const BETWEEN_LOOKS_MILLIS = 250;

/**
 * The queues of `topology` that have consumers beyond the members of `membersQueue`. Changes nothing at the broker.
 * Looks again for up to a second before it says so. Rejects with a transient `NephoscopeError` when the connection is
 * lost.
 */
export async function findForeignConsumers(
  session: AmqpSession,
  topology: Topology,
  membersQueue: string,
): Promise<readonly SharedQueue[]> {
  for (let look = 1; ; look++) {
    const shared = await lookOnce(session, topology, membersQueue);
    if (shared.length === 0 || look === LOOKS) return shared;
    await sleep(BETWEEN_LOOKS_MILLIS, undefined, { signal: session.lost }).catch(() => {
      throw connectionLost(session.peer, session.lost.reason);
    });
  }
}

/** The members last: one that joins meanwhile is then counted there first, and never as a stranger. */
async function lookOnce(
  session: AmqpSession,
  topology: Topology,
  membersQueue: string,
): Promise<readonly SharedQueue[]> {
  const counts: SharedQueue[] = [];
  for (const { name } of topology.queues) {
    counts.push({ queue: name, consumers: await countConsumers(session, name) });
  }
  if (counts.every(({ consumers }) => consumers === 0)) return [];
  const members = await countConsumers(session, membersQueue);
  return counts
    .map(({ queue, consumers }) => ({ queue, consumers: consumers - members }))
    .filter(({ consumers }) => consumers > 0);
}

/** 0 as well for a queue that is not there or that the broker does not let us look at. */
async function countConsumers(session: AmqpSession, queue: string): Promise<number> {
  const channel = await openChannel(session);
  try {
    const { consumerCount } = await channel.checkQueue(queue);
    await channel.close();
    return consumerCount;
  } catch (thrown) {
    if (replyCode(thrown) === null) throw connectionLost(session.peer, thrown);
    return 0;
  }
}

/**
 * Makes this connection a member for the rest of its life. Resolves with null, or with the reason when the broker does
 * not allow it: then siblings cannot tell this process from a stranger. Rejects when the connection is lost.
 */
export async function joinMembers(
  session: AmqpSession,
  membersQueue: string,
): Promise<NephoscopeError | null> {
  const channel = await openChannel(session);
  try {
    // Gone with its last member; the limit is for one that was declared and never consumed.
    const limits = { 'x-queue-type': 'classic', 'x-expires': 60_000 };
    await channel.assertQueue(membersQueue, { durable: true, autoDelete: true, arguments: limits });
    await channel.consume(membersQueue, (message) => message ?? joinAgain(session, channel, membersQueue), {
      noAck: true,
    });
    return null;
  } catch (thrown) {
    if (replyCode(thrown) === null) throw connectionLost(session.peer, thrown);
    const text = `Broker does not let this process show itself as a member (queue ${JSON.stringify(membersQueue)})`;
    return new NephoscopeError('E2008', text, { retry: 'transient', cause: thrown });
  }
}

/** Somebody has deleted the queue. On a connection that is lost meanwhile the next session joins anyway. */
async function joinAgain(session: AmqpSession, channel: Channel, membersQueue: string): Promise<void> {
  await channel.close().catch(() => {});
  await joinMembers(session, membersQueue).catch(() => {});
}

async function openChannel(session: AmqpSession): Promise<Channel> {
  const channel = await session.model.createChannel();
  // The same error comes as the rejection of the operation.
  channel.on('error', () => {});
  return channel;
}
