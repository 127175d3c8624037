import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { createDeadline } from '../../src/component/component.ts';
import { SqliteStore } from '../../src/store/sqlite/sqlite-store.ts';
import { type StoreUnderTest, storeContract } from './store.ts';
import { START } from './store-records.ts';

storeContract('sqlite', async (t: TestContext): Promise<StoreUnderTest> => {
  const directory = await mkdtemp(join(tmpdir(), 'nephoscope-store-'));
  const path = join(directory, 'telemetry.sqlite');
  let now = START;
  const start = async (): Promise<SqliteStore> => {
    const store = new SqliteStore({ path, exclusive: true, nowMicros: () => now });
    await store.start(t.signal);
    return store;
  };
  const under: StoreUnderTest = {
    store: await start(),
    url: `sqlite://${path}`,
    setNow: (micros) => {
      now = micros;
    },
    reopen: async () => {
      await under.store.stop(createDeadline(5_000));
      under.store = await start();
      return under.store;
    },
  };
  t.after(async () => {
    await under.store.stop(createDeadline(5_000));
    await rm(directory, { recursive: true, force: true });
  });
  return under;
});
