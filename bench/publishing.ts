import { fork } from 'node:child_process';
import { once } from 'node:events';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createDeadline } from '../src/component/component.ts';
import type { Config } from '../src/config/option.ts';
import type { Sample } from '../src/model/sample.ts';
import { silentLogger } from '../src/observe/logger.ts';
import { Metrics } from '../src/observe/metrics.ts';
import { deliver } from '../src/publishers/delivery.ts';
import { readDeliverySettings, urlSyntaxOf } from '../src/publishers/delivery-settings.ts';
import type { Publisher, PublisherContext, PublisherDefinition } from '../src/publishers/publisher.ts';
import { parsePublisherUrl } from '../src/publishers/publisher-url.ts';
import type { Store } from '../src/store/store.ts';
import { cpuMicros, median } from './figure.ts';

/** Samples in one call, as the pipeline hands them on. */
export const CALL = 500;
/** Calls that wait at a time. */
const OVERLAP = 8;
/** Samples in one round. */
export const SAMPLES = 50_000;
const ROUNDS = 5;

/** A publisher of samples with the runner around it. */
export function createPublisher(
  definition: PublisherDefinition,
  text: string,
  config: Config,
): Publisher<Sample> {
  const url = parsePublisherUrl(text, urlSyntaxOf(definition));
  const context: PublisherContext = {
    name: `publisher:${definition.schemes[0]}:samples`,
    config,
    store: {} as Store,
    log: silentLogger,
    metrics: new Metrics(),
    stateDir: '/nonexistent',
    host: 'bench',
  };
  const inner = definition.samples?.(url, context);
  if (inner === undefined) throw new Error(`${url.scheme}:// takes no samples`);
  return deliver(inner, readDeliverySettings(definition, url), context);
}

export interface SinkBench {
  /** A module that calls `serveSink` when it is started with the argument `sink`. */
  readonly sinkFile: string;
  publisher(port: number): Publisher<Sample>;
  /** The `SAMPLES` of a round, counted from 0; the first warms up. */
  samples(round: number): readonly Sample[];
}

/**
 * Publishes rounds of samples to a server in a process of its own: samples per second, and CPU of our process per sample
 * in microseconds, medians. Fails when one did not arrive.
 */
export async function benchToSink({ sinkFile, publisher: create, samples }: SinkBench): Promise<{
  readonly rate: number;
  readonly cpuMicrosPerSample: number;
}> {
  const sink = fork(sinkFile, ['sink']);
  try {
    const [port] = (await once(sink, 'message')) as [number];
    const publisher = create(port);
    await publisher.start(new AbortController().signal);
    await publishAll(publisher, samples(0));
    const rounds = [];
    for (let round = 1; round <= ROUNDS; round++) rounds.push(await publishAll(publisher, samples(round)));
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

async function publishAll(
  publisher: Publisher<Sample>,
  samples: readonly Sample[],
): Promise<{ readonly rate: number; readonly cpu: number }> {
  const { signal } = new AbortController();
  let next = 0;
  const caller = async (): Promise<void> => {
    while (next < samples.length) {
      const from = next;
      next += CALL;
      const { accepted } = await publisher.publish(samples.slice(from, from + CALL), signal);
      if (accepted !== CALL) throw new Error(`${accepted} of ${CALL} samples were taken`);
    }
  };
  const begin = performance.now();
  const cpu = await cpuMicros(() => Promise.all(Array.from({ length: OVERLAP }, caller)));
  return { rate: samples.length / ((performance.now() - begin) / 1_000), cpu: cpu / samples.length };
}

/** The other process: says the port of `server`, and how much arrived when asked. Does nothing in the first process. */
export function serveSink(create: () => { readonly server: Server; readonly arrived: () => number }): void {
  if (process.argv[2] !== 'sink' || process.send === undefined) return;
  const { server, arrived } = create();
  process.on('message', () => process.send?.(arrived()));
  server.listen(0, '127.0.0.1', () => process.send?.((server.address() as AddressInfo).port));
}

/** How often `mark` is in `body`. */
export function countOf(body: Buffer, mark: Buffer): number {
  let count = 0;
  for (let at = body.indexOf(mark); at >= 0; at = body.indexOf(mark, at + mark.length)) count++;
  return count;
}
