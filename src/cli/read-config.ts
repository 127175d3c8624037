import { OPTIONS } from '../app/options.ts';
import { ConfigurationError } from '../component/errors.ts';
import { loadConfig, type Override } from '../config/load.ts';
import type { Config } from '../config/option.ts';
import { formatProblems } from '../config/problems.ts';
import type { CliIo } from './command.ts';
import type { ConfigFlags } from './config-flags.ts';

/**
 * Reads the configuration a command was given; `overrides` are options set by its other flags. Warnings go to stderr,
 * mistakes end the command (exit code 78).
 */
export function readConfig(flags: ConfigFlags, io: CliIo, overrides: readonly Override[] = []): Config {
  const { config, problems } = loadConfig({
    options: OPTIONS,
    files: flags.configFile,
    dirs: flags.configDir,
    environment: io.env,
    overrides,
  });
  if (config === null) throw new ConfigurationError(problems);
  if (problems.length > 0) io.stderr.write(`${formatProblems(problems)}\n`);
  return config;
}
