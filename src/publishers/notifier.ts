import type { OutgoingMessage, ProduceResult } from '../bus/producer.ts';
import type { ComponentStatus, Deadline } from '../component/component.ts';
import { NephoscopeError } from '../component/errors.ts';
import type { Event } from '../model/event.ts';
import type { Sample } from '../model/sample.ts';
import { eventMessageText, meteringMessageText } from '../wire/signed-text.ts';
import { type SharedBroker, sharedBroker } from './notifier-broker.ts';
import { type MessageForm, toMessages } from './notifier-messages.ts';
import { CONTROL_EXCHANGE, EVENT_TOPIC, METERING_TOPIC, TELEMETRY_DRIVER } from './notifier-options.ts';
import { toPublishResult } from './notifier-result.ts';
import type {
  Publisher,
  PublisherContext,
  PublisherDefinition,
  PublisherUrl,
  PublishResult,
  UrlParameter,
} from './publisher.ts';
import { readSigning } from './signing.ts';

const TOPIC = {
  name: 'topic',
  type: 'texts',
  default: [],
  doc: 'Where to: queue and routing key are `<topic>.sample`. May be given several times; each gets everything. Not set: `metering_topic` or `event_topic` of `[publisher_notifier]`. Aodh listens to `alarm.all`.',
} as const satisfies UrlParameter;

const DRIVER = {
  name: 'driver',
  type: 'text',
  default: 'rabbit',
  doc: 'Kind of the broker that the URL names.',
} as const satisfies UrlParameter;

const PER_METER_TOPIC = {
  name: 'per_meter_topic',
  type: 'boolean',
  default: false,
  doc: 'Send the samples of each meter once more in a message whose event type is `metering.<meter>`, on the same topic: who ignores event types sees all samples twice.',
} as const satisfies UrlParameter;

const MAX_MESSAGE_BYTES = {
  name: 'max_message_bytes',
  type: 'integer',
  default: 1_048_576,
  min: 1024,
  max: 67_108_864,
  unit: 'bytes',
  isAboutTheWay: true,
  doc: 'The most payload of one message; more is sent as several.',
} as const satisfies UrlParameter;

/** Samples and events to a message broker, as telemetry services exchange them. */
export const NOTIFIER_PUBLISHER: PublisherDefinition = {
  schemes: ['notifier'],
  summary:
    'Sends signed metering or event messages to RabbitMQ, for a collector, Aodh or other readers. Exchange, queue and binding are made; each message is persistent and confirmed by the broker.',
  form: 'notifier://[[USER[:PASSWORD]@]HOST[:PORT][,…][/VHOST]]',
  examples: [
    'notifier://',
    'notifier://?topic=alarm.all',
    'notifier://ceilometer:secret@broker-1:5672/telemetry',
  ],
  parameters: [TOPIC, DRIVER, PER_METER_TOPIC, MAX_MESSAGE_BYTES],
  passesQueryOn: true,
  samples: (url, context) => {
    const { secret } = readSigning(context.config);
    return new NotifierPublisher<Sample>(url, context, {
      ...commonForm(url, context, 'metering'),
      topics: topicsOf(url, context.config.get(METERING_TOPIC)),
      toText: (sample) => meteringMessageText(sample, secret),
      idOf: ({ id }) => id,
      nameOf: url.get(PER_METER_TOPIC) ? ({ name }) => name : null,
    });
  },
  events: (url, context) => {
    const { secret } = readSigning(context.config);
    return new NotifierPublisher<Event>(url, context, {
      ...commonForm(url, context, 'event'),
      topics: topicsOf(url, context.config.get(EVENT_TOPIC)),
      toText: (event) => eventMessageText(event, secret),
      idOf: ({ messageId }) => messageId,
      nameOf: null,
    });
  },
};

type CommonForm = Pick<
  MessageForm<unknown>,
  'exchange' | 'eventType' | 'publisherId' | 'envelope' | 'maxPayloadBytes'
>;

function commonForm(url: PublisherUrl, { config, host }: PublisherContext, eventType: string): CommonForm {
  return {
    exchange: config.get(CONTROL_EXCHANGE),
    eventType,
    publisherId: `telemetry.publisher.${host}`,
    envelope: config.get(TELEMETRY_DRIVER) === 'messaging' ? '1.0' : '2.0',
    maxPayloadBytes: url.get(MAX_MESSAGE_BYTES),
  };
}

function topicsOf(url: PublisherUrl, otherwise: string): readonly string[] {
  const given = url.get(TOPIC).filter((topic) => topic !== '');
  const topics = given.length === 0 ? [otherwise] : [...new Set(given)];
  const long = topics.find((topic) => Buffer.byteLength(`${topic}.sample`) > MAX_NAME_BYTES);
  if (long === undefined) return topics;
  throw new NephoscopeError('E1113', `topic ${JSON.stringify(long)} is too long for the name of a queue`, {
    hint: 'Give a topic of at most 248 bytes.',
  });
}

/** Of queues and routing keys, in AMQP. */
const MAX_NAME_BYTES = 255;

/** A connection that was cut is there again within this, or the broker is away. */
const GRACE_MILLIS = 1000;
const WATCH_MILLIS = 50;

/**
 * Sends each batch as lists of messages and resolves when the broker has confirmed all of them.
 *
 * A broker that is away for longer than a second, or that holds up publishers, gives a transient error at once: waiting
 * and policy are the runner's. What is unconfirmed then may have arrived; it is sent again under the same message id.
 * A message refused for want of a permission or of room in a queue is postponed, any other refusal is for good.
 */
class NotifierPublisher<Item> implements Publisher<Item> {
  readonly name: string;
  readonly #form: MessageForm<Item>;
  readonly #broker: SharedBroker;
  /** When that was first seen. */
  #degradedSince: string | null = null;
  /** When a call first found the broker away, as `performance.now()`; null since it was last seen well. */
  #awaySince: number | null = null;

  constructor(url: PublisherUrl, { name, config, log }: PublisherContext, form: MessageForm<Item>) {
    this.name = name;
    this.#form = form;
    this.#broker = sharedBroker(url, url.get(DRIVER), config, log);
  }

  start(signal: AbortSignal): Promise<void> {
    return this.#broker.acquire(this, signal);
  }

  stop(deadline: Deadline): Promise<void> {
    return this.#broker.release(this, deadline);
  }

  status(): ComponentStatus {
    const { state, reason } = this.#broker.producer.status();
    if (state !== 'degraded') {
      this.#degradedSince = null;
      return reason === undefined ? { state } : { state, reason };
    }
    this.#degradedSince ??= new Date().toISOString();
    return { state, reason: `${reason} (since ${this.#degradedSince})` };
  }

  async publish(items: readonly Item[], signal: AbortSignal): Promise<PublishResult> {
    const batch = toMessages(items, this.#form, Date.now() * 1000);
    if (batch.messages.length === 0) return { accepted: 0, duplicates: [], rejected: batch.rejected };
    return toPublishResult(items.length, batch, await this.#produce(batch.messages, signal));
  }

  async #produce(messages: readonly OutgoingMessage[], signal: AbortSignal): Promise<ProduceResult> {
    // What is given to a connection that is held up is sent when it no longer is, each attempt once.
    if (this.#isHeldUp() || this.#isAway()) throw this.#unavailable();
    const away = new AbortController();
    const watch = setInterval(() => {
      if (this.#isHeldUp() || this.#isAway()) away.abort(this.#unavailable());
    }, WATCH_MILLIS).unref();
    try {
      return await this.#broker.producer.publish(messages, AbortSignal.any([signal, away.signal]));
    } catch (thrown) {
      throw away.signal.aborted ? away.signal.reason : thrown;
    } finally {
      clearInterval(watch);
    }
  }

  /** Connected, and yet the broker takes nothing from publishers: its memory or disk alarm. */
  #isHeldUp(): boolean {
    const { producer } = this.#broker;
    return producer.status().state === 'degraded' && producer.trouble() === null;
  }

  /** For longer than the grace. It is one grace for all calls: with `policy=drop` each would hold up the source by it. */
  #isAway(): boolean {
    if (this.#broker.producer.status().state === 'ok') this.#awaySince = null;
    else this.#awaySince ??= performance.now();
    return this.#awaySince !== null && performance.now() - this.#awaySince > GRACE_MILLIS;
  }

  #unavailable(): NephoscopeError {
    const reason = this.#broker.producer.status().reason ?? 'the connection was lost';
    return new NephoscopeError('E8061', `Broker does not take messages: ${reason}`, { retry: 'transient' });
  }
}
