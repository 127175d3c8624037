import { ConfigurationError } from '../component/errors.ts';
import { loadConfig } from '../config/load.ts';
import { createLogger } from '../observe/logger.ts';
import type { Metrics } from '../observe/metrics.ts';
import { OPTIONS } from './options.ts';
import { createProgram } from './program.ts';

/**
 * Every metric of a program with all its sources, for the reference page: a program is put together and never
 * started, so nothing outside is touched.
 */
export function describeMetrics(): ReturnType<Metrics['describe']> {
  const environment = { OS_DEFAULT__TRANSPORT_URL: 'rabbit://127.0.0.1/' };
  const { config, problems } = loadConfig({
    options: OPTIONS,
    files: [],
    dirs: [],
    environment,
    home: null,
    etc: '/nonexistent',
  });
  if (config === null) throw new ConfigurationError(problems);
  const log = createLogger({ level: 'fatal', format: 'json', destination: 2 });
  return createProgram({ config, stateDir: '/nonexistent', log, version: '0' }).metrics.describe();
}
