import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';
import { NephoscopeError } from '../component/errors.ts';
import { createHostView, readRequired } from './host-view.ts';

test('files, directories and file systems are seen as they are, and what is missing is null or empty', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'nephoscope-view-'));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  writeFileSync(join(directory, 'a'), 'text');
  const view = createHostView();
  const missing = join(directory, 'missing');
  assert.equal(await view.read(join(directory, 'a')), 'text');
  assert.equal(await view.read(missing), null);
  assert.deepEqual(await view.list(directory), ['a']);
  assert.deepEqual(await view.list(missing), []);
  assert.equal(await view.space(missing), null);
  const space = await view.space(directory);
  assert.ok(
    space !== null && space.totalBytes > 0 && space.usedBytes > 0 && space.usedBytes <= space.totalBytes,
  );
  for (const address of view.addresses().values()) assert.match(address, /^\d+\.\d+\.\d+\.\d+$/);
});

test('a file a pollster cannot do without fails with its name when it is missing', async () => {
  await assert.rejects(
    readRequired(createHostView(), '/proc/there/is/none'),
    (thrown) =>
      thrown instanceof NephoscopeError &&
      thrown.code === 'E7004' &&
      thrown.retry === 'transient' &&
      thrown.message === '/proc/there/is/none cannot be read',
  );
});
