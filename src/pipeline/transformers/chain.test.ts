import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createPipelines, createSample, planOf } from '../../../test/golden-transformers/harness.ts';
import { formatUtc } from '../../lib/timestamp.ts';
import type { Sample } from '../../model/sample.ts';
import { silentLogger } from '../../observe/logger.ts';
import { Metrics } from '../../observe/metrics.ts';
import { createSinkTransforms } from './chain.ts';
import { TRANSFORMERS } from './registry.ts';

const START = 1_767_312_000_000_000;

/** A pipeline file with one sink of these transformers, given as YAML lists in one line. */
function fileOf(transformers: string): string {
  return `sources: [{name: all, meters: ["*"], sinks: [all]}]
sinks: [{name: all, transformers: ${transformers}, publishers: ["test://"]}]
`;
}

const RATE = '[{name: rate_of_change, parameters: {target: {name: rate, type: gauge}}}]';
const BY_SIZE = '[{name: aggregator, parameters: {size: 2}}]';
const BY_TIME = '[{name: aggregator, parameters: {retention_time: 60}}]';

function at(seconds: number, fields: Partial<Sample> = {}): Sample {
  return createSample({ timestamp: formatUtc(START + seconds * 1e6), ...fields });
}

function outline(samples: readonly Sample[] | null) {
  return samples?.map(({ resourceId, volume, timestamp }) => [resourceId, volume, timestamp.slice(-5)]);
}

function seriesOf(metrics: Metrics, name: string): readonly string[] {
  const lines = metrics.expose().split('\n');
  return lines.filter((line) => line.startsWith(`nephoscope_transformer_${name}{`));
}

function createTransform(transformers: string, metrics = new Metrics()) {
  const create = createSinkTransforms({
    definitions: TRANSFORMERS,
    metrics,
    log: silentLogger,
    sampleSource: 'openstack',
  });
  return create('all', planOf(fileOf(transformers)).pipelines[0]?.transformers ?? []);
}

test('what comes out tells which sample of the batch it is of', () => {
  const transform = createTransform(RATE);
  transform.apply([at(0), at(0, { resourceId: 'vm-2' })], START);
  const batch = [at(20, { volume: 40 }), at(10, { resourceId: 'vm-2', volume: 10 }), at(10, { volume: 10 })];
  const { items, owners } = transform.apply(batch, START);
  assert.deepEqual(
    [outline(items), owners],
    [
      [
        ['vm-1', 1, '00:10'],
        ['vm-2', 1, '00:10'],
        ['vm-1', 3, '00:20'],
      ],
      [2, 1, 0],
    ],
  );
});

test('what was held from earlier batches is nobody of this batch', () => {
  const transform = createTransform(BY_TIME);
  transform.apply([at(0, { type: 'delta', volume: 1 })], START);
  const { items, owners } = transform.apply([at(90, { type: 'delta', volume: 2 })], START + 90e6);
  assert.deepEqual([outline(items), owners, transform.held()], [[['vm-1', 1, '00:00']], [-1], 1]);
});

test('what nobody of a failed batch would bring again is kept, also when two publishers fail', () => {
  const transform = createTransform(BY_TIME);
  transform.apply([at(0, { type: 'delta', volume: 1 })], START);
  const second = [at(90, { type: 'delta', volume: 2 })];
  const failed = transform.apply(second, START + 90e6);
  transform.takeBack(failed);
  transform.takeBack(failed);
  assert.equal(transform.held(), 2);
  assert.deepEqual(outline(transform.apply(second, START + 91e6).items), [['vm-1', 1, '00:00']]);
  assert.deepEqual(outline(transform.apply(second, START + 92e6).items), []);
  assert.equal(transform.held(), 1);
});

test('a transform that was drained knows nothing any more', () => {
  const metrics = new Metrics();
  const transform = createTransform(`[${BY_SIZE.slice(1, -1)}, ${RATE.slice(1, -1)}]`, metrics);
  transform.apply([at(0, { volume: 1 }), at(10, { volume: 2 }), at(20, { volume: 7 })], START);
  assert.deepEqual(outline(transform.drain(START)), [['vm-1', 0.25, '00:20']]);
  assert.deepEqual(seriesOf(metrics, 'series').concat(seriesOf(metrics, 'held')), [
    'nephoscope_transformer_series{sink="all",transformer="aggregator"} 0',
    'nephoscope_transformer_series{sink="all",transformer="rate_of_change"} 0',
    'nephoscope_transformer_held{sink="all",transformer="aggregator"} 0',
    'nephoscope_transformer_held{sink="all",transformer="rate_of_change"} 0',
  ]);
  assert.deepEqual(transform.drain(START), []);
});

test('each transformer of a sink is counted for itself', async () => {
  const pipelines = createPipelines(
    fileOf(
      '[{name: unit_conversion}, {name: rate_of_change, parameters: {target: {type: gauge}}}, {name: unit_conversion}]',
    ),
  );
  await pipelines.publish([at(0), at(10), at(5, { resourceId: 'vm-2' })], START);
  const wanted = ['taken_total', 'emitted_total', 'dropped_total', 'series'];
  assert.deepEqual(
    wanted
      .flatMap((name) => seriesOf(pipelines.metrics, name))
      .map((line) => line.replace(/.*_transformer_/, '')),
    [
      'taken_total{sink="all",transformer="unit_conversion"} 3',
      'taken_total{sink="all",transformer="rate_of_change"} 3',
      'taken_total{sink="all",transformer="unit_conversion-2"} 1',
      'emitted_total{sink="all",transformer="unit_conversion"} 3',
      'emitted_total{sink="all",transformer="rate_of_change"} 1',
      'emitted_total{sink="all",transformer="unit_conversion-2"} 1',
      'dropped_total{sink="all",transformer="rate_of_change",reason="first"} 2',
      'series{sink="all",transformer="unit_conversion"} 0',
      'series{sink="all",transformer="rate_of_change"} 2',
      'series{sink="all",transformer="unit_conversion-2"} 0',
    ],
  );
});

test('two shards of a sink show the sum of what they hold', () => {
  const metrics = new Metrics();
  const shards = [createTransform(BY_SIZE, metrics), createTransform(BY_SIZE, metrics)];
  shards[0]?.apply([at(0)], START);
  shards[1]?.apply([at(0, { resourceId: 'vm-2' }), at(0, { resourceId: 'vm-3' })], START);
  assert.deepEqual(seriesOf(metrics, 'held'), [
    'nephoscope_transformer_held{sink="all",transformer="aggregator"} 3',
  ]);
  shards[1]?.drain(START);
  assert.deepEqual(seriesOf(metrics, 'held'), [
    'nephoscope_transformer_held{sink="all",transformer="aggregator"} 1',
  ]);
});

test('a failing expression is told in the log once in a while, and counted each time', async () => {
  const pipelines = createPipelines(
    fileOf('[{name: unit_conversion, parameters: {target: {scale: "volume / resource_metadata.vcpus"}}}]'),
  );
  for (const seconds of [0, 1, 59, 61]) await pipelines.publish([at(seconds)], START + seconds * 1e6);
  assert.deepEqual(pipelines.dropped(), { failed: 4 });
  assert.deepEqual(pipelines.warnings, [
    { reason: 'resource_metadata.vcpus is missing', meter: 'cpu', resource: 'vm-1' },
    { reason: 'resource_metadata.vcpus is missing', meter: 'cpu', resource: 'vm-1' },
  ]);
});

test('a volume beyond all numbers does not go on', async () => {
  const pipelines = createPipelines(
    fileOf('[{name: unit_conversion, parameters: {target: {scale: 1.0e+300}}}]'),
  );
  assert.deepEqual(await pipelines.publish([at(0, { volume: 1e300 })], START), []);
  assert.deepEqual(pipelines.dropped(), { not_finite: 1 });
});

test('two sinks that make different things of a sample give them different ids, two equal ones the same', async () => {
  const idOf = async (scale: string): Promise<string | undefined> => {
    const pipelines = createPipelines(
      fileOf(`[{name: unit_conversion, parameters: {target: {scale: ${scale}}}}]`),
    );
    return (await pipelines.publish([at(0)], START))?.[0]?.id;
  };
  assert.equal(await idOf('2.0'), await idOf('2.0'));
  assert.notEqual(await idOf('2.0'), await idOf('3.0'));
});

test('samples of one message that share their id are all counted', async () => {
  const pipelines = createPipelines(fileOf('[{name: accumulator, parameters: {size: 3}}]'));
  const samples = ['cpu', 'memory', 'disk'].map((name) => at(0, { id: 'the-message', name }));
  const made = await pipelines.publish(samples, START);
  assert.deepEqual(
    made?.map(({ name }) => name),
    ['cpu', 'memory', 'disk'],
  );
});

const FEW = { maxSeries: 2, idleMicros: 3600e6, maxRecent: 4 };

test('series beyond the limit are given up, those used last stay, and it is counted', async () => {
  const pipelines = createPipelines(fileOf(RATE), FEW);
  const all = Array.from({ length: 9 }, (_, index) => at(0, { resourceId: `vm-${index}` }));
  await pipelines.publish(all, START);
  const next = [7, 8, 0].map((index) => at(10, { resourceId: `vm-${index}`, volume: 10 }));
  assert.deepEqual(outline(await pipelines.publish(next, START)), [
    ['vm-7', 1, '00:10'],
    ['vm-8', 1, '00:10'],
  ]);
  assert.match(seriesOf(pipelines.metrics, 'evicted_total').join(), /reason="full"\} \d+$/);
});

test('windows beyond the limit end early, nothing is lost', async () => {
  const pipelines = createPipelines(fileOf('[{name: aggregator, parameters: {size: 10}}]'), FEW);
  const batch = [0, 1, 2].map((index) => at(0, { resourceId: `vm-${index}`, type: 'delta', volume: index }));
  assert.deepEqual(outline(await pipelines.publish(batch, START)), [['vm-0', 0, '00:00']]);
  assert.deepEqual(outline(await pipelines.release(true, START)), [
    ['vm-1', 1, '00:00'],
    ['vm-2', 2, '00:00'],
  ]);
});

test('a window nobody adds to ends after a day, so that nothing is held for ever', async () => {
  const pipelines = createPipelines(fileOf('[{name: aggregator, parameters: {size: 10}}]'));
  await pipelines.publish([at(0, { type: 'delta', volume: 5 })], START);
  assert.deepEqual(await pipelines.release(false, START + 86_000e6), []);
  assert.deepEqual(outline(await pipelines.release(false, START + 86_401e6)), [['vm-1', 5, '00:00']]);
});

test('a sink with an unknown transformer or bad parameters cannot be made', () => {
  const create = createSinkTransforms({
    definitions: TRANSFORMERS,
    metrics: new Metrics(),
    log: silentLogger,
    sampleSource: 'openstack',
  });
  assert.throws(() => create('k', [{ name: 'x', parameters: {} }]), { code: 'E1130', retry: 'permanent' });
  const bad = { name: 'unit_conversion', parameters: { target: { scale: '1 +' } } };
  assert.throws(() => create('k', [bad]), { code: 'E1133', retry: 'permanent' });
});
