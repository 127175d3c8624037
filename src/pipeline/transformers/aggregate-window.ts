import type { Sample } from '../../model/sample.ts';
import { type Conversion, capped } from './conversion.ts';
import { type Holding, openHolding } from './ledger.ts';
import { identityOf } from './product.ts';
import type { TransformerTools } from './transformer.ts';

/** How the samples of a window become one. First and last are meant by timestamp, not by arrival. */
export interface AggregateRules {
  readonly conversion: Conversion;
  /** Null: all samples of a window have the same. */
  readonly project: 'first' | 'last' | null;
  readonly user: 'first' | 'last' | null;
  readonly metadata: 'first' | 'last' | 'drop';
  readonly timestamp: 'first' | 'last';
}

/** Samples of one series that are becoming one sample. */
export class Window {
  /** Time of the sample that opened it, in microseconds since the epoch: retention counts from here. */
  readonly firstMicros: number;
  /** When it was opened by the clock. */
  readonly openedMicros: number;
  readonly holding: Holding = openHolding();
  readonly #rules: AggregateRules;
  #count = 0;
  #volume = 0;
  #first: Sample;
  #last: Sample;

  constructor(rules: AggregateRules, first: Sample, nowMicros: number) {
    this.#rules = rules;
    this.#first = first;
    this.#last = first;
    this.firstMicros = first.timestampMicros;
    this.openedMicros = nowMicros;
  }

  get count(): number {
    return this.#count;
  }

  /** `volume` is the scaled one. */
  add(sample: Sample, volume: number): void {
    this.#count += 1;
    const isNewest = sample.timestampMicros >= this.#last.timestampMicros;
    if (sample.type !== 'cumulative') this.#volume += volume;
    else if (isNewest) this.#volume = volume;
    if (isNewest) this.#last = sample;
    if (sample.timestampMicros < this.#first.timestampMicros) this.#first = sample;
  }

  /** The one sample; null when its volume is beyond all numbers. */
  product(tools: TransformerTools): Sample | null {
    const { conversion, metadata, timestamp } = this.#rules;
    const [first, last] = [this.#first, this.#last];
    const type = conversion.type ?? first.type;
    const volume = capped(type === 'gauge' ? this.#volume / this.#count : this.#volume, conversion.max);
    if (!Number.isFinite(volume)) return null;
    const owner = this.#rules.project === 'last' ? last : first;
    const user = this.#rules.user === 'last' ? last : first;
    const dated = timestamp === 'last' ? last : first;
    return {
      id: tools.productId(dated.timestampMicros, `${identityOf(first)}\0${identityOf(last)}`),
      name: conversion.nameOf(first.name),
      type,
      unit: conversion.unitOf(first.unit),
      volume,
      userId: user.userId,
      userName: user.userName,
      projectId: owner.projectId,
      projectName: owner.projectName,
      resourceId: first.resourceId,
      timestamp: dated.timestamp,
      timestampMicros: dated.timestampMicros,
      resourceMetadata: metadata === 'drop' ? {} : (metadata === 'last' ? last : first).resourceMetadata,
      source: tools.sampleSource,
      deployment: first.deployment,
      monotonicTime: null,
    };
  }
}
