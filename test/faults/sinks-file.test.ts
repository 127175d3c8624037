import assert from 'node:assert/strict';
import { readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { startOracleRun } from '../support/oracle.ts';
import { createSmallDisk, mountAvailable, type SmallDisk } from '../support/oracle-disk.ts';
import { Tally } from '../support/oracle-tally.ts';
import { rabbitAvailable, skipUnless } from '../support/services.ts';
import { until } from '../support/until.ts';

const skip = skipUnless(await rabbitAvailable(), await mountAvailable());

const DISK_MEBIBYTES = 128;
const SLICE = 20_000;

/** What happens to the directory of the files while they are written. */
interface FileFault {
  /** Null: nothing is to be seen of it. */
  readonly code: string | null;
  /** Gives what ends it. */
  begin(disk: SmallDisk, out: string): Promise<() => Promise<void>>;
}

const FAULTS: Readonly<Record<string, FileFault>> = {
  'the disk is full': {
    code: 'E8051',
    begin: async (disk) => {
      disk.fill(300_000);
      return async () => disk.free();
    },
  },
  'the directory is read-only': {
    code: 'E8050',
    begin: (disk, out) => disk.cover(out),
  },
  'the directory has made way for a file': {
    code: 'E8050',
    begin: async (_disk, out) => {
      renameSync(out, `${out}.1`);
      writeFileSync(out, '');
      return async () => rmSync(out);
    },
  },
  'the files are renamed': {
    code: null,
    begin: async (_disk, out) => {
      for (const name of FILES) renameSync(join(out, name), join(out, `${name}.1`));
      return async () => {};
    },
  },
};
const FILES = ['samples', 'events'];

test('file:// on a disk that is full, read-only, taken away or rotated has each of 100,000 notifications once, in whole lines', {
  skip,
  timeout: 120_000,
}, async (t) => {
  await using disk = await createSmallDisk(DISK_MEBIBYTES);
  const out = join(disk.path, 'out');
  const to = (name: string): readonly string[] => [`file://${join(out, name)}?json`];
  await using run = await startOracleRun({
    pipelines: () => ({ samples: to('samples'), events: to('events') }),
  });
  const isTaken = async (): Promise<boolean> =>
    (await run.server.metric('nephoscope_source_acknowledged_total')) === run.sent();
  await run.send(SLICE);
  await until('the first are written', isTaken, 20_000);
  const seconds: Record<string, number> = {};
  for (const [name, { code, begin }] of Object.entries(FAULTS)) {
    const start = performance.now();
    const before = run.sent();
    const sending = run.send(SLICE);
    // Awaited below; when a wait before it fails, that failure is the one to be seen.
    sending.catch(() => {});
    await until(
      'it goes on',
      async () => (await run.server.metric('nephoscope_source_acknowledged_total')) > before,
    );
    const end = await begin(disk, out);
    if (code !== null) await run.showsTrouble('publisher:file:', new RegExp(`^${code} `));
    await sending;
    if (code !== null) assert.equal(await isTaken(), false);
    await end();
    await until(`all is written after ${name}`, isTaken, 20_000);
    await run.isWell();
    seconds[name] = Math.round((performance.now() - start) / 100) / 10;
  }
  const memory = await run.finish();
  const verdicts = FILES.map((name) => tallyOf(disk.path, name).assertExactlyOnce(run.sent()));
  assert.ok(statSync(join(out, 'samples.1')).size > 0);
  t.diagnostic(JSON.stringify({ verdicts, memory, seconds }));
});

/** All lines of the files of this name, old ones and those in directories that were renamed too. */
function tallyOf(directory: string, name: string): Tally {
  const tally = new Tally();
  for (const path of readdirSync(directory, { recursive: true, encoding: 'utf8' })) {
    if (!path.endsWith(`/${name}`) && !path.endsWith(`/${name}.1`)) continue;
    const text = readFileSync(join(directory, path), 'utf8');
    assert.ok(text.endsWith('\n'), `${path} ends in the middle of a line`);
    for (const line of text.slice(0, -1).split('\n')) tally.add(JSON.parse(line));
  }
  return tally;
}
