import { loadConfigWithoutFiles } from '../config/load.ts';
import { createLogger } from '../observe/logger.ts';
import type { Metrics } from '../observe/metrics.ts';
import { PUBLISHERS } from '../publishers/registry.ts';
import { openStore } from '../store/open.ts';
import { OPTIONS } from './options.ts';
import { createProgram } from './program.ts';
import { createPublisher } from './publishers.ts';
import { workerMetrics } from './workers.ts';

/**
 * Every metric of a program with all its sources, for the reference page: a program is put together and never
 * started, so nothing outside is touched.
 */
export function describeMetrics(): ReturnType<Metrics['describe']> {
  const environment = {
    OS_DEFAULT__TRANSPORT_URL: 'rabbit://127.0.0.1/',
    OS_COLLECTOR__ENABLED: 'true',
    OS_COLLECTOR__UDP_ADDRESS: '127.0.0.1',
    OS_PUBLISHER__TELEMETRY_SECRET: 'x',
    OS_SERVICE_CREDENTIALS__AUTH_TYPE: 'none',
    OS_SERVICE_CREDENTIALS__ENDPOINT: 'http://127.0.0.1/',
    OS_STATSD__ENABLED: 'true',
    OS_NOTIFICATION_UDP__ENABLED: 'true',
  };
  const config = loadConfigWithoutFiles(OPTIONS, environment);
  const log = createLogger({ level: 'fatal', format: 'json', destination: 2 });
  const stateDir = '/nonexistent';
  const { metrics } = createProgram({ config, stateDir, log, version: '0' });
  workerMetrics(metrics);
  const store = openStore('sqlite:///nonexistent/telemetry.sqlite');
  const context = { config, store, log: log.logger, metrics, stateDir };
  for (const { schemes, examples, samples } of PUBLISHERS) {
    const [example = ''] = examples;
    createPublisher(samples === undefined ? 'event' : 'sample', example, `publisher:${schemes[0]}`, context);
  }
  return metrics.describe();
}
