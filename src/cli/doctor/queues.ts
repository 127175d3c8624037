import { setTimeout as sleep } from 'node:timers/promises';
import { PRIORITIES } from '../../model/notification.ts';
import type { Deployment } from '../../sources/deployments.ts';
import { effectiveTopology } from '../../sources/deployments.ts';
import type { Finding } from './finding.ts';
import type { OpenBroker } from './open-broker.ts';
import { type Looked, lookAtQueue, type QueueReading, refusals } from './passive-look.ts';
import { judgeQueues, type WatchedQueue } from './queue-findings.ts';

/** Queues of telemetry that exist in clouds whether somebody reads them or not. */
const KNOWN_TOPICS = ['notifications', 'versioned_notifications'] as const;
const KNOWN_QUEUES = ['metering.sample', 'event.sample', 'alarm.all.sample', 'monitor.info', 'monitor.error'];

/** Reads each queue twice, some seconds apart, without touching it, and says what is wrong with them. */
export async function lookAtQueues(broker: OpenBroker): Promise<readonly Finding[]> {
  const { deployment, label, line, context } = broker;
  const names = queueNames(deployment);
  const readAll = (some: readonly string[]) =>
    Promise.all(some.map(async (name) => [name, await lookAtQueue(line.model, name)] as const));
  const before = await readAll(names);
  const { watchSeconds } = context.request;
  await sleep(watchSeconds * 1_000, undefined, { signal: context.signal });
  const after = new Map(
    await readAll(before.flatMap(([name, { kind }]) => (kind === 'there' ? [name] : []))),
  );
  const queues = before.flatMap(([name, first]) => watched(name, first, after.get(name)));
  const server = await context.server();
  return [
    ...refusals(label, before),
    ...judgeQueues(queues, {
      label,
      vhost: deployment.url.vhost,
      ours: effectiveTopology(deployment).queues.map(({ name }) => name),
      seconds: watchSeconds,
      isServing: server !== null,
    }),
  ];
}

function queueNames(deployment: Deployment): readonly string[] {
  const known = KNOWN_TOPICS.flatMap((topic) => PRIORITIES.map((priority) => `${topic}.${priority}`));
  const topologies = [deployment.topology, effectiveTopology(deployment)];
  const ours = topologies.flatMap(({ queues }) => queues.map(({ name }) => name));
  return [...new Set([...ours, ...known, ...KNOWN_QUEUES])];
}

function watched(
  name: string,
  first: Looked<QueueReading>,
  second: Looked<QueueReading> | undefined,
): readonly WatchedQueue[] {
  if (first.kind !== 'there' || second?.kind !== 'there') return [];
  const { ready, consumers } = second.thing;
  return [{ name, ready, consumers, growth: ready - first.thing.ready }];
}
