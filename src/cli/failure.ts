import { NephoscopeError } from '../component/errors.ts';
import { type CliIo, EXIT } from './command.ts';
import { escapeControls } from './display-text.ts';
import { ApiCallError } from './http-client.ts';

const NOT_ALLOWED = 5;

/**
 * Runs a command that talks to the API. An error that is one of ours is shown on stderr and becomes the exit code that
 * fits it; any other is thrown on.
 */
export async function withExitCode(io: CliIo, run: () => Promise<number>): Promise<number> {
  try {
    return await run();
  } catch (thrown) {
    if (!(thrown instanceof NephoscopeError)) throw thrown;
    const message = thrown.message.split('\n').map(escapeControls).join('\n');
    io.stderr.write(`${thrown.code} ${message}\n  help: ${escapeControls(thrown.hint)}\n`);
    return exitCode(thrown);
  }
}

/** A bad --where, a bad --api-url, no ids. */
const USAGE_ERRORS: ReadonlySet<string> = new Set(['E4030', 'E4031', 'E4034']);

function exitCode(error: NephoscopeError): number {
  if (error.retry === 'transient') return EXIT.unavailable;
  if (USAGE_ERRORS.has(error.code)) return EXIT.usage;
  if (!(error instanceof ApiCallError)) return EXIT.failed;
  if (error.status === 404) return EXIT.notFound;
  if (error.status === 401 || error.status === 403) return NOT_ALLOWED;
  return EXIT.failed;
}
