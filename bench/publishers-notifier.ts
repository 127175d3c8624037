import { randomUUID } from 'node:crypto';
import { connect } from 'amqplib';
import { createDeadline } from '../src/component/component.ts';
import { Secret } from '../src/config/option.ts';
import type { Sample } from '../src/model/sample.ts';
import { NOTIFIER_PUBLISHER } from '../src/publishers/notifier.ts';
import type { Publisher } from '../src/publishers/publisher.ts';
import { configOf } from '../test/support/config.ts';
import { figure, type Report } from './figure.ts';
import { CALL, createPublisher } from './publishing.ts';

const BROKER = process.env['NEPHOSCOPE_BENCH_BROKER'] ?? 'amqp://guest:guest@127.0.0.1:5672/';
const SAMPLES = 100_000;
const WARM_UP = 10_000;

/** Signed samples through the runner to a real broker, each confirmed. */
export async function benchNotifier(report: Report): Promise<void> {
  const connection = await connect(BROKER).catch(() => null);
  if (connection === null) {
    report({
      name: 'publishers.notifier.rate',
      value: Number.NaN,
      unit: 'samples/s',
      goal: '>=10000',
      ok: false,
    });
    return;
  }
  const topic = `bench-${randomUUID()}`;
  const publisher = createPublisher(
    NOTIFIER_PUBLISHER,
    `${BROKER.replace(/^amqp/, 'notifier')}?topic=${topic}`,
    configOf({ 'publisher/telemetry_secret': new Secret('bench') }),
  );
  try {
    await publisher.start(new AbortController().signal);
    await publishAll(publisher, samplesOf(WARM_UP));
    const samples = samplesOf(SAMPLES);
    const cpu = process.cpuUsage();
    const begin = performance.now();
    await publishAll(publisher, samples);
    const seconds = (performance.now() - begin) / 1000;
    const { user, system } = process.cpuUsage(cpu);
    report(figure('publishers.notifier.rate', SAMPLES / seconds, 'samples/s', '>=10000'));
    report(figure('publishers.notifier.cpu', (user + system) / SAMPLES, 'us/sample', ''));
  } finally {
    await publisher.stop(createDeadline(5000));
    const channel = await connection.createChannel();
    await channel.deleteQueue(`${topic}.sample`);
    await connection.close();
  }
}

async function publishAll(publisher: Publisher<Sample>, samples: readonly Sample[]): Promise<void> {
  const { signal } = new AbortController();
  const window = 4 * CALL;
  for (let start = 0; start < samples.length; start += window) {
    const calls: Promise<unknown>[] = [];
    for (let from = start; from < Math.min(start + window, samples.length); from += CALL)
      calls.push(publisher.publish(samples.slice(from, from + CALL), signal));
    await Promise.all(calls);
  }
}

function samplesOf(count: number): readonly Sample[] {
  const micros = Date.UTC(2026, 0, 2, 3, 4, 5) * 1000;
  return Array.from(
    { length: count },
    (_, index): Sample => ({
      id: randomUUID(),
      name: 'cpu',
      type: 'cumulative',
      unit: 'ns',
      volume: 1_250_000_000 + index,
      userId: '8f0c8f4b9a9c4f2f9d4a1f4f4f6a2c11',
      userName: null,
      projectId: '1f0c8f4b9a9c4f2f9d4a1f4f4f6a2c22',
      projectName: null,
      resourceId: `9f1c8f4b-9a9c-4f2f-9d4a-${String(index % 1000).padStart(12, '0')}`,
      timestamp: '2026-01-02T03:04:05+00:00',
      timestampMicros: micros,
      resourceMetadata: {
        display_name: `server-${index % 1000}`,
        host: 'compute-17.example.com',
        flavor: { name: 'm1.small', vcpus: 1, ram: 2048 },
        status: 'active',
        instance_host: 'compute-17',
      },
      source: 'openstack',
      deployment: null,
      monotonicTime: null,
    }),
  );
}
