import type { QueueArguments } from '../bus/rabbit-settings.ts';
import { notificationTopology, type QueuePlan, type Topology } from '../bus/topology.ts';
import { nearestWord } from '../lib/nearest.ts';
import { PRIORITIES, type Priority } from '../model/notification.ts';
import { type Fields, isMapping, kindOf, type Mapping, type Path } from './deployments-fields.ts';

/** The keys of an entry that say what is read. */
export const TOPOLOGY_KEYS = ['exchanges', 'topics', 'priorities'];

/** What counts for what an entry does not say. */
export interface TopologyDefaults {
  readonly exchanges: readonly string[];
  readonly topics: readonly string[];
}

interface Wanted extends TopologyDefaults {
  /** What the queues of this deployment are declared with. */
  readonly queueArguments: QueueArguments;
}

/**
 * What an entry of a deployments file reads; null after a mistake was noted. `topics` has two forms: a list as in
 * oslo.messaging, which gives queues `<topic>.<priority>` bound to all exchanges, or StackTach's mapping of exchanges to
 * lists of {queue, routing_key} (a text alone is both), which gives exactly these queues.
 */
export function readDeploymentTopology(
  fields: Fields,
  entry: Mapping,
  path: Path,
  wanted: Wanted,
): Topology | null {
  const topology = isMapping(entry['topics'])
    ? readNamedQueues(fields, entry, path)
    : readTopics(fields, entry, path, wanted);
  if (topology === null || Object.keys(wanted.queueArguments).length === 0) return topology;
  const queues = topology.queues.map((queue) => ({ ...queue, arguments: wanted.queueArguments }));
  return { ...topology, queues };
}

function readTopics(fields: Fields, entry: Mapping, path: Path, defaults: TopologyDefaults): Topology {
  return notificationTopology(
    fields.texts(entry, path, 'exchanges') ?? defaults.exchanges,
    fields.texts(entry, path, 'topics') ?? defaults.topics,
    readPriorities(fields, entry, path),
  );
}

function readPriorities(fields: Fields, entry: Mapping, path: Path): readonly Priority[] {
  const names = fields.texts(entry, path, 'priorities');
  if (names === undefined) return PRIORITIES;
  const wanted = new Set(names.map((name) => name.toLowerCase()));
  for (const [index, name] of names.entries()) {
    if (PRIORITIES.some((priority) => priority === name.toLowerCase())) continue;
    const near = nearestWord(name, PRIORITIES);
    const known = `Priorities are ${PRIORITIES.join(', ')}.`;
    const hint = near === undefined ? known : `Did you mean "${near}"? ${known}`;
    fields.mistake(`There is no priority ${JSON.stringify(name)}`, [...path, 'priorities', index], hint);
  }
  return PRIORITIES.filter((priority) => wanted.has(priority));
}

type Binding = QueuePlan['bindings'][number];

function readNamedQueues(fields: Fields, entry: Mapping, path: Path): Topology | null {
  for (const key of ['exchanges', 'priorities']) {
    if (entry[key] === undefined || entry[key] === null) continue;
    const hint = 'List the queues of each exchange and priority there, or write topics as a list of names.';
    fields.mistake(`${key} does not go with a mapping under topics`, [...path, key], hint);
  }
  const topics = entry['topics'] as Mapping;
  const queues = new Map<string, Binding[]>();
  for (const [exchange, list] of Object.entries(topics)) {
    for (const { queue, routingKey } of readQueueList(fields, list, [...path, 'topics', exchange])) {
      const bindings = queues.get(queue) ?? [];
      bindings.push({ exchange, routingKey });
      queues.set(queue, bindings);
    }
  }
  if (Object.keys(topics).length === 0) fields.mistake('topics names no exchange', [...path, 'topics']);
  if (queues.size === 0) return null;
  return {
    exchanges: Object.keys(topics),
    queues: [...queues].map(([name, bindings]) => ({ name, bindings })),
  };
}

function readQueueList(
  fields: Fields,
  list: unknown,
  path: Path,
): readonly { readonly queue: string; readonly routingKey: string }[] {
  if (!Array.isArray(list) || list.length === 0) {
    fields.mistake(`${String(path.at(-1))} has ${kindOf(list)} instead of a list of queues`, path);
    return [];
  }
  return list.flatMap((item: unknown, index) => {
    const at = [...path, index];
    if (typeof item === 'string' && item !== '') return [{ queue: item, routingKey: item }];
    if (!isMapping(item)) {
      fields.mistake(`A queue is ${kindOf(item)} instead of a mapping with queue and routing_key`, at);
      return [];
    }
    fields.warnOfUnknown(item, at, ['queue', 'routing_key'], {});
    const queue = fields.text(item, at, 'queue');
    const routingKey = fields.text(item, at, 'routing_key') ?? queue;
    if (item['queue'] === undefined) fields.mistake('A queue has no name', at, 'Write queue: NAME.');
    return queue === undefined || routingKey === undefined ? [] : [{ queue, routingKey }];
  });
}
