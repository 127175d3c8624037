import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { notification, notificationWithPayload, yaml } from '../../test/notification/notifications.ts';
import type { JsonObject } from '../model/json.ts';
import type { Sample } from '../model/sample.ts';
import { type Conversion, createConverter } from './converter.ts';
import { type DecodedNotification, NotificationError } from './envelope.ts';
import { loadMeterDefinitions, type MeterDefinitionOptions } from './meter-definitions.ts';

/** A meter definition as YAML, with some fields other than usual. */
function meter(fields: Record<string, string> = {}): string {
  const usual = {
    name: 'volume.size',
    event_type: 'compute.*',
    type: 'gauge',
    unit: 'GiB',
    volume: '$.payload.size',
    resource_id: '$.payload.id',
  };
  const lines = Object.entries({ ...usual, ...fields }).map(([key, value]) => `${key}: ${value}`);
  return `  - ${lines.join('\n    ')}\n`;
}

function convert(
  meters: string | readonly string[],
  decoded: DecodedNotification,
  options: MeterDefinitionOptions = {},
): Conversion {
  const documents = [meters].flat().map((text, index) => yaml(`metric:\n${text}`, `${index}.yaml`));
  const { definitions, problems } = loadMeterDefinitions(documents, options);
  assert.deepEqual(
    problems.filter(({ severity }) => severity === 'error'),
    [],
  );
  return createConverter({ events: null, meters: definitions }).convert(decoded);
}

/** The samples, when nothing was dropped and nothing was wrong. */
function samplesOf(...args: Parameters<typeof convert>): readonly Sample[] {
  const { samples, dropped, problems } = convert(...args);
  assert.deepEqual({ dropped, problems }, { dropped: [], problems: [] });
  return samples;
}

function sampleOf(...args: Parameters<typeof convert>): Sample {
  const [sample, ...more] = samplesOf(...args);
  assert.ok(sample !== undefined && more.length === 0);
  return sample;
}

/** What was dropped, as `reason: message`. */
function dropsOf(...args: Parameters<typeof convert>): readonly string[] {
  const { samples, dropped } = convert(...args);
  assert.deepEqual(samples, []);
  return dropped.map(({ reason, message }) => `${reason}: ${message}`);
}

/** All mistakes of files, as `code file:line:column message`. */
function mistakes(...files: readonly string[]): readonly string[] {
  const documents = files.map((text, index) => yaml(text, `${index}.yaml`));
  return loadMeterDefinitions(documents).problems.map(({ severity, code, message, position }) => {
    const mark = severity === 'warning' ? ' warning' : '';
    return `${code}${mark} ${position?.file}:${position?.line}:${position?.column} ${message}`;
  });
}

const payload = { id: 'r-1', size: 5 };

describe('a sample of a notification', () => {
  test('has everything that its definition chooses', () => {
    const definition = meter({
      user_id: '$.payload.user_id',
      project_id: '$.payload.tenant_id',
      metadata: '{host: $.publisher_id, name: $.payload.name}',
    });
    const decoded = notification({ payload: { ...payload, user_id: 'u', tenant_id: 'p', name: 'n' } });
    const { id, ...rest } = sampleOf(definition, decoded);
    assert.match(id, /^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}$/);
    assert.deepEqual(rest, {
      name: 'volume.size',
      type: 'gauge',
      unit: 'GiB',
      volume: 5,
      userId: 'u',
      userName: null,
      projectId: 'p',
      projectName: null,
      resourceId: 'r-1',
      timestamp: '2026-01-02T03:04:05.000006+00:00',
      timestampMicros: decoded.timestampMicros,
      resourceMetadata: { host: 'compute.host-1', name: 'n' },
      source: 'openstack',
      deployment: null,
      monotonicTime: null,
    });
  });

  test('has the same id whenever it is made, and another one for another message, meter or resource', () => {
    const definition = meter();
    const id = (fields: JsonObject, text = definition) =>
      sampleOf(text, notification({ payload, ...fields })).id;
    assert.equal(id({}), id({}));
    assert.equal(id({}), id({ publisher_id: 'elsewhere' }));
    const others = [
      id({}),
      id({ message_id: 'm-2' }),
      id({ payload: { ...payload, id: 'r-2' } }),
      id({}, meter({ name: 'other' })),
    ];
    assert.equal(new Set(others).size, others.length);
  });

  test('keeps its id when other definitions come and go', () => {
    const alone = sampleOf(meter(), notification({ payload }));
    const [, second] = samplesOf(meter({ name: 'first' }) + meter(), notification({ payload }));
    assert.equal(second?.id, alone.id);
  });

  test('has the time that its definition names, else the one of the notification', () => {
    const definition = meter({ timestamp: '$.payload.at' });
    const time = (at: unknown) =>
      sampleOf(definition, notification({ payload: { ...payload, at } as JsonObject })).timestamp;
    assert.equal(time('2026-02-03 04:05:06'), '2026-02-03T04:05:06+00:00');
    assert.equal(time('2026-02-03T04:05:06.5+02:00'), '2026-02-03T04:05:06.500000+02:00');
    assert.equal(time('2026-02-03T04:05:06-0130'), '2026-02-03T04:05:06-01:30');
    assert.equal(time(null), '2026-01-02T03:04:05.000006+00:00');
    assert.equal(time(''), '2026-01-02T03:04:05.000006+00:00');
  });

  test('keeps the zone that the notification was sent with', () => {
    const decoded = notification({ payload, timestamp: '2026-01-02T05:04:05+02:00' });
    const { timestamp, timestampMicros } = sampleOf(meter(), decoded);
    assert.equal(timestamp, '2026-01-02T05:04:05+02:00');
    assert.equal(timestampMicros, Date.UTC(2026, 0, 2, 3, 4, 5) * 1000);
  });

  test('belongs to who asked, when its definition does not say or find whose it is', () => {
    const owner = (fields: JsonObject, definition = meter()) => {
      const { userId, projectId } = sampleOf(definition, notification({ payload, ...fields }));
      return [userId, projectId];
    };
    assert.deepEqual(owner({ _context_user_id: 'u', _context_project_id: 'p' }), ['u', 'p']);
    assert.deepEqual(owner({ _context_user: 'u', _context_tenant_id: 'p' }), ['u', 'p']);
    assert.deepEqual(owner({}), [null, null]);
    const chosen = meter({ user_id: '$.payload.user', project_id: '$.payload.project' });
    assert.deepEqual(owner({ _context_user_id: 'u', _context_project_id: 'p' }, chosen), ['u', 'p']);
  });

  test('has a number as volume, also when the payload has it as text', () => {
    const volume = (text: string) =>
      sampleOf(meter(), notificationWithPayload(`{"id":"r-1","size":${text}}`)).volume;
    assert.equal(volume('"5"'), 5);
    assert.equal(volume('" 1e3 "'), 1000);
    assert.equal(volume('2.50'), 2.5);
    assert.equal(volume('0'), 0);
    assert.equal(volume('true'), 1);
  });

  test('may have a constant volume', () => {
    assert.equal(sampleOf(meter({ volume: '1' }), notification({ payload })).volume, 1);
    assert.equal(sampleOf(meter({ volume: '0.5' }), notification({ payload })).volume, 0.5);
  });

  test('may have a volume that a plugin makes', () => {
    const definition = meter({ volume: '{fields: [$.payload.from, $.payload.to], plugin: timedelta}' });
    const decoded = notification({
      payload: { ...payload, from: '2026-01-02 00:00:00', to: '2026-01-02T01:00:00Z' },
    });
    assert.equal(sampleOf(definition, decoded).volume, 3600);
  });

  test('has texts where the payload has numbers, as they were written', () => {
    const definition = meter({
      resource_id: '$.payload.id',
      user_id: '$.payload.user',
      unit: '$.payload.unit',
    });
    const decoded = notificationWithPayload('{"id":9007199254740993,"size":1,"user":1.0,"unit":1}');
    const { resourceId, userId, unit } = sampleOf(definition, decoded);
    assert.deepEqual([resourceId, userId, unit], ['9007199254740993', '1.0', '1']);
  });
});

describe('a sample that cannot be made is dropped with its reason', () => {
  test('when it has no volume', () => {
    const message = 'no-volume: sample "volume.size" of "r-1" is left out: it has no volume';
    assert.deepEqual(dropsOf(meter(), notification({ payload: { id: 'r-1', size: null } })), [message]);
    assert.deepEqual(dropsOf(meter(), notification({ payload: { id: 'r-1' } })), [message]);
  });

  test('when its volume is no finite number', () => {
    for (const [size, shown] of [
      ['"much"', '"much"'],
      ['"nan"', '"nan"'],
      ['"inf"', '"inf"'],
      ['1e400', '"inf"'],
      ['[1]', '"[1]"'],
      ['{}', '"{}"'],
    ] as const) {
      // The metadata is chosen here: as a whole the payload could not be stored with such a number.
      const decoded = notificationWithPayload(`{"id":"r-1","size":${size}}`);
      assert.deepEqual(dropsOf(meter({ metadata: '{id: $.payload.id}' }), decoded), [
        `bad-volume: sample "volume.size" of "r-1" is left out: the volume ${shown} is no finite number`,
      ]);
    }
  });

  test('when it has no resource', () => {
    assert.deepEqual(dropsOf(meter(), notification({ payload: { size: 1 } })), [
      'no-resource: sample "volume.size" of "None" is left out: it has no resource',
    ]);
  });

  test('when its time cannot be read', () => {
    const decoded = notification({ payload: { ...payload, at: 'soon' } });
    assert.deepEqual(dropsOf(meter({ timestamp: '$.payload.at' }), decoded), [
      'bad-timestamp: sample "volume.size" of "r-1" is left out: "soon" is no date and time',
    ]);
  });

  test('and the others of the notification are made', () => {
    const definitions = meter({ name: 'broken', volume: '$.payload.missing' }) + meter();
    const { samples, dropped } = convert(definitions, notification({ payload }));
    assert.deepEqual(
      [samples.map(({ name }) => name), dropped.map(({ sample }) => sample.name)],
      [['volume.size'], ['broken']],
    );
  });

  test('and is shown with all that it would have had', () => {
    const { dropped } = convert(meter(), notification({ payload: { id: 'r-1' }, _context_user_id: 'u' }));
    assert.deepEqual(dropped[0]?.sample, {
      name: 'volume.size',
      type: 'gauge',
      unit: 'GiB',
      volume: null,
      userId: 'u',
      projectId: null,
      resourceId: 'r-1',
      timestamp: '2026-01-02T03:04:05.000006+00:00',
      resourceMetadata: { id: 'r-1', event_type: 'compute.instance.create.end', host: 'compute.host-1' },
      source: 'openstack',
    });
  });

  test('also when a path does not fit the payload: then it is reported', () => {
    const { samples, problems } = convert(
      meter({ volume: '$.payload[0]' }) + meter({ name: 'b' }),
      notification({ payload }),
    );
    assert.deepEqual([samples.map(({ name }) => name), problems.map(({ code }) => code)], [['b'], ['E5013']]);
  });
});

describe('metadata', () => {
  test('is the whole payload with event type and publisher, when nothing is chosen', () => {
    const { resourceMetadata } = sampleOf(
      meter(),
      notification({ payload: { ...payload, host: 'h', event_type: 'e' } }),
    );
    assert.deepEqual(resourceMetadata, {
      ...payload,
      event_type: 'compute.instance.create.end',
      host: 'compute.host-1',
    });
  });

  test('is event type and publisher alone, when the payload is no mapping', () => {
    const decoded = notification({ payload: [5] });
    const { resourceMetadata } = sampleOf(
      meter({ volume: '$.payload[0]', resource_id: '$.publisher_id' }),
      decoded,
    );
    assert.deepEqual(resourceMetadata, { event_type: 'compute.instance.create.end', host: 'compute.host-1' });
  });

  test('leaves out what is empty, zero or false, and is the whole payload when nothing is left', () => {
    const chosen = meter({
      metadata: '{a: $.payload.a, b: $.payload.b, c: $.payload.c, d: $.payload.d, e: $.payload.e}',
    });
    const empty = { ...payload, a: '', b: 0, c: false, d: [], e: {} };
    assert.deepEqual(sampleOf(chosen, notification({ payload: { ...empty, c: true } })).resourceMetadata, {
      c: true,
    });
    assert.deepEqual(sampleOf(chosen, notification({ payload: empty })).resourceMetadata, {
      ...empty,
      event_type: 'compute.instance.create.end',
      host: 'compute.host-1',
    });
    assert.deepEqual(
      sampleOf(chosen, notificationWithPayload('{"id":"r-1","size":1,"a":0.0,"b":"x"}')).resourceMetadata,
      { b: 'x' },
    );
  });

  test('may be constants, lists of paths and plugins', () => {
    const definition = meter({
      metadata:
        '{one: 1, first: [$.payload.x, $.payload.id], part: {fields: $.payload.id, plugin: {name: split, parameters: {separator: "-"}}}}',
    });
    assert.deepEqual(sampleOf(definition, notification({ payload })).resourceMetadata, {
      one: 1,
      first: 'r-1',
      part: 'r',
    });
  });

  test('keeps numbers as they were written', () => {
    const decoded = notificationWithPayload('{"id":"r-1","size":1,"f":2.0,"deep":{"n":9007199254740993}}');
    const exact = decoded.exact().payload as JsonObject;
    const whole = sampleOf(meter(), decoded).resourceMetadata;
    assert.deepEqual([whole.f, whole.deep], [exact.f, { n: 9007199254740993n }]);
    const chosen = sampleOf(
      meter({ metadata: '{f: $.payload.f, deep: $.payload.deep}' }),
      decoded,
    ).resourceMetadata;
    assert.deepEqual(chosen, { f: exact.f, deep: { n: 9007199254740993n } });
  });

  test('holds no secrets', () => {
    const decoded = notification({ payload: { ...payload, spec: { auth_token: 'gAAAA', a: 1 } } });
    const definition = meter({ metadata: '{spec: $.payload.spec}' }) + meter({ name: 'whole' });
    const [chosen, whole] = samplesOf(definition, decoded);
    assert.deepEqual(chosen?.resourceMetadata, { spec: { a: 1 } });
    assert.deepEqual(whole?.resourceMetadata.spec, { a: 1 });
    assert.deepEqual((decoded.payload as JsonObject).spec, { auth_token: 'gAAAA', a: 1 });
  });

  test('that cannot be stored makes the notification unreadable', () => {
    const decoded = notificationWithPayload('{"id":"r-1","size":1,"x":{"y":-1e999}}');
    assert.throws(
      () => convert(meter(), decoded),
      (error) => error instanceof NotificationError && error.code === 'E5009',
    );
    assert.equal(sampleOf(meter({ metadata: '{id: $.payload.id}' }), decoded).volume, 1);
  });

  test('takes keys called __proto__ as they are', () => {
    const decoded = notificationWithPayload('{"id":"r-1","size":1,"__proto__":{"a":1}}');
    const { resourceMetadata } = sampleOf(meter(), decoded);
    assert.deepEqual(Object.keys(resourceMetadata), ['id', 'size', '__proto__', 'event_type', 'host']);
    assert.equal(Object.getPrototypeOf(resourceMetadata), Object.prototype);
  });

  test('is one object for all samples of a notification with equal specifications', () => {
    const one = { metadata: '{id: $.payload.id}' };
    const definitions = [
      meter({ name: 'a', ...one }),
      meter({ name: 'b', ...one }),
      meter({ name: 'c', metadata: '{size: $.payload.size}' }),
      meter({ name: 'd' }),
      meter({ name: 'e', metadata: '{nothing: $.payload.nothing}' }),
    ];
    const [a, b, c, d, e] = samplesOf(definitions.join(''), notification({ payload }));
    assert.equal(a?.resourceMetadata, b?.resourceMetadata);
    assert.notEqual(a?.resourceMetadata, c?.resourceMetadata);
    assert.equal(d?.resourceMetadata, e?.resourceMetadata);
    const [other] = samplesOf(definitions.join(''), notification({ payload }));
    assert.notEqual(a?.resourceMetadata, other?.resourceMetadata);
  });
});

describe("the tenant's own metadata", () => {
  const definition = meter({
    metadata: '{id: $.payload.id, stack: $.payload.id}',
    user_metadata: '$.payload.metadata',
  });
  const own = (metadata: JsonObject, options?: MeterDefinitionOptions) =>
    sampleOf(definition, notification({ payload: { ...payload, metadata } }), options).resourceMetadata
      .user_metadata;

  test('is kept where its keys have the prefix, which is taken off, and dots become underscores', () => {
    assert.deepEqual(own({ 'metering.server.group': 'g', other: 'o', 'metering.n': 5 }), {
      server_group: 'g',
      n: 5,
    });
  });

  test('is not there when nothing is kept', () => {
    assert.equal(own({ other: 'o' }), undefined);
    assert.equal(own({}), undefined);
  });

  test('does not repeat what the metadata has', () => {
    assert.deepEqual(own({ 'metering.stack': 's', 'metering.x': 'x' }), { x: 'x' });
  });

  test('is cut to its length in code points', () => {
    assert.deepEqual(own({ 'metering.a': '🏔'.repeat(300) }), { a: '🏔'.repeat(256) });
    assert.deepEqual(own({ 'metering.a': 'abc' }, { reservedMetadataLength: 2 }), { a: 'ab' });
  });

  test('is kept by the prefixes and keys that are configured', () => {
    const options = { reservedMetadataNamespace: ['billing.', 'x-'], reservedMetadataKeys: ['fqdn.name'] };
    assert.deepEqual(own({ 'billing.a': '1', 'x-b': '2', 'metering.c': '3', 'fqdn.name': '4' }, options), {
      a: '1',
      b: '2',
      fqdn_name: '4',
    });
  });

  test('may be anything else than a mapping without harm', () => {
    for (const metadata of [[], ['metering.a'], 'text', 5, null]) {
      const decoded = notification({ payload: { ...payload, metadata } });
      assert.deepEqual(sampleOf(definition, decoded).resourceMetadata, { id: 'r-1', stack: 'r-1' });
    }
  });
});

describe('the names of a definition', () => {
  test('may be any text, where the original refuses what is no path', () => {
    for (const unit of ['%', 'B/s', 'µs', 'a b', '1', '(x)|(y)']) {
      assert.equal(sampleOf(meter({ unit: JSON.stringify(unit) }), notification({ payload })).unit, unit);
    }
    const name = 'hardware.cpu.load.1min';
    assert.equal(sampleOf(meter({ name }), notification({ payload })).name, name);
  });

  test('are not looked up in the payload, though the original tries', () => {
    const decoded = notification({ payload, GiB: 'wrong' });
    assert.equal(sampleOf(meter(), decoded).unit, 'GiB');
  });

  test('may be paths, and are the text of the path when it finds nothing', () => {
    const definition = meter({ name: '$.payload.name', unit: '$.payload.unit' });
    const made = (more: JsonObject) => {
      const { name, unit } = sampleOf(definition, notification({ payload: { ...payload, ...more } }));
      return [name, unit];
    };
    assert.deepEqual(made({ name: 'n', unit: 'u' }), ['n', 'u']);
    assert.deepEqual(made({}), ['$.payload.name', '$.payload.unit']);
  });

  test('are paths without the dollar too, when they begin at the root of a notification', () => {
    const definition = meter({ name: 'payload.name', unit: 'ctxt.unit' });
    const { name, unit } = sampleOf(
      definition,
      notification({ payload: { ...payload, name: 'n' }, _context_unit: 'u' }),
    );
    assert.deepEqual([name, unit], ['n', 'u']);
    assert.equal(sampleOf(meter({ unit: 'payload/s' }), notification({ payload })).unit, 'payload/s');
    assert.equal(sampleOf(meter({ unit: '"payload.%"' }), notification({ payload })).unit, 'payload.%');
  });
});

describe('the event types of a definition', () => {
  const taken = (event_type: string, type: string) =>
    convert(meter({ event_type }), notification({ event_type: type, payload })).samples.length === 1;

  test('are regular expressions that have to match at the start only', () => {
    assert.equal(taken('image.delete', 'image.delete'), true);
    assert.equal(taken('image.delete', 'image.delete.end'), true);
    assert.equal(taken('image.delete', 'imagexdelete'), true);
    assert.equal(taken('image.delete', 'my.image.delete'), false);
    assert.equal(taken('backup.create.*', 'backup.createprogress'), true);
    assert.equal(taken("'a|b'", 'xb'), false);
  });

  test('may be a list, and may look ahead', () => {
    const types = "'compute.instance.(?!create.start|update).*'";
    assert.equal(taken(types, 'compute.instance.create.end'), true);
    assert.equal(taken(types, 'compute.instance.create.start'), false);
    assert.equal(taken(types, 'compute.instance.update'), false);
    assert.equal(taken('[a, b]', 'b.c'), true);
    assert.equal(taken('[a, b]', 'c.b'), false);
  });
});

describe('lookup', () => {
  const rack = meter({
    name: '$.payload.stats[*].key',
    event_type: "['rack\\.stats$']",
    unit: '$.payload.stats[*].unit',
    volume: '$.payload.stats[*].val',
    resource_id: '$.payload.rack',
    lookup: '[name, unit, volume]',
  });
  const stats = [
    { key: 'temp', unit: 'C', val: 21.5 },
    { key: 'power', unit: 'W', val: '300' },
  ];
  const rackNotification = (changed: JsonObject) =>
    notification({ event_type: 'rack.stats', payload: { rack: 'rack-1', stats, ...changed } });

  test('makes a sample of each name, and repeats what is there once', () => {
    const samples = samplesOf(rack, rackNotification({}));
    assert.deepEqual(
      samples.map(({ name, unit, volume, resourceId, type }) => [name, unit, volume, resourceId, type]),
      [
        ['temp', 'C', 21.5, 'rack-1', 'gauge'],
        ['power', 'W', 300, 'rack-1', 'gauge'],
      ],
    );
    assert.notEqual(samples[0]?.id, samples[1]?.id);
    assert.equal(samples[0]?.resourceMetadata, samples[1]?.resourceMetadata);
  });

  test('makes different ids of samples that are alike', () => {
    const [stat] = stats;
    const samples = samplesOf(rack, rackNotification({ stats: [stat ?? null, stat ?? null] }));
    assert.equal(new Set(samples.map(({ id }) => id)).size, 2);
  });

  test('makes no sample when there is no name', () => {
    assert.deepEqual(samplesOf(rack, rackNotification({ stats: [] })), []);
  });

  test('makes no sample when the numbers of names and values differ, and reports it', () => {
    const { samples, problems } = convert(
      rack,
      rackNotification({ stats: [...stats, { key: 'fan', val: 1 }] }),
    );
    assert.deepEqual(samples, []);
    assert.deepEqual(problems, [
      { code: 'E5015', message: 'meter $.payload.stats[*].key is left out: unit has 2 values for 3 meters' },
    ]);
  });

  test('keeps nulls in their places and drops those samples', () => {
    const { samples, dropped } = convert(
      rack,
      rackNotification({ stats: [{ key: 'a', unit: 'x', val: null }, ...stats] }),
    );
    assert.deepEqual(
      [samples.map(({ name }) => name), dropped.map(({ reason, sample }) => [reason, sample.name])],
      [['temp', 'power'], [['no-volume', 'a']]],
    );
  });

  test('repeats constants, literals, the time and who asked', () => {
    const definition = meter({ name: '$.payload.names[*]', volume: '1', lookup: 'name', event_type: 'rack' });
    const decoded = notification({
      event_type: 'rack',
      payload: { id: 'r-1', names: ['a', 'b'] },
      _context_user_id: 'u',
      _context_tenant_id: 'p',
    });
    assert.deepEqual(
      samplesOf(definition, decoded).map((sample) => [
        sample.name,
        sample.volume,
        sample.unit,
        sample.userId,
        sample.projectId,
      ]),
      [
        ['a', 1, 'GiB', 'u', 'p'],
        ['b', 1, 'GiB', 'u', 'p'],
      ],
    );
  });

  test('may give the type, which is checked for each sample', () => {
    const definition = meter({
      name: '$.payload.stats[*].key',
      type: '$.payload.stats[*].type',
      volume: '$.payload.stats[*].val',
      lookup: '[name, type, volume]',
    });
    const typed = [
      { key: 'a', type: 'delta', val: 1 },
      { key: 'b', type: 'wrong', val: 2 },
    ];
    const { samples, dropped } = convert(definition, notification({ payload: { id: 'r-1', stats: typed } }));
    assert.deepEqual(
      [
        samples.map(({ name, type }) => [name, type]),
        dropped.map(({ reason, sample }) => [reason, sample.name]),
      ],
      [[['a', 'delta']], [['bad-type', 'b']]],
    );
  });

  test('may use the plugin split', () => {
    const definition = meter({
      name: '{fields: "$.payload.names[*]", plugin: {name: split, parameters: {separator: "/", segment: 1}}}',
      volume: '1',
      lookup: 'name',
    });
    const decoded = notification({ payload: { id: 'r-1', names: ['x/a', 'x/b'] } });
    assert.deepEqual(
      samplesOf(definition, decoded).map(({ name }) => name),
      ['a', 'b'],
    );
  });

  test('shows numbers that become text as they were written', () => {
    const definition = meter({ name: '$.payload.names[*]', volume: '1', lookup: 'name' });
    assert.deepEqual(
      samplesOf(definition, notificationWithPayload('{"id":"r-1","names":[1.0,2]}')).map(({ name }) => name),
      ['1.0', '2'],
    );
  });
});

describe('definitions of one name', () => {
  const name = (text: string) => meter({ unit: text });

  test('count by the last of a file', () => {
    const unit = sampleOf(name('first') + name('second'), notification({ payload })).unit;
    assert.equal(unit, 'second');
  });

  test('count by the first of the files', () => {
    const unit = sampleOf([name('mine'), name('shipped')], notification({ payload })).unit;
    assert.equal(unit, 'mine');
  });

  test('that do not count are named in warnings', () => {
    const mine = `metric:\n${name('a')}${name('b')}`;
    assert.deepEqual(mistakes(mine, `metric:\n${name('c')}`), [
      'E1215 warning 0.yaml:2:11 the meter volume.size is defined in 0.yaml:8 too, and that one counts',
      'E1215 warning 1.yaml:2:11 the meter volume.size is defined in 0.yaml:8 too, and that one counts',
    ]);
  });

  test('count only when they are right', () => {
    const broken = `metric:\n${meter({ unit: 'good' })}${meter({ type: 'wrong' })}`;
    const { definitions } = loadMeterDefinitions([yaml(broken)]);
    const { samples } = createConverter({ events: null, meters: definitions }).convert(
      notification({ payload }),
    );
    assert.equal(samples[0]?.unit, 'good');
  });

  test('make samples in the order of the files', () => {
    const names = ['a', 'b', 'c', 'd'];
    const files = [meter({ name: 'a' }) + meter({ name: 'b' }), meter({ name: 'c' }) + meter({ name: 'd' })];
    assert.deepEqual(
      samplesOf(files, notification({ payload })).map((sample) => sample.name),
      names,
    );
  });
});

describe('mistakes in meter definitions', () => {
  test('are all reported in one run, each at its place, and what is right is loaded', () => {
    const text = `metric:
  - name: good
    event_type: compute
    type: gauge
    unit: "%"
    volume: $.payload.size
    resource_id: $.payload.id
  - name: empty
    event_type: compute
    volume: 0
  - name: wrong
    event_type: ["(", ok]
    type: gauges
    unit: $.payload..'
    volume: {field: $.payload.size}
    resource_id: {fields: $.payload.id, plugin: bitfeld}
    user_id: 5
    multi: true
    metadata: [a]
  - just text
  - name: lookups
    event_type: 5
    type: delta
    unit: u
    volume: {fields: $.payload.v, plugin: timedelta}
    resource_id: $.payload.id
    lookup: [name, volume, colour, timestamp]
  - name: metadata
    event_type: compute
    type: delta
    unit: u
    volume: 1
    resource_id: $.payload.id
    metadata: {a: "payload.0"}
    user_metadata: 5
meters: []
`;
    assert.deepEqual(
      mistakes(text)
        .map((line) => line.replace(/ is wrong: .*/, ' is wrong: …'))
        .sort((one, other) => Number(one.split(':')[1]) - Number(other.split(':')[1])),
      [
        'E1212 0.yaml:8:5 required fields type, unit, volume, resource_id missing',
        'E1214 0.yaml:12:18 the regular expression "(" is wrong: …',
        'E1213 0.yaml:13:11 invalid type "gauges"',
        `E1207 0.yaml:14:22 the path "$.payload..'" for unit is wrong: …`,
        'E1204 0.yaml:15:13 the field "fields" is required for volume',
        'E1206 0.yaml:16:49 there is no plugin "bitfeld", which resource_id names',
        'E1210 warning 0.yaml:18:5 the key "multi" has no effect here',
        'E1219 0.yaml:19:15 metadata is ["a"], not a mapping',
        'E1211 0.yaml:20:5 "just text" is no meter definition',
        'E1216 warning 0.yaml:21:11 with lookup, name has to be a path that gives one value per sample: there will be no samples',
        'E1214 0.yaml:22:17 5 is no event type',
        'E1218 0.yaml:25:43 the plugin timedelta of volume gives one value, and lookup wants several',
        'E1216 warning 0.yaml:27:28 lookup names "colour", which is no field that can differ',
        'E1216 warning 0.yaml:27:36 lookup names timestamp, which this definition does not have',
        'E1207 0.yaml:34:28 the path "payload.0" for metadata a is wrong: …',
        'E1219 0.yaml:35:20 5 is no path for user_metadata',
        'E1210 warning 0.yaml:36:1 the key "meters" has no effect here',
      ],
    );
    const { definitions } = loadMeterDefinitions([yaml(text)]);
    const { samples } = createConverter({ events: null, meters: definitions }).convert(
      notification({ payload }),
    );
    assert.deepEqual(
      samples.map(({ name, unit }) => [name, unit]),
      [['good', '%']],
    );
  });

  test('name what was meant', () => {
    const { problems } = loadMeterDefinitions([yaml(`metric:\n${meter({ type: 'guage' })}`)]);
    assert.deepEqual(
      problems.map(({ code, hint }) => [code, hint]),
      [['E1213', 'Did you mean gauge?']],
    );
  });

  test('in the shape of a file are told, and other files are used', () => {
    assert.deepEqual(mistakes('- a', 'metric: 5', '', `metric:\n${meter()}`), [
      'E1211 0.yaml:1:1 the file holds ["a"], not a mapping',
      'E1211 1.yaml:1:9 metric is 5, not a list',
      'E1211 2.yaml:1:1 the file holds null, not a mapping',
    ]);
  });
});
