import { createServer } from 'node:http';
import type { Sample } from '../src/model/sample.ts';
import { HTTP_PUBLISHER } from '../src/publishers/http.ts';
import { configOf } from '../test/support/config.ts';
import { benchToSink, countOf, createPublisher, SAMPLES, serveSink } from './publishing.ts';

/** In every sample once, and nowhere else. */
const MARK = Buffer.from('"resource_metadata":');

/**
 * `http://` with the runner around it, batches of 1,000, to a server of its own process that reads everything and answers
 * 200; figures as `benchToSink`.
 */
export function benchHttp(): ReturnType<typeof benchToSink> {
  const samples = Array.from({ length: SAMPLES }, (_, index) => sampleOf(index % 1_000));
  return benchToSink({
    sinkFile: import.meta.filename,
    publisher: (port) => createPublisher(HTTP_PUBLISHER, `http://127.0.0.1:${port}/samples`, configOf({})),
    samples: () => samples,
  });
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

/** The server: counts what comes. */
serveSink(() => {
  let arrived = 0;
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    arrived += countOf(Buffer.concat(chunks), MARK);
    response.end();
  });
  return { server, arrived: () => arrived };
});
