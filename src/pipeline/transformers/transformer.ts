import type { ErrorCode } from '../../component/error-codes.ts';
import type { Sample } from '../../model/sample.ts';

/** One call of a sink's transform. */
export interface Turn {
  /** Microseconds since the epoch. */
  readonly nowMicros: number;
  /** Counts up by one for each call: tells whether something was given out in this call already. */
  readonly number: number;
}

/**
 * Hands a sample to the next stage. `isHeld`: what comes out is made of samples held before, without the one that is
 * being taken; it is kept should the batch fail, because giving that batch again would not bring it back.
 */
export type Emit = (sample: Sample, isHeld?: boolean) => void;

/**
 * One stage of a sink. Synchronous; all state is in memory and bounded; the only time it knows is that of the turn. What
 * `take` throws is counted as a failure, told in the log now and then, and ends that sample only.
 *
 * `take` gets samples of one resource in order of their timestamps within a batch. What comes out depends only on the
 * samples of the same resource and their order, never on other resources or on where one batch ends, so that it makes
 * no difference how the work is divided. An exact repeat of a sample taken lately gives what it gave before.
 *
 * Sources: ceilometer/transformer/ up to 11.x; pipelines.md section 6; where ours differs: docs/decisions/0009.
 */
export interface Transformer {
  take(sample: Sample, turn: Turn, emit: Emit): void;
  /** At the beginning of each turn: gives what has become due by time. */
  flush(turn: Turn, emit: Emit): void;
  /** Gives everything it holds and forgets everything it knows. */
  drain(turn: Turn, emit: Emit): void;
  /** Samples taken of which nothing came out yet, but will. */
  held(): number;
  /** Series, windows or groups it knows. */
  series(): number;
}

/**
 * Why a sample ended in a transformer. `first`: nothing before it to compare with. `late`: older than what was taken
 * already. `negative`: a fall where only growth is wanted. `failed`: its expression failed. `not_finite`: infinite or no
 * number. `replaced`: a newer one came before it was used. `unused`: its meter is not in the expression. `incomplete`:
 * the other meters never came. `full`: what waited to be given out again was too much.
 */
export type DropReason =
  | 'first'
  | 'late'
  | 'negative'
  | 'failed'
  | 'not_finite'
  | 'replaced'
  | 'unused'
  | 'incomplete'
  | 'full';

/** Why state was given up: not used for a day, or more of it than the limit. */
export type EvictReason = 'idle' | 'full';

/** What a transformer may use of the program it lives in. */
export interface TransformerTools {
  readonly limits: TransformerLimits;
  /** Source of the samples that are made (option `sample_source`). */
  readonly sampleSource: string;
  /** The id of what this transformer makes at `timestampMicros` out of what `origin` names: always the same. */
  productId(timestampMicros: number, origin: string): string;
  drop(reason: DropReason): void;
  evict(reason: EvictReason): void;
}

/** Bounds of the state of one transformer. */
export interface TransformerLimits {
  /** Series or windows it knows for certain; up to twice as many may be in memory. */
  readonly maxSeries: number;
  /** After this time without a sample a series may be forgotten, after twice the time it is. */
  readonly idleMicros: number;
  /** Samples whose repeats are recognised for certain. */
  readonly maxRecent: number;
}

/** A mistake in the parameters of a transformer. */
export interface ParameterProblem {
  readonly severity: 'error' | 'warning';
  readonly code: ErrorCode;
  readonly message: string;
  readonly hint?: string;
  /** Keys from the parameters down to the value. */
  readonly path: readonly (string | number)[];
  readonly what: 'key' | 'value';
  /** Where in a text value, counted from 0 in UTF-16 units. */
  readonly offset?: number;
}

/** One kind of transformer: how its parameters are checked, and how it is made. */
export interface TransformerDefinition {
  readonly name: string;
  /** Every mistake, as it is written in the file: null and missing are the same. Pure. */
  check(parameters: unknown): readonly ParameterProblem[];
  /** Touches nothing outside. Throws a permanent `NephoscopeError` for parameters that `check` finds an error in. */
  create(parameters: unknown, tools: TransformerTools): Transformer;
}
