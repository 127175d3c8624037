import { isLoopback } from '../../api/loopback.ts';
import { toError } from '../../component/errors.ts';
import type { Secret } from '../../config/option.ts';
import { effectiveTopology } from '../../sources/deployments.ts';
import type { Finding } from './finding.ts';
import type { OpenBroker } from './open-broker.ts';
import { judgeQueues, type WatchedQueue } from './queue-findings.ts';

/** `<topic>.<priority>`: only queues of notifications end so. */
const NOTIFICATION_QUEUE = /\.(?:audit|debug|info|warn|error|critical|sample)$/;
const TIMEOUT_MILLIS = 10_000;
const MAX_ANSWER_BYTES = 64 * 1024 * 1024;

/**
 * What only the management API of RabbitMQ tells: alarms of the nodes, rights of our user, all queues of notifications,
 * and exchanges that are bound to ours without being in our list.
 */
export async function askManagement(broker: OpenBroker, url: Secret): Promise<readonly Finding[]> {
  try {
    const ask = createAsker(broker, url);
    const vhost = encodeURIComponent(broker.deployment.url.vhost);
    const [user, nodes, queues, bindings] = await Promise.all([
      ask('/api/whoami'),
      ask('/api/nodes'),
      ask(`/api/queues/${vhost}`),
      ask(`/api/bindings/${vhost}`),
    ]);
    return [
      ...judgeUser(broker.label, user),
      ...judgeNodes(broker.label, nodes),
      ...(await otherQueues(broker, queues)),
      ...foreignExchanges(broker, bindings),
    ];
  } catch (thrown) {
    return [notAsked(broker.label, thrown)];
  }
}

type Ask = (path: string) => Promise<unknown>;

/** The login of the URL, else that of the broker. */
function createAsker({ deployment, context }: OpenBroker, url: Secret): Ask {
  const base = new URL(url.reveal());
  const [host] = deployment.url.hosts;
  const user = decodeURIComponent(base.username) || host?.username || 'guest';
  const password = decodeURIComponent(base.password) || host?.password?.reveal() || 'guest';
  if (base.protocol === 'http:' && !isLoopback(base.hostname)) {
    throw new Error(
      'it is asked by https:// only unless it is on this machine, because the login goes with it',
    );
  }
  const authorization = `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;
  return async (path) => {
    const response = await fetch(`${base.origin}${base.pathname.replace(/\/+$/, '')}${path}`, {
      headers: { authorization, accept: 'application/json' },
      redirect: 'error',
      signal: AbortSignal.any([context.signal, AbortSignal.timeout(TIMEOUT_MILLIS)]),
    });
    if (!response.ok) throw new Error(`${path.replace(/^(\/api\/\w+).*/, '$1')} answered ${response.status}`);
    return JSON.parse(await boundedText(response));
  };
}

async function boundedText(response: Response): Promise<string> {
  const pieces: Uint8Array[] = [];
  let total = 0;
  for await (const piece of response.body ?? []) {
    total += piece.length;
    if (total > MAX_ANSWER_BYTES) throw new Error('its answer is too large');
    pieces.push(piece);
  }
  return Buffer.concat(pieces).toString();
}

function notAsked(label: string, thrown: unknown): Finding {
  const error = toError(thrown);
  const cause = error.cause instanceof Error ? error.cause.message : error.message;
  return {
    severity: 'warning',
    id: 'management-unreachable',
    what: `${label}: the management API cannot be asked: ${cause}`,
    fix: 'rabbitmq-plugins enable rabbitmq_management; the user needs the tag monitoring: rabbitmqctl set_user_tags USER monitoring',
  };
}

/** Rights beyond what is needed. `user` is the answer of /api/whoami. Pure. */
export function judgeUser(label: string, user: unknown): readonly Finding[] {
  const tags = fieldOf(user, 'tags');
  const list = Array.isArray(tags) ? tags : String(tags ?? '').split(',');
  if (!list.includes('administrator')) return [];
  return [
    {
      severity: 'warning',
      id: 'broker-superuser',
      what: `${label}: our user ${JSON.stringify(fieldOf(user, 'name'))} is an administrator of the broker`,
      why: 'Who gets hold of our configuration file owns the whole message bus.',
      fix: 'Use a user of its own: rabbitmqctl set_user_tags USER monitoring',
    },
  ];
}

/** Alarms. `nodes` is the answer of /api/nodes. Pure. */
export function judgeNodes(label: string, nodes: unknown): readonly Finding[] {
  return listOf(nodes).flatMap((node) => {
    const alarms = [
      ...(fieldOf(node, 'mem_alarm') === true ? ['memory'] : []),
      ...(fieldOf(node, 'disk_free_alarm') === true ? ['disk'] : []),
    ];
    if (alarms.length === 0) return [];
    return [
      {
        severity: 'failure' as const,
        id: 'broker-alarm',
        what: `${label}: node ${String(fieldOf(node, 'name'))} has raised its ${alarms.join(' and ')} alarm`,
        why: 'All services that publish to it are blocked until it is over.',
        fix: 'Look for queues without a reader above; free disk or memory of the node.',
      },
    ];
  });
}

/** Queues of notifications that no passive look asked for, because their names are not known beforehand. */
async function otherQueues(broker: OpenBroker, queues: unknown): Promise<readonly Finding[]> {
  const { deployment, label, context } = broker;
  const ours = effectiveTopology(deployment).queues.map(({ name }) => name);
  const others = listOf(queues).flatMap((queue) => watchedQueue(queue, context.request.watchSeconds));
  const unread = others.filter(
    ({ name, consumers }) => consumers === 0 && NOTIFICATION_QUEUE.test(name) && !isKnown(name, ours),
  );
  if (unread.length === 0) return [];
  const isServing = (await context.server()) !== null;
  const around = {
    label,
    vhost: deployment.url.vhost,
    ours,
    seconds: context.request.watchSeconds,
    isServing,
  };
  return judgeQueues(unread, around);
}

/** Those were looked at without the management API. */
function isKnown(name: string, ours: readonly string[]): boolean {
  return (
    ours.includes(name) ||
    /^(?:versioned_)?notifications\.|^(?:metering|event|alarm\.all)\.sample$|^monitor\./.test(name)
  );
}

function watchedQueue(queue: unknown, seconds: number): readonly WatchedQueue[] {
  const name = fieldOf(queue, 'name');
  if (typeof name !== 'string') return [];
  const rate = Number(fieldOf(fieldOf(queue, 'messages_ready_details'), 'rate') ?? 0);
  return [
    {
      name,
      ready: Number(fieldOf(queue, 'messages_ready') ?? 0),
      consumers: Number(fieldOf(queue, 'consumers') ?? 0),
      growth: Math.round(rate * seconds),
    },
  ];
}

/** Exchanges whose messages come to our queues although our list does not have them. */
function foreignExchanges({ deployment, label }: OpenBroker, bindings: unknown): readonly Finding[] {
  const ours = new Set(deployment.topology.queues.map(({ name }) => name));
  const exchanges = listOf(bindings)
    .filter((binding) => ours.has(String(fieldOf(binding, 'destination'))))
    .map((binding) => String(fieldOf(binding, 'source') ?? ''))
    .filter((source) => source !== '' && !deployment.topology.exchanges.includes(source));
  const names = [...new Set(exchanges)].toSorted();
  if (names.length === 0) return [];
  return [
    {
      severity: 'warning',
      id: 'exchange-not-in-list',
      what: `${label}: exchanges outside our list are bound to our queues: ${names.join(', ')}`,
      why: 'Their notifications arrive as long as the service that bound them does so; not in a shadow queue, and not after the queue was made anew.',
      fix: `[notification]\n${names.map((name) => `additional_control_exchanges = ${name}`).join('\n')}`,
    },
  ];
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

function fieldOf(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[name] : undefined;
}
