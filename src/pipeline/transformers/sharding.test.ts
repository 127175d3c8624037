import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { createSample, planOf } from '../../../test/golden-transformers/harness.ts';
import { formatUtc } from '../../lib/timestamp.ts';
import type { Sample } from '../../model/sample.ts';
import { silentLogger } from '../../observe/logger.ts';
import { Metrics } from '../../observe/metrics.ts';
import type { SinkTransform } from '../sink-transform.ts';
import { createSinkTransforms } from './chain.ts';
import { TRANSFORMERS } from './registry.ts';

const START = 1_767_312_000_000_000;
const SINKS: readonly string[] = [
  '[{name: unit_conversion, parameters: {target: {scale: "volume * 2 + 1"}}}]',
  '[{name: rate_of_change, parameters: {target: {name: rate, type: gauge, max: 100}}}]',
  '[{name: delta, parameters: {growth_only: true}}]',
  '[{name: accumulator, parameters: {size: 4}}]',
  '[{name: aggregator, parameters: {size: 3, timestamp: last}}]',
  '[{name: aggregator, parameters: {retention_time: 25, resource_metadata: first}}]',
  '[{name: arithmetic, parameters: {target: {name: sum, expr: "$(cpu) + 2 * $(memory)"}}}]',
  '[{name: aggregator, parameters: {retention_time: 15}}, {name: rate_of_change, parameters: {target: {type: gauge}}}]',
  '[{name: accumulator, parameters: {size: 3}}, {name: delta}]',
];

function createTransforms(transformers: string, count: number): readonly SinkTransform<Sample>[] {
  const plan = planOf(`sources: [{name: all, meters: ["*"], sinks: [all]}]
sinks: [{name: all, transformers: ${transformers}, publishers: ["test://"]}]
`);
  const parts = {
    definitions: TRANSFORMERS,
    metrics: new Metrics(),
    log: silentLogger,
    sampleSource: 'openstack',
  };
  const create = createSinkTransforms(parts);
  return Array.from({ length: count }, () => create('all', plan.pipelines[0]?.transformers ?? []));
}

/** Everything that comes out of these batches, the stop included, in an order of its own. */
function run(
  transformers: string,
  shards: number,
  batches: readonly (readonly Sample[])[],
): readonly Sample[] {
  const transforms = createTransforms(transformers, shards);
  const made = batches.flatMap((batch) =>
    transforms.flatMap((transform, shard) => {
      const part = batch.filter((sample) => transform.shardOf(sample, shards) === shard);
      return transform.apply(part, START).items;
    }),
  );
  const left = transforms.flatMap((transform) => transform.drain(START));
  return [...made, ...left].toSorted((a, b) => compareTexts(textOf(a), textOf(b)));
}

function distinct(samples: readonly Sample[]): readonly string[] {
  return [...new Set(samples.map(textOf))];
}

function textOf(sample: Sample): string {
  return JSON.stringify(sample);
}

function compareTexts(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

const point = fc.record({
  resourceId: fc.constantFrom('vm-1', 'vm-2', 'vm-3', 'vm-4', 'vm-5'),
  name: fc.constantFrom('cpu', 'memory'),
  type: fc.constantFrom('cumulative' as const, 'gauge' as const, 'delta' as const),
  seconds: fc.integer({ min: 0, max: 100 }),
  volume: fc.integer({ min: 0, max: 1000 }),
});
type Point = typeof point extends fc.Arbitrary<infer Value> ? Value : never;

function toSamples(points: readonly Point[]): readonly Sample[] {
  return points.map(({ seconds, ...fields }, index) =>
    createSample({ ...fields, id: `id-${index}`, timestamp: formatUtc(START + seconds * 1e6) }),
  );
}

/** Cuts after each index that the numbers name. */
function cut(samples: readonly Sample[], cuts: readonly number[]): readonly (readonly Sample[])[] {
  const ends = [...new Set(cuts.map((at) => at % (samples.length + 1)))].toSorted((a, b) => a - b);
  return [...ends, samples.length].map((end, index) => samples.slice(ends[index - 1] ?? 0, end));
}

const cuts = fc.array(fc.nat(), { maxLength: 8 });

describe('however many shards there are, the results are the same', () => {
  for (const transformers of SINKS) {
    test(transformers, () => {
      const input = fc.record({
        points: fc.array(point, { maxLength: 40 }),
        repeats: fc.array(fc.nat(), { maxLength: 5 }),
        cuts,
        shards: fc.integer({ min: 2, max: 5 }),
      });
      fc.assert(
        fc.property(input, ({ points, repeats, cuts, shards }) => {
          const samples = toSamples(points);
          const again = repeats.flatMap((at) => samples[at % Math.max(1, samples.length)] ?? []);
          const batches = cut([...samples, ...again], cuts);
          assert.deepEqual(
            distinct(run(transformers, shards, batches)),
            distinct(run(transformers, 1, batches)),
          );
        }),
        { numRuns: 60 },
      );
    });
  }
});

describe('however resources are mixed and batches are cut, the results are the same', () => {
  for (const transformers of SINKS) {
    test(transformers, () => {
      const input = fc.record({
        points: fc.array(point, { maxLength: 40 }),
        order: fc
          .infiniteStream(fc.nat())
          .map((numbers) => Array.from({ length: 40 }, () => numbers.next().value)),
        cuts: fc.tuple(cuts, cuts),
      });
      fc.assert(
        fc.property(input, ({ points, order, cuts: [first, second] }) => {
          const samples = toSamples(points).toSorted((a, b) => a.timestampMicros - b.timestampMicros);
          const mixed = interleave(samples, order);
          const [once, otherwise] = [
            run(transformers, 1, cut(samples, first)),
            run(transformers, 1, cut(mixed, second)),
          ];
          assert.deepEqual(otherwise, once);
          assert.equal(distinct(once).length, once.length);
        }),
        { numRuns: 60 },
      );
    });
  }
});

describe('a batch that fails and is given again changes nothing', () => {
  for (const transformers of SINKS) {
    test(transformers, () => {
      const input = fc.record({
        points: fc.array(point, { maxLength: 40 }),
        cuts,
        fails: fc.array(fc.integer({ min: 0, max: 2 }), { minLength: 9, maxLength: 9 }),
      });
      fc.assert(
        fc.property(input, ({ points, cuts, fails }) => {
          const batches = cut(toSamples(points), cuts);
          assert.deepEqual(runWithFailures(transformers, batches, fails), run(transformers, 1, batches));
        }),
        { numRuns: 60 },
      );
    });
  }
});

/** As `run`, but each batch cannot be published as many times as `fails` says. */
function runWithFailures(
  transformers: string,
  batches: readonly (readonly Sample[])[],
  fails: readonly number[],
): readonly Sample[] {
  const [transform] = createTransforms(transformers, 1) as [SinkTransform<Sample>];
  const made = batches.flatMap((batch, index) => {
    for (let left = fails[index] ?? 0; left > 0; left -= 1) transform.takeBack(transform.apply(batch, START));
    return transform.apply(batch, START).items;
  });
  return [...made, ...transform.drain(START)].toSorted((a, b) => compareTexts(textOf(a), textOf(b)));
}

/** The same samples, those of each resource in the same order. */
function interleave(samples: readonly Sample[], order: readonly number[]): readonly Sample[] {
  const queues = [...Map.groupBy(samples, ({ resourceId }) => resourceId).values()];
  return samples.flatMap((_, index) => {
    const waiting = queues.filter((queue) => queue.length > 0);
    return waiting[(order[index] ?? 0) % waiting.length]?.shift() ?? [];
  });
}
