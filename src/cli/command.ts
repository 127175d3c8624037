import type { Command } from 'commander';

/** What a command may touch of the outside; handed in so that tests can look at it. */
export interface CliIo {
  readonly stdin: NodeJS.ReadableStream;
  readonly stdout: NodeJS.WritableStream;
  readonly stderr: NodeJS.WritableStream;
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** Exit codes of all commands (reference: ux.md section 5.2). */
export const EXIT = {
  done: 0,
  failed: 1,
  usage: 2,
  findings: 3,
  notFound: 4,
  badData: 65,
  unavailable: 69,
  badConfiguration: 78,
  interrupted: 130,
} as const;

/** Adds one command to the program. Its action gives its exit code to `setExitCode`; errors it throws are shown by `main`. */
export type RegisterCommand = (program: Command, io: CliIo, setExitCode: (code: number) => void) => void;

/** A command of the program; its module is loaded only when it is asked for, so that `--help` stays quick. */
export interface CommandEntry {
  readonly name: string;
  readonly summary: string;
  load(): Promise<RegisterCommand>;
}
