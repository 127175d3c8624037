import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { configOf } from '../../test/support/config.ts';
import { Secret } from '../config/option.ts';
import { checkCollector } from './collector.ts';

const ALL = ['database', 'file', 'http', 'gnocchi'];

function codes(options: Readonly<Record<string, unknown>>): readonly string[] {
  return checkCollector(configOf(options)).map(({ code, message }) => `${code} ${message}`);
}

suite('the check of the collector options', () => {
  test('every dispatcher becomes a publisher that exists, for both kinds', () => {
    const options = {
      'collector/enabled': true,
      'collector/udp_address': '127.0.0.1',
      'publisher/telemetry_secret': new Secret('k'),
      'DEFAULT/meter_dispatchers': ALL,
      'DEFAULT/event_dispatchers': ALL,
      'DEFAULT/transport_url': new Secret('rabbit://guest:guest@127.0.0.1/'),
      'dispatcher_file/file_path': '/var/log/collected.log',
      'dispatcher_file/max_bytes': 1_000_000,
      'dispatcher_file/backup_count': 3,
      'dispatcher_http/target': new Secret('https://user:pa55@example.org/all?x=1'),
      'dispatcher_http/verify_ssl': 'true',
      'dispatcher_gnocchi/archive_policy': 'low',
      'service_credentials/auth_type': 'gnocchi-basic',
      'service_credentials/user': 'admin',
      'service_credentials/endpoint': 'http://127.0.0.1:8041',
      'dispatcher_gnocchi/resources_definition_file': 'gnocchi_resources.yaml',
    };
    assert.deepEqual(codes(options), []);
  });

  test('each mistake is reported, without secrets', () => {
    assert.deepEqual(
      codes({
        'collector/enabled': true,
        'collector/udp_address': '0.0.0.0',
        'DEFAULT/meter_dispatchers': ['oracle'],
      }),
      [
        'E5025 [collector] udp_address = 0.0.0.0 (test.conf:1), but no secret is set',
        'E5030 [DEFAULT] meter_dispatchers (test.conf:1) names "oracle", which is no dispatcher',
      ],
    );
    const published = new Secret('change this for valid signing');
    assert.deepEqual(codes({ 'publisher/telemetry_secret': published }), [
      'E5024 [publisher] telemetry_secret (test.conf:1) is what Ceilometer publishes as its default, so everyone can sign with it',
    ]);
  });

  test('what a dispatcher lacks as a publisher is reported with the option that names it', () => {
    const found = codes({
      'collector/enabled': true,
      'DEFAULT/meter_dispatchers': ALL,
      'DEFAULT/event_dispatchers': ['file'],
      'dispatcher_file/file_path': 'collected.log',
      'dispatcher_http/target': new Secret('http://user:pa55@example.org:5999999/'),
    });
    const meters = '[DEFAULT] meter_dispatchers (test.conf:1) names';
    const port = 'Bad publisher URL: the port is not a number from 1 to 65535';
    const file = 'file://collected.log names no file by its absolute path';
    assert.deepEqual(found, [
      `E1113 ${meters} file: ${file}`,
      `E1113 ${meters} http: ${port}`,
      `E8030 ${meters} gnocchi: [service_credentials] does not set auth_type`,
      `E1113 [DEFAULT] event_dispatchers (test.conf:1) names file: ${file}`,
    ]);
  });

  test('what is not wanted is not checked', () => {
    assert.deepEqual(codes({ 'DEFAULT/meter_dispatchers': ['oracle'] }), []);
  });
});
