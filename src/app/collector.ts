import { checkCollectorOptions, createCollector } from '../collector/collector.ts';
import { type Dispatcher, readDispatchers } from '../collector/dispatchers.ts';
import { COLLECTOR_ENABLED, EVENT_DISPATCHERS, METER_DISPATCHERS } from '../collector/options.ts';
import type { Component } from '../component/component.ts';
import { NephoscopeError, type Problem, problem } from '../component/errors.ts';
import type { Config } from '../config/option.ts';
import type { Intake } from '../notification/intake.ts';
import type { PipelineKind } from '../pipeline/plan.ts';
import { readSigning } from '../publishers/signing.ts';
import { checkPublisherText } from './publisher-check.ts';
import { createPublisher, type SharedContext } from './publishers.ts';

/** The collector role with the dispatchers it needs. */
export interface CollectorRole {
  /** To be started before the sources and stopped after them. */
  readonly dispatchers: readonly Component[];
  /** Sources. */
  readonly components: readonly Component[];
  /** By the source that parked messages name: who takes them when they are replayed. */
  readonly intakes: ReadonlyMap<string, Intake>;
}

const NONE: CollectorRole = { dispatchers: [], components: [], intakes: new Map() };

/**
 * What `[collector] enabled` asks for; nothing when it is not set. Says in the log what became of the dispatchers.
 * Touches nothing outside. Throws a permanent `NephoscopeError` for options that cannot be right.
 */
export function createCollectorRole(context: SharedContext, nowMicros: () => number): CollectorRole {
  const { config, log, metrics, store } = context;
  if (!config.get(COLLECTOR_ENABLED)) return NONE;
  const { samples, events, notes } = readDispatchers(config);
  for (const note of notes) log.info({ part: 'collector', note }, 'Collector options');
  const samplePublishers = samples.map(({ name, url }) =>
    createPublisher('sample', url.reveal(), `dispatcher:${name}:samples`, context),
  );
  const eventPublishers = events.map(({ name, url }) =>
    createPublisher('event', url.reveal(), `dispatcher:${name}:events`, context),
  );
  const parts = { config, log, metrics, samplePublishers, eventPublishers, parking: store, nowMicros };
  const { components, intakes } = createCollector(parts);
  return { dispatchers: [...samplePublishers, ...eventPublishers], components, intakes };
}

/** What is wrong with the options of signing and, where it is wanted, of the collector. Pure but for files they name. */
export function checkCollector(config: Config): readonly Problem[] {
  const signing = problemsOf(() => readSigning(config));
  if (signing.length > 0 || !config.get(COLLECTOR_ENABLED)) return signing;
  return [...problemsOf(() => checkCollectorOptions(config)), ...checkDispatchers(config)];
}

function checkDispatchers(config: Config): readonly Problem[] {
  try {
    const { samples, events } = readDispatchers(config);
    return [
      ...samples.flatMap((dispatcher) => checkDispatcher('sample', METER_DISPATCHERS, dispatcher, config)),
      ...events.flatMap((dispatcher) => checkDispatcher('event', EVENT_DISPATCHERS, dispatcher, config)),
    ];
  } catch (thrown) {
    return [asProblem(thrown)];
  }
}

function checkDispatcher(
  kind: PipelineKind,
  option: typeof METER_DISPATCHERS | typeof EVENT_DISPATCHERS,
  { name, url }: Dispatcher,
  config: Config,
): readonly Problem[] {
  const where = `[DEFAULT] ${option.name} (${config.origin(option)}) names ${name}`;
  return checkPublisherText(kind, url.reveal(), config).map((found) => {
    if ('position' in found) return found;
    const { code, message, hint, severity } = found;
    const details = hint === undefined ? { severity } : { severity, hint };
    return problem(code, `${where}: ${message}`, undefined, details);
  });
}

function problemsOf(check: () => unknown): readonly Problem[] {
  try {
    check();
    return [];
  } catch (thrown) {
    return [asProblem(thrown)];
  }
}

function asProblem(thrown: unknown): Problem {
  if (!(thrown instanceof NephoscopeError)) throw thrown;
  return problem(thrown.code, thrown.message, undefined, { hint: thrown.hint });
}
