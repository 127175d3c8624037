import { type Command, CommanderError } from 'commander';
import { ConfigurationError, NephoscopeError, toError } from '../component/errors.ts';
import { type CliIo, EXIT } from './command.ts';
import { COMMANDS } from './commands.ts';
import { createProgram } from './whole-program.ts';

/**
 * The command line: finds the command, loads only its module, runs it, shows errors, gives the exit code.
 * Never throws and never ends the process.
 */
export async function runCommandLine(argv: readonly string[], io: CliIo): Promise<number> {
  let exitCode: number = EXIT.done;
  const program = createProgram();
  program.configureOutput({
    writeOut: (text) => void io.stdout.write(text),
    writeErr: (text) => void io.stderr.write(text),
  });
  try {
    await registerCommands(program, argv, io, (code) => {
      exitCode = code;
    });
    if (argv.length === 0) {
      io.stderr.write(program.helpInformation());
      return EXIT.usage;
    }
    await program.parseAsync([...argv], { from: 'user' });
    return exitCode;
  } catch (thrown) {
    return showError(thrown, io);
  }
}

/** Registers the asked-for command in full; the others by name and summary only, for the list in the help. */
async function registerCommands(
  program: Command,
  argv: readonly string[],
  io: CliIo,
  setExitCode: (code: number) => void,
): Promise<void> {
  const wanted = argv.find((argument) => !argument.startsWith('-'));
  for (const entry of COMMANDS) {
    if (entry.name === wanted) (await entry.load())(program, io, setExitCode);
    else program.command(entry.name).description(entry.summary);
  }
}

async function showError(thrown: unknown, io: CliIo): Promise<number> {
  if (thrown instanceof CommanderError) return thrown.exitCode === 0 ? EXIT.done : EXIT.usage;
  if (thrown instanceof ConfigurationError) {
    const { formatProblems } = await import('../config/problems.ts');
    io.stderr.write(`${formatProblems(thrown.problems)}\n`);
    return EXIT.badConfiguration;
  }
  const error = toError(thrown);
  if (error instanceof NephoscopeError) {
    io.stderr.write(`${error.code} ${error.message}\n  help: ${error.hint}\n`);
    return error.retry === 'transient' ? EXIT.unavailable : EXIT.failed;
  }
  const detail = io.env['NEPHOSCOPE_DEBUG'] === undefined ? error.message : (error.stack ?? error.message);
  io.stderr.write(`nephoscope: ${detail}\n`);
  return EXIT.failed;
}
