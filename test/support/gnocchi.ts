import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { collected } from './collected.ts';
import { freePort } from './listen.ts';
import type { Service } from './services.ts';

const run = promisify(execFile);

/** A real Gnocchi on this machine, with a database and files of its own. Its log-in is by user name alone. */
export interface Gnocchi extends AsyncDisposable {
  readonly url: string;
  /** A request as the given user (`admin`: the administrator); gives status and parsed answer. */
  request(
    method: string,
    path: string,
    body?: unknown,
    user?: string,
  ): Promise<{ readonly status: number; readonly body: unknown }>;
  /** Ends the API; what was stored stays. */
  down(): Promise<void>;
  /** Starts it again at the same address. */
  up(): Promise<void>;
  /** Holds all its processes: connections are taken and nothing is answered. */
  freeze(): void;
  thaw(): void;
}

const POSTGRES = ['-h', '127.0.0.1', '-U', 'postgres'];
/** The plug-in that the package of the API depends on; `gnocchi-api` itself wants a router plug-in besides. */
const UWSGI = 'uwsgi';

export async function gnocchiAvailable(): Promise<Service> {
  const name = 'Gnocchi (Debian package gnocchi-api) with PostgreSQL on 127.0.0.1';
  const missing =
    (await cannot('/usr/bin/gnocchi-upgrade', ['--version'], 'gnocchi-upgrade is not installed')) ??
    (await cannot(UWSGI, ['--plugin', 'python3', '--version'], 'uwsgi with Python is not installed')) ??
    (await cannot('psql', [...POSTGRES, '-c', 'select 1'], 'postgres cannot log in without a password'));
  return { name, missing };
}

async function cannot(command: string, args: readonly string[], why: string): Promise<string | null> {
  return await run(command, args, { timeout: 15_000 }).then(
    () => null,
    () => why,
  );
}

/** Makes database, files and schema and starts the API on a free port; takes some two seconds. */
export async function startGnocchi(): Promise<Gnocchi> {
  const directory = await mkdtemp(join(tmpdir(), 'nephoscope-gnocchi-'));
  const port = await freePort();
  const database = `nephoscope_gnocchi_${process.pid}_${port}`;
  await run('createdb', [...POSTGRES, database]);
  const config = join(directory, 'gnocchi.conf');
  await writeFile(config, configText(directory, database));
  const api = new Api(port, config);
  const remove = async (): Promise<void> => {
    await api.down();
    await run('dropdb', [...POSTGRES, '--if-exists', '--force', database]);
    await rm(directory, { recursive: true, force: true });
  };
  try {
    await run('/usr/bin/gnocchi-upgrade', ['--config-file', config, '--sacks-number', '1']);
    await api.up();
  } catch (thrown) {
    await remove();
    throw thrown;
  }
  return {
    url: api.url,
    request: (method, path, body, user) => api.request(method, path, body, user),
    down: () => api.down(),
    up: () => api.up(),
    freeze: () => api.signal('SIGSTOP'),
    thaw: () => api.signal('SIGCONT'),
    [Symbol.asyncDispose]: remove,
  };
}

function configText(directory: string, database: string): string {
  return `
[api]
auth_mode = basic
[oslo_policy]
policy_file = /usr/lib/python3/dist-packages/gnocchi/rest/policy.yaml
[indexer]
url = postgresql://postgres@127.0.0.1:5432/${database}
[storage]
driver = file
file_basepath = ${directory}
[incoming]
driver = file
file_basepath = ${directory}
`;
}

class Api {
  readonly url: string;
  readonly #port: number;
  readonly #config: string;
  #child: ChildProcess | null = null;

  constructor(port: number, config: string) {
    this.url = `http://127.0.0.1:${port}`;
    this.#port = port;
    this.#config = config;
  }

  async up(): Promise<void> {
    // A process group of its own, so that all of it can be held.
    const stdio = ['ignore', 'ignore', 'pipe'] as const;
    const child = spawn(UWSGI, this.#arguments(), { stdio: [...stdio], detached: true });
    this.#child = child;
    const log = collected(child.stderr as Readable);
    const end = performance.now() + 20_000;
    while ((await this.request('GET', '/').catch(() => null))?.status !== 200) {
      if (child.exitCode !== null || performance.now() > end) throw new Error(`Gnocchi is not up: ${log()}`);
      await sleep(20);
    }
  }

  async down(): Promise<void> {
    const child = this.#child;
    this.#child = null;
    if (child === null || child.exitCode !== null) return;
    const ended = new Promise((resolve) => child.once('close', resolve));
    if (child.pid !== undefined) process.kill(-child.pid, 'SIGCONT');
    child.kill('SIGINT');
    await ended;
  }

  signal(signal: 'SIGSTOP' | 'SIGCONT'): void {
    const pid = this.#child?.pid;
    if (pid !== undefined) process.kill(-pid, signal);
  }

  async request(
    method: string,
    path: string,
    body?: unknown,
    user = 'admin',
  ): Promise<{ readonly status: number; readonly body: unknown }> {
    const response = await fetch(this.url + path, {
      method,
      headers: {
        authorization: `Basic ${Buffer.from(`${user}:`).toString('base64')}`,
        accept: 'application/json',
        connection: 'close',
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    return { status: response.status, body: text === '' ? null : (JSON.parse(text) as unknown) };
  }

  #arguments(): readonly string[] {
    return [
      ...['--plugin', 'python3', '--http11-socket', `127.0.0.1:${this.#port}`, '--so-keepalive'],
      ...['--master', '--die-on-term', '--enable-threads', '--lazy-apps', '--disable-logging'],
      // Each kept connection holds a thread.
      ...['--processes', '1', '--threads', '16', '--buffer-size', '16384', '--chdir', '/'],
      ...['--wsgi', 'gnocchi.rest.wsgi', '--pyargv', `--config-file ${this.#config}`],
    ];
  }
}
