import type { Component, ComponentStatus } from '../component/component.ts';
import { NephoscopeError } from '../component/errors.ts';
import type { Sample } from '../model/sample.ts';
import type { Refusal } from './gnocchi-api.ts';
import { type BatchPlan, DROP_REASONS, planBatch } from './gnocchi-batch.ts';
import { Experience, MeasuresAttempt } from './gnocchi-measures.ts';
import type { GnocchiSampleParts } from './gnocchi-parts.ts';
import { Fates } from './item-fates.ts';
import type { Publisher, PublishResult } from './publisher.ts';

/**
 * `gnocchi://` for samples. Measures go in one request; what Gnocchi refuses is singled out, by what it says or by
 * halves, so that no bad measure and no bad resource takes its neighbours with it. Resources that Gnocchi does not
 * know are created, and attributes that have changed are told, after the measures are safe.
 *
 * Gnocchi keeps one value per meter and instant, so giving a batch again does no harm.
 */
export function createGnocchiSamplePublisher(parts: GnocchiSampleParts): Publisher<Sample> {
  return new GnocchiSamples(parts);
}

class GnocchiSamples implements Publisher<Sample> {
  readonly name: string;
  readonly #parts: GnocchiSampleParts;
  /** Archive policies that are known to be there. */
  readonly #policies = new Set<string>();
  #policyTrouble: NephoscopeError | null = null;
  readonly #experience = new Experience();

  constructor(parts: GnocchiSampleParts) {
    this.name = parts.connection.name;
    this.#parts = parts;
  }

  start(signal: AbortSignal): Promise<void> {
    return this.#parts.connection.start(signal);
  }

  stop(...[deadline]: Parameters<Component['stop']>): Promise<void> {
    return this.#parts.connection.stop(deadline);
  }

  status(): ComponentStatus {
    const status = this.#parts.connection.status();
    if (status.state !== 'ok' || this.#policyTrouble === null) return status;
    return { state: 'degraded', reason: this.#policyTrouble.message };
  }

  async publish(samples: readonly Sample[], signal: AbortSignal): Promise<PublishResult> {
    await this.#ensurePolicies(signal);
    const plan = planBatch(samples, this.#parts.definitions, await this.#parts.filter.projectId(signal));
    const fates = new Fates();
    const attempt = new MeasuresAttempt(this.#parts, plan, fates, this.#experience, signal);
    await attempt.run();
    const result = fates.result(samples.length);
    // Counted when it is settled, so that a batch which is given again counts once.
    if (result.postponed === undefined) this.#countDropped(plan);
    if (result.postponed === undefined) await attempt.tellAttributes();
    return result;
  }

  /**
   * Each once. When a policy is refused, everything waits: the meters that need it would be refused for good, and the
   * operator can repair it.
   */
  async #ensurePolicies(signal: AbortSignal): Promise<void> {
    for (const policy of this.#parts.definitions.archivePolicies) {
      const name = String(policy['name']);
      if (this.#policies.has(name)) continue;
      const refusal = await this.#parts.api.ensureArchivePolicy(policy, signal);
      if (refusal !== null) throw this.#policyRefused(name, refusal);
      this.#policies.add(name);
    }
    this.#policyTrouble = null;
  }

  #policyRefused(name: string, { status, text }: Refusal): NephoscopeError {
    const message = `Gnocchi refused the archive policy ${name} (${status}): "${text}"`;
    this.#policyTrouble = new NephoscopeError('E8044', message, { retry: 'transient' });
    return this.#policyTrouble;
  }

  #countDropped(plan: BatchPlan): void {
    for (const reason of DROP_REASONS) this.#parts.dropped[reason].add(plan.dropped[reason]);
    for (const meter of plan.unknownMeters) {
      const message = 'Meter in no resource type of the Gnocchi definitions, its samples are dropped';
      this.#parts.resources.tellOnce(`meter ${meter}`, { meter }, message);
    }
  }
}
