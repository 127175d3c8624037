import { checkApiAddress } from '../api/loopback.ts';
import { ConfigurationError, NephoscopeError, type Problem, problem } from '../component/errors.ts';
import type { Config } from '../config/option.ts';
import type { YamlDocument } from '../config/yaml.ts';
import { PRIORITIES, type Priority } from '../model/notification.ts';
import { type Converter, createConverter } from '../notification/converter.ts';
import { type EventDefinitions, loadEventDefinitions } from '../notification/event-definitions.ts';
import { loadMeterDefinitions, type MeterDefinitions } from '../notification/meter-definitions.ts';
import {
  DROP_UNMATCHED_NOTIFICATIONS,
  EVENT_DEFINITIONS_FILE,
  METER_DEFINITIONS_DIRS,
  readReservedMetadata,
  SAMPLE_SOURCE,
  STORE_RAW,
} from '../notification/options.ts';
import { EVENT_PIPELINE_FILE, PIPELINE_FILE } from '../pipeline/options.ts';
import { type PipelineKind, type PipelinePlan, planPipelines } from '../pipeline/plan.ts';
import { TRANSFORMERS } from '../pipeline/transformers/registry.ts';
import { readDatagramSettings } from '../sources/datagram-options.ts';
import { checkDeployments } from '../sources/deployments-sources.ts';
import { EVENT_PRIORITIES, SAMPLE_PRIORITIES } from '../sources/options.ts';
import { readStatsdSettings } from '../sources/statsd-options.ts';
import { checkCollector } from './collector.ts';
import { checkPublishers } from './publisher-check.ts';
import { publisherSchemes } from './publishers.ts';
import { readYamlFile, shippedFile, yamlFilesIn } from './yaml-files.ts';

/** What the YAML files ask for, checked. Pure data and pure functions: nothing runs yet. */
export interface Setup {
  readonly samplePlan: PipelinePlan;
  readonly eventPlan: PipelinePlan;
  readonly converter: Converter;
}

/** One thing that was read: what it is for, where it is, and what is wrong with it. */
export interface SetupPart {
  readonly role: string;
  readonly path: string;
  readonly problems: readonly Problem[];
}

/**
 * Reads and checks every file the configuration names, the shipped ones where it names none. Reports all mistakes of
 * all files; `setup` is null when there is an error in any of them. Start, `config check` and (later) reload use it.
 */
export function checkSetup(config: Config): {
  readonly setup: Setup | null;
  readonly parts: readonly SetupPart[];
} {
  const reading = new Reading(config);
  const samplePlan = reading.pipelines('sample');
  const eventPlan = reading.pipelines('event');
  const events = reading.eventDefinitions();
  const meters = reading.meterDefinitions();
  reading.deployments();
  reading.collector();
  reading.receivers();
  const { parts } = reading;
  const failed = parts.some(({ problems }) => problems.some(({ severity }) => severity === 'error'));
  if (failed || samplePlan === null || eventPlan === null || events === null) return { setup: null, parts };
  const converter = createConverter({
    events,
    meters,
    sampleSource: config.get(SAMPLE_SOURCE),
    eventPriorities: prioritiesOf(config.get(EVENT_PRIORITIES)),
    samplePriorities: prioritiesOf(config.get(SAMPLE_PRIORITIES)),
  });
  return { setup: { samplePlan, eventPlan, converter }, parts };
}

/** The option has checked that they are priorities. */
function prioritiesOf(names: readonly string[]): readonly Priority[] {
  return PRIORITIES.filter((priority) => names.includes(priority));
}

/** As `checkSetup`; throws a `ConfigurationError` with every problem instead of giving null. */
export function readSetup(config: Config): { readonly setup: Setup; readonly warnings: readonly Problem[] } {
  const { setup, parts } = checkSetup(config);
  const problems = parts.flatMap((part) => part.problems);
  if (setup === null) throw new ConfigurationError(problems);
  return { setup, warnings: problems };
}

const PIPELINE_FILES = {
  sample: {
    role: 'sample pipelines',
    option: PIPELINE_FILE,
    shipped: 'pipeline.yaml',
  },
  event: {
    role: 'event pipelines',
    option: EVENT_PIPELINE_FILE,
    shipped: 'event_pipeline.yaml',
  },
} as const;

type FileOption = typeof PIPELINE_FILE | typeof EVENT_PIPELINE_FILE | typeof EVENT_DEFINITIONS_FILE;

class Reading {
  readonly parts: SetupPart[] = [];
  readonly #config: Config;

  constructor(config: Config) {
    this.#config = config;
  }

  pipelines(kind: PipelineKind): PipelinePlan | null {
    const { role, option, shipped } = PIPELINE_FILES[kind];
    const path = this.#find(option, shipped);
    if (path === null) return null;
    return this.#read(role, path, (document, problems) => {
      const planned = planPipelines(kind, document, publisherSchemes(kind), TRANSFORMERS);
      const wrongUrls = checkPublishers(kind, document, this.#config);
      problems.push(...planned.problems, ...wrongUrls);
      return wrongUrls.some(({ severity }) => severity === 'error') ? null : planned.plan;
    });
  }

  /** Brokers to listen to: shown when a file names them, or when the transport options are wrong. */
  deployments(): void {
    const { path, problems } = checkDeployments(this.#config);
    if (path === null && problems.length === 0) return;
    this.parts.push({ role: 'deployments', path: path ?? 'transport options', problems });
  }

  /** Where is listened; nothing is shown where nothing is wrong. */
  receivers(): void {
    for (const [role, read] of [
      ['api', checkApiAddress],
      ['statsd', readStatsdSettings],
      ['notification_udp', readDatagramSettings],
    ] as const) {
      try {
        read(this.#config);
      } catch (thrown) {
        if (!(thrown instanceof NephoscopeError)) throw thrown;
        const { code, message, hint } = thrown;
        this.parts.push({ role, path: `[${role}]`, problems: [problem(code, message, undefined, { hint })] });
      }
    }
  }

  /** Options of signing and of the collector; nothing is shown where nothing is wrong. */
  collector(): void {
    const problems = checkCollector(this.#config);
    if (problems.length > 0) this.parts.push({ role: 'collector', path: 'options', problems });
  }

  eventDefinitions(): EventDefinitions | null {
    const path = this.#find(EVENT_DEFINITIONS_FILE, 'event_definitions.yaml');
    if (path === null) return null;
    const options = {
      storeRaw: this.#storeRaw(),
      dropUnmatched: this.#config.get(DROP_UNMATCHED_NOTIFICATIONS),
    };
    return this.#read('event definitions', path, (document, problems) => {
      const loaded = loadEventDefinitions(document, options);
      problems.push(...loaded.problems);
      return loaded.definitions;
    });
  }

  /** The operator's directories before the shipped one: the first definition of a name counts. */
  meterDefinitions(): MeterDefinitions {
    const role = 'meter definitions';
    const directories = [...this.#config.get(METER_DEFINITIONS_DIRS), shippedFile('meters.d')];
    const paths = directories.flatMap((directory) => yamlFilesIn(directory));
    const documents = paths.flatMap((path) => this.#read(role, path, (document) => document) ?? []);
    const { definitions, problems } = loadMeterDefinitions(documents, readReservedMetadata(this.#config));
    for (const found of problems) this.#addTo(found.position?.file ?? '', found);
    return definitions;
  }

  /** Adds a problem that is known only after all files were read to the part it is in. */
  #addTo(path: string, found: Problem): void {
    const index = this.parts.findIndex((part) => part.path === path);
    const part = this.parts[index] ?? { role: 'meter definitions', path, problems: [] };
    const filled = { ...part, problems: [...part.problems, found] };
    this.parts.splice(index < 0 ? this.parts.length : index, index < 0 ? 0 : 1, filled);
  }

  #read<Result>(
    role: string,
    path: string,
    use: (document: YamlDocument, problems: Problem[]) => Result | null,
  ): Result | null {
    const problems: Problem[] = [];
    const document = readYamlFile(path, problems);
    const result = document === null ? null : use(document, problems);
    this.parts.push({ role, path, problems });
    return result;
  }

  #storeRaw(): readonly Priority[] {
    const wanted = this.#config.get(STORE_RAW).map((name) => name.toLowerCase());
    const unknown = wanted.filter((name) => !PRIORITIES.some((priority) => priority === name));
    if (unknown.length > 0) {
      const message = `[event] store_raw names no priority: ${unknown.join(', ')}`;
      const hint = `Priorities are ${PRIORITIES.join(', ')}.`;
      const origin = this.#config.origin(STORE_RAW);
      this.parts.push({
        role: 'store_raw',
        path: origin,
        problems: [problem('E1010', message, undefined, { hint })],
      });
    }
    return PRIORITIES.filter((priority) => wanted.includes(priority));
  }

  /** The file an option names; the shipped one when its default is nowhere; a named one that is missing is an error. */
  #find(option: FileOption, shipped: string): string | null {
    const name = this.#config.get(option);
    const found = this.#config.findFile(name);
    if (found !== null) return found;
    const origin = this.#config.origin(option);
    if (origin === 'default') return shippedFile(shipped);
    const message = `${option.name} = ${name} (${origin}) names a file that does not exist`;
    this.parts.push({ role: option.name, path: name, problems: [problem('E1001', message)] });
    return null;
  }
}
