import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import fc from 'fast-check';
import { sampleNumber } from '../../test/contract/publisher-items.ts';
import { parseYaml } from '../config/yaml.ts';
import { FloatToken } from '../model/json.ts';
import type { Sample } from '../model/sample.ts';
import { AttributeCache } from './gnocchi-attribute-cache.ts';
import { blamed, changeBody, measuresBody, planBatch, resourceBody } from './gnocchi-batch.ts';
import { type GnocchiDefinitions, loadGnocchiDefinitions } from './gnocchi-definitions.ts';

const TEXT = `
archive_policy_default: low
archive_policies: [{name: low, definition: []}]
resources:
  - resource_type: instance
    metrics: [cpu, memory]
    attributes: {host: resource_metadata.host, ram: resource_metadata.ram, tags: resource_metadata.tags, bad: 'resource_metadata.[0]'}
  - {resource_type: swift_account, metrics: [storage.objects]}
  - {resource_type: instance_disk, metrics: [disk], attributes: {host: resource_metadata.disk_host}}
  - {resource_type: none, ignore: true, metrics: [noise]}
`;

function definitions(): GnocchiDefinitions {
  const { document } = parseYaml('gnocchi_resources.yaml', TEXT);
  const loaded = document === null ? null : loadGnocchiDefinitions(document, null).definitions;
  assert.ok(loaded !== null);
  return loaded;
}

const DEFINITIONS = definitions();

function sample(index: number, changes: Partial<Sample> = {}): Sample {
  return sampleNumber(index, { name: 'cpu', unit: 'ns', resourceId: 'r', resourceMetadata: {}, ...changes });
}

suite('what Gnocchi is told of a batch', () => {
  test('values of one meter of one resource stand together, in their order', () => {
    const samples = [
      sample(0),
      sample(1, { resourceId: 'a/b', unit: null }),
      sample(2, { name: 'memory', unit: `${'x'.repeat(29)}😀😀😀` }),
      sample(3, { timestampMicros: 1_500_000 }),
    ];
    const plan = planBatch(samples, DEFINITIONS, null);
    const value = (timestamp: string, number: number) => ({ timestamp, value: number });
    assert.deepEqual(JSON.parse(measuresBody(plan.measures)), {
      r: {
        cpu: {
          archive_policy_name: 'low',
          unit: 'ns',
          measures: [value('2026-01-02T03:04:05', 0.5), value('1970-01-01T00:00:01.500000', 3.5)],
        },
        memory: {
          archive_policy_name: 'low',
          unit: `${'x'.repeat(29)}😀😀`,
          measures: [value('2026-01-02T03:04:07', 2.5)],
        },
      },
      a_b: { cpu: { archive_policy_name: 'low', measures: [value('2026-01-02T03:04:06', 1.5)] } },
    });
  });

  test('attributes are those of the type of the first sample; a later one wins; only scalars count', () => {
    const plan = planBatch(
      [
        sample(0, { resourceMetadata: { host: 'a', ram: new FloatToken(2), tags: ['x'] } }),
        sample(1, { resourceMetadata: { host: 'b\0\ud800' } }),
        sample(2, { name: 'disk', resourceMetadata: { disk_host: 'c' }, userId: 'other' }),
      ],
      DEFINITIONS,
      null,
    );
    const [resource] = [...plan.resources.values()];
    assert.ok(resource !== undefined);
    assert.equal(resource.type, 'instance');
    assert.deepEqual(resourceBody(resource), {
      id: 'r',
      user_id: 'user-1',
      project_id: 'project-é',
      host: 'b\ufffd',
      ram: 2,
    });
    assert.deepEqual(changeBody({ ...resource, projectId: null }), { host: 'b\ufffd', ram: 2 });
  });

  test('what is left out is counted by reason', () => {
    const samples = [
      sample(0, { name: 'what' }),
      sample(1, { name: 'what' }),
      sample(2, { name: 'noise' }),
      sample(3, { projectId: 'gnocchi' }),
      sample(4, { name: 'storage.objects', resourceId: 'gnocchi' }),
      sample(5, { name: 'cpu', resourceId: 'gnocchi' }),
      sample(6, { projectId: 'gnocchi', name: 'what' }),
    ];
    const plan = planBatch(samples, DEFINITIONS, 'gnocchi');
    assert.deepEqual(plan.dropped, { unknown_meter: 2, ignored_meter: 1, filtered_project: 3 });
    assert.deepEqual([[...plan.unknownMeters], plan.measures.map(({ index }) => index)], [['what'], [5]]);
  });

  test('for any samples the body holds every value once, under texts a database takes', () => {
    const text = fc.string({ unit: 'binary', maxLength: 5 });
    const record = fc.record({
      resourceId: text,
      unit: fc.option(text),
      volume: fc.double({ noNaN: true, noDefaultInfinity: true }),
    });
    fc.assert(
      fc.property(fc.array(record), (records) => {
        const plan = planBatch(
          records.map((changes, index) => sample(index, changes)),
          DEFINITIONS,
          null,
        );
        const body: Record<string, Record<string, { measures: { value: number }[] }>> = JSON.parse(
          measuresBody(plan.measures),
        );
        const values = Object.values(body).flatMap(({ cpu }) =>
          (cpu?.measures ?? []).map(({ value }) => value),
        );
        const sorted = (numbers: readonly number[]) =>
          numbers.map((one) => one + 0).toSorted((a, b) => a - b);
        assert.deepEqual(sorted(values), sorted(records.map(({ volume }) => volume)));
        for (const id of Object.keys(body)) assert.ok(id.isWellFormed() && !/[/\0]/.test(id));
      }),
    );
  });

  test('an answer blames a policy, a resource or a meter', () => {
    const { measures } = planBatch(
      [sample(0), sample(1, { name: 'memory' }), sample(2, { resourceId: 'q' })],
      DEFINITIONS,
      null,
    );
    const indexes = (text: string, path: readonly string[] = []) => {
      const { measures: found, isCertain } = blamed(measures, { text, path });
      return [[...found].map(({ index }) => index), isCertain];
    };
    assert.deepEqual(indexes('Archive policy low does not exist'), [[0, 1, 2], true]);
    assert.deepEqual(indexes('Archive policy other does not exist')[0], []);
    assert.deepEqual(indexes('Invalid input', ['r', 'cpu', 'measures']), [[0], false]);
    assert.deepEqual(indexes('Invalid input', ['r']), [[0, 1], true]);
    assert.deepEqual(indexes('something else')[0], []);
  });
});

suite('the memory of attributes', () => {
  test('it forgets after a while, and what was told longest ago when it is full', () => {
    let now = 0;
    const cache = new AttributeCache(100, 2, () => now);
    cache.set('a', '1');
    cache.set('b', '1');
    assert.deepEqual([cache.has('a', '1'), cache.has('a', '2'), cache.has('c', '1')], [true, false, false]);
    cache.set('a', '2');
    cache.set('c', '1');
    assert.deepEqual([cache.has('a', '2'), cache.has('b', '1'), cache.has('c', '1')], [true, false, true]);
    now = 100;
    assert.equal(cache.has('a', '2'), false);
  });
});
