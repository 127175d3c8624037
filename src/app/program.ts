import { join, resolve } from 'node:path';
import { createApiServer } from '../api/server.ts';
import { createReplayIntake } from '../collector/replay-intake.ts';
import type { Component, Deadline } from '../component/component.ts';
import { Lifecycle } from '../component/lifecycle.ts';
import type { Config } from '../config/option.ts';
import type { Event } from '../model/event.ts';
import type { Sample } from '../model/sample.ts';
import { decodeNotification } from '../notification/envelope.ts';
import type { Intake } from '../notification/intake.ts';
import { SAMPLE_SOURCE } from '../notification/options.ts';
import { createWantedCheck } from '../notification/wanted.ts';
import type { Logger, LogOutput } from '../observe/logger.ts';
import { Metrics } from '../observe/metrics.ts';
import { registerProcessMetrics } from '../observe/process-metrics.ts';
import { type PublishedTap, type TapPoint, Taps } from '../observe/taps.ts';
import { createHeldSamples } from '../pipeline/held-samples.ts';
import { createNotificationIntake } from '../pipeline/notification-intake.ts';
import { PipelineRunner } from '../pipeline/runner.ts';
import type { SinkTransform } from '../pipeline/sink-transform.ts';
import { createTransformsOf } from '../pipeline/transformers/chain.ts';
import { TRANSFORMERS } from '../pipeline/transformers/registry.ts';
import { createHostView } from '../polling/host-view.ts';
import { readPollingSettings } from '../polling/options.ts';
import type { DeliverSamples } from '../polling/pollster-runner.ts';
import { createPollsters } from '../polling/pollsters/registry.ts';
import { createPollingSource } from '../polling/scheduler.ts';
import type { Publisher } from '../publishers/publisher.ts';
import { checkDeployments } from '../sources/deployments-sources.ts';
import { WORKERS } from '../sources/options.ts';
import { createSources } from '../sources/registry.ts';
import { createStatsdSources } from '../sources/statsd.ts';
import { openStore } from '../store/open.ts';
import { DATABASE_CONNECTION, EVENT_TTL, EXPIRER_INTERVAL, METERING_TTL } from '../store/options.ts';
import type { RetentionPolicy, Store } from '../store/store.ts';
import { createCollectorRole } from './collector.ts';
import { createExpirer } from './expirer.ts';
import { createProblemLog } from './problem-log.ts';
import { createPublishers, queuesDirectory } from './publishers.ts';
import { createQueueCheck } from './queue-check.ts';
import { readSetup, type Setup } from './setup.ts';
import { createWorkerPool, type ForkWorker, type WorkerPool } from './workers.ts';
import { MergedMetrics } from './workers-metrics.ts';
import { dividePlan, isCentralPublisher, isForWorkers } from './workers-plan.ts';

/** How often transformers are asked for what has become due. */
const HELD_CHECK_MILLIS = 5_000;

/** What a program is made of. */
export interface ProgramParts {
  readonly config: Config;
  /** Where the embedded store lives; made with mode 0700 when it is missing. */
  readonly stateDir: string;
  readonly log: LogOutput;
  readonly version: string;
  /** Starts one of `[notification] workers` processes; without it this process does all the work. */
  readonly forkWorker?: ForkWorker;
}

/** All roles in one process. */
export interface Program {
  /** Resolves when everything runs; rejects after it has stopped what had started. */
  start(): Promise<void>;
  /** Sources first, store last, within the deadline. False when something did not end cleanly; see the log. */
  stop(deadline: Deadline): Promise<boolean>;
  /** Everything it counts about itself. */
  readonly metrics: Metrics;
  /** What runs, where; for the first lines on the terminal. */
  summary(): ProgramSummary;
}

export interface ProgramSummary {
  readonly apiAddress: string;
  readonly store: string;
  readonly sources: readonly string[];
}

/**
 * Puts a program together from a configuration. Throws a `ConfigurationError` with every mistake of every file; touches
 * nothing outside but the files it reads.
 *
 * The wiring in one place, long but straight: store, publishers, pipelines, intake, HTTP, polling, sources. The order of
 * the list given to the life cycle is the order of starting.
 */
export function createProgram(parts: ProgramParts): Program {
  const { config, log } = parts;
  const { logger } = log;
  const { setup, warnings } = readSetup(config);
  for (const { code, message, position } of warnings)
    logger.warn({ code, position, detail: message }, 'Questionable configuration');
  const workers = parts.forkWorker === undefined ? 1 : config.get(WORKERS);
  const metrics = workers > 1 ? new MergedMetrics() : new Metrics();
  const taps = new Taps(metrics);
  const stopProcessMetrics = registerProcessMetrics(
    metrics,
    {
      version: parts.version,
      node: process.version,
    },
    log.dropped,
  );
  const stateDir = resolve(parts.stateDir);
  const databaseUrl =
    config.get(DATABASE_CONNECTION)?.reveal() ?? `sqlite://${join(stateDir, 'telemetry.sqlite')}`;
  const store = openStore(databaseUrl, { metrics, logger: logger.child({ part: 'store' }) });

  const queues = new Set<string>();
  const shared = { config, store, log: logger, metrics, stateDir, queues };
  const samplePublishers = createPublishers('sample', setup.samplePlan, shared);
  const eventPublishers = createPublishers('event', setup.eventPlan, shared);
  const transforms = createTransformsOf(setup.samplePlan, {
    definitions: TRANSFORMERS,
    metrics,
    log: logger.child({ part: 'transformers' }),
    sampleSource: config.get(SAMPLE_SOURCE),
  });
  const publishers = { samplePublishers, eventPublishers, transforms };
  const { samples, events } = makeRunners(setup, { ...publishers, metrics, tap: taps.published });

  const intake = makeIntake(setup, { samples, events, parking: store, metrics, taps, logger });
  const deliverSamples = deliverTo(samples, taps);
  const polling = makePolling(config, deliverSamples, metrics, logger);
  const statsd = createStatsdSources({ config, deliverSamples, log: logger, metrics });
  const pool = makePool(parts, workers, { ...publishers, metrics, store, setup });
  const sources = createSources(
    { config, intake, log: logger, metrics },
    (kind) => pool === null || !isForWorkers(kind),
  );
  const collector = createCollectorRole(shared, nowMicros);
  const expirer = createExpirer({
    store,
    policy: retentionPolicy(config),
    intervalMillis: config.get(EXPIRER_INTERVAL) * 1_000,
    nowMicros,
    metrics,
    logger,
  });
  const api = createApiServer({
    config,
    store,
    intake: createReplayIntake(intake, collector.intakes),
    metrics,
    taps,
    statuses: () => [...lifecycle.statuses(), ...(pool?.statuses() ?? [])],
    logger: logger.child({ part: 'api' }),
  });
  const components: readonly Component[] = [
    store,
    ...samplePublishers.values(),
    ...eventPublishers.values(),
    ...collector.dispatchers,
    createHeldSamples({ runner: samples, intervalMillis: HELD_CHECK_MILLIS, metrics, log: logger }),
    createQueueCheck({ directory: queuesDirectory(stateDir), queues, log: logger, metrics }),
    expirer,
    api,
    ...polling,
    ...statsd,
    ...sources,
    ...collector.components,
    ...(pool === null ? [] : [pool]),
  ];
  const lifecycle = new Lifecycle(components);

  return {
    metrics,
    start: () => lifecycle.start(),
    stop: async (deadline) => {
      const errors = await lifecycle.stop(deadline);
      for (const error of errors) logger.error({ err: error }, 'A part did not stop cleanly');
      stopProcessMetrics();
      return errors.length === 0;
    },
    summary: () => ({
      apiAddress: api.address(),
      store: databaseUrl.replace(/\/\/[^/]*@/, '//'),
      sources: [
        ...polling,
        ...statsd,
        ...sources,
        ...collector.components,
        ...(pool === null ? [] : [pool]),
      ].map(({ name }) => name),
    }),
  };
}

/** What the runners of both pipelines are made with. */
export interface RunnerNeeds {
  readonly samplePublishers: ReadonlyMap<string, Publisher<Sample>>;
  readonly eventPublishers: ReadonlyMap<string, Publisher<Event>>;
  readonly transforms?: ReadonlyMap<string, SinkTransform<Sample>>;
  readonly metrics: Metrics;
  readonly tap?: TapPoint<PublishedTap>;
}

/** The runners of both plans, on publishers that were made for them. */
export function makeRunners(
  { samplePlan, eventPlan }: Pick<Setup, 'samplePlan' | 'eventPlan'>,
  { samplePublishers, eventPublishers, transforms, ...shared }: RunnerNeeds,
): { readonly samples: PipelineRunner<Sample>; readonly events: PipelineRunner<Event> } {
  const common = { ...shared, nowMicros };
  return {
    samples: new PipelineRunner({
      ...common,
      plan: samplePlan,
      publishers: samplePublishers,
      ...(transforms === undefined ? {} : { transforms }),
      nameOf: ({ name }) => name,
    }),
    events: new PipelineRunner({
      ...common,
      plan: eventPlan,
      publishers: eventPublishers,
      nameOf: ({ eventType }) => eventType,
    }),
  };
}

interface PoolNeeds extends RunnerNeeds {
  readonly store: Store;
  readonly setup: Setup;
}

/** The workers, and what this process publishes for them; null when there are none. */
function makePool(parts: ProgramParts, count: number, needs: PoolNeeds): WorkerPool | null {
  const { metrics, setup, store } = needs;
  if (count === 1 || parts.forkWorker === undefined || !(metrics instanceof MergedMetrics)) return null;
  // Without a queue to share there is nothing for them to do.
  if (checkDeployments(parts.config).deployments.length === 0) return null;
  const central = {
    samplePlan: dividePlan(setup.samplePlan, isCentralPublisher).central,
    eventPlan: dividePlan(setup.eventPlan, isCentralPublisher).central,
  };
  const { samples, events } = makeRunners(central, needs);
  const log = parts.log.logger.child({ part: 'workers' });
  return createWorkerPool({ count, fork: parts.forkWorker, samples, events, parking: store, metrics, log });
}

interface IntakeNeeds {
  readonly samples: PipelineRunner<Sample>;
  readonly events: PipelineRunner<Event>;
  readonly parking: Pick<Store, 'park'>;
  readonly metrics: Metrics;
  /** Absent in a worker: views are opened at the process that has the API. */
  readonly taps?: Taps;
  readonly logger: Logger;
}

/** The main job, for this process or for a worker. */
export function makeIntake({ converter }: Setup, needs: IntakeNeeds): Intake {
  return createNotificationIntake({
    decode: (body, deployment) => decodeNotification(body, { deployment }),
    convert: (notification) => converter.convert(notification),
    isWanted: createWantedCheck((eventType) => {
      const kinds = converter.kindsOf(eventType);
      return kinds.samples || (kinds.events && needs.events.wants(eventType));
    }),
    samples: needs.samples,
    events: needs.events,
    parking: needs.parking,
    metrics: needs.metrics,
    ...(needs.taps === undefined ? {} : { taps: needs.taps }),
    nowMicros,
    onProblem: createProblemLog(needs.logger),
  });
}

/** Where samples go that are measured and not converted: by pollsters, and by others that send them. */
function deliverTo(samples: PipelineRunner<Sample>, taps: Taps): DeliverSamples {
  return async (batch, signal) => {
    if (taps.sample.isOpen) for (const sample of batch) taps.sample.offer(sample);
    await samples.publish(batch, signal);
  };
}

function makePolling(
  config: Config,
  deliver: DeliverSamples,
  metrics: Metrics,
  logger: Logger,
): readonly Component[] {
  const all = createPollsters({ view: createHostView() });
  const settings = readPollingSettings(config, new Set(all.map(({ namespace }) => namespace)));
  for (const warning of settings.warnings) logger.warn(warning);
  const pollsters = all.filter(({ namespace }) => settings.namespaces.includes(namespace));
  if (pollsters.length === 0) return [];
  return [
    createPollingSource({
      pollsters,
      host: settings.host,
      intervalSeconds: settings.intervalSeconds,
      deliver,
      clock: { nowMicros, monotonicMillis: () => performance.now() },
      metrics,
      logger: logger.child({ part: 'polling' }),
    }),
  ];
}

function retentionPolicy(config: Config): RetentionPolicy {
  const seconds = (value: number): number | null => (value > 0 ? value : null);
  return {
    sampleTtlSeconds: seconds(config.get(METERING_TTL)),
    eventTtlSeconds: seconds(config.get(EVENT_TTL)),
  };
}

function nowMicros(): number {
  return Date.now() * 1_000;
}
