import { createProducer, type Producer } from '../../src/bus/producer.ts';
import { readRabbitSettings } from '../../src/bus/rabbit-settings.ts';
import { parseTransportUrl } from '../../src/bus/transport-url.ts';
import { createDeadline } from '../../src/component/component.ts';
import { Secret } from '../../src/config/option.ts';
import type { MessageOutcome, RawMessage } from '../../src/notification/intake.ts';
import { silentLogger } from '../../src/observe/logger.ts';
import { Metrics } from '../../src/observe/metrics.ts';
import { createNotificationSources } from '../../src/sources/deployments-sources.ts';
import type { Source } from '../../src/sources/source.ts';
import { configOf } from '../support/config.ts';
import { sumMetric } from '../support/server.ts';
import { until } from '../support/until.ts';

/** One notification after the other, each confirmed by the broker and numbered, taken by a source under test. */
export interface Flow extends AsyncDisposable {
  readonly source: Source;
  /** Publishes the next `count` and resolves when the broker has all of them. */
  send(count: number): Promise<void>;
  /** How many different ones were taken. */
  taken(): number;
  /** Waits until all that were sent are taken and acknowledged, and says what came of them. */
  settle(limitMillis?: number): Promise<FlowResult>;
  /** How often the source reported trouble with this code. */
  trouble(code: string): number;
  metric(name: string): number;
}

export interface FlowResult {
  readonly sent: number;
  readonly lost: number;
  /** Taken that were never sent. */
  readonly unexpected: number;
}

export interface FlowRequest {
  /** What the source connects to. */
  readonly url: string;
  /** Where the notifications are published: not through what breaks. */
  readonly publishUrl: string;
  readonly exchange: string;
  readonly topic: string;
  readonly options?: Readonly<Record<string, unknown>>;
}

const STEP = 2000;
/** A batch takes this long, so that there is always one in hand when something breaks. */
const BATCH_MILLIS = 5;

export async function startFlow(request: FlowRequest): Promise<Flow> {
  const { exchange, topic } = request;
  const config = configOf({
    'notification/messaging_urls': [new Secret(request.url)],
    'notification/notification_control_exchanges': [exchange],
    'oslo_messaging_notifications/topics': [topic],
    'oslo_messaging_rabbit/amqp_durable_queues': true,
    'oslo_messaging_rabbit/rabbit_retry_interval': 0.05,
    'oslo_messaging_rabbit/rabbit_interval_max': 0.3,
    ...request.options,
  });
  const seen = new Map<string, number>();
  const metrics = new Metrics();
  const intake = { take: (messages: readonly RawMessage[]) => take(messages, seen) };
  const [source] = createNotificationSources({ config, intake, log: silentLogger, metrics });
  if (source === undefined) throw new Error('There is no source');
  const url = parseTransportUrl(request.publishUrl);
  const settings = readRabbitSettings(config, url);
  const producer = createProducer({ name: 'sender', url, settings, log: silentLogger });
  const signal = new AbortController().signal;
  await source.start(signal);
  await producer.start(signal);
  let sent = 0;
  return {
    source,
    send: async (count) => {
      for (const end = sent + count; sent < end; ) {
        const step = Math.min(STEP, end - sent);
        await publish(producer, request, sent, step, signal);
        sent += step;
      }
    },
    taken: () => seen.size,
    settle: async (limitMillis = 40_000) => {
      await until('all are taken', () => seen.size >= sent, limitMillis).catch(() => {});
      await until(
        'all are acknowledged',
        () => sumMetric(metrics.expose(), 'nephoscope_source_in_flight') === 0,
      );
      const lost = Array.from({ length: sent }, (_, index) => String(index)).filter((id) => !seen.has(id));
      return { sent, lost: lost.length, unexpected: seen.size - (sent - lost.length) };
    },
    trouble: (code) => {
      const line = metrics
        .expose()
        .split('\n')
        .find(
          (each) => each.startsWith('nephoscope_source_trouble_total{') && each.includes(`code="${code}"`),
        );
      return Number(line?.split(' ')[1] ?? 0);
    },
    metric: (name) => sumMetric(metrics.expose(), name),
    [Symbol.asyncDispose]: async () => {
      await Promise.all([source.stop(createDeadline(3000)), producer.stop(createDeadline(3000))]);
    },
  };
}

async function take(
  messages: readonly RawMessage[],
  seen: Map<string, number>,
): Promise<readonly MessageOutcome[]> {
  await new Promise((resolve) => setTimeout(resolve, BATCH_MILLIS));
  for (const { body } of messages) {
    const id = Buffer.from(body).toString().trim();
    seen.set(id, (seen.get(id) ?? 0) + 1);
  }
  return messages.map(() => 'accepted');
}

async function publish(
  producer: Producer,
  { exchange, topic }: FlowRequest,
  first: number,
  count: number,
  signal: AbortSignal,
): Promise<void> {
  const messages = Array.from({ length: count }, (_, at) => ({
    exchange,
    routingKey: `${topic}.${at % 10 === 0 ? 'error' : 'info'}`,
    body: Buffer.from(String(first + at).padEnd(200)),
    properties: { persistent: true },
  }));
  const { rejected } = await producer.publish(messages, signal);
  if (rejected[0] !== undefined) throw rejected[0].error;
}
