import assert from 'node:assert/strict';
import { NephoscopeError } from '../../src/component/errors.ts';
import { parseYaml } from '../../src/config/yaml.ts';
import { tryParseTimestamp } from '../../src/lib/timestamp.ts';
import type { Sample } from '../../src/model/sample.ts';
import type { Logger, LogMethod } from '../../src/observe/logger.ts';
import { Metrics } from '../../src/observe/metrics.ts';
import { type PipelinePlan, planPipelines } from '../../src/pipeline/plan.ts';
import { PipelineRunner } from '../../src/pipeline/runner.ts';
import { createTransformsOf } from '../../src/pipeline/transformers/chain.ts';
import { TRANSFORMERS } from '../../src/pipeline/transformers/registry.ts';
import type { TransformerLimits } from '../../src/pipeline/transformers/transformer.ts';
import type { Publisher } from '../../src/publishers/publisher.ts';

/** The plan of a pipeline file without a mistake. */
export function planOf(yaml: string): PipelinePlan {
  const { document, problems } = parseYaml('pipeline.yaml', yaml);
  assert.deepEqual(problems, []);
  assert.ok(document);
  const planned = planPipelines('sample', document, ['test'], TRANSFORMERS);
  const errors = planned.problems.filter(({ severity }) => severity === 'error');
  assert.deepEqual(errors, []);
  assert.ok(planned.plan);
  return planned.plan;
}

/** A sample of a test: what it does not say is filled in. */
export function createSample(fields: Partial<Sample> & { readonly timestamp: string }): Sample {
  const timestampMicros = tryParseTimestamp(fields.timestamp);
  assert.ok(timestampMicros !== undefined, `${fields.timestamp} is no timestamp`);
  return {
    id: `id-${fields.name ?? 'cpu'}-${fields.resourceId ?? 'vm-1'}-${fields.timestamp}`,
    name: 'cpu',
    type: 'cumulative',
    unit: 'ns',
    volume: 0,
    userId: 'user-1',
    userName: null,
    projectId: 'project-1',
    projectName: null,
    resourceId: 'vm-1',
    resourceMetadata: {},
    source: 'openstack',
    deployment: null,
    monotonicTime: null,
    ...fields,
    timestampMicros,
  };
}

/** The pipelines of a file as they run in the program, before one publisher that keeps what it gets. */
export interface Pipelines {
  readonly metrics: Metrics;
  /** Warnings that were logged, as `reason: message`. */
  readonly warnings: readonly unknown[];
  /** What came out of a batch; null when the publisher was told to fail, and then nothing is kept. */
  publish(batch: readonly Sample[], nowMicros: number, fails?: boolean): Promise<readonly Sample[] | null>;
  /** What is held: all of it, or what is due by time. */
  release(all: boolean, nowMicros: number): Promise<readonly Sample[]>;
  held(): number;
  /** Samples dropped so far, by reason, over all transformers. */
  dropped(): Readonly<Record<string, number>>;
}

export function createPipelines(yaml: string, limits?: TransformerLimits): Pipelines {
  const plan = planOf(yaml);
  const metrics = new Metrics();
  const warnings: unknown[] = [];
  const transforms = createTransformsOf(plan, {
    definitions: TRANSFORMERS,
    metrics,
    log: recordingLogger(warnings),
    sampleSource: 'openstack',
    ...(limits === undefined ? {} : { limits }),
  });
  const target = { fails: false, samples: [] as Sample[] };
  let clock = 0;
  const runner = new PipelineRunner<Sample>({
    plan,
    publishers: new Map([['test://', testPublisher(target)]]),
    transforms,
    nameOf: ({ name }) => name,
    metrics,
    nowMicros: () => clock,
  });
  const { signal } = new AbortController();
  const run = async (nowMicros: number, fails: boolean, act: () => Promise<unknown>) => {
    clock = nowMicros;
    target.fails = fails;
    target.samples = [];
    await act().catch((thrown: unknown) => assert.ok(fails, String(thrown)));
    return target.samples;
  };
  return {
    metrics,
    warnings,
    publish: async (batch, nowMicros, fails = false) => {
      const samples = await run(nowMicros, fails, () => runner.publish(batch, signal));
      return fails ? null : samples;
    },
    release: (all, nowMicros) => run(nowMicros, false, () => runner.release(all, signal)),
    held: () => runner.held(),
    dropped: () => droppedByReason(metrics),
  };
}

function testPublisher(target: { fails: boolean; samples: Sample[] }): Publisher<Sample> {
  return {
    name: 'publisher:test',
    start: async () => {},
    stop: async () => {},
    status: () => ({ state: 'ok' }),
    publish: async (items) => {
      if (target.fails) throw new NephoscopeError('E1113', 'not now', { retry: 'transient' });
      target.samples.push(...items);
      return { accepted: items.length, duplicates: [], rejected: [] };
    },
  };
}

function recordingLogger(warnings: unknown[]): Logger {
  const quiet: LogMethod = () => {};
  const warn: LogMethod = (fields: unknown) => {
    warnings.push(fields);
  };
  const logger: Logger = {
    trace: quiet,
    debug: quiet,
    info: quiet,
    warn,
    error: quiet,
    fatal: quiet,
    child: () => logger,
  };
  return logger;
}

function droppedByReason(metrics: Metrics): Record<string, number> {
  const counts: Record<string, number> = {};
  const line = /^nephoscope_transformer_dropped_total\{.*reason="(\w+)"\} (\d+)$/gm;
  for (const [, reason = '', count] of metrics.expose().matchAll(line)) {
    counts[reason] = (counts[reason] ?? 0) + Number(count);
  }
  return counts;
}
