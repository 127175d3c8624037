import { silentLogger } from '../../src/observe/logger.ts';
import { Metrics } from '../../src/observe/metrics.ts';
import { deliver } from '../../src/publishers/delivery.ts';
import { readDeliverySettings, urlSyntaxOf } from '../../src/publishers/delivery-settings.ts';
import { FILE_PUBLISHER } from '../../src/publishers/file.ts';
import { parsePublisherUrl } from '../../src/publishers/publisher-url.ts';
import { SAMPLE_CODEC } from '../../src/publishers/spool-codec.ts';
import type { Store } from '../../src/store/store.ts';
import { sampleNumber } from '../contract/publisher-items.ts';
import { configOf } from './config.ts';

/**
 * A program that hands samples to `file://…?policy=queue` until it is killed, and writes the number of each call that
 * was taken to stdout: `node queue-writer.ts URL DIRECTORY FIRST`. A call is ten samples, from `FIRST` times ten on.
 */
const [text = '', directory = '', first = '0'] = process.argv.slice(2);
const url = parsePublisherUrl(text, urlSyntaxOf(FILE_PUBLISHER));
const name = 'publisher:file:samples';
const metrics = new Metrics();
const context = {
  name,
  config: configOf({}),
  store: {} as Store,
  log: silentLogger,
  metrics,
  stateDir: directory,
  host: 'here',
};
const inner = FILE_PUBLISHER.samples?.(url, context);
if (inner === undefined) throw new Error('file:// takes samples');
const publisher = deliver(inner, readDeliverySettings(FILE_PUBLISHER, url), {
  name,
  log: silentLogger,
  metrics,
  retry: { initialMillis: 5, maxMillis: 50 },
  spool: { directory, codec: SAMPLE_CODEC, parking: { park: async () => {} } },
});
const { signal } = new AbortController();
await publisher.start(signal);
for (let call = Number(first); ; call++) {
  const samples = Array.from({ length: 10 }, (_, index) => sampleNumber(call * 10 + index));
  await publisher.publish(samples, signal);
  process.stdout.write(`${call}\n`);
}
