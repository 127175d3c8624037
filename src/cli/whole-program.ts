import { Command } from 'commander';
import type { CliIo } from './command.ts';
import { COMMANDS } from './commands.ts';
import { VERSION } from './version.ts';

/** The program without its commands: name, version, help. Errors are thrown, not printed. */
export function createProgram(): Command {
  return new Command('nephoscope')
    .description('Telemetry and alarming of OpenStack clouds: samples, events and alarms in one program.')
    .version(VERSION, '--version', 'show the version')
    .helpOption('-h, --help', 'show help; also for each command')
    .helpCommand(false)
    .showSuggestionAfterError()
    .showHelpAfterError('(nephoscope COMMAND --help explains a command)')
    .exitOverride()
    .addHelpText(
      'after',
      `
First steps:
  nephoscope serve                          everything in one process, on 127.0.0.1:8777
  nephoscope query samples --limit 5        what was measured last
  nephoscope convert FILE                   what definitions make of recorded notifications`,
    );
}

/** The program with all commands in full, for completion scripts. Loads every command's module. */
export async function loadWholeProgram(io: CliIo): Promise<Command> {
  const program = createProgram();
  for (const entry of COMMANDS) (await entry.load())(program, io, () => {});
  return program;
}
