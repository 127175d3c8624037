import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import fc from 'fast-check';
import { formatProblems } from '../config/problems.ts';
import { parseYaml } from '../config/yaml.ts';
import { stringifyExact } from '../lib/exact-json.ts';
import type { JsonObject } from '../model/json.ts';
import { type GnocchiDefinitions, loadGnocchiDefinitions } from './gnocchi-definitions.ts';
import { findResourceType } from './gnocchi-types.ts';

const ROOT = join(import.meta.dirname, '../..');
const SHIPPED = join(ROOT, 'etc/gnocchi_resources.yaml');
const UPSTREAM = join(ROOT, '../shared/data/upstream');

function load(text: string, archivePolicy: string | null = null, file = 'gnocchi_resources.yaml') {
  const { document, problems } = parseYaml(file, text);
  assert.ok(document !== null, formatProblems(problems));
  return loadGnocchiDefinitions(document, archivePolicy);
}

function read(text: string, archivePolicy?: string): GnocchiDefinitions {
  const { definitions, problems } = load(text, archivePolicy);
  assert.ok(definitions !== null, formatProblems(problems));
  return definitions;
}

function readFile(file: string): GnocchiDefinitions {
  const { definitions, problems } = load(readFileSync(file, 'utf8'), null, file);
  assert.deepEqual([formatProblems(problems), definitions === null], ['', false]);
  return definitions as GnocchiDefinitions;
}

const POLICIES = `
archive_policy_default: low
archive_policies:
  - {name: low, aggregation_methods: [mean], back_window: 0, definition: [{granularity: 5 minutes, timespan: 30 days}]}
  - {name: high, aggregation_methods: [mean], back_window: 0, definition: [{granularity: 1 second, timespan: 1 hour}]}
`;

suite('gnocchi_resources.yaml', () => {
  test('the policy of a resource type beats the one of the URL, that one the meter, that one the default', () => {
    const text = `${POLICIES}
resources:
  - {resource_type: a, metrics: {plain: , own: {archive_policy_name: high}}}
  - {resource_type: b, archive_policy: high, metrics: [forced]}
`;
    const policies = (url?: string) =>
      ['plain', 'own', 'forced'].map((name) => read(text, url).meterRoute(name)?.archivePolicy);
    assert.deepEqual(policies(), ['low', 'high', 'high']);
    assert.deepEqual(policies('url'), ['url', 'url', 'high']);
  });

  test('without any policy the server decides; the default of the original counts when it is defined', () => {
    const resources = 'resources: [{resource_type: a, metrics: [m]}]';
    assert.equal(read(resources).meterRoute('m')?.archivePolicy, null);
    const defined = `archive_policies: [{name: ceilometer-low, definition: []}]\n${resources}`;
    assert.equal(read(defined).meterRoute('m')?.archivePolicy, 'ceilometer-low');
  });

  test('the last type that lists a meter counts, patterns come after exact names, ignored ones are told apart', () => {
    const definitions = read(`
resources:
  - {resource_type: none, ignore: true, metrics: ['identity.*']}
  - {resource_type: disk, metrics: ['disk.*', memory]}
  - {resource_type: later, metrics: ['disk.device.*', memory, disk.exact]}
`);
    const types = ['memory', 'disk.exact', 'disk.device.x', 'identity.x', 'other'].map((name) => {
      const route = definitions.meterRoute(name);
      return route === null ? null : [route.resource.type, route.isIgnored];
    });
    assert.deepEqual(types, [['later', false], ['later', false], ['disk', false], ['none', true], null]);
  });

  test('events are looked up type by type in the order create, delete, update', () => {
    const definitions = read(`
resources:
  - resource_type: a
    metrics: []
    event_update: x.*
    event_create: [x.new, x.born]
    event_attributes: {id: resource_id}
  - {resource_type: b, metrics: [], event_delete: x.*, event_attributes: {id: resource_id}}
`);
    const routes = ['x.born', 'x.other', 'y'].map((type) => {
      const route = definitions.eventRoute(type);
      return route === null ? null : [route.resource.type, route.operation];
    });
    assert.deepEqual(routes, [['a', 'create'], ['a', 'update'], null]);
  });

  test('the id in a search stays a text, whatever it holds', () => {
    const definitions = read(`
resources:
  - resource_type: a
    metrics: [m]
    event_associated_resources: {b: '{"and": [{"=": {"x": "%s"}}, {"like": {"y": "%s-%"}}, {"=": {"n": 1}}]}'}
`);
    const [associated] = definitions.meterRoute('m')?.resource.associated ?? [];
    fc.assert(
      fc.property(fc.string(), (id) => {
        const search = { and: [{ '=': { x: id } }, { like: { y: `${id}-%` } }, { '=': { n: 1 } }] };
        assert.deepEqual(associated?.search(id), search);
      }),
    );
  });

  test('all mistakes are told at once, with their places', () => {
    const { definitions, problems } = load(`archive_policy_default: [x]
archive_policies:
  - {nam: low}
  - {name: low, definition: 5}
resources:
  - plain
  - {metrics: [a]}
  - {resource_type: a, metrics: 5, atributes: {}}
  - {resource_type: b, metrics: {m: low, n: {archive_policy_name: lo}}, attributes: {x: 'a.[', y: {fields: z, plugin: nope}}}
  - {resource_type: c, metrics: [1, n], event_create: [], event_delete: x, event_attributes: {user: 1}}
  - {resource_type: d, metrics: [], event_associated_resources: {e: '{'}}
`);
    assert.equal(definitions, null);
    assert.deepEqual(
      problems.map(({ code, severity, message, position }) => [
        position?.line,
        `${code} ${severity === 'error' ? '' : 'warning: '}${message}`,
      ]),
      EXPECTED,
    );
  });

  test('whatever a file holds, reading it throws nothing', () => {
    const words = ['resources', 'resource_type', 'metrics', 'attributes', 'archive_policies', 'event_create'];
    const key = fc.constantFrom(...words, 'name', 'definition', 'event_attributes', 'x');
    const { value } = fc.letrec((tie) => ({
      value: fc.oneof(
        { depthSize: 'small' },
        fc.constantFrom(null, 1, true, '', 'a', '*', 'a.[', '%s'),
        fc.array(tie('value'), { maxLength: 3 }),
        fc.dictionary(key, tie('value'), { maxKeys: 4 }),
      ),
    }));
    fc.assert(
      fc.property(value, (content) => {
        const { definitions, problems } = load(JSON.stringify(content));
        const failed = problems.some(({ severity }) => severity === 'error');
        assert.equal(definitions === null, failed);
      }),
    );
  });
});

const EXPECTED = [
  [3, 'E8040 an archive policy has a name'],
  [4, 'E8040 definition is 5, not a list'],
  [1, 'E8040 ["x"] is no name of an archive policy'],
  [6, 'E8040 "plain" is no resource type'],
  [7, 'E8040 required field "resource_type" is missing'],
  [8, 'E1210 warning: the key "atributes" has no effect here'],
  [8, 'E8040 metrics of a is 5, not a mapping or list'],
  [9, 'E1207 the path "a.[" for attribute x is wrong: Unexpected end of the path (offset 3)'],
  [9, 'E1206 there is no plugin "nope", which attribute y names'],
  [9, 'E8040 "low" is no mapping with archive_policy_name'],
  [9, 'E8044 warning: the archive policy "lo" is not defined in this file'],
  [10, 'E8040 1 is not the name of a trait'],
  [10, 'E8040 1 is no meter'],
  [10, 'E8041 warning: n is a meter of c here and is a meter of b above'],
  [10, 'E8040 event_create is [], not an event type'],
  [10, 'E8040 event_delete needs event_attributes with id'],
  [11, 'E8040 "{" is no search in JSON'],
];

suite('the shipped gnocchi_resources.yaml', () => {
  const shipped = readFile(SHIPPED);

  test('it has no mistake, and every type it names can be made in Gnocchi', () => {
    const types = new Set(
      [...metersOf(SHIPPED)].map((meter) => shipped.meterRoute(meter)?.resource.type ?? meter),
    );
    assert.deepEqual(
      [...types].filter((type) => findResourceType(type) === null),
      [],
    );
  });

  test('every attribute it reads or sets is one of its type', () => {
    const unknown = [...metersOf(SHIPPED)].flatMap((meter) => {
      const resource = shipped.meterRoute(meter)?.resource;
      const known = Object.keys(findResourceType(resource?.type ?? '')?.attributes ?? {});
      const common = ['id', 'user_id', 'project_id'];
      const names = [
        ...(resource?.attributes ?? []).map(({ name }) => name),
        ...(resource?.eventAttributes.keys() ?? []),
      ];
      return names.filter((name) => !known.includes(name) && !common.includes(name));
    });
    assert.deepEqual(unknown, []);
  });

  const skip = existsSync(UPSTREAM) ? false : 'needs the definitions of the original beside the project';
  test("it does with every meter and event what the original's does", { skip }, () => {
    const file = join(UPSTREAM, 'gnocchi_resources.yaml');
    const original = readFile(file);
    assert.deepEqual([...metersOf(SHIPPED)].sort(), [...metersOf(file)].sort());
    for (const meter of metersOf(file))
      assert.deepEqual(shownMeter(shipped, meter), shownMeter(original, meter));
    for (const type of eventTypesOf(file))
      assert.deepEqual(shownEvent(shipped, type), shownEvent(original, type));
    const byName = ({ archivePolicies }: GnocchiDefinitions) =>
      new Map(archivePolicies.map((policy) => [policy['name'], policy]));
    assert.deepEqual(byName(shipped), byName(original));
  });

  test('files of other releases can be read', { skip }, () => {
    for (const name of ['gnocchi_resources-19.yaml', 'gnocchi_resources.yaml'])
      readFile(join(UPSTREAM, name));
  });
});

interface WrittenResource {
  readonly metrics: readonly string[] | Readonly<Record<string, unknown>>;
}

function resourcesOf(file: string): readonly (WrittenResource & Readonly<Record<string, unknown>>)[] {
  const value = parseYaml(file, readFileSync(file, 'utf8')).document?.value;
  return (value as { resources: readonly (WrittenResource & Record<string, unknown>)[] }).resources;
}

function metersOf(file: string): ReadonlySet<string> {
  const lists = resourcesOf(file).map(({ metrics }) =>
    Array.isArray(metrics) ? metrics : Object.keys(metrics),
  );
  return new Set(lists.flat());
}

function eventTypesOf(file: string): readonly string[] {
  const keys = ['event_create', 'event_update', 'event_delete'];
  return resourcesOf(file).flatMap((one) => keys.flatMap((key) => (one[key] ?? []) as string | string[]));
}

/** A resource as far as two definitions can be compared: what attributes find in a sample with all of them. */
const SAMPLE: JsonObject = {
  resource_metadata: {
    ...Object.fromEntries(
      [
        'host instance_host image_ref launched_at created_at deleted_at display_name instance_flavor_id flavor_id',
        'instance_type flavor_name vnic_name instance_id disk_name name container_format disk_format node',
        'storage_policy volume_type volume_type_id image_id provider status availability_zone protocol vip_address',
        'binary zone email type pool_id',
      ]
        .join(' ')
        .split(' ')
        .map((name) => [name, `the ${name}`]),
    ),
    flavor: { id: 'the flavor.id', name: 'the flavor.name' },
    user_metadata: { server_group: 'the group' },
  },
};

function shownMeter(definitions: GnocchiDefinitions, meter: string): unknown {
  const route = definitions.meterRoute(meter);
  const attributes = route?.resource.attributes.map(({ name, field }) => [
    name,
    field.value({ document: SAMPLE }),
  ]);
  return [meter, route?.resource.type, route?.archivePolicy, route?.isIgnored, attributes?.sort()];
}

function shownEvent(definitions: GnocchiDefinitions, eventType: string): unknown {
  const route = definitions.eventRoute(eventType);
  const associated = route?.resource.associated.map(({ type, search }) => [
    type,
    stringifyExact(search('ID')),
  ]);
  const attributes = [...(route?.resource.eventAttributes ?? [])].sort();
  return [eventType, route?.resource.type, route?.operation, attributes, associated?.sort()];
}
