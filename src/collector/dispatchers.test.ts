import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { configOf } from '../../test/support/config.ts';
import { NephoscopeError } from '../component/errors.ts';
import { Secret } from '../config/option.ts';
import { type Dispatcher, readDispatchers } from './dispatchers.ts';

function shown(dispatchers: readonly Dispatcher[]): readonly string[] {
  return dispatchers.map(({ name, url }) => `${name} ${url.reveal()}`);
}

suite('dispatchers of the original', () => {
  test('without options both kinds go to the store', () => {
    const { samples, events, notes } = readDispatchers(configOf({}));
    assert.deepEqual([shown(samples), shown(events)], [['database store://'], ['database store://']]);
    assert.deepEqual(notes, [
      'dispatcher database of samples works as store://',
      'dispatcher database of events works as store://',
    ]);
  });

  test('each becomes a publisher with its options, and what has no effect is named', () => {
    const config = configOf({
      'DEFAULT/meter_dispatchers': ['database', 'file, http', 'gnocchi'],
      'DEFAULT/event_dispatchers': ['http'],
      'dispatcher_file/file_path': '/var/log/samples.log',
      'dispatcher_file/max_bytes': 1_000_000,
      'dispatcher_file/backup_count': 3,
      'dispatcher_http/target': new Secret('https://user:pa55@example.org/samples?tenant=a'),
      'dispatcher_http/event_target': new Secret('http://example.org/events'),
      'dispatcher_http/verify_ssl': '/etc/ssl/ca.pem',
      'dispatcher_http/batch_mode': true,
      'dispatcher_gnocchi/archive_policy': 'low rate',
      'dispatcher_gnocchi/url': 'http://gnocchi:8041',
      'collector/requeue_sample_on_dispatcher_error': true,
    });
    const { samples, events, notes } = readDispatchers(config);
    assert.deepEqual(shown(samples), [
      'database store://',
      'file file:///var/log/samples.log?max_bytes=1000000&backup_count=3',
      'http https://user:pa55@example.org/samples?tenant=a&timeout=5&batch=true&verify_ssl=%2Fetc%2Fssl%2Fca.pem',
      'gnocchi gnocchi://?enable_filter_project=true&filter_project=gnocchi&archive_policy=low%20rate',
    ]);
    assert.deepEqual(shown(events), [
      'http http://example.org/events?timeout=5&batch=true&verify_ssl=%2Fetc%2Fssl%2Fca.pem',
    ]);
    assert.deepEqual(notes, [
      'dispatcher database of samples works as store://',
      'dispatcher file of samples works as file://',
      'dispatcher http of samples works as https://',
      'dispatcher gnocchi of samples works as gnocchi://',
      'dispatcher http of events works as http://',
      '[collector] requeue_sample_on_dispatcher_error has no effect',
      '[dispatcher_gnocchi] url has no effect',
    ]);
  });

  test('events go to the target of samples unless they have their own, and an empty list means none', () => {
    const target = new Secret('http://example.org/all');
    const both = configOf({ 'DEFAULT/event_dispatchers': ['http'], 'dispatcher_http/target': target });
    assert.deepEqual(shown(readDispatchers(both).events), [
      'http http://example.org/all?timeout=5&batch=false',
    ]);
    assert.deepEqual(readDispatchers(configOf({ 'DEFAULT/event_dispatchers': [''] })).events, []);
  });

  test('an unknown dispatcher and one without what it needs are refused by name', () => {
    const configs = [
      configOf({ 'DEFAULT/meter_dispatchers': ['rabbit'] }),
      configOf({ 'DEFAULT/meter_dispatchers': ['file'] }),
      configOf({
        'DEFAULT/event_dispatchers': ['http'],
        'dispatcher_http/target': new Secret('example.org'),
      }),
    ];
    const messages = configs.map((config) => {
      try {
        return readDispatchers(config);
      } catch (thrown) {
        assert.ok(thrown instanceof NephoscopeError);
        return `${thrown.code} ${thrown.message}`;
      }
    });
    assert.deepEqual(messages, [
      'E5030 [DEFAULT] meter_dispatchers (test.conf:1) names "rabbit", which is no dispatcher',
      'E5030 [DEFAULT] meter_dispatchers (test.conf:1) names file, but [dispatcher_file] file_path is not set',
      'E5030 [DEFAULT] event_dispatchers (test.conf:1) names http, but [dispatcher_http] event_target is not an http:// or https:// URL',
    ]);
  });
});
