import assert from 'node:assert/strict';
import { test } from 'node:test';
import { runApi } from '../../test/api-v2/running-api.ts';
import { stubStore } from '../../test/api-v2/stub-store.ts';
import type { Event } from '../model/event.ts';
import { FloatToken } from '../model/json.ts';
import type {
  StatisticsQuery,
  StatisticsRow,
  StoredMeter,
  StoredResource,
  StoredSample,
} from '../store/query.ts';
import type { Store } from '../store/store.ts';

/* What each path of the telemetry API asks the store, and how it shows what it gets, over HTTP. */

const MIDNIGHT = 1_772_323_200_000_000;
const SECOND = 1_000_000;

const SAMPLE: StoredSample = {
  id: 's1',
  name: 'cpu_util',
  type: 'gauge',
  unit: '%',
  volume: 20,
  userId: 'u1',
  projectId: null,
  resourceId: 'a/b 1',
  source: 'openstack',
  deployment: null,
  timestampMicros: MIDNIGHT,
  recordedMicros: MIDNIGHT + 2_445_019,
  metadataJson: '{"nested": {"a": {"b": 1}}, "flag": true}',
};

const METER: StoredMeter = {
  name: 'cpu_util',
  type: 'gauge',
  unit: '%',
  resourceId: 'r1',
  userId: 'u1',
  projectId: 'p1',
  source: 'openstack',
  deployment: null,
};

/** Text of one answer of an API over a store with these methods. */
async function get(
  methods: Partial<Store>,
  path: string,
): Promise<{ status: number; text: string; address: string }> {
  await using api = await runApi(stubStore(methods));
  const response = await fetch(api.address + path);
  return { status: response.status, text: await response.text(), address: api.address };
}

async function body(methods: Partial<Store>, path: string): Promise<unknown> {
  return JSON.parse((await get(methods, path)).text);
}

test('a sample has the keys of the API in their order, and its volume stays a float', async () => {
  const { text } = await get({ sample: async () => SAMPLE }, '/v2/samples/s1');
  assert.equal(
    text,
    '{"id":"s1","meter":"cpu_util","type":"gauge","unit":"%","volume":20.0,"user_id":"u1","project_id":null,' +
      '"resource_id":"a/b 1","source":"openstack","timestamp":"2026-03-01T00:00:00",' +
      '"recorded_at":"2026-03-01T00:00:02.445019","metadata":{"flag":"True","nested.a:b":"1"}}',
  );
});

test('the samples of a meter have their older form, and the path overrides a condition on the meter', async () => {
  const asked: unknown[] = [];
  const samples: Store['samples'] = async (query) => {
    asked.push(query);
    return [SAMPLE];
  };
  const query = 'q.field=meter&q.field=user&q.op=eq&q.op=eq&q.value=other&q.value=u1&limit=3';
  assert.deepEqual(await body({ samples }, `/v2/meters/cpu%5Futil?${query}`), [
    {
      source: 'openstack',
      counter_name: 'cpu_util',
      counter_type: 'gauge',
      counter_unit: '%',
      counter_volume: 20,
      user_id: 'u1',
      project_id: null,
      resource_id: 'a/b 1',
      timestamp: '2026-03-01T00:00:00',
      recorded_at: '2026-03-01T00:00:02.445019',
      resource_metadata: { flag: 'True', 'nested.a:b': '1' },
      message_id: 's1',
    },
  ]);
  assert.deepEqual(asked, [
    {
      filter: {
        kind: 'and',
        members: [
          { kind: 'compare', field: 'name', op: 'eq', value: 'cpu_util' },
          { kind: 'compare', field: 'userId', op: 'eq', value: 'u1' },
        ],
      },
      limit: 3,
    },
  ]);
});

test('unique meters are those that differ in name, type or unit, and the limit counts them', async () => {
  const limits: (number | undefined)[] = [];
  const meters: Store['meters'] = async (_filter, limit) => {
    limits.push(limit);
    return [METER, { ...METER, resourceId: 'r2' }, { ...METER, unit: 'GB' }, { ...METER, name: 'é' }];
  };
  const nobody = { resource_id: null, project_id: null, user_id: null, source: null };
  assert.deepEqual(await body({ meters }, '/v2/meters?unique=TRUE&limit=2'), [
    { name: 'cpu_util', type: 'gauge', unit: '%', ...nobody, meter_id: 'Tm9uZStjcHVfdXRpbA==' },
    { name: 'cpu_util', type: 'gauge', unit: 'GB', ...nobody, meter_id: 'Tm9uZStjcHVfdXRpbA==' },
  ]);
  assert.deepEqual(await body({ meters }, '/v2/meters?limit=7').then((list) => (list as unknown[])[0]), {
    name: 'cpu_util',
    type: 'gauge',
    unit: '%',
    resource_id: 'r1',
    project_id: 'p1',
    user_id: 'u1',
    source: 'openstack',
    meter_id: Buffer.from('r1+cpu_util').toString('base64'),
  });
  assert.deepEqual(limits, [50_001, 7]);
});

const RESOURCE: StoredResource = {
  resourceId: 'a/b 1',
  userId: 'u1',
  projectId: 'p1',
  source: 'openstack',
  deployment: null,
  firstSampleMicros: MIDNIGHT,
  lastSampleMicros: MIDNIGHT + 1,
  metadataJson: '{}',
  meters: ['température'],
};

test('a resource is found by an identifier with a slash, encoded once or twice, and its links are quoted', async () => {
  const asked: unknown[] = [];
  const resources: Store['resources'] = async (filter) => {
    const value = filter?.kind === 'compare' ? filter.value : undefined;
    asked.push(value);
    return value === 'a/b 1' ? [RESOURCE] : [];
  };
  for (const path of ['/v2/resources/a%2Fb%201', '/v2/resources/a%252Fb%25201']) {
    const { text, address } = await get({ resources }, path);
    assert.deepEqual(JSON.parse(text), {
      resource_id: 'a/b 1',
      project_id: 'p1',
      user_id: 'u1',
      first_sample_timestamp: '2026-03-01T00:00:00',
      last_sample_timestamp: '2026-03-01T00:00:00.000001',
      metadata: {},
      links: [
        { href: `${address}/v2/resources/a%2Fb%201`, rel: 'self' },
        {
          href: `${address}/v2/meters/temp%C3%A9rature?q.field=resource_id&q.value=a%2Fb%201`,
          rel: 'température',
        },
      ],
      source: 'openstack',
    });
  }
  assert.deepEqual(asked, ['a/b 1', 'a%2Fb%201', 'a/b 1']);
  const missing = await get({ resources }, '/v2/resources/100%25');
  assert.deepEqual(
    [missing.status, JSON.parse(missing.text).error_message.faultstring],
    [404, 'Resource 100% Not Found'],
  );
});

const ROW: StatisticsRow = {
  unit: '%',
  group: [null, 'm1.tiny'],
  periodStartMicros: MIDNIGHT,
  periodEndMicros: MIDNIGHT + 60 * SECOND,
  firstSampleMicros: MIDNIGHT - SECOND,
  lastSampleMicros: MIDNIGHT + 30 * SECOND,
  values: [2, 10, 0.5],
};

test('statistics ask for the range with search_offset and cut durations to the range without', async () => {
  const asked: StatisticsQuery[] = [];
  const statistics: Store['statistics'] = async (query) => {
    asked.push(query);
    // A sample without the metadata key is in no group, one without a user or resource is.
    return [ROW, { ...ROW, group: ['r1', null] }];
  };
  const query =
    'q.field=timestamp&q.field=search_offset&q.op=ge&q.op=eq&q.value=2026-03-01&q.value=1&period=60' +
    '&groupby=resource_id&groupby=resource_metadata.instance_type' +
    '&aggregate.func=cardinality&aggregate.func=count&aggregate.func=stddev&aggregate.param=user_id';
  const { text } = await get({ statistics }, `/v2/meters/cpu/statistics?${query}`);
  assert.equal(
    text,
    '[{"groupby":{"resource_id":null,"resource_metadata.instance_type":"m1.tiny"},"unit":"%","count":10,' +
      '"aggregate":{"cardinality/user_id":2.0,"count":10.0,"stddev":0.5},' +
      '"duration":30.0,"duration_start":"2026-03-01T00:00:00","duration_end":"2026-03-01T00:00:30",' +
      '"period":60,"period_start":"2026-03-01T00:00:00","period_end":"2026-03-01T00:01:00"}]',
  );
  const startMicros = MIDNIGHT - 60 * SECOND;
  assert.deepEqual(asked, [
    {
      meter: 'cpu',
      filter: { kind: 'compare', field: 'timestamp', op: 'ge', value: startMicros },
      periodSeconds: 60,
      startMicros,
      groupBy: ['resourceId', 'metadata.instance_type'],
      aggregates: [{ func: 'cardinality', field: 'userId' }, { func: 'count' }, { func: 'stddev' }],
    },
  ]);
});

test('a duration of which the asked range leaves nothing is null; a bucket beyond the calendar is refused', async () => {
  const early = { ...ROW, group: [], values: [1, 2, 1.5, 3, 2], lastSampleMicros: MIDNIGHT - SECOND };
  const query = 'q.field=timestamp&q.field=search_offset&q.op=ge&q.op=eq&q.value=2026-03-01&q.value=1';
  assert.deepEqual(await body({ statistics: async () => [early] }, `/v2/meters/cpu/statistics?${query}`), [
    {
      groupby: null,
      unit: '%',
      min: 1,
      max: 2,
      avg: 1.5,
      sum: 3,
      count: 2,
      duration: null,
      duration_start: null,
      duration_end: null,
      period: 0,
      period_start: '2026-03-01T00:00:00',
      period_end: '2026-03-01T00:01:00',
    },
  ]);
  const late = { ...ROW, group: [], periodEndMicros: 253_402_300_800 * SECOND };
  const refused = await get(
    { statistics: async () => [late] },
    '/v2/meters/cpu/statistics?period=300000000000',
  );
  assert.equal(refused.status, 400);
  assert.equal(
    JSON.parse(refused.text).error_message.faultstring,
    'Invalid period 300000000000: date value out of range',
  );
});

const EVENT: Event = {
  messageId: 'm1',
  eventType: 'compute.instance.update',
  generated: '2026-03-01T00:00:00.5',
  generatedMicros: MIDNIGHT + 500_000,
  priority: 'info',
  deployment: null,
  traits: [
    ['n', 2, 9007199254740993n],
    ['load', 3, 1],
    ['at', 4, '2026-03-01T01:02:03'],
    ['small', 3, 1e-7],
  ],
  raw: { float: new FloatToken(1), big: 9007199254740993n },
};

test('traits are texts as Python prints them, in order of their names, and the raw notification is exact', async () => {
  const { text } = await get({ event: async () => EVENT }, '/v2/events/m1');
  assert.equal(
    text,
    '{"message_id":"m1","event_type":"compute.instance.update","generated":"2026-03-01T00:00:00.5","traits":[' +
      '{"name":"at","value":"2026-03-01T01:02:03","type":"datetime"},' +
      '{"name":"load","value":"1.0","type":"float"},' +
      '{"name":"n","value":"9007199254740993","type":"integer"},' +
      '{"name":"small","value":"1e-07","type":"float"}],"raw":{"float":1.0,"big":9007199254740993}}',
  );
  assert.equal((await get({}, '/v2/events/nope')).status, 404);
});

test('event types and their traits are found by names with any letters', async () => {
  const asked: string[] = [];
  const methods: Partial<Store> = {
    traitDescriptions: async (eventType) => {
      asked.push(eventType);
      return [{ name: 'clé', type: 1 }];
    },
    traits: async (eventType, trait, limit) => {
      asked.push(`${eventType} ${trait} ${limit}`);
      return [['clé', 1, 'é']];
    },
  };
  assert.deepEqual(await body(methods, '/v2/event_types/objet.cr%C3%A9%C3%A9/traits'), [
    { type: 'string', name: 'clé' },
  ]);
  assert.deepEqual(await body(methods, '/v2/event_types/objet.cr%C3%A9%C3%A9/traits/cl%C3%A9'), [
    { name: 'clé', value: 'é', type: 'string' },
  ]);
  assert.deepEqual(asked, ['objet.créé', 'objet.créé clé 50001']);
});
