import type { Component } from '../component/component.ts';
import type { NephoscopeError } from '../component/errors.ts';
import type { Config, Secret } from '../config/option.ts';
import type { Event } from '../model/event.ts';
import type { Sample } from '../model/sample.ts';
import type { Logger } from '../observe/logger.ts';
import type { Metrics } from '../observe/metrics.ts';
import type { Store } from '../store/store.ts';

/** One item of a batch that will never be taken, and why. */
export interface Rejection {
  /** Index in the batch that was given. */
  readonly index: number;
  readonly error: NephoscopeError;
}

/** Items of a batch that could not be taken now. They are to be given again, the others not. */
export interface Postponement {
  readonly indexes: readonly number[];
  /** Transient. */
  readonly error: NephoscopeError;
}

/**
 * What became of a batch that a publisher took. Everything neither in `rejected` nor in `postponed` is safe with the
 * next stage (committed, confirmed, flushed); `duplicates` are the indexes of the items among them that were there
 * already.
 */
export interface PublishResult {
  readonly accepted: number;
  readonly duplicates: readonly number[];
  readonly rejected: readonly Rejection[];
  readonly postponed?: Postponement;
  /** Only from the runner: how many items it threw away because the URL says `policy=drop`. They are safe nowhere. */
  readonly dropped?: number;
}

/**
 * The last stage of a pipeline: hands samples or events to the world outside.
 *
 * `publish` resolves only when the next stage has the batch. It rejects with a `NephoscopeError` whose `retry`
 * says whether the same batch may be given again (`transient`: nothing is known to be taken, so the receiver must
 * tolerate repeats) or never will be taken (`permanent`). Items must not be changed. `signal` ends waiting, the batch
 * then counts as not taken.
 *
 * A part that implements this makes one attempt and owns neither queue, batching, retry nor time-out: the runner
 * around it (`delivery.ts`) does, for all publishers alike. The runner never calls `publish` again before the call
 * before it has settled, unless the definition allows more with `concurrency`. Towards the pipeline the runner shows
 * the same interface; there calls may overlap, and their order is the order of the items.
 */
export interface Publisher<Item> extends Component {
  publish(items: readonly Item[], signal: AbortSignal): Promise<PublishResult>;
}

/** The value types of a parameter in the query of a publisher's URL. `flag`: present, with any value, or not. */
export interface UrlParameterValues {
  readonly text: string;
  readonly integer: number;
  readonly float: number;
  readonly boolean: boolean;
  readonly flag: boolean;
  /** May be given several times. */
  readonly texts: readonly string[];
}
export type UrlParameterType = keyof UrlParameterValues;

/** Everything there is to know about one parameter; reading, checking and the reference page are made of it. */
export interface UrlParameter<
  Type extends UrlParameterType = UrlParameterType,
  Default extends UrlParameterValues[Type] | null = UrlParameterValues[Type] | null,
> {
  readonly name: string;
  readonly type: Type;
  readonly default: Default;
  readonly doc: string;
  readonly unit?: string;
  readonly min?: number;
  readonly max?: number;
  readonly choices?: readonly string[];
  /** Says how the target is reached, not which one it is: a queue on disk stays with it when this changes. */
  readonly isAboutTheWay?: boolean;
}

/** A publisher's URL, taken apart and checked against the parameters of its definition. Pure data. */
export interface PublisherUrl {
  readonly scheme: string;
  /** What stands between `//` and the path as it was written: may hold passwords, is never shown. */
  readonly authority: Secret;
  readonly username: string | null;
  readonly password: Secret | null;
  /** Null when there is none, or when the authority names several. IPv6 without brackets. */
  readonly host: string | null;
  readonly port: number | null;
  /** With its first `/`, as it was written; empty when there is none. */
  readonly path: string;
  /** What the query holds besides the parameters of the definition, in order; only where `passesQueryOn`. */
  readonly rest: readonly (readonly [name: string, value: string])[];
  /** The URL for logs and status: no user, no password, no query. */
  readonly shown: string;
  get<Type extends UrlParameterType, Default extends UrlParameterValues[Type] | null>(
    parameter: UrlParameter<Type, Default>,
  ): Default extends null ? UrlParameterValues[Type] | null : UrlParameterValues[Type];
}

/** What publishers may use of the program they live in. */
export interface PublisherContext {
  /** Unique name of the component, e.g. `publisher:udp:samples`. */
  readonly name: string;
  readonly config: Config;
  readonly store: Store;
  readonly log: Logger;
  readonly metrics: Metrics;
  /** Where a part may keep what must survive a restart: below this directory, in files named after the part. */
  readonly stateDir: string;
  /** This machine, as it is named in what is published (option `host`). */
  readonly host: string;
}

/**
 * Makes a publisher. Touches nothing outside; `config check` calls it too and throws the result away. Throws a
 * permanent `NephoscopeError` (E1113) when the URL or an option it needs cannot be right.
 */
export type PublisherFactory<Item> = (url: PublisherUrl, context: PublisherContext) => Publisher<Item>;

/** One kind of publisher: what it is, what its URL may hold, and how it is made. The reference page shows all of it. */
export interface PublisherDefinition {
  readonly schemes: readonly string[];
  /** One or two sentences for the operator. */
  readonly summary: string;
  /** The form of the URL, e.g. `tcp://HOST[:PORT]`. */
  readonly form: string;
  readonly examples: readonly string[];
  /** Its own; those of the runner (`policy`, `max_queue_length` …) are added to every publisher. */
  readonly parameters: readonly UrlParameter[];
  /** Query names that are no parameters belong to the target and are no mistake. */
  readonly passesQueryOn?: boolean;
  /** What the runner around it does unless the URL says otherwise. */
  readonly delivery?: DeliveryDefaults;
  readonly samples?: PublisherFactory<Sample>;
  readonly events?: PublisherFactory<Event>;
}

export interface DeliveryDefaults {
  /** The most items in one call of `publish`; 1000. */
  readonly batchSize?: number;
  /** How long a batch may wait to fill; 0: it is what has gathered while the one before was on its way. */
  readonly batchTimeoutMillis?: number;
  /** How long one call may take; 30,000. A function of the URL where a parameter says it. */
  readonly attemptTimeoutMillis?: number | ((url: PublisherUrl) => number);
  /** How many calls may overlap; 1. */
  readonly concurrency?: number;
  /** The part batches, bounds and retries by itself and is called directly: the store alone. */
  readonly isDirect?: boolean;
}
