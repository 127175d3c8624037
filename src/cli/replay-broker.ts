import { createProducer } from '../bus/producer.ts';
import { readRabbitSettings } from '../bus/rabbit-settings.ts';
import { formatTransportUrl, parseTransportUrl } from '../bus/transport-url.ts';
import { createDeadline } from '../component/component.ts';
import type { Config } from '../config/option.ts';
import { silentLogger } from '../observe/logger.ts';
import type { ReplayTarget } from './replay-target.ts';

/** So that the next batch is on its way while one is being confirmed. */
const CONCURRENT_BATCHES = 4;
const CLOSE_MILLIS = 2000;

/**
 * Sends to a broker, to the recorded exchange and routing key, declared as the original publishers do and confirmed.
 * Throws a permanent `NephoscopeError` (E2001, E2014) when the URL or the broker options cannot be right.
 */
export function createBrokerTarget(text: string, config: Config): ReplayTarget {
  const url = parseTransportUrl(text);
  const settings = readRabbitSettings(config, url);
  const producer = createProducer({ name: 'replay', url, settings, log: silentLogger });
  return {
    name: formatTransportUrl(url),
    concurrency: CONCURRENT_BATCHES,
    open: async (signal) => {
      await producer.start(signal);
      const trouble = producer.trouble();
      if (trouble !== null) throw trouble;
    },
    send: async (batch, signal) => {
      const messages = batch.map((message) => ({ ...message, body: Buffer.from(message.body) }));
      const { confirmed, rejected } = await producer.publish(messages, signal);
      return { sent: confirmed, refused: rejected.map(({ error }) => error.message), outcomes: {} };
    },
    trouble: () => producer.trouble(),
    close: () => producer.stop(createDeadline(CLOSE_MILLIS)),
  };
}
