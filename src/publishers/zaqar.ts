import { randomUUID } from 'node:crypto';
import type { Component, ComponentStatus } from '../component/component.ts';
import { NephoscopeError } from '../component/errors.ts';
import { stringifyExact } from '../lib/exact-json.ts';
import type { JsonObject } from '../model/json.ts';
import { createConnection } from '../openstack/connection.ts';
import { readServiceAccess } from '../openstack/credentials.ts';
import { createServiceClient, type ServiceAnswer, type ServiceClient } from '../openstack/service-client.ts';
import { toEventMessage } from '../wire/event-message.ts';
import { toSampleMapping } from '../wire/sample-mapping.ts';
import { Fates } from './item-fates.ts';
import type {
  Publisher,
  PublisherContext,
  PublisherDefinition,
  PublisherUrl,
  PublishResult,
  UrlParameter,
} from './publisher.ts';

const QUEUE: UrlParameter<'text', null> = {
  name: 'queue',
  type: 'text',
  default: null,
  doc: 'Queue to post to; it must be given. Made when it is not there.',
};
const TTL: UrlParameter<'integer', number> = {
  name: 'ttl',
  type: 'integer',
  default: 3600,
  min: 1,
  unit: 'seconds',
  doc: 'How long Zaqar keeps a message; servers usually take no less than 60.',
};
const TIMEOUT: UrlParameter<'float', number> = {
  name: 'timeout',
  isAboutTheWay: true,
  type: 'float',
  default: 10,
  min: 0.1,
  unit: 'seconds',
  doc: 'How long one request may take, unless the credentials say it.',
};

/**
 * `zaqar://` (reference: samples-and-events.md section 5): posts the internal mapping of samples, or serialized events,
 * as messages. Both factories throw a permanent `NephoscopeError`: E1113 without a queue, E8030 for credentials that
 * are not complete.
 */
export const ZAQAR_PUBLISHER: PublisherDefinition = {
  schemes: ['zaqar'],
  summary: 'Posts samples or events as messages to a queue of Zaqar.',
  form: 'zaqar://?queue=QUEUE',
  examples: ['zaqar://?queue=samples&ttl=1200'],
  parameters: [QUEUE, TTL, TIMEOUT],
  delivery: { attemptTimeoutMillis: (url) => Math.max(60_000, url.get(TIMEOUT) * 10_000) },
  samples: (url, context) => createZaqarPublisher(url, context, toSampleMapping),
  events: (url, context) => createZaqarPublisher(url, context, toEventMessage),
};

function createZaqarPublisher<Item>(
  url: PublisherUrl,
  { name, config, log }: PublisherContext,
  toBody: (item: Item) => JsonObject,
): Publisher<Item> {
  const queue = url.get(QUEUE);
  if (!queue)
    throw new NephoscopeError('E1113', 'zaqar:// needs the parameter queue, e.g. zaqar://?queue=samples');
  const access = readServiceAccess(config, 'zaqar');
  const service = { type: 'messaging', name: null };
  const timeoutMillis = url.get(TIMEOUT) * 1000;
  const client = createServiceClient({ access, service, timeoutMillis, connections: 2 });
  const connection = createConnection(name, client, { insecure: access.tls.insecure, log });
  return new ZaqarPublisher(connection, new ZaqarQueue(client, queue), (item) => {
    return `{"ttl":${url.get(TTL)},"body":${stringifyExact(toBody(item))}}`;
  });
}

/** One message on its way. `index`: of its item in the batch. */
interface Message {
  readonly index: number;
  /** JSON. */
  readonly text: string;
  readonly bytes: number;
}

/** What a server takes in one request unless its operator says otherwise: max_messages_post_size, with some room. */
const MAX_REQUEST_BYTES = 250_000;

class ZaqarPublisher<Item> implements Publisher<Item> {
  readonly name: string;
  readonly #connection: Component;
  readonly #queue: ZaqarQueue;
  readonly #toText: (item: Item) => string;

  constructor(connection: Component, queue: ZaqarQueue, toText: (item: Item) => string) {
    this.name = connection.name;
    this.#connection = connection;
    this.#queue = queue;
    this.#toText = toText;
  }

  start(signal: AbortSignal): Promise<void> {
    return this.#connection.start(signal);
  }

  stop(...[deadline]: Parameters<Component['stop']>): Promise<void> {
    return this.#connection.stop(deadline);
  }

  status(): ComponentStatus {
    return this.#connection.status();
  }

  /** In order, as many at a time as the server takes; what is refused is halved until the bad messages are alone. */
  async publish(items: readonly Item[], signal: AbortSignal): Promise<PublishResult> {
    const messages = items.map((item, index) => messageOf(index, this.#toText(item)));
    const fates = new Fates();
    const todo = inRequests(messages).toReversed();
    for (let part = todo.pop(); part !== undefined; part = todo.pop()) {
      const error = await this.#queue.post(part, signal);
      if (error === null) continue;
      if (error.retry === 'transient') {
        // What is behind it waits with it, or the order would be lost.
        for (const rest of [part, ...todo.splice(0)]) fail(fates, rest, error);
      } else if (part.length === 1) {
        fail(fates, part, error);
      } else {
        const middle = Math.ceil(part.length / 2);
        todo.push(part.slice(middle), part.slice(0, middle));
      }
    }
    return fates.result(items.length);
  }
}

function fail(fates: Fates, messages: readonly Message[], error: NephoscopeError): void {
  fates.fail(
    messages.map(({ index }) => index),
    error,
  );
}

function messageOf(index: number, text: string): Message {
  return { index, text, bytes: Buffer.byteLength(text) + 1 };
}

/** Cuts messages into requests that are not too large; one that is too large by itself goes alone. */
function inRequests(messages: readonly Message[]): readonly (readonly Message[])[] {
  const requests: Message[][] = [];
  let bytes = Number.POSITIVE_INFINITY;
  for (const message of messages) {
    if (bytes + message.bytes > MAX_REQUEST_BYTES) {
      requests.push([]);
      bytes = 0;
    }
    requests.at(-1)?.push(message);
    bytes += message.bytes;
  }
  return requests;
}

/** One queue of Zaqar's API v2. */
class ZaqarQueue {
  readonly #client: ServiceClient;
  readonly #path: string;
  readonly #name: string;
  /** Zaqar tells its clients apart by it: who posts does not get its own messages. */
  readonly #headers = { 'client-id': randomUUID() };

  constructor(client: ServiceClient, name: string) {
    this.#client = client;
    this.#name = name;
    this.#path = `/v2/queues/${encodeURIComponent(name)}`;
  }

  /** Null when all were taken, or why not. Never rejects with a `NephoscopeError`. */
  async post(messages: readonly Message[], signal: AbortSignal): Promise<NephoscopeError | null> {
    try {
      const answer = await this.#post(messages, signal);
      return answer.status === 201 ? null : this.#refused(answer);
    } catch (thrown) {
      if (thrown instanceof NephoscopeError) return thrown;
      throw thrown;
    }
  }

  async #post(messages: readonly Message[], signal: AbortSignal): Promise<ServiceAnswer> {
    const body = `{"messages":[${messages.map(({ text }) => text).join(',')}]}`;
    const request = { method: 'POST', path: `${this.#path}/messages`, body, headers: this.#headers } as const;
    const answer = await this.#client.call(request, signal);
    if (answer.status !== 404) return answer;
    await this.#client.call({ method: 'PUT', path: this.#path, body: '{}', headers: this.#headers }, signal);
    return await this.#client.call(request, signal);
  }

  /** Only what is about the messages themselves is for good. */
  #refused(answer: ServiceAnswer): NephoscopeError {
    const retry = answer.status === 400 || answer.status === 413 ? 'permanent' : 'transient';
    const message = `Zaqar refused a message for the queue ${this.#name} (${answer.status}): "${said(answer)}"`;
    return new NephoscopeError('E8048', message, { retry });
  }
}

function said(answer: ServiceAnswer): string {
  const body = answer.json() as { readonly title?: unknown; readonly description?: unknown } | null;
  const parts = [body?.title, body?.description].filter((part) => typeof part === 'string');
  return parts.join(': ').replace(/\s+/g, ' ').slice(0, 300) || 'no explanation';
}
