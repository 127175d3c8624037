import type { Command } from 'commander';

/** The flags that say where the configuration is; the same for every command that reads it. */
export interface ConfigFlags {
  readonly configFile: readonly string[];
  readonly configDir: readonly string[];
}

/** Adds --config-file and --config-dir to a command. */
export function addConfigOptions(command: Command): Command {
  const collect = (value: string, before: readonly string[]): readonly string[] => [...before, value];
  return command
    .option(
      '--config-file <file>',
      'configuration file (oslo.config INI); repeatable, later files win',
      collect,
      [],
    )
    .option(
      '--config-dir <dir>',
      'directory whose *.conf files are read after the files; repeatable',
      collect,
      [],
    );
}
