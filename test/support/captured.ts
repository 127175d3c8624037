import { Readable, Writable } from 'node:stream';
import { Command } from 'commander';
import type { CliIo, RegisterCommand } from '../../src/cli/command.ts';

/** Streams for a command under test: the text given as its input, and what it writes kept as text. */
export interface CapturedIo extends CliIo {
  stdoutText(): string;
  stderrText(): string;
}

export function captured(input = '', env: CliIo['env'] = {}): CapturedIo {
  const written = { stdout: '', stderr: '' };
  const keep = (name: keyof typeof written): Writable =>
    new Writable({
      write: (chunk, _encoding, done) => {
        written[name] += String(chunk);
        done();
      },
    });
  return {
    stdin: Readable.from([input]),
    stdout: keep('stdout'),
    stderr: keep('stderr'),
    env,
    stdoutText: () => written.stdout,
    stderrText: () => written.stderr,
  };
}

/** What a command wrote, and its exit code. */
export interface CommandResult {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs one registered command line without a process; its options come from `argv`. */
export async function runCommand(register: RegisterCommand, argv: readonly string[]): Promise<CommandResult> {
  const io = captured();
  let exitCode = 0;
  const program = new Command().exitOverride().configureOutput({
    writeOut: (text) => io.stdout.write(text),
    writeErr: (text) => io.stderr.write(text),
  });
  register(program, io, (code) => {
    exitCode = code;
  });
  await program.parseAsync([...argv], { from: 'user' });
  return { exitCode, stdout: io.stdoutText(), stderr: io.stderrText() };
}
