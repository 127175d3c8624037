import { execFile } from 'node:child_process';
import {
  closeSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  rmdirSync,
  rmSync,
  statfsSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Service } from './services.ts';

const run = promisify(execFile);

/** A small disk of its own, in memory. */
export interface SmallDisk extends AsyncDisposable {
  readonly path: string;
  /** Takes all its space but `freeBytes`. */
  fill(freeBytes: number): void;
  /** Gives back what `fill` took. */
  free(): void;
  /** Puts an empty disk that cannot be written over a directory of this one, until what it gives is called. */
  cover(directory: string): Promise<() => Promise<void>>;
}

/** Whether this user may mount a disk. */
export async function mountAvailable(): Promise<Service> {
  const name = 'the right to mount a tmpfs';
  try {
    await using _ = await createSmallDisk(1);
    return { name, missing: null };
  } catch {
    return { name, missing: 'mount does not work for this user' };
  }
}

/** Mounts a disk of so many MiB on a new directory; unmounted and removed with it. */
export async function createSmallDisk(mebibytes: number): Promise<SmallDisk> {
  const path = mkdtempSync(join(tmpdir(), 'nephoscope-disk-'));
  const mounts: string[] = [];
  const mount = async (options: string, where: string): Promise<void> => {
    await run('mount', ['-t', 'tmpfs', '-o', options, 'nephoscope-test', where]);
    mounts.push(where);
  };
  const unmount = async (where: string): Promise<void> => {
    mounts.splice(mounts.indexOf(where), 1);
    // A process that has a file open there is no obstacle.
    await run('umount', ['--lazy', where]);
  };
  const filler = join(path, 'filler');
  try {
    await mount(`size=${mebibytes}m,mode=0700`, path);
  } catch (thrown) {
    rmdirSync(path);
    throw thrown;
  }
  return {
    path,
    fill: (freeBytes) => {
      const { bavail, bsize } = statfsSync(path);
      const file = openSync(filler, 'w');
      writeSync(file, Buffer.alloc(Math.max(0, bavail * bsize - freeBytes)));
      closeSync(file);
    },
    free: () => rmSync(filler, { force: true }),
    cover: async (directory) => {
      mkdirSync(directory, { recursive: true });
      await mount('ro,size=4k', directory);
      return () => unmount(directory);
    },
    [Symbol.asyncDispose]: async () => {
      for (const where of mounts.toReversed()) await unmount(where);
      rmdirSync(path);
    },
  };
}
