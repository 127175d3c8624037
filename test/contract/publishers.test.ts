import { existsSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { createDeadline } from '../../src/component/component.ts';
import { FILE_PUBLISHER } from '../../src/publishers/file.ts';
import { STORE_PUBLISHER } from '../../src/publishers/store.ts';
import { keptItems, TEST_PUBLISHER } from '../../src/publishers/test.ts';
import { SqliteStore } from '../../src/store/sqlite/sqlite-store.ts';
import { eventPublisherContract, type Peer, samplePublisherContract } from './publisher.ts';
import { eventNumber, sampleNumber } from './publisher-items.ts';

/** `idsIn` reads the ids of all items. */
async function openStore(
  t: TestContext,
  idsIn: (store: SqliteStore) => Promise<readonly string[]>,
): Promise<Peer> {
  const directory = mkdtempSync(join(tmpdir(), 'nephoscope-publishers-'));
  const store = new SqliteStore({ path: join(directory, 'telemetry.sqlite'), exclusive: true });
  await store.start(t.signal);
  t.after(async () => {
    await store.stop(createDeadline(2_000));
    rmSync(directory, { recursive: true, force: true });
  });
  return { url: 'store://', context: { store }, arrived: () => idsIn(store) };
}

samplePublisherContract({
  definition: STORE_PUBLISHER,
  without: ['breakDown', 'hang'],
  ordered: false,
  open: (t) => openStore(t, async (store) => (await store.samples({ limit: 10_000 })).map(({ id }) => id)),
});

eventPublisherContract({
  definition: STORE_PUBLISHER,
  without: ['breakDown', 'hang'],
  ordered: false,
  open: (t) =>
    openStore(t, async (store) => (await store.events({ limit: 10_000 })).map(({ messageId }) => messageId)),
});

let lastTestUrl = 0;

samplePublisherContract({
  definition: TEST_PUBLISHER,
  without: ['breakDown', 'hang'],
  open: async () => {
    const url = `test://samples-${lastTestUrl++}`;
    return { url, arrived: () => keptItems(url).samples.map(({ id }) => id) };
  },
});

eventPublisherContract({
  definition: TEST_PUBLISHER,
  without: ['breakDown', 'hang'],
  open: async () => {
    const url = `test://events-${lastTestUrl++}`;
    return { url, arrived: () => keptItems(url).events.map(({ messageId }) => messageId) };
  },
});

/** A file whose directory is away while it is broken. */
function openFile(t: TestContext, key: string): Peer {
  const root = mkdtempSync(join(tmpdir(), 'nephoscope-publishers-'));
  t.after(() => rmSync(root, { recursive: true, force: true }));
  const directory = join(root, 'd');
  const path = join(directory, 'lines');
  return {
    url: `file://${path}?json`,
    arrived: () => {
      const text = existsSync(path) ? readFileSync(path, 'utf8') : '';
      return text
        .split('\n')
        .slice(0, -1)
        .map((line) => JSON.parse(line)[key]);
    },
    breakDown: () => {
      if (existsSync(directory)) renameSync(directory, `${directory}.away`);
      writeFileSync(directory, 'no directory');
    },
    repair: () => {
      rmSync(directory);
      if (existsSync(`${directory}.away`)) renameSync(`${directory}.away`, directory);
    },
  };
}

/** Nested more deeply than any JSON text may be. */
const TOO_DEEP = JSON.parse(`${'{"a":'.repeat(600)}1${'}'.repeat(600)}`);

samplePublisherContract({
  definition: FILE_PUBLISHER,
  without: ['hang'],
  poison: (index) => sampleNumber(index, { resourceMetadata: TOO_DEEP }),
  open: async (t) => openFile(t, 'id'),
});

eventPublisherContract({
  definition: FILE_PUBLISHER,
  without: ['hang'],
  poison: (index) => eventNumber(index, { raw: TOO_DEEP }),
  open: async (t) => openFile(t, 'message_id'),
});
