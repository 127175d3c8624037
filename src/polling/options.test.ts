import assert from 'node:assert/strict';
import { hostname } from 'node:os';
import test from 'node:test';
import { configOf } from '../../test/support/config.ts';
import { readPollingSettings } from './options.ts';

const AVAILABLE = new Set(['host']);

test('without options the machine is measured every 10 seconds under its own name', () => {
  assert.deepEqual(readPollingSettings(configOf({}), AVAILABLE), {
    host: hostname(),
    namespaces: ['host'],
    intervalSeconds: 10,
    warnings: [],
  });
});

test('namespaces without pollsters and unknown ones are named and left out', () => {
  const values = {
    'DEFAULT/polling_namespaces': ['compute', 'host', 'hosts', 'host'],
    'DEFAULT/host': 'c1',
    'polling/host_interval_seconds': 60,
  };
  assert.deepEqual(readPollingSettings(configOf(values), AVAILABLE), {
    host: 'c1',
    namespaces: ['host'],
    intervalSeconds: 60,
    warnings: [
      'polling_namespaces: compute has no pollsters in this version',
      'polling_namespaces: there is no namespace hosts; there are compute, central, ipmi, host',
    ],
  });
});
