import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { parseYaml } from '../config/yaml.ts';
import { type PipelineKind, planPipelines } from './plan.ts';
import { TRANSFORMERS } from './transformers/registry.ts';

const SCHEMES = ['store', 'direct', 'notifier', 'file'];

function plan(text: string, kind: PipelineKind = 'sample') {
  const { document, problems } = parseYaml('pipeline.yaml', text);
  assert.deepEqual(problems, []);
  assert.ok(document);
  return planPipelines(kind, document, SCHEMES, TRANSFORMERS);
}

/** Mistakes as `code line:column message`. */
function mistakes(text: string, kind: PipelineKind = 'sample'): string[] {
  return plan(text, kind)
    .problems.filter(({ severity }) => severity === 'error')
    .map(({ code, message, position }) => `${code} ${position?.line}:${position?.column} ${message}`);
}

const GOOD = `sources:
  - name: servers
    meters: ["cpu", "memory.*"]
    sinks: [servers, billing]
sinks:
  - name: servers
    publishers: ["store://"]
  - name: billing
    publishers: [notifier, "file:///var/lib/t/billing.log?json"]
`;

test('a pipeline is one pair of source and sink, named after both, in the order of the file', () => {
  assert.deepEqual(plan(GOOD), {
    plan: {
      kind: 'sample',
      pipelines: [
        {
          name: 'servers',
          source: 'servers',
          sink: 'servers',
          patterns: ['cpu', 'memory.*'],
          publishers: ['store://'],
          transformers: [],
        },
        {
          name: 'servers:billing',
          source: 'servers',
          sink: 'billing',
          patterns: ['cpu', 'memory.*'],
          publishers: ['notifier://', 'file:///var/lib/t/billing.log?json'],
          transformers: [],
        },
      ],
    },
    problems: [],
  });
});

test('event pipelines match events and carry a prefix in their names', () => {
  const text =
    'sources: [{name: s, events: ["*"], sinks: [k]}]\nsinks: [{name: k, publishers: ["store://"]}]\n';
  assert.deepEqual(
    plan(text, 'event').plan?.pipelines.map(({ name }) => name),
    ['event:s:k'],
  );
});

test('keys of older releases are taken, unknown keys are named in a warning', () => {
  const text = `sources:
  - name: s
    interval: 600
    counters: ["cpu"]
    resources: []
    snks: [k]
    sinks: [k]
sinks:
  - name: k
    transformers:
    publishers: ["store://"]
`;
  const { plan: result, problems } = plan(text);
  assert.deepEqual(result?.pipelines[0]?.patterns, ['cpu']);
  assert.deepEqual(
    problems.map(({ severity, code, message, hint, position }) => [
      severity,
      code,
      message,
      hint,
      position?.line,
    ]),
    [['warning', 'E1115', 'Unknown key snks has no effect', 'Did you mean "sinks"?', 6]],
  );
});

describe('each mistake has its code and its place', () => {
  const sink = 'sinks:\n  - name: k\n    publishers: ["store://"]\n';
  const source = (lines: string) => `sources:\n  - name: s\n    ${lines}\n${sink}`;
  const cases: readonly [string, string, readonly string[]][] = [
    ['top level without sinks', 'sources: []\n', ['E1102 1:1 Both sources & sinks are required']],
    [
      'a list at the top',
      '- a\n',
      ['E1101 1:1 The file holds a list instead of a mapping with sources and sinks'],
    ],
    ['an empty file', '', ['E1101 1:1 The file holds nothing instead of a mapping with sources and sinks']],
    [
      'a source without name',
      `sources:\n  - meters: ["*"]\n    sinks: [k]\n${sink}`,
      ['E1103 2:5 Required field name not specified'],
    ],
    [
      'a source without sinks',
      source('meters: ["*"]'),
      ['E1103 2:5 Required field sinks not specified in source s'],
    ],
    ['empty sinks', source('meters: ["*"]\n    sinks: []'), ['E1105 4:12 No sink defined in source s']],
    [
      'a dangling sink',
      source('meters: ["*"]\n    sinks: [j]'),
      ['E1106 4:13 Dangling sink j from source s'],
    ],
    ['no meters key', source('sinks: [k]'), ['E1107 2:5 Missing meters value']],
    ['empty meters', source('meters: []\n    sinks: [k]'), ['E1107 3:13 No meters specified']],
    [
      'inclusion beside exclusion',
      source('meters: ["disk.*", "!disk.root"]\n    sinks: [k]'),
      ['E1108 3:13 Both included and excluded meters specified'],
    ],
    [
      'wildcard beside inclusion',
      source('meters: ["*", "cpu"]\n    sinks: [k]'),
      ['E1108 3:13 Included meters specified with wildcard'],
    ],
    ['an empty pattern', source('meters: [""]\n    sinks: [k]'), ['E1114 3:14 Empty pattern in meters']],
    [
      'a pattern that is no text',
      source('meters: [on]\n    sinks: [k]'),
      ['E1101 3:14 the boolean true instead of a text'],
    ],
    [
      'the same pair twice',
      source('meters: ["*"]\n    sinks: [k, k]'),
      ['E1110 4:16 Duplicate pipeline name: s:k. Ensure pipeline names are unique'],
    ],
    [
      'an unknown publisher',
      'sources: [{name: s, meters: ["*"], sinks: [k]}]\nsinks: [{name: k, publishers: ["stroe://"]}]\n',
      ['E1112 2:32 No publisher has the scheme "stroe"'],
    ],
    [
      'two sinks with one name',
      `sources: [{name: s, meters: ["*"], sinks: [k]}]\n${sink}  - name: k\n    publishers: ["store://"]\n`,
      ['E1109 5:11 Duplicated sink names: k'],
    ],
    [
      'a sink without publishers',
      'sources: [{name: s, meters: ["*"], sinks: [k]}]\nsinks: [{name: k}]\n',
      ['E1111 2:9 No publisher specified'],
    ],
  ];
  for (const [name, text, expected] of cases) {
    test(name, () => assert.deepEqual(mistakes(text), expected));
  }
});

test('all mistakes of a file are reported in one run', () => {
  const text = `sources:
  - name: s
    meters: []
    sinks: [nowhere]
sinks:
  - publishers: []
`;
  assert.deepEqual(mistakes(text), [
    'E1107 3:13 No meters specified',
    'E1103 6:5 Required field name not specified',
    'E1111 6:17 No publisher specified',
    'E1106 4:13 Dangling sink nowhere from source s',
  ]);
});

test('a publisher whose scheme is misspelt is answered with the nearest one', () => {
  const text =
    'sources: [{name: s, meters: ["*"], sinks: [k]}]\nsinks: [{name: k, publishers: ["notifer://"]}]\n';
  assert.match(plan(text).problems[0]?.hint ?? '', /Did you mean "notifier:\/\/"/);
});

test('the first character decides what an entry counts as', () => {
  assert.deepEqual(
    mistakes(
      'sources: [{name: s, meters: ["*.bytes", "!disk.*"], sinks: [k]}]\nsinks: [{name: k, publishers: [store]}]\n',
    ),
    [],
  );
});
