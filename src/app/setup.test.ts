import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { loadConfigWithoutFiles } from '../config/load.ts';
import { OPTIONS } from './options.ts';
import { checkSetup } from './setup.ts';

test('a file of meter definitions is one part, with its mistakes', (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'nephoscope-setup-'));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  const path = join(directory, 'bad.yaml');
  writeFileSync(path, 'metric:\n  - name: a\n');
  const environment = { OS_METER__METER_DEFINITIONS_DIRS: directory };
  const { setup, parts } = checkSetup(loadConfigWithoutFiles(OPTIONS, environment));
  assert.equal(setup, null);
  assert.deepEqual(
    parts
      .filter((part) => part.path === path)
      .map(({ role, problems }) => [role, problems.map(({ code }) => code)]),
    [['meter definitions', ['E1212']]],
  );
});

test('an address of the API that others can reach is a mistake before the start, too', () => {
  const { setup, parts } = checkSetup(loadConfigWithoutFiles(OPTIONS, { OS_API__HOST: '0.0.0.0' }));
  assert.equal(setup, null);
  assert.deepEqual(
    parts.filter(({ role }) => role === 'api').map(({ problems }) => problems.map(({ code }) => code)),
    [['E4012']],
  );
});
