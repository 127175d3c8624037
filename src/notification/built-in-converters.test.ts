import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { notification, notificationWithPayload } from '../../test/notification/notifications.ts';
import type { JsonObject } from '../model/json.ts';
import type { Sample } from '../model/sample.ts';
import { type Conversion, createConverter } from './converter.ts';
import type { DecodedNotification } from './envelope.ts';

function convert(decoded: DecodedNotification): Conversion {
  return createConverter({ events: null, meters: null, sampleSource: 'test' }).convert(decoded);
}

/** The samples without their ids, when nothing was dropped and nothing was wrong. */
function samplesOf(decoded: DecodedNotification): readonly Omit<Sample, 'id'>[] {
  const { samples, dropped, problems } = convert(decoded);
  assert.deepEqual({ dropped, problems }, { dropped: [], problems: [] });
  return samples.map(({ id: _, ...rest }) => rest);
}

const unowned = { userId: null, userName: null, projectId: null, projectName: null };

describe('requests and responses of the audit middleware', () => {
  const request = {
    HTTP_X_USER_ID: 'u',
    HTTP_X_PROJECT_ID: 'p',
    HTTP_X_SERVICE_NAME: 'nova',
    HTTP_X_AUTH_TOKEN: 'gAAAA',
  };

  test('are one delta of the service each, without the token that was sent', () => {
    for (const unit of ['request', 'response']) {
      const event_type = `http.${unit}`;
      const decoded = notification({ event_type, payload: { request } });
      const { HTTP_X_AUTH_TOKEN: _, ...kept } = request;
      assert.deepEqual(samplesOf(decoded), [
        {
          ...unowned,
          name: event_type,
          type: 'delta',
          unit,
          volume: 1,
          userId: 'u',
          projectId: 'p',
          resourceId: 'nova',
          timestamp: '2026-01-02T03:04:05.000006+00:00',
          timestampMicros: decoded.timestampMicros,
          resourceMetadata: { request: kept, event_type, host: 'compute.host-1' },
          source: 'test',
          deployment: null,
          monotonicTime: null,
        },
      ]);
    }
  });

  test('are dropped when they do not name the service', () => {
    for (const payload of [{ request: {} }, {}, [], 'text']) {
      const { samples, dropped } = convert(notification({ event_type: 'http.request', payload }));
      assert.deepEqual([samples, dropped.map(({ reason }) => reason)], [[], ['no-resource']]);
    }
  });
});

describe('sensors of bare metal machines', () => {
  const sensors = (groups: JsonObject, fields: JsonObject = {}) =>
    notification({
      event_type: 'hardware.ipmi.metrics',
      payload: {
        node_uuid: 'node-1',
        timestamp: '2026-01-02T03:04:00.5',
        event_type: 'hardware.ipmi.metrics.update',
        payload: groups,
        ...fields,
      },
    });
  const sensor = (id: string, reading: string): JsonObject => ({
    'Sensor ID': id,
    'Sensor Reading': reading,
  });

  test('are gauges of the node and the sensor, at the time of the reading', () => {
    const decoded = sensors(
      { Temperature: { 'CPU1 Temp (0x2)': sensor('CPU1 Temp (0x2)', '55 (+/- 0) degrees C') } },
      { user_id: 'u', project_id: 'p' },
    );
    assert.deepEqual(samplesOf(decoded), [
      {
        ...unowned,
        name: 'hardware.ipmi.temperature',
        type: 'gauge',
        unit: 'C',
        volume: 55,
        userId: 'u',
        projectId: 'p',
        resourceId: 'node-1-cpu1_temp_(0x2)',
        timestamp: '2026-01-02T03:04:00.500000+00:00',
        timestampMicros: Date.UTC(2026, 0, 2, 3, 4, 0, 500) * 1000,
        resourceMetadata: {
          'Sensor ID': 'CPU1 Temp (0x2)',
          'Sensor Reading': '55 (+/- 0) degrees C',
          node: 'node-1',
          event_type: 'hardware.ipmi.metrics.update',
          host: 'compute.host-1',
        },
        source: 'test',
        deployment: null,
        monotonicTime: null,
      },
    ]);
  });

  test('of all groups are metered, those in Watts as power', () => {
    const decoded = sensors({
      Fan: { a: sensor('Fan 1', '5400 (+/- 0) RPM') },
      Voltage: { a: sensor('12V', '12.060 (+/- 0) Volts') },
      Current: { a: sensor('PSU1', '1.700 (+/- 0) Amps'), b: sensor('Pwr Consumption', '210 (+/- 5) Watts') },
      Other: { a: sensor('PSU1 Power', '208 (+/- 0) Watts'), b: sensor('Door', 'open') },
      Power: { a: sensor('PSU2', '1.5 Watts'), b: sensor('PSU1 Status', '0h') },
      Physical: { a: sensor('Intrusion', '1 Watts') },
    });
    assert.deepEqual(
      samplesOf(decoded).map(({ name, resourceId, volume, unit }) => [name, resourceId, volume, unit]),
      [
        ['hardware.ipmi.current', 'node-1-psu1', 1.7, 'Amps'],
        ['hardware.ipmi.power', 'node-1-pwr_consumption', 210, 'W'],
        ['hardware.ipmi.fan', 'node-1-fan_1', 5400, 'RPM'],
        ['hardware.ipmi.voltage', 'node-1-12v', 12.06, 'V'],
        ['hardware.ipmi.power', 'node-1-psu2', 1.5, 'W'],
        ['hardware.ipmi.power', 'node-1-psu1_power', 208, 'W'],
      ],
    );
  });

  test('that are disabled are passed over', () => {
    assert.deepEqual(samplesOf(sensors({ Fan: { a: sensor('Fan 1', 'Disabled') } })), []);
  });

  test('that cannot be read are reported, and the others are metered', () => {
    const { samples, dropped, problems } = convert(
      sensors({
        Temperature: {
          nic: sensor('NIC', 'No Reading'),
          odd: { 'Sensor ID': 'Odd', 'Sensor Reading': 5 },
          nameless: { 'Sensor Reading': '5 C' },
          missing: { 'Sensor ID': 'Missing' },
          good: sensor('Good', '20 C'),
          broken: 'text',
        },
      }),
    );
    assert.deepEqual(
      samples.map(({ resourceId }) => resourceId),
      ['node-1-good'],
    );
    assert.deepEqual(dropped, []);
    assert.deepEqual(problems, [
      { code: 'E5016', message: 'sensor "nic" in Temperature is left out: its reading is "No Reading"' },
      { code: 'E5016', message: 'sensor "odd" in Temperature is left out: its reading is "5"' },
      { code: 'E5016', message: 'sensor "nameless" in Temperature is left out: it has no Sensor ID' },
      { code: 'E5016', message: 'sensor "missing" in Temperature is left out: its reading is "None"' },
    ]);
  });

  test('of no node are dropped', () => {
    const { dropped } = convert(sensors({ Fan: { a: sensor('Fan', '1 RPM') } }, { node_uuid: null }));
    assert.deepEqual(
      dropped.map(({ reason }) => reason),
      ['no-resource'],
    );
  });

  test('without time have the one of the notification', () => {
    const [sample] = samplesOf(sensors({ Fan: { a: sensor('Fan', '1 RPM') } }, { timestamp: null }));
    assert.equal(sample?.timestamp, '2026-01-02T03:04:05.000006+00:00');
  });

  test('in a payload of another shape are none', () => {
    for (const payload of [[], {}, { payload: [] }, { payload: { Fan: [] } }, null]) {
      assert.deepEqual(samplesOf(notification({ event_type: 'hardware.ipmi.metrics', payload })), []);
    }
  });
});

describe('polled samples', () => {
  const polled = {
    source: 'openstack',
    counter_name: 'cpu',
    counter_type: 'cumulative',
    counter_unit: 'ns',
    counter_volume: 1250000000,
    user_id: 'u',
    user_name: 'alice',
    project_id: 'p',
    project_name: 'demo',
    resource_id: 'vm-1',
    timestamp: '2026-01-02T03:04:05.000006',
    resource_metadata: { vcpus: 2 },
    message_id: '11111111-2222-3333-4444-555555555555',
    monotonic_time: 5.5,
    message_signature: 'abc',
  };
  const batch = (samples: readonly JsonObject[], event_type = 'telemetry.polling') =>
    notification({ event_type, priority: 'SAMPLE', payload: { samples } });

  test("are rebuilt with the sender's id and without the poller's clock", () => {
    for (const type of ['telemetry.polling', 'telemetry.api']) {
      assert.deepEqual(convert(batch([polled], type)).samples, [
        {
          id: '11111111-2222-3333-4444-555555555555',
          name: 'cpu',
          type: 'cumulative',
          unit: 'ns',
          volume: 1250000000,
          userId: 'u',
          userName: 'alice',
          projectId: 'p',
          projectName: 'demo',
          resourceId: 'vm-1',
          timestamp: '2026-01-02T03:04:05.000006+00:00',
          timestampMicros: Date.UTC(2026, 0, 2, 3, 4, 5) * 1000 + 6,
          resourceMetadata: { vcpus: 2 },
          source: 'openstack',
          deployment: null,
          monotonicTime: null,
        },
      ]);
    }
  });

  test('without id get one that stays the same, and differs within the batch', () => {
    const { message_id: _, ...nameless } = polled;
    const ids = () => convert(batch([nameless, nameless])).samples.map(({ id }) => id);
    assert.deepEqual(ids(), ids());
    assert.equal(new Set(ids()).size, 2);
  });

  test('may lack what older senders do not know', () => {
    const { user_name: _, project_name: __, monotonic_time: ___, source: ____, ...older } = polled;
    const [sample] = samplesOf(batch([older]));
    assert.deepEqual([sample?.userName, sample?.projectName, sample?.source], [null, null, 'test']);
  });

  test('that are bad do not take the others of the batch with them', () => {
    const { samples, dropped, problems } = convert(
      batch([
        polled,
        { ...polled, counter_volume: null },
        { ...polled, timestamp: 'soon' },
        'text' as never,
        polled,
      ]),
    );
    assert.deepEqual(
      [samples.length, dropped.map(({ reason }) => reason), problems],
      [
        2,
        ['no-volume', 'bad-timestamp'],
        [{ code: 'E5013', message: 'sample 3 of the batch is left out: it is no mapping' }],
      ],
    );
  });

  test('keep the numbers of their metadata as they were written', () => {
    const text = JSON.stringify(polled).replace('"vcpus":2', '"vcpus":2.0');
    const decoded = notificationWithPayload(`{"samples":[${text}]}`, { event_type: 'telemetry.polling' });
    const exact = decoded.exact().payload as { samples: readonly { resource_metadata: JsonObject }[] };
    assert.deepEqual(samplesOf(decoded)[0]?.resourceMetadata, exact.samples[0]?.resource_metadata);
  });

  test('in a payload of another shape are none', () => {
    for (const payload of [[], {}, { samples: {} }, 'text']) {
      assert.deepEqual(samplesOf(notification({ event_type: 'telemetry.polling', payload })), []);
    }
  });
});
