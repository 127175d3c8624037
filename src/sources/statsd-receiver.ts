import { setImmediate as turn } from 'node:timers/promises';
import { createBackoff } from '../lib/backoff.ts';
import type { Sample } from '../model/sample.ts';
import { createSenderCheck } from './datagram-senders.ts';
import { type DatagramSocket, openDatagramSocket } from './datagram-socket.ts';
import { StatsdAggregator } from './statsd-aggregator.ts';
import { COUNT, countUp, type StatsdCounts } from './statsd-counts.ts';
import type { ReceiverReport, ReceiverSettings } from './statsd-protocol.ts';

export interface ReceiverParts {
  readonly settings: ReceiverSettings;
  readonly counts: StatsdCounts;
  readonly report: (report: ReceiverReport) => void;
}

/** What runs in the receiving thread: the socket, the aggregator and the clock of the flushes. */
export interface StatsdReceiver {
  /** The other side has the samples of the last report. */
  taken(): void;
  /** Reads what has arrived, closes the socket, flushes a last time, and says `stopped` when all is taken. */
  stop(): Promise<void>;
}

const CHUNK_SAMPLES = 1000;
/** A socket is read between two slices only, and the kernel holds some hundredths of a second at full rate. */
const SLICE_MILLIS = 0.3;
/** Turns without a datagram after which the kernel has no more of them, and the most turns that are waited. */
const QUIET_TURNS = 3;
const MOST_TURNS = 2000;

/**
 * Starts to listen and to flush.
 *
 * While the samples of one flush are not all taken, the next ones are put off, counted, and values go on gathering: a
 * store that does not answer makes intervals longer, and loses nothing. A port that is taken is tried again.
 */
export function startStatsdReceiver({ settings, counts, report }: ReceiverParts): StatsdReceiver {
  const aggregator = new StatsdAggregator({ ...settings, random: Math.random }, counts);
  const isAllowed = createSenderCheck(settings.allowedSources, 'allowed_sources');
  const backoff = createBackoff({ initialMillis: 500, maxMillis: 15_000 });
  const startMillis = performance.now();
  let socket: DatagramSocket | null = null;
  let retry: NodeJS.Timeout | undefined;
  let timer: NodeJS.Timeout | undefined;
  let opening: Promise<void> = open();
  let flushing: Promise<void> | null = null;
  let onTaken: () => void = () => {};
  let isStopping = false;
  schedule();

  async function open(): Promise<void> {
    try {
      socket = await openDatagramSocket({
        ...settings,
        onDatagram: (datagram, address) => {
          if (isAllowed(address)) aggregator.take(datagram, address);
          else countUp(counts, COUNT.source_not_allowed);
        },
        onFailure: (error) => openLater(error.message),
      });
      backoff.reset();
      report({ kind: 'listening', port: socket.port, receiveBufferBytes: socket.receiveBufferBytes });
    } catch (thrown) {
      openLater(thrown instanceof Error ? thrown.message : String(thrown));
    }
  }

  function openLater(reason: string): void {
    socket = null;
    if (isStopping) return;
    report({ kind: 'not-listening', reason });
    retry = setTimeout(() => {
      opening = open();
    }, backoff.nextMillis());
  }

  /** At multiples of the interval since the start, so that the flushes do not drift. */
  function schedule(): void {
    const passed = performance.now() - startMillis;
    // Half an interval more, as a timer may come a little early.
    const next = Math.floor(passed / settings.flushMillis + 0.5) + 1;
    timer = setTimeout(
      () => {
        schedule();
        if (flushing === null) flushing = flush().finally(() => (flushing = null));
        else countUp(counts, COUNT.postponedFlushes);
      },
      next * settings.flushMillis - passed,
    );
  }

  async function flush(): Promise<void> {
    const begun = performance.now();
    const samples = await gather();
    counts[COUNT.flushMicros] = Math.round((performance.now() - begun) * 1000);
    for (let start = 0; start < samples.length; start += CHUNK_SAMPLES) {
      const taken = new Promise<void>((resolve) => {
        onTaken = resolve;
      });
      report({ kind: 'samples', samples: samples.slice(start, start + CHUNK_SAMPLES) });
      await taken;
    }
  }

  /** In slices, so that the socket is read meanwhile. */
  async function gather(): Promise<readonly Sample[]> {
    const samples: Sample[] = [];
    let sliceEnd = performance.now() + SLICE_MILLIS;
    for (const some of aggregator.flush(Date.now() * 1000)) {
      for (const sample of some) samples.push(sample);
      if (performance.now() < sliceEnd) continue;
      await turn();
      sliceEnd = performance.now() + SLICE_MILLIS;
    }
    return samples;
  }

  /** Until no datagram came for some turns of the loop. */
  async function readRest(): Promise<void> {
    let quiet = 0;
    for (let turns = 0; turns < MOST_TURNS && quiet < QUIET_TURNS; turns++) {
      const before = counts[COUNT.datagrams];
      await turn();
      quiet = counts[COUNT.datagrams] === before ? quiet + 1 : 0;
    }
  }

  return {
    taken: () => onTaken(),
    stop: async () => {
      if (isStopping) return;
      isStopping = true;
      clearTimeout(timer);
      clearTimeout(retry);
      await opening;
      await readRest();
      await socket?.close();
      await flushing;
      await flush();
      report({ kind: 'stopped' });
    },
  };
}
