import { statfsSync } from 'node:fs';
import { dirname } from 'node:path';

const LOOK_EVERY_MILLIS = 5_000;

/**
 * Free space of the file system a file lies on, in bytes, for callers without privileges; looked up at most every five
 * seconds. Null when the system does not say.
 */
export function createDiskSpace(path: string): () => number | null {
  let free: number | null = null;
  let lookedAt = Number.NEGATIVE_INFINITY;
  return () => {
    if (performance.now() - lookedAt < LOOK_EVERY_MILLIS) return free;
    lookedAt = performance.now();
    try {
      const { bavail, bsize } = statfsSync(dirname(path));
      free = bavail * bsize;
    } catch {
      // A file system that cannot be asked is no trouble by itself; writing to it tells.
      free = null;
    }
    return free;
  };
}
