import { NephoscopeError } from '../component/errors.ts';
import { eachAtOnce } from '../lib/each-at-once.ts';
import { stringifyExact } from '../lib/exact-json.ts';
import { wasTooSlow } from '../openstack/http.ts';
import type { Refusal } from './gnocchi-api.ts';
import {
  type BatchPlan,
  blamed,
  changeBody,
  type GnocchiResource,
  type Measure,
  measuresBody,
  resourceBody,
} from './gnocchi-batch.ts';
import { type GnocchiSampleParts, RESOURCE_REQUESTS } from './gnocchi-parts.ts';
import { resourceError, retryOf } from './gnocchi-resources.ts';
import type { Fates } from './item-fates.ts';

/** Requests with measures in one attempt; what is left then waits for the next one. */
const MAX_POSTS = 400;
/** As many answers of failure without a single success mean that it is not about what was sent. */
const HOPELESS_POSTS = 8;

/** What the attempts of one publisher learn from each other. */
export class Experience {
  /** The measure that Gnocchi took last: given again it changes nothing, and tells whether Gnocchi works. */
  taken: Measure | null = null;
  /**
   * How many measures go into one request. Gnocchi takes milliseconds to create a metric, so the first batch of many
   * resources may be more than it can answer in time; each time it is not, the next attempt asks for half as much.
   */
  requestSize = Number.POSITIVE_INFINITY;

  tookTooLong(size: number): void {
    this.requestSize = Math.max(MIN_REQUEST, Math.floor(size / 2));
  }

  tookInTime(size: number): void {
    if (size >= this.requestSize) this.requestSize *= 2;
  }
}

const MIN_REQUEST = 25;

/** One attempt to bring the measures of a batch to Gnocchi. */
export class MeasuresAttempt {
  readonly #parts: GnocchiSampleParts;
  readonly #plan: BatchPlan;
  readonly #fates: Fates;
  readonly #experience: Experience;
  readonly #signal: AbortSignal;
  /** What is still to be posted, in parts. */
  readonly #todo: (readonly Measure[])[] = [];
  /** Resources that are there, or were refused, since this attempt began: not a second time. */
  readonly #created = new Set<string>();
  readonly #refused = new Map<string, NephoscopeError>();
  /** Failures that may be the fault of a measure or a resource, or Gnocchi's. */
  readonly #doubtful: { readonly measure: Measure; readonly error: NephoscopeError }[] = [];
  readonly #repeated = new Set<Measure>();
  #posts = 0;
  #isProven = false;

  constructor(
    parts: GnocchiSampleParts,
    plan: BatchPlan,
    fates: Fates,
    experience: Experience,
    signal: AbortSignal,
  ) {
    this.#parts = parts;
    this.#plan = plan;
    this.#fates = fates;
    this.#experience = experience;
    this.#signal = signal;
  }

  /** Settles every measure; never rejects with an error that is about the measures or the way to Gnocchi. */
  async run(): Promise<void> {
    this.#putInRequests(this.#plan.measures);
    for (let part = this.#todo.pop(); part !== undefined; part = this.#todo.pop()) {
      try {
        await this.#post(part);
      } catch (thrown) {
        if (!(thrown instanceof NephoscopeError)) throw thrown;
        if (wasTooSlow(thrown)) this.#experience.tookTooLong(part.length);
        this.#fail(part, thrown);
        for (const rest of this.#todo.splice(0)) this.#fail(rest, thrown);
      }
    }
    // Whoever fails while the neighbours are taken is to blame, and would hold them up again each time.
    const retry = this.#doubtful.length > 0 && (await this.#isWorking()) ? 'permanent' : 'transient';
    for (const { measure, error } of this.#doubtful) {
      this.#fail([measure], new NephoscopeError(error.code, error.message, { retry }));
    }
  }

  #putInRequests(measures: readonly Measure[]): void {
    const size = Math.min(this.#experience.requestSize, measures.length);
    for (let from = 0; from < measures.length; from += size)
      this.#todo.unshift(measures.slice(from, from + size));
  }

  #put(measures: readonly Measure[]): void {
    if (measures.length > 0) this.#todo.push(measures);
  }

  #fail(measures: readonly Measure[], error: NephoscopeError): void {
    this.#fates.fail(
      measures.map(({ index }) => index),
      error,
    );
  }

  async #post(part: readonly Measure[]): Promise<void> {
    if (this.#posts >= MAX_POSTS) {
      const message = `${MAX_POSTS} requests were not enough to single out what Gnocchi refuses`;
      throw new NephoscopeError('E8042', message, { retry: 'transient' });
    }
    this.#posts++;
    const outcome = await this.#parts.api.postMeasures(measuresBody(part), this.#signal);
    if (outcome.kind === 'taken') this.#taken(part);
    else if (outcome.kind === 'unknown-resources') await this.#createResources(part, outcome.ids);
    else await this.#singleOut(part, outcome.refusal);
  }

  #taken(part: readonly Measure[]): void {
    this.#isProven = true;
    this.#experience.taken = part.at(-1) ?? null;
    this.#experience.tookInTime(part.length);
  }

  /** Whether Gnocchi takes measures at all: in this attempt, or, when none was, the one that it took last. */
  async #isWorking(): Promise<boolean> {
    const { taken } = this.#experience;
    if (this.#isProven || taken === null) return this.#isProven;
    const outcome = await this.#parts.api.postMeasures(measuresBody([taken]), this.#signal).catch(() => null);
    this.#isProven = outcome?.kind === 'taken';
    return this.#isProven;
  }

  async #createResources(part: readonly Measure[], ids: readonly string[]): Promise<void> {
    const unknown = new Set(ids);
    const wanted = new Set(part.map(({ resource }) => resource).filter(({ id }) => unknown.has(id)));
    const isStuck = ({ id }: GnocchiResource): boolean => this.#created.has(id);
    if (wanted.size === 0 || wanted.values().some(isStuck)) {
      const lost = part.filter(
        ({ resource }) => wanted.size === 0 || (wanted.has(resource) && isStuck(resource)),
      );
      this.#fail(lost, stillUnknown(ids));
      this.#put(part.filter((measure) => !lost.includes(measure)));
      return;
    }
    await eachAtOnce(wanted, RESOURCE_REQUESTS, (resource) => this.#createResource(resource));
    const refusedOf = (measure: Measure) => this.#refused.get(measure.resource.id);
    for (const measure of part) this.#settle(measure, refusedOf(measure));
    this.#put(part.filter((measure) => refusedOf(measure) === undefined));
  }

  async #createResource(resource: GnocchiResource): Promise<void> {
    if (this.#refused.has(resource.id)) return;
    const create = () => this.#parts.resources.create(resource.type, resourceBody(resource), this.#signal);
    let outcome = await create();
    if (outcome.kind === 'refused' && retryOf(outcome.refusal) === 'transient') outcome = await create();
    if (outcome.kind === 'refused') {
      this.#refused.set(resource.id, resourceError(resource.type, resource.id, outcome.refusal));
    } else {
      this.#created.add(resource.id);
    }
    if (outcome.kind === 'done') this.#remember(resource);
  }

  /** For good at once, or when it is known whether it is the fault of Gnocchi. */
  #settle(measure: Measure, error: NephoscopeError | undefined): void {
    if (error?.retry === 'permanent') this.#fail([measure], error);
    else if (error !== undefined) this.#doubtful.push({ measure, error });
  }

  /** Splits what was refused; the bad ones end up alone. */
  async #singleOut(part: readonly Measure[], refusal: Refusal): Promise<void> {
    const { status } = refusal;
    if (!isAboutMeasures(refusal)) throw notTaken('E8039', refusal);
    const isTransient = retryOf(refusal) === 'transient' && status !== 413;
    if (isTransient && this.#posts >= HOPELESS_POSTS && !(await this.#isWorking())) {
      throw notTaken('E8038', refusal);
    }
    const { measures: bad, isCertain } = blamed(part, refusal);
    if (bad.size > 0 && bad.size < part.length) {
      this.#put(part.filter((measure) => !bad.has(measure)));
      this.#put([...bad]);
    } else if (part.length === 1 || (isCertain && bad.size > 0)) {
      this.#refuse(part, refusal);
    } else {
      const middle = Math.ceil(part.length / 2);
      this.#put(part.slice(middle));
      this.#put(part.slice(0, middle));
    }
  }

  #refuse(part: readonly Measure[], refusal: Refusal): void {
    const retry = retryOf(refusal);
    for (const measure of part) {
      if (retry === 'transient' && this.#putBack(measure)) continue;
      const what = `Gnocchi refused a value of ${measure.meter} of ${JSON.stringify(measure.resource.id)}`;
      this.#settle(measure, new NephoscopeError('E8042', said(what, refusal), { retry }));
    }
  }

  /** Once more, after all others: what failed may have been a collision. */
  #putBack(measure: Measure): boolean {
    if (this.#repeated.has(measure)) return false;
    this.#repeated.add(measure);
    this.#todo.unshift([measure]);
    return true;
  }

  /**
   * Tells the attributes that have changed of all resources Gnocchi has. The measures are safe by then, so nothing
   * that goes wrong here is an error: the next batch tells them again.
   */
  async tellAttributes(): Promise<void> {
    const changed = this.#plan.resources
      .values()
      .filter((resource) => !this.#refused.has(resource.id) && this.#isChanged(resource));
    try {
      await eachAtOnce(changed, RESOURCE_REQUESTS, (resource) => this.#tell(resource));
    } catch (thrown) {
      if (!(thrown instanceof NephoscopeError)) throw thrown;
      this.#parts.log.debug({ err: thrown }, 'Attributes of resources not told to Gnocchi now');
    }
  }

  #isChanged(resource: GnocchiResource): boolean {
    if (resource.attributes.size === 0 && resource.projectId === null) return false;
    return !this.#parts.cache.has(keyOf(resource), stateOf(resource));
  }

  async #tell(resource: GnocchiResource): Promise<void> {
    const { type, id } = resource;
    const outcome = await this.#parts.resources.update(type, id, changeBody(resource), this.#signal);
    if (outcome.kind === 'refused') {
      const fields = { type, answer: outcome.refusal.text };
      this.#parts.resources.tellOnce(`update ${type}`, fields, 'Gnocchi refuses changes of resources');
    }
    // Also when it is refused: to ask again with each batch would bring nothing but load.
    this.#remember(resource);
  }

  #remember(resource: GnocchiResource): void {
    this.#parts.cache.set(keyOf(resource), stateOf(resource));
  }
}

function stillUnknown(ids: readonly string[]): NephoscopeError {
  const some = ids.slice(0, 3).map((id) => JSON.stringify(id));
  const message = `Gnocchi goes on not to know resources, although they were created: ${some.join(', ')}`;
  return new NephoscopeError('E8043', message, { retry: 'transient' });
}

function keyOf({ type, id }: GnocchiResource): string {
  return `${type}/${id}`;
}

function stateOf(resource: GnocchiResource): string {
  const entries = Object.entries(changeBody(resource));
  return stringifyExact(Object.fromEntries(entries.sort(([one], [other]) => (one < other ? -1 : 1))));
}

function said(what: string, { status, text }: Refusal): string {
  return `${what} (${status}): "${text}"`;
}

/** Whether a smaller part may be taken. Anything else no Gnocchi answers here: something stands before it. */
function isAboutMeasures({ status, isExplained }: Refusal): boolean {
  return (status === 400 && isExplained) || [403, 413, 500].includes(status);
}

function notTaken(code: 'E8038' | 'E8039', refusal: Refusal): NephoscopeError {
  return new NephoscopeError(code, said('Gnocchi takes no measures', refusal), { retry: 'transient' });
}
