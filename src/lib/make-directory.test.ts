import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { makePrivateDirectory } from './make-directory.ts';

test('missing directories are made for their owner alone, and it may be asked for again', (t) => {
  const root = mkdtempSync(join(tmpdir(), 'nephoscope-directory-'));
  t.after(() => rmSync(root, { recursive: true, force: true }));
  const path = join(root, 'a', 'b');
  makePrivateDirectory(path);
  makePrivateDirectory(path);
  assert.deepEqual(
    [join(root, 'a'), path].map((made) => statSync(made).mode & 0o777),
    [0o700, 0o700],
  );
});

test('a place where nothing can be made is an error and not an endless wait', {
  skip: process.platform !== 'linux',
}, () => {
  assert.throws(() => makePrivateDirectory('/proc/nephoscope/state'), { code: 'ENOENT' });
});
