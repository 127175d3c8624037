import { NephoscopeError } from '../component/errors.ts';
import { stringifyExact } from '../lib/exact-json.ts';
import type { Event } from '../model/event.ts';
import type { Sample } from '../model/sample.ts';
import { toEventMessage } from '../wire/event-message.ts';
import { sampleMappingText } from '../wire/sample-mapping.ts';
import { createHttpPublisher, createHttpTarget, type HttpTarget, OVER_HTTP } from './http-target.ts';
import { UnitsAttempt } from './http-units.ts';
import type {
  Publisher,
  PublisherContext,
  PublisherDefinition,
  PublisherUrl,
  PublishResult,
  UrlParameter,
} from './publisher.ts';

const BATCH: UrlParameter<'boolean', boolean> = {
  name: 'batch',
  type: 'boolean',
  default: true,
  doc: 'Whether one request carries a whole batch as a JSON list, or one sample or event as it is.',
};
const RAW_ONLY: UrlParameter<'boolean', boolean> = {
  name: 'raw_only',
  type: 'boolean',
  default: false,
  doc: 'Events only: send the payload of their notifications, which needs [event] store_raw; events without it are left out and counted.',
};

/**
 * `http://`, `https://`: posts JSON (reference: samples-and-events.md section 5). Samples have the internal keys
 * (`name`, `volume`), are not signed and keep their number texts; events are in their serialized form. Unlike the
 * original, which logs and forgets what a target refuses, only what is refused because of its content is given up.
 */
export const HTTP_PUBLISHER: PublisherDefinition = {
  schemes: ['http', 'https'],
  summary:
    'Posts samples or events as JSON to a web service. What of the query is no parameter stays in the target.',
  form: 'http[s]://[USER:PASSWORD@]HOST[:PORT]/PATH',
  examples: ['https://collector.example.org/samples?verify_ssl=/etc/ssl/own-ca.pem&timeout=10'],
  ...OVER_HTTP,
  parameters: [BATCH, RAW_ONLY, ...OVER_HTTP.parameters],
  samples: (url, context) => createPublisher<Sample>(url, context, sampleMappingText),
  events: createEventPublisher,
};

const HEADERS = { 'content-type': 'application/json' };

/** The JSON text of an item; null when nothing is sent for it. Throws RangeError for what is nested too deeply. */
type ToText<Item> = (item: Item) => string | null;

function createEventPublisher(url: PublisherUrl, context: PublisherContext): Publisher<Event> {
  if (!url.get(RAW_ONLY)) {
    return createPublisher<Event>(url, context, (event) => stringifyExact(toEventMessage(event)));
  }
  const skipped = context.metrics
    .counter(
      'nephoscope_http_publisher_without_payload_total',
      'Events left out because raw_only is set and they carry no notification.',
      ['publisher'],
    )
    .child(context.name);
  const payloadText = ({ raw }: Event): string | null => {
    const payload = raw?.['payload'];
    return payload === undefined ? null : stringifyExact(payload);
  };
  return createPublisher<Event>(url, context, payloadText, (count) => skipped.add(count));
}

function createPublisher<Item>(
  url: PublisherUrl,
  context: PublisherContext,
  toText: ToText<Item>,
  onSkipped: (count: number) => void = () => {},
): Publisher<Item> {
  const target = createHttpTarget(url, context, { isTls: url.scheme !== 'http' });
  const way = url.get(BATCH) ? publishTogether : publishOneByOne;
  const publish = way(target, toText, onSkipped);
  return createHttpPublisher(target, context.name, publish);
}

function publishTogether<Item>(
  target: HttpTarget,
  toText: ToText<Item>,
  onSkipped: (count: number) => void,
): Publisher<Item>['publish'] {
  return async (items, signal) => {
    let body = '';
    let skipped = 0;
    for (const item of items) {
      const text = textOf(item, toText);
      if (text === null) skipped++;
      else body += `${body === '' ? '[' : ','}${text}`;
    }
    if (body !== '') await target.post({ headers: HEADERS, body: `${body}]` }, signal);
    // Not before: the same batch may be given again.
    onSkipped(skipped);
    return { accepted: items.length, duplicates: [], rejected: [] };
  };
}

/** In order, so a target sees a resource's states one after the other. */
function publishOneByOne<Item>(
  target: HttpTarget,
  toText: ToText<Item>,
  onSkipped: (count: number) => void,
): Publisher<Item>['publish'] {
  return async (items, signal): Promise<PublishResult> => {
    const attempt = new UnitsAttempt(target.workUntil(), target.shown);
    for (const [index, item] of items.entries()) {
      await attempt.send([{ indexes: [index] }], async () => {
        const body = textOf(item, toText);
        if (body === null) onSkipped(1);
        else await target.post({ headers: HEADERS, body }, signal);
      });
    }
    return attempt.result(items.length);
  };
}

function textOf<Item>(item: Item, toText: ToText<Item>): string | null {
  try {
    return toText(item);
  } catch (thrown) {
    if (!(thrown instanceof RangeError)) throw thrown;
    throw new NephoscopeError('E5012', `Not sent: ${thrown.message}`, { cause: thrown });
  }
}
