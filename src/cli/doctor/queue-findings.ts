import type { Finding } from './finding.ts';

/** A queue read twice. */
export interface WatchedQueue {
  readonly name: string;
  /** Messages that wait, at the second reading. */
  readonly ready: number;
  readonly consumers: number;
  /** Messages that came to wait between the readings; negative when it became shorter. */
  readonly growth: number;
}

/** Where the queues are and what is known about their readers. */
export interface QueueSurroundings {
  readonly label: string;
  readonly vhost: string;
  /** Names of the queues this configuration reads. */
  readonly ours: readonly string[];
  /** Between the readings. */
  readonly seconds: number;
  /** A nephoscope with this configuration runs. */
  readonly isServing: boolean;
}

/** So many without a reader endanger the broker of everybody. */
const DANGEROUS_READY = 100_000;
/** Less is what is on its way anyway. */
const LONG_READY = 1_000;

/**
 * What is wrong with queues: no reader, growing in spite of readers, read by somebody else. Queues of one topic that
 * nobody reads are one finding, with what makes them and a policy that bounds them. At least one finding. Pure.
 */
export function judgeQueues(queues: readonly WatchedQueue[], around: QueueSurroundings): readonly Finding[] {
  const orphans = queues.filter(({ consumers }) => consumers === 0);
  const byTopic = Map.groupBy(
    orphans.filter(({ ready, growth }) => ready > 0 || growth > 0),
    ({ name }) => topicOf(name),
  );
  const findings = [
    ...[...byTopic].map(([topic, some]) => orphaned(topic, some, around)),
    ...queues.filter(({ consumers }) => consumers > 0).flatMap((queue) => slow(queue, around)),
    ...strangers(queues, around),
    ...idle(
      orphans.filter(({ ready, growth }) => ready === 0 && growth <= 0),
      around,
    ),
  ];
  return findings.length > 0 ? findings : [allWell(queues, around)];
}

/** `notifications` of `notifications.info`. */
function topicOf(name: string): string {
  const dot = name.lastIndexOf('.');
  return dot === -1 ? name : name.slice(0, dot);
}

function orphaned(topic: string, queues: readonly WatchedQueue[], around: QueueSurroundings): Finding {
  const ready = sum(queues.map((queue) => queue.ready));
  const growth = sum(queues.map((queue) => queue.growth));
  const names = queues.map((queue) => `${queue.name} (${queue.ready})`).join(', ');
  const grows = growth > 0 ? `, growing by ${perSecond(growth, around.seconds)}` : '';
  const isOurs = queues.some(({ name }) => around.ours.includes(name));
  return {
    severity: ready >= DANGEROUS_READY ? 'failure' : 'warning',
    id: 'queue-without-consumer',
    what: `${around.label}: nobody reads ${names}: ${ready} ${ready === 1 ? 'message waits' : 'messages wait'}${grows}`,
    why: `${causeOf(topic)} Without a reader it grows until the broker runs out of memory or disk and stops everybody.`,
    fix: [readerAdvice(topic, isOurs, around), stopAdvice(topic), boundAdvice(topic, queues, around)]
      .filter((text) => text !== '')
      .join('\n'),
  };
}

/** Who sends to the queues of a topic, and what stops it. */
const CAUSES: Readonly<Record<string, { readonly cause: string; readonly stop: string }>> = {
  notifications: {
    cause:
      'Services send here with [oslo_messaging_notifications] driver = messagingv2 and topics = notifications.',
    stop: '',
  },
  versioned_notifications: {
    cause: 'Nova sends here with [notifications] notification_format = both or versioned.',
    stop: 'To stop them, in nova.conf: [notifications] notification_format = unversioned',
  },
  metering: {
    cause: 'Ceilometer agents send here: their pipeline.yaml has the publisher notifier://.',
    stop: 'To stop them, replace notifier:// in the pipeline.yaml of the agents.',
  },
  event: {
    cause: 'Ceilometer agents send here: their event_pipeline.yaml has the publisher notifier://.',
    stop: 'To stop them, replace notifier:// in the event_pipeline.yaml of the agents.',
  },
  'alarm.all': {
    cause: 'An event_pipeline.yaml has the publisher notifier://?topic=alarm.all, for the listener of Aodh.',
    stop: 'To stop them, remove notifier://?topic=alarm.all from event_pipeline.yaml, or start aodh-listener.',
  },
  monitor: {
    cause: 'Services send here with topics = notifications,monitor for a StackTach worker.',
    stop: 'To stop them, remove monitor from [oslo_messaging_notifications] topics of the services.',
  },
};

function causeOf(topic: string): string {
  return (
    CAUSES[topic]?.cause ?? `Services send here with ${topic} among [oslo_messaging_notifications] topics.`
  );
}

function stopAdvice(topic: string): string {
  return CAUSES[topic]?.stop ?? `To stop them, remove ${topic} from the topics of the services.`;
}

/** Queues of the bus between agents are read by a role, not by listening to a topic. */
const NOT_NOTIFICATIONS: ReadonlySet<string> = new Set(['metering', 'event', 'alarm.all', 'nephoscope']);

function readerAdvice(topic: string, isOurs: boolean, { isServing }: QueueSurroundings): string {
  if (isOurs && !isServing) return 'To read them: nephoscope serve with this configuration.';
  if (isOurs)
    return 'The running nephoscope should read them: see its /readyz, and whether it has this configuration.';
  if (NOT_NOTIFICATIONS.has(topic)) return '';
  return `To read them: [oslo_messaging_notifications] topics = notifications,${topic}`;
}

function boundAdvice(topic: string, queues: readonly WatchedQueue[], { vhost }: QueueSurroundings): string {
  const names = queues.map(({ name }) => name);
  return `To bound them whoever reads (the oldest messages go):\n${boundPolicy(topic, names, vhost)}`;
}

/**
 * A command that limits queues to 100,000 messages and a day. RabbitMQ applies one policy to a queue, so an existing one
 * of higher priority wins; each topic has a policy of its own. Safe for a shell whatever the names are. Pure.
 */
export function boundPolicy(topic: string, names: readonly string[], vhost: string): string {
  const pattern = `^(${names.map((name) => name.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')).join('|')})$`;
  const limits = { 'max-length': 100_000, 'message-ttl': 86_400_000, overflow: 'drop-head' };
  return [
    'rabbitmqctl set_policy -p',
    quoted(vhost),
    '--apply-to queues --priority 1',
    quoted(`nephoscope-bound-${topic}`),
    quoted(pattern),
    quoted(JSON.stringify(limits)),
  ].join(' ');
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

function slow(
  { name, ready, consumers, growth }: WatchedQueue,
  around: QueueSurroundings,
): readonly Finding[] {
  if (ready < LONG_READY) return [];
  const readers = `${consumers} ${consumers === 1 ? 'reader' : 'readers'}`;
  if (growth <= 0) {
    const left = growth === 0 ? '' : `, about ${Math.ceil((ready / -growth) * around.seconds)} s to go`;
    const what = `${around.label}: ${ready} messages wait in ${name} and are being read${left}`;
    return [{ severity: 'info', id: 'queue-backlog', what }];
  }
  return [
    {
      severity: 'warning',
      id: 'queue-growing',
      what: `${around.label}: ${name} grows by ${perSecond(growth, around.seconds)} in spite of ${readers}; ${ready} wait`,
      why: 'More comes in than is processed.',
      fix: 'nephoscope top shows which stage is slow; more processes: [notification] workers.',
    },
  ];
}

/** Readers of our queues while we do not run: starting would take messages from them, or be refused. */
function strangers(queues: readonly WatchedQueue[], around: QueueSurroundings): readonly Finding[] {
  if (around.isServing) return [];
  const read = queues.filter(({ name, consumers }) => consumers > 0 && around.ours.includes(name));
  if (read.length === 0) return [];
  return [
    {
      severity: 'info',
      id: 'queue-read-by-others',
      what: `${around.label}: others read ${read.map(({ name }) => name).join(', ')}, a Ceilometer agent for example`,
      why: 'Two readers of one queue share its messages: each gets a part.',
      fix: 'nephoscope serve --shadow reads a copy beside them; --takeover shares on purpose.',
    },
  ];
}

function idle(queues: readonly WatchedQueue[], { label }: QueueSurroundings): readonly Finding[] {
  if (queues.length === 0) return [];
  const names = queues.map(({ name }) => name).join(', ');
  return [{ severity: 'info', id: 'queue-idle', what: `${label}: empty and without a reader: ${names}` }];
}

function allWell(queues: readonly WatchedQueue[], { label }: QueueSurroundings): Finding {
  const what =
    queues.length === 0
      ? `${label}: there are no queues of notifications yet`
      : `${label}: ${queues.length} queues are read and do not grow`;
  return { severity: 'ok', id: 'queues', what };
}

function perSecond(growth: number, seconds: number): string {
  const rate = growth / seconds;
  return `${rate >= 10 ? Math.round(rate) : rate.toFixed(1)} a second`;
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, one) => total + one, 0);
}
