import type { CliIo } from './command.ts';
import { runCommandLine } from './run.ts';

/** What a command that has ended may leave open (a keep-alive socket, a log line) before the process ends anyway. */
const GRACE_MILLIS = 1_000;

// A reader that has seen enough (`| head`) is no failure.
process.stdout.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : 1));

const { stdin, stdout, stderr, env } = process;
const io: CliIo = { stdin, stdout, stderr, env };
process.exitCode = await runCommandLine(process.argv.slice(2), io);
setTimeout(() => process.exit(), GRACE_MILLIS).unref();
