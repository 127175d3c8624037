import type { Component } from '../component/component.ts';
import type { Config } from '../config/option.ts';
import type { Intake } from '../notification/intake.ts';
import type { Logger } from '../observe/logger.ts';
import type { Metrics } from '../observe/metrics.ts';

/**
 * Brings notifications in from outside and hands them to the intake.
 *
 * The promise of every source: the sender may forget a message only after `Intake.take` has resolved for it; what the
 * intake rejects is given again later, or left to the sender. What is in hand at a time is bounded. A source whose
 * sender cannot be reached goes on trying and says so in its status; it never holds up another one.
 */
export type Source = Component;

/** What sources may use of the program they live in. */
export interface SourceContext {
  readonly config: Config;
  readonly intake: Intake;
  readonly log: Logger;
  readonly metrics: Metrics;
}

/**
 * Makes the sources of one kind that the configuration asks for: none, one or several. Touches nothing outside.
 * Throws a permanent `NephoscopeError` for options that cannot be right.
 */
export type SourceFactory = (context: SourceContext) => readonly Source[];
