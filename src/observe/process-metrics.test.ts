import assert from 'node:assert/strict';
import test from 'node:test';
import { Metrics } from './metrics.ts';
import { registerProcessMetrics } from './process-metrics.ts';

/** Metric values by name and labels. */
function read(metrics: Metrics): Map<string, number> {
  const lines = metrics.expose().split('\n');
  const values = lines.filter((line) => line !== '' && !line.startsWith('#'));
  return new Map(
    values.map((line) => [line.slice(0, line.lastIndexOf(' ')), Number(line.slice(line.lastIndexOf(' ')))]),
  );
}

test('the process shows its build, memory, CPU time, start and open files', (t) => {
  const metrics = new Metrics();
  const build = { version: '0.1.0', node: '24.15.0' };
  t.after(registerProcessMetrics(metrics, build, () => 3));
  const values = read(metrics);
  assert.deepEqual(
    [...values.keys()],
    [
      'nephoscope_build_info{version="0.1.0",node="24.15.0"}',
      'process_start_time_seconds',
      'process_cpu_seconds_total',
      'process_resident_memory_bytes',
      'nodejs_heap_size_used_bytes',
      'nodejs_heap_size_total_bytes',
      'nodejs_external_memory_bytes',
      'process_open_fds',
      'nodejs_eventloop_lag_seconds',
      'nephoscope_log_dropped_total',
    ],
  );
  assert.equal(values.get('nephoscope_build_info{version="0.1.0",node="24.15.0"}'), 1);
  assert.equal(values.get('nephoscope_log_dropped_total'), 3);
  const startedSecondsAgo = Date.now() / 1_000 - (values.get('process_start_time_seconds') ?? 0);
  assert.ok(Math.abs(startedSecondsAgo - process.uptime()) < 5);
  assert.ok((values.get('process_cpu_seconds_total') ?? 0) > 0);
  assert.ok((values.get('process_resident_memory_bytes') ?? 0) > 10_000_000);
  assert.ok((values.get('nodejs_heap_size_used_bytes') ?? 0) > 1_000_000);
  assert.ok((values.get('process_open_fds') ?? 0) >= 3);
});

test('the lag shows how long the event loop was held up, once', async (t) => {
  const metrics = new Metrics();
  t.after(registerProcessMetrics(metrics, { version: '0.1.0', node: '24.15.0' }));
  // The measuring timer must have fired before and after the loop was held up.
  await new Promise((resolve) => setTimeout(resolve, 30));
  const end = performance.now() + 200;
  while (performance.now() < end);
  await new Promise((resolve) => setTimeout(resolve, 30));
  const lag = read(metrics).get('nodejs_eventloop_lag_seconds') ?? 0;
  assert.ok(lag > 0.15 && lag < 5, `lag ${lag}`);
  assert.equal(read(metrics).get('nodejs_eventloop_lag_seconds'), 0);
});
