import { fork } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createDeadline } from '../src/component/component.ts';
import type { Sample } from '../src/model/sample.ts';
import { silentLogger } from '../src/observe/logger.ts';
import { Metrics } from '../src/observe/metrics.ts';
import { deliver } from '../src/publishers/delivery.ts';
import { readDeliverySettings, urlSyntaxOf } from '../src/publishers/delivery-settings.ts';
import { HTTP_PUBLISHER } from '../src/publishers/http.ts';
import type { Publisher, PublisherContext } from '../src/publishers/publisher.ts';
import { parsePublisherUrl } from '../src/publishers/publisher-url.ts';
import type { Store } from '../src/store/store.ts';
import { configOf } from '../test/support/config.ts';
import { cpuMicros, median } from './figure.ts';

/** As the pipeline hands them on. */
const CALL = 500;
/** Calls that wait at a time. */
const OVERLAP = 8;
const SAMPLES = 50_000;
const ROUNDS = 5;
/** In every sample once, and nowhere else. */
const MARK = Buffer.from('"resource_metadata":');

/**
 * `http://` with the runner around it, batches of 1,000, to a server of its own process that reads everything and answers
 * 200: samples per second, and CPU of our process per sample in microseconds, medians. Fails when one did not arrive.
 */
export async function benchHttp(): Promise<{ readonly rate: number; readonly cpuMicrosPerSample: number }> {
  const sink = fork(import.meta.filename, ['sink']);
  try {
    const [port] = (await once(sink, 'message')) as [number];
    const publisher = createPublisher(`http://127.0.0.1:${port}/samples`);
    await publisher.start(new AbortController().signal);
    const samples = Array.from({ length: 1_000 }, (_, index) => sampleOf(index));
    await round(publisher, samples);
    const rounds = [];
    for (let count = 0; count < ROUNDS; count++) rounds.push(await round(publisher, samples));
    await publisher.stop(createDeadline(2_000));
    sink.send('count');
    const [arrived] = (await once(sink, 'message')) as [number];
    const sent = (ROUNDS + 1) * SAMPLES;
    if (arrived !== sent) throw new Error(`${arrived} of ${sent} samples arrived`);
    return {
      rate: median(rounds.map(({ rate }) => rate)),
      cpuMicrosPerSample: median(rounds.map(({ cpu }) => cpu)),
    };
  } finally {
    sink.kill();
  }
}

async function round(
  publisher: Publisher<Sample>,
  samples: readonly Sample[],
): Promise<{ readonly rate: number; readonly cpu: number }> {
  const { signal } = new AbortController();
  const call = Array.from({ length: CALL }, (_, index) => samples[index % samples.length] as Sample);
  let left = SAMPLES / CALL;
  const caller = async (): Promise<void> => {
    while (left-- > 0) await publisher.publish(call, signal);
  };
  const begin = performance.now();
  const cpu = await cpuMicros(() => Promise.all(Array.from({ length: OVERLAP }, caller)));
  return { rate: SAMPLES / ((performance.now() - begin) / 1_000), cpu: cpu / SAMPLES };
}

function createPublisher(text: string): Publisher<Sample> {
  const url = parsePublisherUrl(text, urlSyntaxOf(HTTP_PUBLISHER));
  const context: PublisherContext = {
    name: 'publisher:http:samples',
    config: configOf({}),
    store: {} as Store,
    log: silentLogger,
    metrics: new Metrics(),
    stateDir: '/nonexistent',
    host: 'bench',
  };
  const inner = HTTP_PUBLISHER.samples?.(url, context);
  if (inner === undefined) throw new Error('http:// takes no samples');
  return deliver(inner, readDeliverySettings(HTTP_PUBLISHER, url), context);
}

/** Like those of instances, with a dozen metadata: 1.1 KB as JSON. */
function sampleOf(index: number): Sample {
  const id = `7b9f0a3c-2d51-4c7e-9c58-${String(index).padStart(12, '0')}`;
  return {
    id,
    name: 'memory.usage',
    type: 'gauge',
    unit: 'MiB',
    volume: 512.25 + index,
    userId: '9a1c7f0de2b34f5a8c6d1e0f2a3b4c5d',
    userName: 'demo',
    projectId: '5d4c3b2a1f0e4d6c8a5f43b2ed0f7c1a',
    projectName: 'demo project',
    resourceId: id,
    timestamp: '2026-01-02T03:04:05.000006',
    timestampMicros: 1_767_323_045_000_006,
    resourceMetadata: {
      display_name: `server ${index}`,
      name: `instance-${index}`,
      instance_id: id,
      instance_type: 'm1.small',
      host: 'b1946ac92492d2347c6235b4d2611184',
      instance_host: 'compute-17.example.org',
      flavor: { id: '2', name: 'm1.small', vcpus: 1, ram: 2_048, disk: 20, ephemeral: 0, swap: 0 },
      status: 'active',
      state: 'running',
      image: { id: '70a599e0-31e7-49b7-b260-868f441e862b', name: 'cirros' },
      image_ref: '70a599e0-31e7-49b7-b260-868f441e862b',
      vcpus: 1,
      memory_mb: 2_048,
      disk_gb: 20,
    },
    source: 'openstack',
    deployment: null,
    monotonicTime: null,
  };
}

/** The server: says its port, counts what comes, says the count when asked. */
function serveSink(): void {
  let arrived = 0;
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const body = Buffer.concat(chunks);
    for (let at = body.indexOf(MARK); at >= 0; at = body.indexOf(MARK, at + MARK.length)) arrived++;
    response.end();
  });
  process.on('message', () => process.send?.(arrived));
  server.listen(0, '127.0.0.1', () => process.send?.((server.address() as AddressInfo).port));
}

if (process.argv[2] === 'sink' && process.send !== undefined) serveSink();
