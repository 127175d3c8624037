import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { collected } from './collected.ts';
import { freePort } from './listen.ts';

/** A `nephoscope serve` as a user starts it, ended by its process id. */
export interface Server extends AsyncDisposable {
  readonly url: string;
  readonly stateDir: string;
  readonly child: ChildProcess;
  /** From spawn to the first 200 of /readyz, in milliseconds; rejects when the process ends before. */
  ready(): Promise<number>;
  /** The value of one metric, summed over its labels; NaN when there is none or no answer. */
  metric(name: string): Promise<number>;
  /** What it wrote to stdout so far. */
  stdout(): string;
  /** What it wrote to stderr so far. */
  stderr(): string;
  /** Sends a signal and gives the exit code, or the signal's name when that ended it. */
  end(signal: NodeJS.Signals): Promise<number | NodeJS.Signals | null>;
}

export interface ServerOptions {
  /** Kept when it is given; else a temporary one that goes with the server. */
  readonly stateDir?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly args?: readonly string[];
}

const BIN = fileURLToPath(new URL('../../bin/nephoscope', import.meta.url));
const READY_LIMIT_MILLIS = 30_000;

/** Spawns a server on a free port, without polling this host unless `env` says so; does not wait for it. */
export async function spawnServer({ stateDir, env = {}, args = [] }: ServerOptions = {}): Promise<Server> {
  const directory = stateDir ?? mkdtempSync(join(tmpdir(), 'nephoscope-test-'));
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const spawnedAt = performance.now();
  const child = spawn(process.execPath, [BIN, 'serve', '--state-dir', directory, ...args], {
    env: { ...process.env, OS_API__PORT: String(port), OS_DEFAULT__POLLING_NAMESPACES: '', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const stdout = collected(child.stdout);
  const stderr = collected(child.stderr);
  const ended = new Promise<number | NodeJS.Signals | null>((resolve) => {
    child.once('close', (code, signal) => resolve(code ?? signal));
  });
  return {
    url,
    stateDir: directory,
    child,
    ready: async () => {
      while (!(await answersReady(url))) {
        if (child.exitCode !== null || child.signalCode !== null || elapsed(spawnedAt) > READY_LIMIT_MILLIS) {
          throw new Error(`serve is not ready (exit code ${child.exitCode}): ${stderr()}`);
        }
        await sleep(10);
      }
      return elapsed(spawnedAt);
    },
    metric: async (name) => {
      const text = await fetch(`${url}/metrics`).then(
        (response) => response.text(),
        () => '',
      );
      return sumMetric(text, name);
    },
    stdout,
    stderr,
    end: async (signal) => {
      child.kill(signal);
      return await ended;
    },
    [Symbol.asyncDispose]: async () => {
      child.kill('SIGTERM');
      await ended;
      if (stateDir === undefined) rmSync(directory, { recursive: true, force: true });
    },
  };
}

/** Spawns a server and waits until it is ready. */
export async function startServer(options: ServerOptions = {}): Promise<Server> {
  const server = await spawnServer(options);
  await server.ready();
  return server;
}

/** Sum over all series of a metric in Prometheus text; NaN when it is not there. */
export function sumMetric(text: string, name: string): number {
  const values = text
    .split('\n')
    .filter((line) => line.startsWith(`${name} `) || line.startsWith(`${name}{`))
    .map((line) => Number(line.slice(line.lastIndexOf(' ') + 1)));
  return values.length === 0 ? Number.NaN : values.reduce((sum, value) => sum + value, 0);
}

function elapsed(since: number): number {
  return performance.now() - since;
}

async function answersReady(url: string): Promise<boolean> {
  return await fetch(`${url}/readyz`).then(
    (response) => response.ok,
    () => false,
  );
}
