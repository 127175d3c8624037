import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { type ConfirmChannel, connect } from 'amqplib';
import { PRIORITIES } from '../src/model/notification.ts';
import { type Server, startServer } from '../test/support/server.ts';
import { type Recorded, withNewIds } from './recording.ts';

const BROKER = process.env['NEPHOSCOPE_BENCH_BROKER'] ?? 'amqp://guest:guest@127.0.0.1:5672/';
const BARE_PREFETCH = 500;
/** A broker that stands still must not keep the bench for ever. */
const DRAIN_LIMIT_MILLIS = 180_000;

/** How `serve` emptied the second half of a backlog: start-up is a figure of its own. */
export interface Drained {
  readonly messagesPerSecond: number;
  /** Microseconds of CPU of the process per message, user and system, all threads. */
  readonly cpuMicros: number;
}

/** A queue of recorded notifications on a real broker, emptied in turn by a bare consumer and by `serve`. */
export interface BenchBroker extends AsyncDisposable {
  /** Puts `count` notifications into the queue, all with ids that were not used before. */
  fill(count: number): Promise<void>;
  /** Messages per second of a consumer that parses and acknowledges, and nothing else. */
  bareRate(count: number): Promise<number>;
  /** Has a new `serve` empty the queue of `count` messages; `env` says what it does with them. */
  drain(count: number, env?: Readonly<Record<string, string>>, args?: readonly string[]): Promise<Drained>;
  /** The environment with which `serve` reads the queue. */
  readonly env: Readonly<Record<string, string>>;
}

/** Connects and declares the queue; null when no broker answers. */
export async function openBenchBroker(messages: readonly Recorded[]): Promise<BenchBroker | null> {
  const connection = await connect(BROKER).catch(() => null);
  if (connection === null) return null;
  const topic = `bench-${randomUUID()}`;
  const queue = `${topic}.info`;
  const channel = await connection.createConfirmChannel();
  await channel.assertExchange('nova', 'topic', { durable: false });
  await channel.assertQueue(queue, { durable: false });
  await channel.bindQueue(queue, 'nova', queue);
  const env = {
    OS_DEFAULT__TRANSPORT_URL: BROKER.replace('amqp:', 'rabbit:'),
    OS_OSLO_MESSAGING_NOTIFICATIONS__TOPICS: topic,
    OS_NOTIFICATION__NOTIFICATION_CONTROL_EXCHANGES: 'nova',
  };
  let salt = 0;
  return {
    env,
    fill: async (count) => {
      for (let sent = 0; sent < count; sent++) {
        if (sent % messages.length === 0) salt++;
        const recorded = messages[sent % messages.length];
        if (recorded === undefined) break;
        channel.publish('nova', queue, withNewIds(recorded, salt).body, { contentType: 'application/json' });
        if (sent % 1_000 === 999) await channel.waitForConfirms();
      }
      await channel.waitForConfirms();
    },
    bareRate: (count) => bareRate(channel, queue, count),
    drain: async (count, more = {}, args = []) => {
      await using server = await startServer({ env: { ...env, ...more }, args });
      return await watchDrain(server, count);
    },
    [Symbol.asyncDispose]: async () => {
      for (const priority of PRIORITIES) await channel.deleteQueue(`${topic}.${priority}`);
      await connection.close();
    },
  };
}

async function bareRate(channel: ConfirmChannel, queue: string, count: number): Promise<number> {
  await channel.prefetch(BARE_PREFETCH);
  const startedAt = performance.now();
  let taken = 0;
  const { promise, resolve } = Promise.withResolvers<void>();
  const { consumerTag } = await channel.consume(queue, (message) => {
    if (message === null) return;
    const envelope = JSON.parse(message.content.toString());
    JSON.parse(envelope['oslo.message'] ?? '{}');
    taken++;
    if (taken % 100 === 0 || taken === count) channel.ack(message, true);
    if (taken === count) resolve();
  });
  await promise;
  const seconds = (performance.now() - startedAt) / 1_000;
  await channel.cancel(consumerTag);
  return count / seconds;
}

interface Reading {
  readonly taken: number;
  readonly atMillis: number;
  readonly cpuSeconds: number;
}

async function watchDrain(server: Server, count: number): Promise<Drained> {
  const end = performance.now() + DRAIN_LIMIT_MILLIS;
  let first: Reading | null = null;
  while (performance.now() < end) {
    const now = await read(server);
    // The second half: what the first costs in compiling is paid once in the life of a process.
    if (first === null && now.taken >= count / 2) first = now;
    if (first !== null && now.taken >= count) {
      const messages = now.taken - first.taken;
      return {
        messagesPerSecond: messages / ((now.atMillis - first.atMillis) / 1_000),
        cpuMicros: ((now.cpuSeconds - first.cpuSeconds) * 1e6) / messages,
      };
    }
    await sleep(50);
  }
  throw new Error(`serve has not taken ${count} messages: ${server.stderr().slice(-2_000)}`);
}

async function read(server: Server): Promise<Reading> {
  const outcomes = await server.metric('nephoscope_notifications_total');
  const cpuSeconds = await server.metric('process_cpu_seconds_total');
  return { taken: outcomes, cpuSeconds, atMillis: performance.now() };
}
