import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createDeadline } from '../../src/component/component.ts';
import { silentLogger } from '../../src/observe/logger.ts';
import { Metrics } from '../../src/observe/metrics.ts';
import { openStore } from '../../src/store/open.ts';
import type { Store } from '../../src/store/store.ts';

/** An embedded store of its own in a temporary directory, for the length of an `await using`. */
export interface TemporaryStore extends AsyncDisposable {
  readonly store: Store;
}

/** Opens an empty one. */
export async function openTemporaryStore(): Promise<TemporaryStore> {
  const directory = await mkdtemp(join(tmpdir(), 'nephoscope-api-'));
  const url = `sqlite:///${join(directory, 'store.sqlite')}`;
  const store = openStore(url, { metrics: new Metrics(), logger: silentLogger });
  await store.start(AbortSignal.timeout(10_000));
  return {
    store,
    [Symbol.asyncDispose]: async () => {
      await store.stop(createDeadline(5_000));
      await rm(directory, { recursive: true });
    },
  };
}
