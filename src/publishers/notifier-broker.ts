import { NOTIFICATION_TRANSPORT_URL, TRANSPORT_URL } from '../bus/options.ts';
import { createProducer, type Producer } from '../bus/producer.ts';
import { readRabbitSettings } from '../bus/rabbit-settings.ts';
import { parseTransportUrl } from '../bus/transport-url.ts';
import type { Deadline } from '../component/component.ts';
import { NephoscopeError } from '../component/errors.ts';
import type { Config, Secret } from '../config/option.ts';
import type { Logger } from '../observe/logger.ts';
import type { PublisherUrl } from './publisher.ts';

/**
 * The connection to one broker, shared by all publishers of a program whose URL leads there: it is opened with the first
 * of them and closed with the last.
 */
export interface SharedBroker {
  readonly producer: Producer;
  /** `holder` needs it from now on; resolves as `Producer.start` does. Safe to repeat. */
  acquire(holder: object, signal: AbortSignal): Promise<void>;
  /** `holder` needs it no longer; safe to repeat, and without `acquire`. */
  release(holder: object, deadline: Deadline): Promise<void>;
}

/** Brokers by the program, known by its configuration, and by URL. */
const BROKERS = new WeakMap<Config, Map<string, SharedBroker>>();

/**
 * The broker that a `notifier://` URL names: its own authority, path and remaining query as a transport URL, else the
 * notification transport of the program. Touches nothing outside.
 * Throws a permanent `NephoscopeError`: E8060 when there is none, E2001 and E2014 for a URL or options that cannot be right.
 */
export function sharedBroker(url: PublisherUrl, driver: string, config: Config, log: Logger): SharedBroker {
  const text = transportText(url, driver, config);
  const brokers = BROKERS.get(config) ?? new Map<string, SharedBroker>();
  BROKERS.set(config, brokers);
  const known = brokers.get(text);
  if (known !== undefined) return known;
  const number = brokers.size + 1;
  const broker = createSharedBroker(text, number === 1 ? 'notifier' : `notifier-${number}`, config, log);
  brokers.set(text, broker);
  return broker;
}

function createSharedBroker(text: string, name: string, config: Config, log: Logger): SharedBroker {
  const url = parseTransportUrl(text);
  const settings = readRabbitSettings(config, url);
  const ownLog = log.child({ part: name });
  const producer = createProducer({ name, url, settings, log: ownLog });
  const holders = new Set<object>();
  return {
    producer,
    acquire: async (holder, signal) => {
      if (holders.size === 0)
        for (const warning of settings.warnings) ownLog.warn({ warning }, 'Broker options');
      holders.add(holder);
      await producer.start(signal);
    },
    release: async (holder, deadline) => {
      if (!holders.delete(holder) || holders.size > 0) return;
      await producer.stop(deadline);
    },
  };
}

function transportText(url: PublisherUrl, driver: string, config: Config): string {
  const authority = url.authority.reveal();
  if (authority !== '') {
    const query = url.rest.map(([name, value]) => `${encodeURIComponent(name)}=${encodeURIComponent(value)}`);
    return `${driver}://${authority}${url.path}${query.length === 0 ? '' : `?${query.join('&')}`}`;
  }
  const transport: Secret | null = config.get(NOTIFICATION_TRANSPORT_URL) ?? config.get(TRANSPORT_URL);
  if (transport !== null) return transport.reveal();
  throw new NephoscopeError('E8060', `${url.shown} names no broker, and no transport_url is set`);
}
