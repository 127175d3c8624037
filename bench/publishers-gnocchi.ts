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
import { GNOCCHI_PUBLISHER } from '../src/publishers/gnocchi.ts';
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
const SERVERS = 1_000;
const METERS = ['cpu', 'memory.usage', 'disk.root.size', 'vcpus', 'power.state'];
/** In every measure once, and nowhere else. */
const MARK = Buffer.from('"value":');

/**
 * `gnocchi://` with the runner around it, shipped definitions, 1,000 servers with five meters each, to a server of its
 * own process that answers as a Gnocchi which does not know the resources at first: samples per second, and CPU of our
 * process per sample in microseconds, medians. Fails when one did not arrive.
 */
export async function benchGnocchi(): Promise<{
  readonly rate: number;
  readonly cpuMicrosPerSample: number;
}> {
  const sink = fork(import.meta.filename, ['sink']);
  try {
    const [port] = (await once(sink, 'message')) as [number];
    const publisher = createPublisher(`http://127.0.0.1:${port}`);
    await publisher.start(new AbortController().signal);
    await round(publisher, 0);
    const rounds = [];
    for (let count = 1; count <= ROUNDS; count++) rounds.push(await round(publisher, count));
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
  number: number,
): Promise<{ readonly rate: number; readonly cpu: number }> {
  const { signal } = new AbortController();
  const samples = Array.from({ length: SAMPLES }, (_, index) => sampleOf(number * SAMPLES + index));
  let next = 0;
  const caller = async (): Promise<void> => {
    while (next < SAMPLES) {
      const from = next;
      next += CALL;
      const { accepted } = await publisher.publish(samples.slice(from, from + CALL), signal);
      if (accepted !== CALL) throw new Error(`${accepted} of ${CALL} samples were taken`);
    }
  };
  const begin = performance.now();
  const cpu = await cpuMicros(() => Promise.all(Array.from({ length: OVERLAP }, caller)));
  return { rate: SAMPLES / ((performance.now() - begin) / 1_000), cpu: cpu / SAMPLES };
}

function createPublisher(endpoint: string): Publisher<Sample> {
  const config = configOf({
    'service_credentials/auth_type': 'gnocchi-basic',
    'service_credentials/endpoint': endpoint,
  });
  const context: PublisherContext = {
    name: 'publisher:gnocchi',
    config,
    store: {} as Store,
    log: silentLogger,
    metrics: new Metrics(),
    stateDir: '/nonexistent',
    host: 'bench',
  };
  const url = parsePublisherUrl('gnocchi://', urlSyntaxOf(GNOCCHI_PUBLISHER));
  const inner = GNOCCHI_PUBLISHER.samples?.(url, context);
  if (inner === undefined) throw new Error('gnocchi:// takes no samples');
  return deliver(inner, readDeliverySettings(GNOCCHI_PUBLISHER, url), context);
}

const START_MICROS = Date.UTC(2026, 0, 1) * 1_000;

/** One poll after another: every meter of every server, with the metadata of a server. */
function sampleOf(index: number): Sample {
  const server = Math.floor(index / METERS.length) % SERVERS;
  const timestampMicros = START_MICROS + Math.floor(index / (SERVERS * METERS.length)) * 300_000_000;
  return {
    id: `10000000-0000-4000-8000-${String(index).padStart(12, '0')}`,
    name: METERS[index % METERS.length] ?? 'cpu',
    type: 'gauge',
    unit: 'ns',
    volume: index + 0.25,
    userId: '5a3b6c0f9b7f4f0b8d1e2c3a4b5c6d7e',
    userName: null,
    projectId: '0f9b7f4f0b8d1e2c3a4b5c6d7e5a3b6c',
    projectName: null,
    resourceId: `5f2c3d0e-4f6c-4c5f-9f39-${String(server).padStart(12, '0')}`,
    timestamp: new Date(timestampMicros / 1_000).toISOString(),
    timestampMicros,
    resourceMetadata: {
      display_name: `server-${server}`,
      instance_host: `compute-${server % 40}`,
      flavor: { id: '42', name: 'm1.small', vcpus: 1, ram: 2048 },
      status: 'active',
      created_at: '2026-01-01T00:00:00',
      user_metadata: { server_group: 'group' },
    },
    source: 'openstack',
    deployment: null,
    monotonicTime: null,
  };
}

/** The other process: knows a resource after it was created, and counts the measures of what it knows. */
function serveSink(): void {
  const known = new Set<string>();
  let arrived = 0;
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const body = Buffer.concat(chunks);
      const { status, text } = answerTo(request.url ?? '', body, known);
      if (status === 202) arrived += countOf(body);
      response.writeHead(status, { 'content-type': 'application/json' }).end(text);
    });
  });
  process.on('message', () => process.send?.(arrived));
  server.listen(0, '127.0.0.1', () => process.send?.((server.address() as AddressInfo).port));
}

function answerTo(
  url: string,
  body: Buffer,
  known: Set<string>,
): { readonly status: number; readonly text: string } {
  if (!url.startsWith('/v1/batch/')) {
    if (url === '/v1/resource/instance') known.add(JSON.parse(String(body)).id);
    return { status: 201, text: '{}' };
  }
  // Once all are known there is nothing to look up.
  const ids = known.size >= SERVERS ? [] : Object.keys(JSON.parse(String(body)));
  const unknown = ids.filter((id) => !known.has(id));
  if (unknown.length === 0) return { status: 202, text: '' };
  const detail = unknown.map((id) => ({ resource_id: id, original_resource_id: id }));
  return { status: 400, text: JSON.stringify({ description: { cause: 'Unknown resources', detail } }) };
}

function countOf(body: Buffer): number {
  let count = 0;
  for (let at = body.indexOf(MARK); at >= 0; at = body.indexOf(MARK, at + 1)) count++;
  return count;
}

if (process.argv[2] === 'sink' && process.send !== undefined) serveSink();
