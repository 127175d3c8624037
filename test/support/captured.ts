import { Readable, Writable } from 'node:stream';
import type { CliIo } from '../../src/cli/command.ts';

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
