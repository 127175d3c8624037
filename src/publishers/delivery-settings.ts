import type { PublisherDefinition, PublisherUrl, UrlParameter } from './publisher.ts';
import type { UrlSyntax } from './publisher-url.ts';

/** What becomes of a batch that the target cannot take now. */
export type DeliveryPolicy = 'default' | 'drop' | 'queue';

/** What the runner around a publisher does, from its definition and its URL. */
export interface DeliverySettings {
  readonly isDirect: boolean;
  readonly policy: DeliveryPolicy;
  /** The most batches in the queue on disk; Infinity: what the disk takes. */
  readonly maxQueueLength: number;
  /** Failed attempts after which a batch of the queue on disk is parked; Infinity: never. */
  readonly maxRetry: number;
  readonly batchSize: number;
  readonly batchTimeoutMillis: number;
  readonly attemptTimeoutMillis: number;
  readonly concurrency: number;
}

export const POLICY = {
  name: 'policy',
  type: 'text',
  default: 'default',
  doc:
    'What becomes of a batch the target cannot take now. `default`: it is tried again until it is taken, and whoever sent it waits: ' +
    'nothing is acknowledged before. `drop`: one attempt, then it is thrown away and counted. `queue`: it is taken once it lies in a ' +
    'queue on disk, which survives a restart and is sent in order in the background. Any other word means `default`, with a warning.',
} as const satisfies UrlParameter;

const MAX_QUEUE_LENGTH = {
  name: 'max_queue_length',
  type: 'integer',
  default: 1_024,
  unit: 'batches',
  doc: 'With `policy=queue`: the most batches in the queue; the oldest is thrown away and counted. 0 or less: as many as the disk takes.',
} as const satisfies UrlParameter;

const MAX_RETRY = {
  name: 'max_retry',
  type: 'integer',
  default: 100,
  unit: 'attempts',
  doc: 'With `policy=queue`: failed attempts since the start after which a batch is parked. 0 or less: it is tried for ever.',
} as const satisfies UrlParameter;

const BATCH_SIZE = {
  name: 'batch_size',
  type: 'integer',
  default: null,
  unit: 'items',
  min: 1,
  max: 10_000,
  doc: 'The most samples or events that are given to the target together. Not set: what suits this publisher.',
} as const satisfies UrlParameter;

const BATCH_TIMEOUT = {
  name: 'batch_timeout',
  type: 'float',
  default: null,
  unit: 'seconds',
  min: 0,
  max: 60,
  doc: 'How long a batch may wait to fill. 0: it is what has gathered while the one before was on its way.',
} as const satisfies UrlParameter;

const DELIVERY_TIMEOUT = {
  name: 'delivery_timeout',
  type: 'float',
  default: null,
  unit: 'seconds',
  min: 0.1,
  max: 3_600,
  doc: 'How long one attempt may take before it counts as failed.',
} as const satisfies UrlParameter;

/** The parameters every publisher has besides its own. */
export const DELIVERY_PARAMETERS: readonly UrlParameter[] = [
  POLICY,
  MAX_QUEUE_LENGTH,
  MAX_RETRY,
  BATCH_SIZE,
  BATCH_TIMEOUT,
  DELIVERY_TIMEOUT,
];

/** What the URL of a publisher may hold: its own parameters, and those of the runner unless it is called directly. */
export function urlSyntaxOf(definition: PublisherDefinition): UrlSyntax {
  if (definition.delivery?.isDirect === true) return definition;
  const own = new Set(definition.parameters.map(({ name }) => name));
  const common = DELIVERY_PARAMETERS.filter(({ name }) => !own.has(name));
  return { ...definition, parameters: [...definition.parameters, ...common] };
}

/** The settings for a URL that was read with `urlSyntaxOf(definition)`. Pure. */
export function readDeliverySettings(definition: PublisherDefinition, url: PublisherUrl): DeliverySettings {
  const { delivery = {} } = definition;
  const timeout = delivery.attemptTimeoutMillis ?? 30_000;
  const inMillis = (seconds: number | null): number | null => (seconds === null ? null : seconds * 1_000);
  return {
    isDirect: delivery.isDirect ?? false,
    policy: policyOf(url.get(POLICY)) ?? 'default',
    maxQueueLength: orUnlimited(url.get(MAX_QUEUE_LENGTH)),
    maxRetry: orUnlimited(url.get(MAX_RETRY)),
    batchSize: url.get(BATCH_SIZE) ?? delivery.batchSize ?? 1_000,
    batchTimeoutMillis: inMillis(url.get(BATCH_TIMEOUT)) ?? delivery.batchTimeoutMillis ?? 0,
    attemptTimeoutMillis:
      inMillis(url.get(DELIVERY_TIMEOUT)) ?? (typeof timeout === 'number' ? timeout : timeout(url)),
    concurrency: delivery.concurrency ?? 1,
  };
}

/** Null for a word that is no policy. */
export function policyOf(word: string): DeliveryPolicy | null {
  return word === 'default' || word === 'drop' || word === 'queue' ? word : null;
}

function orUnlimited(value: number): number {
  return value <= 0 ? Number.POSITIVE_INFINITY : value;
}
