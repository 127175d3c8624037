import type { Sample } from '../../model/sample.ts';
import { type AggregateRules, Window } from './aggregate-window.ts';
import { readConversion, warnAboutConstantScale } from './conversion.ts';
import { Ledger } from './ledger.ts';
import { defineTransformer, type ParameterReader } from './parameters.ts';
import { seriesKey } from './predecessors.ts';
import type { Emit, Transformer, TransformerTools, Turn } from './transformer.ts';
import { scaledVolume } from './unit-conversion.ts';

/**
 * Makes one sample of several: of each meter and resource (and project, user), `size` of them or those of
 * `retention_time` seconds. Gauges are averaged, deltas added up, of cumulative ones the newest stays.
 *
 * Where a window ends is decided by the timestamps: a sample later than `retention_time` after the window's first one
 * begins the next window. The clock only ends the last window of a meter that fell silent.
 */
export const AGGREGATOR = defineTransformer({ name: 'aggregator', read, make });

interface Parameters extends AggregateRules {
  readonly size: number;
  readonly retentionMicros: number;
  readonly isKeyedByProject: boolean;
  readonly isKeyedByUser: boolean;
}

const MAX_SIZE = 1_000_000;
const POLICIES = ['first', 'last'] as const;

function read(parameters: ParameterReader): Parameters {
  const conversion = readConversion(parameters);
  warnAboutConstantScale(parameters, conversion);
  const size = positive(parameters.integer('size', MAX_SIZE));
  const retention = positive(parameters.number('retention_time'));
  const project = readPolicy(parameters, 'project_id');
  const user = readPolicy(parameters, 'user_id');
  return {
    conversion,
    // With a time alone the original's default of 1 for the size would end every window at once.
    size: size ?? (retention === null ? 1 : Number.POSITIVE_INFINITY),
    retentionMicros: retention === null ? Number.POSITIVE_INFINITY : retention * 1e6,
    project,
    user,
    isKeyedByProject: project === null,
    isKeyedByUser: user === null,
    metadata: readMetadataPolicy(parameters),
    timestamp: parameters.choice('timestamp', POLICIES) ?? 'first',
  };
}

/** Zero counts as not given, as in the original; negative numbers would end every window at once. */
function positive(value: number | null): number | null {
  return value !== null && value > 0 ? value : null;
}

function readPolicy(parameters: ParameterReader, key: string): 'first' | 'last' | null {
  const value = parameters.value(key);
  if (value === null || value === '' || value === false) return null;
  return POLICIES.find((policy) => policy === value) ?? otherPolicy(parameters, key, POLICIES);
}

function readMetadataPolicy(parameters: ParameterReader): 'first' | 'last' | 'drop' {
  const key = 'resource_metadata';
  const value = parameters.value(key) ?? 'last';
  const known = ['first', 'last', 'drop'] as const;
  return known.find((policy) => policy === value) ?? otherPolicy(parameters, key, known);
}

function otherPolicy(parameters: ParameterReader, key: string, known: readonly string[]): 'last' {
  parameters.warn(key, 'E1136', `${key} is none of ${known.join(', ')}: last is used, as in Ceilometer`);
  return 'last';
}

function make(parameters: Parameters, tools: TransformerTools): Transformer {
  return new Aggregator(parameters, tools);
}

/** The clock waits a little longer than the timestamps say, so that a sample on its way still finds its window. */
const GRACE = 0.1;
const MAX_GRACE_MICROS = 60e6;

class Aggregator implements Transformer {
  readonly #parameters: Parameters;
  readonly #tools: TransformerTools;
  readonly #ledger: Ledger;
  /** In order of their beginning, so the first is the oldest. */
  readonly #windows = new Map<string, Window>();
  readonly #lifeMicros: number;
  #held = 0;

  constructor(parameters: Parameters, tools: TransformerTools) {
    const { retentionMicros } = parameters;
    this.#parameters = parameters;
    this.#tools = tools;
    this.#ledger = new Ledger(tools.limits);
    this.#lifeMicros = Number.isFinite(retentionMicros)
      ? retentionMicros + Math.min(retentionMicros * GRACE, MAX_GRACE_MICROS)
      : tools.limits.idleMicros;
  }

  take(sample: Sample, turn: Turn, emit: Emit): void {
    if (this.#ledger.repeat(sample, turn, emit)) return;
    const { conversion, size, retentionMicros } = this.#parameters;
    const volume = scaledVolume(conversion.scale, sample);
    if (!Number.isFinite(volume)) {
      this.#tools.drop('not_finite');
      return;
    }
    const key = this.#keyOf(sample);
    const open = this.#windows.get(key);
    const isOver = open !== undefined && sample.timestampMicros - open.firstMicros > retentionMicros;
    if (isOver) this.#close(key, open, turn, emit, true);
    const window = open === undefined || isOver ? this.#open(key, sample, turn, emit) : open;
    window.add(sample, volume);
    this.#held += 1;
    this.#ledger.add(sample, window.holding, turn);
    if (window.count >= size) this.#close(key, window, turn, emit, false);
  }

  flush(turn: Turn, emit: Emit): void {
    for (const [key, window] of this.#windows) {
      if (turn.nowMicros - window.openedMicros <= this.#lifeMicros) return;
      this.#close(key, window, turn, emit, true);
    }
  }

  drain(turn: Turn, emit: Emit): void {
    for (const [key, window] of this.#windows) this.#close(key, window, turn, emit, true);
    this.#ledger.clear();
  }

  held(): number {
    return this.#held;
  }

  series(): number {
    return this.#windows.size;
  }

  /** When there are too many windows the oldest ends early: nothing is lost, it is only shorter. */
  #open(key: string, sample: Sample, turn: Turn, emit: Emit): Window {
    if (this.#windows.size >= this.#tools.limits.maxSeries) {
      const [oldest] = this.#windows;
      if (oldest !== undefined) this.#close(oldest[0], oldest[1], turn, emit, true);
      this.#tools.evict('full');
    }
    const window = new Window(this.#parameters, sample, turn.nowMicros);
    this.#windows.set(key, window);
    return window;
  }

  #close(key: string, window: Window, turn: Turn, emit: Emit, isHeld: boolean): void {
    this.#windows.delete(key);
    this.#held -= window.count;
    const product = window.product(this.#tools);
    window.holding.products = product === null ? [] : [product];
    window.holding.turnNumber = turn.number;
    if (product === null) this.#tools.drop('not_finite');
    else emit(product, isHeld);
  }

  #keyOf(sample: Sample): string {
    const { isKeyedByProject, isKeyedByUser } = this.#parameters;
    const project = isKeyedByProject ? `p${sample.projectId ?? '\0'}` : '';
    const user = isKeyedByUser ? `u${sample.userId ?? '\0'}` : '';
    return `${seriesKey(sample)}\0${project}\0${user}`;
  }
}
