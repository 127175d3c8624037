import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { OPTIONS } from '../src/app/options.ts';
import { makeIntake, makeRunners } from '../src/app/program.ts';
import { createPublishers } from '../src/app/publishers.ts';
import { readSetup } from '../src/app/setup.ts';
import { createDeadline } from '../src/component/component.ts';
import { loadConfigWithoutFiles } from '../src/config/load.ts';
import type { RawMessage } from '../src/notification/intake.ts';
import { silentLogger } from '../src/observe/logger.ts';
import { Metrics } from '../src/observe/metrics.ts';
import { openStore } from '../src/store/open.ts';
import type { ParkingStore } from '../src/store/store.ts';

/** Pipelines whose only sinks are files of `directory`; `events` says which event types are wanted. */
export function writeFilePipelines(directory: string, events = '"*"'): Readonly<Record<string, string>> {
  const samplesFile = join(directory, 'pipeline.yaml');
  const eventsFile = join(directory, 'event_pipeline.yaml');
  writeFileSync(samplesFile, pipelineFile('meters: ["*"]', join(directory, 'samples.jsonl')));
  writeFileSync(eventsFile, pipelineFile(`events: [${events}]`, join(directory, 'events.jsonl')));
  return {
    OS_DEFAULT__PIPELINE_CFG_FILE: samplesFile,
    OS_DEFAULT__EVENT_PIPELINE_CFG_FILE: eventsFile,
  };
}

function pipelineFile(wanted: string, target: string): string {
  return `sources:
  - name: all
    ${wanted}
    sinks: [file]
sinks:
  - name: file
    publishers: ["file://${target}?json"]
`;
}

/** The way from bytes to files in this process, without a broker: what is bound by the processor. */
export interface FileLoad {
  take(messages: readonly RawMessage[]): Promise<unknown>;
  stop(): Promise<void>;
}

/** Builds it from the files of `writeFilePipelines` and the shipped definitions, as `serve` does. */
export async function startFileLoad(
  directory: string,
  environment: Readonly<Record<string, string>>,
): Promise<FileLoad> {
  const config = loadConfigWithoutFiles(OPTIONS, environment);
  const { setup } = readSetup(config);
  const metrics = new Metrics();
  const store = openStore(`sqlite:///${join(directory, 'unused.sqlite')}`);
  const context = { config, store, log: silentLogger, metrics, stateDir: directory };
  const samplePublishers = createPublishers('sample', setup.samplePlan, context);
  const eventPublishers = createPublishers('event', setup.eventPlan, context);
  const { signal } = new AbortController();
  const all = [...samplePublishers.values(), ...eventPublishers.values()];
  for (const publisher of all) await publisher.start(signal);
  const intake = makeIntake(setup, {
    ...makeRunners(setup, { samplePublishers, eventPublishers, metrics }),
    parking: refusingParking,
    metrics,
    logger: silentLogger,
  });
  return {
    take: (messages) => intake.take(messages, signal),
    stop: async () => {
      for (const publisher of all) await publisher.stop(createDeadline(5_000));
    },
  };
}

/** The recording holds nothing that has to be put aside. */
export const refusingParking: Pick<ParkingStore, 'park'> = {
  park: async (items) => {
    throw new Error(`the load holds a message that is parked: ${items[0]?.reason}`);
  },
};
