import { join } from 'node:path';
import { type Config, defineOption } from '../config/option.ts';
import type { LoggerOptions } from './logger.ts';

/** Names and meaning of oslo.log, so that a `[DEFAULT]` section carried over from a service keeps its effect. */
const debug = defineOption({
  group: 'DEFAULT',
  name: 'debug',
  type: 'boolean',
  default: false,
  doc: 'Log what helps to find a defect, too. Costs some speed and much space.',
  since: '0.1.0',
});

const logFile = defineOption({
  group: 'DEFAULT',
  name: 'log_file',
  type: 'string',
  default: null,
  doc: 'File to append the log to, under `log_dir` unless it is an absolute path. Not set: standard error.',
  example: '/var/log/nephoscope/nephoscope.log',
  since: '0.1.0',
  deprecatedNames: [{ group: 'DEFAULT', name: 'logfile' }],
});

const logDir = defineOption({
  group: 'DEFAULT',
  name: 'log_dir',
  type: 'string',
  default: null,
  doc: 'Directory of the log file. Set without `log_file`, the file is called nephoscope.log.',
  example: '/var/log/nephoscope',
  since: '0.1.0',
  deprecatedNames: [{ group: 'DEFAULT', name: 'logdir' }],
});

const useJson = defineOption({
  group: 'DEFAULT',
  name: 'use_json',
  type: 'boolean',
  default: null,
  doc: 'Log one JSON object per line (true) or lines for people (false). Not set: for people on a terminal, else JSON.',
  since: '0.1.0',
});

/** Options of the program's own log. */
export const LOG_OPTIONS = [debug, logFile, logDir, useJson] as const;

/**
 * What the configuration says about the log. `terminal` is whether standard error is a terminal, `color` whether
 * the environment wants colours there. Pure.
 */
export function readLogOptions(
  config: Config,
  environment: { readonly terminal: boolean; readonly color: boolean },
): LoggerOptions {
  const file = logPath(config.get(logFile), config.get(logDir));
  const onTerminal = file === null && environment.terminal;
  const json = config.get(useJson) ?? !onTerminal;
  return {
    level: config.get(debug) ? 'debug' : 'info',
    format: json ? 'json' : 'text',
    destination: file ?? 2,
    color: onTerminal && environment.color,
  };
}

function logPath(file: string | null, directory: string | null): string | null {
  if (directory === null || file?.startsWith('/')) return file;
  return join(directory, file ?? 'nephoscope.log');
}
