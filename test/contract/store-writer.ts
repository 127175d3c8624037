import { writeSync } from 'node:fs';
import { openStore } from '../../src/store/open.ts';
import { eventOf, SECOND, START, sampleOf } from './store-records.ts';

/*
 * A process that writes batches into a store until it is killed: `node store-writer.ts URL FROM`. Prints the number of
 * each batch after it was acknowledged. The volume of a sample is the number of its batch.
 */
const [url = '', from = '0'] = process.argv.slice(2);
const store = openStore(url);
await store.start(new AbortController().signal);
for (let batch = Number(from) + 1; ; batch += 1) {
  const timestampMicros = START + batch * SECOND;
  await Promise.all([
    store.recordSamples(
      Array.from({ length: 50 }, (_, n) => sampleOf({ resourceId: `r${n}`, timestampMicros, volume: batch })),
    ),
    store.recordEvents([eventOf({ messageId: `m${batch}`, generatedMicros: timestampMicros })]),
  ]);
  writeSync(1, `${batch}\n`);
}
