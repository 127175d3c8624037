import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { collected } from './collected.ts';

const BIN = fileURLToPath(new URL('../../bin/nephoscope', import.meta.url));

export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs the program as a user does and waits for its end. */
export async function nephoscope(
  args: readonly string[],
  { input = '', env = {} }: { readonly input?: string; readonly env?: Readonly<Record<string, string>> } = {},
): Promise<Ended> {
  const child = spawn(process.execPath, [BIN, ...args], { env: { ...process.env, ...env } });
  const stdout = collected(child.stdout);
  const stderr = collected(child.stderr);
  child.stdin.on('error', () => {});
  child.stdin.end(input);
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  return { code, stdout: stdout(), stderr: stderr() };
}
