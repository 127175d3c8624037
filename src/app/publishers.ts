import { createHash } from 'node:crypto';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { NephoscopeError } from '../component/errors.ts';
import type { Event } from '../model/event.ts';
import type { Sample } from '../model/sample.ts';
import type { PipelineKind, PipelinePlan } from '../pipeline/plan.ts';
import { NODE_HOST } from '../polling/options.ts';
import { deliver } from '../publishers/delivery.ts';
import { DELIVERY_PARAMETERS, readDeliverySettings, urlSyntaxOf } from '../publishers/delivery-settings.ts';
import type {
  Publisher,
  PublisherContext,
  PublisherDefinition,
  PublisherFactory,
  PublisherUrl,
} from '../publishers/publisher.ts';
import { parsePublisherUrl } from '../publishers/publisher-url.ts';
import { PUBLISHERS } from '../publishers/registry.ts';
import { EVENT_CODEC, SAMPLE_CODEC, type SpoolCodec } from '../publishers/spool-codec.ts';

/** What flows through pipelines of a kind. */
export type ItemOf<Kind extends PipelineKind> = Kind extends 'sample' ? Sample : Event;

/** What the publishers of a program share. */
export interface SharedContext extends Omit<PublisherContext, 'name' | 'host'> {
  /** Takes the directories of the queues on disk that have a publisher; see `createQueueCheck`. */
  readonly queues?: Set<string>;
}

/** Where the queues on disk of all publishers are. */
export function queuesDirectory(stateDir: string): string {
  return join(stateDir, 'spool');
}

const ITEMS = { sample: 'samples', event: 'events' } as const;
const CODECS = { sample: SAMPLE_CODEC, event: EVENT_CODEC } as const;

/** The schemes that publishers of a kind have. */
export function publisherSchemes(kind: PipelineKind): readonly string[] {
  return PUBLISHERS.flatMap((one) => (one[ITEMS[kind]] === undefined ? [] : one.schemes));
}

/** The definition a scheme names, or undefined. */
export function findPublisher(scheme: string): PublisherDefinition | undefined {
  return PUBLISHERS.find(({ schemes }) => schemes.includes(scheme));
}

/**
 * The publishers of a plan with the runner around each: one for each distinct URL, by that URL. Touches nothing outside.
 * Names are `publisher:<scheme>:<samples|events>`, the second of a scheme has `-2` behind it.
 *
 * Throws a permanent `NephoscopeError` for a URL or an option that cannot be right. `readSetup` has reported all of
 * them with their positions before.
 */
export function createPublishers<Kind extends PipelineKind>(
  kind: Kind,
  plan: PipelinePlan,
  context: SharedContext,
): ReadonlyMap<string, Publisher<ItemOf<Kind>>> {
  const publishers = new Map<string, Publisher<ItemOf<Kind>>>();
  const counts = new Map<string, number>();
  for (const text of new Set(plan.pipelines.flatMap((pipeline) => pipeline.publishers))) {
    const scheme = text.slice(0, text.indexOf('://'));
    const count = (counts.get(scheme) ?? 0) + 1;
    counts.set(scheme, count);
    const name = `publisher:${scheme}:${ITEMS[kind]}${count === 1 ? '' : `-${count}`}`;
    publishers.set(text, createPublisher(kind, text, name, context));
  }
  return publishers;
}

/** One publisher called `name`, with the runner around it; otherwise as `createPublishers`. */
export function createPublisher<Kind extends PipelineKind>(
  kind: Kind,
  text: string,
  name: string,
  context: SharedContext,
): Publisher<ItemOf<Kind>> {
  const { definition, url, create } = resolvePublisher(kind, text);
  const host = context.config.get(NODE_HOST) ?? hostname();
  const own = { ...context, name, host, log: context.log.child({ part: name, target: url.shown }) };
  const settings = readDeliverySettings(definition, url);
  const directory = join(queuesDirectory(context.stateDir), queueName(kind, definition, url));
  if (settings.policy === 'queue') context.queues?.add(directory);
  return deliver<ItemOf<Kind>>(create(url, own), settings, {
    name,
    log: own.log,
    metrics: context.metrics,
    spool: {
      directory,
      // The one place where a kind meets its codec.
      codec: CODECS[kind] as SpoolCodec<Sample> | SpoolCodec<Event> as SpoolCodec<ItemOf<Kind>>,
      parking: context.store,
    },
  });
}

/** A URL with what makes its publisher. */
export interface ResolvedPublisher<Item> {
  readonly definition: PublisherDefinition;
  readonly url: PublisherUrl;
  readonly create: PublisherFactory<Item>;
}

/** Finds the definition and reads the URL. Throws a permanent `NephoscopeError` (E1112, E1120, or of the URL). */
export function resolvePublisher<Kind extends PipelineKind>(
  kind: Kind,
  text: string,
): ResolvedPublisher<ItemOf<Kind>> {
  const scheme = text.slice(0, Math.max(0, text.indexOf('://')));
  const definition = findPublisher(scheme);
  if (definition === undefined) {
    throw new NephoscopeError('E1112', `No publisher has the scheme ${JSON.stringify(scheme)}`);
  }
  const url = parsePublisherUrl(text, urlSyntaxOf(definition));
  const create = definition[ITEMS[kind]] as PublisherFactory<ItemOf<Kind>> | undefined;
  if (create === undefined) throw new NephoscopeError('E1120', `${scheme}:// takes no ${ITEMS[kind]}`);
  return { definition, url, create };
}

/**
 * The directory of a queue on disk belongs to its target: a URL with another login or policy, or with other certificates
 * and times, keeps it (they are what is repaired while it waits); one that names another host, path or topic, or has other
 * parameters of its own, has another.
 */
function queueName(kind: PipelineKind, { parameters }: PublisherDefinition, url: PublisherUrl): string {
  const common = new Set(DELIVERY_PARAMETERS.map(({ name }) => name));
  const own = parameters
    .filter(({ name, isAboutTheWay }) => !common.has(name) && isAboutTheWay !== true)
    .map((one) => [one.name, url.get(one)]);
  const identity = JSON.stringify([kind, url.shown, own, url.rest]);
  const digest = createHash('sha256').update(identity).digest('hex').slice(0, 12);
  return `${url.scheme}-${ITEMS[kind]}-${digest}`;
}
