import { Readable, Writable } from 'node:stream';
import { Command } from 'commander';
import type { CliIo, RegisterCommand } from '../../src/cli/command.ts';

/** What a command wrote, and its exit code. */
export interface CommandResult {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs one registered command line without a process; its options come from `argv`. */
export async function runCommand(register: RegisterCommand, argv: readonly string[]): Promise<CommandResult> {
  const out: string[] = [];
  const err: string[] = [];
  let exitCode = 0;
  const io: CliIo = { stdin: Readable.from([]), stdout: collector(out), stderr: collector(err), env: {} };
  const program = new Command().exitOverride();
  program.configureOutput({ writeOut: (text) => out.push(text), writeErr: (text) => err.push(text) });
  register(program, io, (code) => {
    exitCode = code;
  });
  await program.parseAsync([...argv], { from: 'user' });
  return { exitCode, stdout: out.join(''), stderr: err.join('') };
}

function collector(texts: string[]): Writable {
  return new Writable({
    write: (chunk, _encoding, done) => {
      texts.push(String(chunk));
      done();
    },
  });
}
