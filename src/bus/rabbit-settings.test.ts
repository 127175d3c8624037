import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { configOf } from '../../test/support/config.ts';
import { NephoscopeError } from '../component/errors.ts';
import { type RabbitSettings, readRabbitSettings } from './rabbit-settings.ts';
import { parseTransportUrl, TransportUrlError } from './transport-url.ts';

function settings(url: string, values: Readonly<Record<string, unknown>> = {}): RabbitSettings {
  return readRabbitSettings(configOf(values), parseTransportUrl(url));
}

const DEFAULTS: RabbitSettings = {
  tls: null,
  loginMethod: 'AMQPLAIN',
  retryInitialMillis: 1000,
  retryFactor: 2,
  retryMaxMillis: 30_000,
  heartbeatSeconds: 60,
  prefetchCount: 2000,
  declare: { durable: false, autoDelete: false, queueArguments: {} },
  consumeArguments: {},
  warnings: [],
};

suite('rabbit settings', () => {
  test('without options they are the defaults', () => {
    assert.deepEqual(settings('rabbit://h/'), DEFAULTS);
  });

  test('the query of the URL overrides the configuration', () => {
    const url =
      'rabbit://h/?ssl=1&ssl_ca_file=/ca.pem&heartbeat_timeout_threshold=30&amqp_durable_queues=yes&enable_cancel_on_failover=on';
    assert.deepEqual(
      settings(url, {
        'oslo_messaging_rabbit/heartbeat_timeout_threshold': 5,
        'oslo_messaging_rabbit/rabbit_qos_prefetch_count': 0,
        'oslo_messaging_rabbit/ssl_verify': false,
      }),
      {
        ...DEFAULTS,
        tls: { caFile: '/ca.pem', certFile: null, keyFile: null, verify: false, verifyHostname: true },
        heartbeatSeconds: 30,
        prefetchCount: 10_000,
        declare: { durable: true, autoDelete: false, queueArguments: {} },
        consumeArguments: { 'x-cancel-on-ha-failover': true },
      },
    );
  });

  test('quorum queues are durable and carry only the limits that are set', () => {
    assert.deepEqual(
      settings('rabbit://h/?rabbit_quorum_queue=true&rabbit_quorum_delivery_limit=20').declare,
      {
        durable: true,
        autoDelete: false,
        queueArguments: { 'x-queue-type': 'quorum', 'x-delivery-limit': 20 },
      },
    );
    assert.deepEqual(
      settings('rabbit://h/?rabbit_ha_queues=1&rabbit_quorum_delivery_limit=20').declare.queueArguments,
      {
        'x-ha-policy': 'all',
      },
    );
  });

  test('options that only mean something to the original are named and passed over', () => {
    assert.deepEqual(settings('rabbit://h/?kombu_reconnect_delay=5').warnings, [
      'kombu_reconnect_delay in the query of the transport URL has no effect here',
    ]);
  });

  const mistakes: readonly (readonly [string, RegExp])[] = [
    ['rabbit://h/?heartbeat=30', /"heartbeat" in its query is no option of \[oslo_messaging_rabbit\]/],
    ['rabbit://h/?ssl=maybe', /ssl in its query is not true or false/],
    ['rabbit://h/?rabbit_qos_prefetch_count=70000', /rabbit_qos_prefetch_count in its query is out of range/],
    ['rabbit://h/?rabbit_login_method=MD5', /rabbit_login_method in its query is not one of the choices/],
    ['kafka://h/', /there is no driver kafka; only rabbit:\/\/ is known/],
    ['amqps://h/', /write rabbit:\/\/ instead of amqps:\/\//],
  ];
  for (const [url, message] of mistakes) {
    test(`${url} is refused`, () => {
      assert.throws(
        () => settings(url),
        (error) => error instanceof TransportUrlError && message.test(error.message),
      );
    });
  }

  test('mirrored and quorum queues together are refused', () => {
    assert.throws(
      () => settings('rabbit://h/?rabbit_ha_queues=1&rabbit_quorum_queue=1'),
      (error) => error instanceof NephoscopeError && error.code === 'E2014',
    );
  });
});
