import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { parseYaml } from '../config/yaml.ts';
import { type PipelineKind, planPipelines } from './plan.ts';
import { TRANSFORMERS } from './transformers/registry.ts';

function plan(text: string, kind: PipelineKind = 'sample') {
  const { document, problems } = parseYaml('pipeline.yaml', text);
  assert.deepEqual(problems, []);
  assert.ok(document);
  return planPipelines(kind, document, ['store', 'notifier'], TRANSFORMERS);
}

/** The file with these transformers, the first of which stands in line 5. */
function withTransformers(lines: string): string {
  return `sources: [{name: s, meters: ["*"], sinks: [k]}]
sinks:
- name: k
  transformers:
${lines}
  publishers: ["store://"]
`;
}

/** Mistakes as `severity code line:column message`. */
function problemsOf(lines: string): readonly string[] {
  return plan(withTransformers(lines)).problems.map(
    ({ severity, code, position, message }) =>
      `${severity} ${code} ${position?.line}:${position?.column} ${message}`,
  );
}

test('the transformers of a sink are in each of its pipelines, as the file has them', () => {
  const { plan: result, problems } = plan(
    withTransformers(`  - name: delta
    parameters: {target: {name: cpu.delta}, growth_only: True}
  - {name: accumulator, parameters: null}`),
  );
  assert.deepEqual(problems, []);
  assert.deepEqual(result?.pipelines[0]?.transformers, [
    { name: 'delta', parameters: { target: { name: 'cpu.delta' }, growth_only: true } },
    { name: 'accumulator', parameters: {} },
  ]);
});

describe('a mistake in transformers has its code and its place', () => {
  const cases: readonly (readonly [string, string, readonly string[]])[] = [
    ['no list', '    name: delta', ['error E1131 5:5 transformers is not a list']],
    [
      'an entry that is a text',
      '  - delta',
      ['error E1131 5:5 This is not a mapping with the name and the parameters of a transformer'],
    ],
    ['no name', '  - parameters: {size: 1}', ['error E1131 5:5 This transformer has no name']],
    [
      'an unknown name',
      '  - name: rate_of_chnge',
      ['error E1130 5:11 No transformer named rate_of_chnge loaded'],
    ],
    [
      'a key beside name and parameters',
      '  - {name: delta, paramters: {}}',
      ['warning E1115 5:19 Unknown key paramters has no effect'],
    ],
    [
      'parameters that are a list',
      '  - {name: delta, parameters: [1]}',
      ['error E1131 5:31 parameters is a list, not a mapping'],
    ],
    [
      'an unknown parameter, at any depth',
      '  - {name: delta, parameters: {growthonly: true, target: {nme: x}}}',
      [
        'warning E1115 5:32 Unknown key growthonly has no effect',
        'warning E1115 5:59 Unknown key nme has no effect',
      ],
    ],
    [
      'values of a wrong type',
      '  - {name: aggregator, parameters: {size: many, retention_time: [1], target: {type: counter, max: no}}}',
      [
        'error E1132 5:85 type is the text "counter" instead of one of gauge, delta, cumulative',
        'error E1132 5:99 max is the boolean false instead of a number',
        'error E1132 5:43 size is the text "many" instead of a number',
        'error E1132 5:65 retention_time is a list instead of a number',
      ],
    ],
    [
      'a bad expression, at the place inside of it',
      `  - name: unit_conversion
    parameters: {target: {scale: "volume * (1 + "}}`,
      ['error E1133 6:49 Bad expression, at its character 15: The expression ends too early'],
    ],
    [
      'a bad expression in a block, at its beginning',
      `  - name: unit_conversion
    parameters:
      target:
        scale: >
          volume * * 2`,
      ['error E1133 8:16 Bad expression, at its character 10: Not expected here: *'],
    ],
    [
      'a field no sample has',
      '  - {name: unit_conversion, parameters: {target: {scale: metadata.x * volume}}}',
      ['warning E1135 5:58 The expression names metadata, which no sample has: it is always empty'],
    ],
    [
      'a scale that YAML reads as text',
      '  - {name: unit_conversion, parameters: {target: {scale: 1e-6}}}',
      ['warning E1136 5:58 scale is a text that names no field, so every sample gets the same volume'],
    ],
    [
      'a rate whose scale is a number, and which stays cumulative',
      '  - {name: rate_of_change, parameters: {target: {scale: 0.001}}}',
      [
        'warning E1136 5:57 scale is a number: the rate is multiplied by it; Ceilometer multiplies the current volume in too',
        'warning E1136 5:49 Without target.type a rate keeps the type of its meter, as in Ceilometer',
      ],
    ],
    [
      'a bad regular expression, and half of a mapping',
      '  - {name: delta, parameters: {source: {map_from: {name: "a(b"}}, target: {map_to: {name: x, unit: y}}}}',
      [
        'error E1134 5:62 Bad regular expression, at its character 4: missing ), unterminated subpattern',
        'warning E1115 5:94 Unknown key unit has no effect',
      ],
    ],
    [
      'a replacement that names a group that does not exist',
      String.raw`  - {name: delta, parameters: {source: {map_from: {name: "a"}}, target: {map_to: {name: "\\1"}}}}`,
      ['error E1134 5:90 Bad regular expression, at its character 1: unknown group 1 in the replacement'],
    ],
    [
      'an expression that would never give anything',
      `  - name: arithmetic
    parameters: {target: {expr: "cpu / 2"}}
  - name: arithmetic`,
      [
        'error E1132 6:33 expr names no meter, e.g. $(cpu): nothing would ever come out',
        'warning E1135 6:33 The expression names cpu, which is always empty',
        'error E1132 7:5 expr is missing: nothing would ever come out',
      ],
    ],
    [
      'an unknown policy',
      '  - {name: aggregator, parameters: {user_id: newest}}',
      ['warning E1136 5:46 user_id is none of first, last: last is used, as in Ceilometer'],
    ],
  ];
  for (const [name, lines, expected] of cases) {
    test(name, () => assert.deepEqual(problemsOf(lines), expected));
  }
});

test('an unknown transformer is answered with the nearest one', () => {
  const { problems } = plan(withTransformers('  - name: agregator'));
  assert.match(problems[0]?.hint ?? '', /^Did you mean "aggregator"\? There are unit_conversion, /);
});

test('events are not transformed, which is said', () => {
  const text = `sources: [{name: s, events: ["*"], sinks: [k]}]
sinks: [{name: k, transformers: [{name: delta}], publishers: ["store://"]}]
`;
  const { plan: result, problems } = plan(text, 'event');
  assert.deepEqual(result?.pipelines[0]?.transformers, []);
  assert.deepEqual(
    problems.map(({ severity, message, position }) => [severity, message, position?.line, position?.column]),
    [['warning', 'Transformers have no effect on events', 2, 19]],
  );
});

/** What Ceilometer 6 and 7 shipped, where the recorded data is. */
const upstream = [
  '../../../shared/data/upstream/pipeline-6.yaml',
  '../../../shared/data/upstream/pipeline-7.yaml',
];

for (const path of ['../../etc/pipeline-with-transformers.yaml', ...upstream]) {
  const file = fileURLToPath(new URL(path, import.meta.url));
  const skip = existsSync(file) ? false : `needs ${path}`;
  test(`${basename(file)} has no mistake`, { skip }, () => assertShipped(file));
}

function assertShipped(file: string): void {
  const { plan: result, problems } = plan(readFileSync(file, 'utf8'));
  assert.deepEqual(problems, []);
  assert.deepEqual(
    result?.pipelines.map(({ name, transformers }) => [name, transformers.map((one) => one.name)]),
    [
      ['meter_source:meter_sink', []],
      ['cpu_source:cpu_sink', ['rate_of_change']],
      ['cpu_source:cpu_delta_sink', ['delta']],
      ['disk_source:disk_sink', ['rate_of_change']],
      ['network_source:network_sink', ['rate_of_change']],
    ],
  );
}
