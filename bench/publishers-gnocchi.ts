import { createServer } from 'node:http';
import type { Sample } from '../src/model/sample.ts';
import { GNOCCHI_PUBLISHER } from '../src/publishers/gnocchi.ts';
import { configOf } from '../test/support/config.ts';
import { benchToSink, countOf, createPublisher, SAMPLES, serveSink } from './publishing.ts';

const SERVERS = 1_000;
const METERS = ['cpu', 'memory.usage', 'disk.root.size', 'vcpus', 'power.state'];
/** In every measure once, and nowhere else. */
const MARK = Buffer.from('"value":');

/**
 * `gnocchi://` with the runner around it, shipped definitions, 1,000 servers with five meters each, to a server of its
 * own process that answers as a Gnocchi which does not know the resources at first; figures as `benchToSink`.
 */
export function benchGnocchi(): ReturnType<typeof benchToSink> {
  return benchToSink({
    sinkFile: import.meta.filename,
    publisher: (port) =>
      createPublisher(
        GNOCCHI_PUBLISHER,
        'gnocchi://',
        configOf({
          'service_credentials/auth_type': 'gnocchi-basic',
          'service_credentials/endpoint': `http://127.0.0.1:${port}`,
        }),
      ),
    samples: (round) => Array.from({ length: SAMPLES }, (_, index) => sampleOf(round * SAMPLES + index)),
  });
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

/** The server: knows a resource after it was created, and counts the measures of what it knows. */
serveSink(() => {
  const known = new Set<string>();
  let arrived = 0;
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const body = Buffer.concat(chunks);
      const { status, text } = answerTo(request.url ?? '', body, known);
      if (status === 202) arrived += countOf(body, MARK);
      response.writeHead(status, { 'content-type': 'application/json' }).end(text);
    });
  });
  return { server, arrived: () => arrived };
});

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
