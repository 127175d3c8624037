import assert from 'node:assert/strict';
import test from 'node:test';
import { configOf } from '../../test/support/config.ts';
import { LOG_OPTIONS, readLogOptions } from './options.ts';

const TERMINAL = { terminal: true, color: true };
const PIPE = { terminal: false, color: true };

test('without options people on a terminal get coloured text and everyone else JSON, on standard error', () => {
  const config = configOf({});
  assert.deepEqual(readLogOptions(config, TERMINAL), {
    level: 'info',
    format: 'text',
    destination: 2,
    color: true,
  });
  assert.deepEqual(readLogOptions(config, PIPE), {
    level: 'info',
    format: 'json',
    destination: 2,
    color: false,
  });
});

test('a log file gets JSON unless text is asked for, and never colours', () => {
  const file = '/var/log/a.log';
  assert.deepEqual(readLogOptions(configOf({ 'DEFAULT/log_file': file }), TERMINAL), {
    level: 'info',
    format: 'json',
    destination: file,
    color: false,
  });
  assert.deepEqual(
    readLogOptions(
      configOf({ 'DEFAULT/log_file': file, 'DEFAULT/use_json': false, 'DEFAULT/debug': true }),
      TERMINAL,
    ),
    {
      level: 'debug',
      format: 'text',
      destination: file,
      color: false,
    },
  );
});

test('log_dir holds a relative log_file or a file of the usual name', () => {
  const destination = (values: Readonly<Record<string, unknown>>): unknown =>
    readLogOptions(configOf(values), PIPE).destination;
  assert.equal(destination({ 'DEFAULT/log_dir': '/var/log/x' }), '/var/log/x/nephoscope.log');
  assert.equal(
    destination({ 'DEFAULT/log_dir': '/var/log/x', 'DEFAULT/log_file': 'b.log' }),
    '/var/log/x/b.log',
  );
  assert.equal(
    destination({ 'DEFAULT/log_dir': '/var/log/x', 'DEFAULT/log_file': '/tmp/b.log' }),
    '/tmp/b.log',
  );
});

test('the old spellings of oslo.log are read', () => {
  const names = LOG_OPTIONS.flatMap((option) => option.deprecatedNames ?? []).map(({ name }) => name);
  assert.deepEqual(names, ['logfile', 'logdir']);
});
