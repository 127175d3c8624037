import { readdirSync } from 'node:fs';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import type { Metrics } from './metrics.ts';

/** What runs here, for the build information. */
export interface BuildInfo {
  readonly version: string;
  /** The version of Node. */
  readonly node: string;
}

const LAG_RESOLUTION_MILLIS = 10;
const NANOS_PER_SECOND = 1e9;

/**
 * Registers the metrics of this process under the names Prometheus uses for them. The values are read when the page
 * is asked for, and the event loop's lag is the worst since the page before. Call once per `Metrics`. The returned
 * function ends the measuring. `droppedLogLines` is asked each time as well.
 */
export function registerProcessMetrics(
  metrics: Metrics,
  build: BuildInfo,
  droppedLogLines: () => number = () => 0,
): () => void {
  metrics
    .gauge('nephoscope_build_info', 'Always 1; the labels say what runs.', ['version', 'node'])
    .child(build.version, build.node)
    .set(1);
  metrics
    .gauge('process_start_time_seconds', 'When the process started, in seconds since the epoch.')
    .child()
    .set(performance.timeOrigin / 1_000);
  const cpu = metrics.counter('process_cpu_seconds_total', 'CPU time spent, user and system.').child();
  const memory = metrics.gauge('process_resident_memory_bytes', 'Memory held in RAM.').child();
  const heap = metrics.gauge('nodejs_heap_size_used_bytes', 'Memory used by JavaScript objects.').child();
  const heapTotal = metrics
    .gauge('nodejs_heap_size_total_bytes', 'Memory kept for JavaScript objects.')
    .child();
  const external = metrics
    .gauge('nodejs_external_memory_bytes', 'Memory of buffers that JavaScript objects hold outside the heap.')
    .child();
  const descriptors = metrics.gauge('process_open_fds', 'Open file descriptors.').child();
  const lag = metrics
    .gauge('nodejs_eventloop_lag_seconds', 'Longest delay of the event loop since the last look.')
    .child();
  const logDropped = metrics
    .counter('nephoscope_log_dropped_total', 'Lines of the log that were lost because nobody took them.')
    .child();
  const delays = monitorEventLoopDelay({ resolution: LAG_RESOLUTION_MILLIS });
  delays.enable();
  metrics.onCollect(() => {
    const { user, system } = process.cpuUsage();
    cpu.set((user + system) / 1e6);
    const usage = process.memoryUsage();
    memory.set(usage.rss);
    heap.set(usage.heapUsed);
    heapTotal.set(usage.heapTotal);
    external.set(usage.external);
    descriptors.set(countDescriptors());
    logDropped.set(droppedLogLines());
    lag.set(takeLagSeconds(delays));
  });
  return () => void delays.disable();
}

/** The histogram counts the whole time between two wake-ups, so the resolution itself is no lag. */
function takeLagSeconds(delays: ReturnType<typeof monitorEventLoopDelay>): number {
  const lagNanos = delays.count === 0 ? 0 : delays.max - LAG_RESOLUTION_MILLIS * 1e6;
  delays.reset();
  return Math.max(0, lagNanos) / NANOS_PER_SECOND;
}

/** Zero where the system does not tell. */
function countDescriptors(): number {
  try {
    // The listing itself holds one open.
    return readdirSync('/proc/self/fd').length - 1;
  } catch {
    return 0;
  }
}
