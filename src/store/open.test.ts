import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';
import { createDeadline } from '../component/component.ts';
import { openStore } from './open.ts';

test('the forms of the URL of an embedded store name the same file', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'nephoscope-open-'));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  const urls = [
    `sqlite://${directory}/a/x.db`,
    `sqlite:///${directory}/b/x.db`,
    `SQLite://${directory}/c/x.db`,
  ];
  for (const url of urls) {
    const store = openStore(url);
    assert.equal(store.name, 'store:sqlite');
    await store.start(t.signal);
    await store.stop(createDeadline(1_000));
  }
  for (const name of ['a', 'b', 'c']) assert.ok(existsSync(join(directory, name, 'x.db')));
  const store = openStore('sqlite://', { stateDir: join(directory, 'state') });
  await store.start(t.signal);
  await store.stop(createDeadline(1_000));
  assert.ok(existsSync(join(directory, 'state', 'telemetry.sqlite')));
});

test('a URL of no known store is refused without showing what may be secret in it', () => {
  const refused = (url: string, message: string): void => {
    assert.throws(() => openStore(url), { code: 'E3014', message, retry: 'permanent' });
  };
  refused('mysql+pymysql://neph:secret@db/neph', 'There is no store for mysql+pymysql://; known: sqlite');
  refused('secret', 'There is no store for a URL without scheme; known: sqlite');
  refused('', 'There is no store for a URL without scheme; known: sqlite');
  refused('constructor://x', 'There is no store for constructor://; known: sqlite');
  refused('sqlite://relative/path', 'The URL of an embedded store names no absolute path');
  refused('sqlite://', 'The URL of an embedded store names no absolute path');
});

test('making a store touches nothing outside', () => {
  const directory = join(tmpdir(), `nephoscope-open-never-${process.pid}`);
  openStore(`sqlite://${directory}/x.db`);
  assert.ok(!existsSync(directory));
});
