import { resolve } from 'node:path';
import type { Component } from '../component/component.ts';
import { NephoscopeError } from '../component/errors.ts';
import { Lifecycle } from '../component/lifecycle.ts';
import type { Event } from '../model/event.ts';
import type { Sample } from '../model/sample.ts';
import { Metrics } from '../observe/metrics.ts';
import { registerProcessMetrics } from '../observe/process-metrics.ts';
import { createSources } from '../sources/registry.ts';
import type { Store } from '../store/store.ts';
import { makeIntake, type Program, type ProgramParts } from './program.ts';
import { createPublishers } from './publishers.ts';
import { readSetup } from './setup.ts';
import type { ParentLink } from './workers-link.ts';
import { DividedRunner, dividePlan, isCentralPublisher, isForWorkers } from './workers-plan.ts';

/** What a worker is made of. */
export interface WorkerProgramParts extends ProgramParts {
  readonly parent: ParentLink;
  /** From 1. */
  readonly index: number;
}

/**
 * One of several processes that take notifications in, convert them and publish what they can publish by themselves; the
 * rest, and what cannot be processed, goes to the serving process. Throws as `createProgram`.
 */
export function createWorkerProgram(parts: WorkerProgramParts): Omit<Program, 'summary'> {
  const { config, log, parent } = parts;
  const logger = log.logger.child({ worker: parts.index });
  const { setup } = readSetup(config);
  const metrics = new Metrics();
  const build = { version: parts.version, node: process.version };
  const stopProcessMetrics = registerProcessMetrics(metrics, build, log.dropped);
  const samplePlan = dividePlan(setup.samplePlan, isCentralPublisher);
  const eventPlan = dividePlan(setup.eventPlan, isCentralPublisher);
  const stateDir = resolve(parts.stateDir);
  const context = { config, store: storeOfParent(parent), log: logger, metrics, stateDir };
  const samplePublishers = createPublishers('sample', samplePlan.own, context);
  const eventPublishers = createPublishers('event', eventPlan.own, context);
  const common = { metrics, nowMicros: () => Date.now() * 1000 };
  const samples = new DividedRunner<Sample>(
    { ...common, plan: samplePlan.own, publishers: samplePublishers, nameOf: ({ name }) => name },
    samplePlan.central,
    (items, signal) => parent.publishSamples(items, signal),
  );
  const events = new DividedRunner<Event>(
    { ...common, plan: eventPlan.own, publishers: eventPublishers, nameOf: ({ eventType }) => eventType },
    eventPlan.central,
    (items, signal) => parent.publishEvents(items, signal),
  );
  const intake = makeIntake(setup, { samples, events, parking: parent, metrics, logger });
  const sources = createSources({ config, intake, log: logger, metrics }, isForWorkers);
  const components: readonly Component[] = [
    parent,
    ...samplePublishers.values(),
    ...eventPublishers.values(),
    ...sources,
  ];
  const lifecycle = new Lifecycle(components);
  return {
    metrics,
    start: async () => {
      parent.reportEverySecond(
        () => metrics.expose(),
        () => lifecycle.statuses(),
      );
      await lifecycle.start();
    },
    stop: async (deadline) => {
      const errors = await lifecycle.stop(deadline);
      for (const error of errors) logger.error({ err: error }, 'A part did not stop cleanly');
      stopProcessMetrics();
      return errors.length === 0;
    },
  };
}

/** A store of which a worker has the parking only; what else needs a store works in the serving process. */
function storeOfParent(parent: ParentLink): Store {
  const refuse = (): never => {
    throw new NephoscopeError('E2022', 'A worker has no store of its own');
  };
  return {
    name: 'store',
    start: () => Promise.resolve(),
    stop: () => Promise.resolve(),
    status: () => parent.status(),
    park: (items) => parent.park(items),
    recordSamples: async () => refuse(),
    meters: async () => refuse(),
    samples: async () => refuse(),
    sample: async () => refuse(),
    resources: async () => refuse(),
    statistics: async () => refuse(),
    recordEvents: async () => refuse(),
    events: async () => refuse(),
    event: async () => refuse(),
    eventTypes: async () => refuse(),
    traitDescriptions: async () => refuse(),
    traits: async () => refuse(),
    parked: async () => refuse(),
    parkedItem: async () => refuse(),
    parkedCount: async () => refuse(),
    dropParked: async () => refuse(),
    expire: async () => refuse(),
  };
}
