import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Certificates } from '../support/certificates.ts';
import { freePort } from '../support/listen.ts';
import type { Service } from '../support/services.ts';
import { until } from '../support/until.ts';

const run = promisify(execFile);
const PROGRAMS = '/usr/lib/rabbitmq/bin';
const START_LIMIT_MILLIS = 40_000;

/** A RabbitMQ node of a test's own: what is done to it happens to nobody else. */
export interface OwnBroker extends AsyncDisposable {
  readonly port: number;
  /** Speaks TLS and wants a certificate of the same authority; null when none were given. */
  readonly tlsPort: number | null;
  /** Runs rabbitmqctl on this node. */
  ctl(...args: readonly string[]): Promise<void>;
  /** SIGKILL, as a power cut to the process. */
  kill(): Promise<void>;
  /** Starts it again with what lay on its disk. */
  start(): Promise<void>;
}

export async function ownBrokerAvailable(): Promise<Service> {
  const name = `rabbitmq-server in ${PROGRAMS}`;
  return { name, missing: existsSync(join(PROGRAMS, 'rabbitmq-server')) ? null : 'it is not installed' };
}

/** Starts a node with an empty disk, and waits until it takes connections. */
export async function startOwnBroker(certificates?: Certificates): Promise<OwnBroker> {
  const directory = await mkdtemp(join(tmpdir(), 'nephoscope-broker-'));
  const [port, distPort, tls] = await Promise.all([freePort(), freePort(), freePort()]);
  const tlsPort = certificates === undefined ? null : tls;
  await mkdir(join(directory, 'home'));
  await writeFile(join(directory, 'plugins'), '[].\n');
  await writeFile(join(directory, 'rabbitmq.conf'), configuration(port, tlsPort, certificates));
  const env = { ...process.env, ...environment(directory, port, distPort) };
  const node = new Node(env, port);
  await node.start();
  return {
    port,
    tlsPort,
    ctl: async (...args) => {
      await run(join(PROGRAMS, 'rabbitmqctl'), ['-q', ...args], { env, timeout: 30_000 });
    },
    kill: () => node.kill(),
    start: () => node.start(),
    [Symbol.asyncDispose]: async () => {
      await node.kill();
      await rm(directory, { recursive: true });
    },
  };
}

class Node {
  readonly #env: NodeJS.ProcessEnv;
  readonly #port: number;
  #child: ChildProcess | null = null;

  constructor(env: NodeJS.ProcessEnv, port: number) {
    this.#env = env;
    this.#port = port;
  }

  async start(): Promise<void> {
    // A group of its own: the node is a shell script, the virtual machine and its helpers.
    const child = spawn(join(PROGRAMS, 'rabbitmq-server'), [], {
      env: this.#env,
      stdio: ['ignore', 'pipe', 'ignore'],
      detached: true,
    });
    this.#child = child;
    let output = '';
    child.stdout.on('data', (chunk: Buffer) => {
      output = `${output}${chunk}`.slice(-10_000);
    });
    await until(
      `the broker on port ${this.#port} is up`,
      () => {
        if (child.exitCode !== null) throw new Error(`The broker ended: ${output}`);
        return output.includes('Server startup complete');
      },
      START_LIMIT_MILLIS,
    );
  }

  async kill(): Promise<void> {
    const child = this.#child;
    this.#child = null;
    if (child?.pid === undefined || child.exitCode !== null) return;
    const ended = new Promise((resolve) => child.once('exit', resolve));
    process.kill(-child.pid, 'SIGKILL');
    await ended;
  }
}

function environment(directory: string, port: number, distPort: number): Record<string, string> {
  return {
    HOME: join(directory, 'home'),
    RABBITMQ_NODENAME: `nephoscope-${randomUUID().slice(0, 8)}@localhost`,
    RABBITMQ_NODE_PORT: String(port),
    RABBITMQ_DIST_PORT: String(distPort),
    RABBITMQ_MNESIA_BASE: join(directory, 'data'),
    RABBITMQ_LOG_BASE: join(directory, 'log'),
    RABBITMQ_LOGS: '-',
    RABBITMQ_CONFIG_FILE: join(directory, 'rabbitmq'),
    RABBITMQ_ENABLED_PLUGINS_FILE: join(directory, 'plugins'),
    RABBITMQ_PID_FILE: join(directory, 'pid'),
  };
}

function configuration(port: number, tlsPort: number | null, certificates: Certificates | undefined): string {
  const lines = [`listeners.tcp.1 = 127.0.0.1:${port}`, 'log.console.level = info'];
  if (certificates !== undefined) {
    lines.push(
      `listeners.ssl.1 = 127.0.0.1:${tlsPort}`,
      `ssl_options.cacertfile = ${certificates.caFile}`,
      `ssl_options.certfile = ${certificates.certFile}`,
      `ssl_options.keyfile = ${certificates.keyFile}`,
      'ssl_options.verify = verify_peer',
      'ssl_options.fail_if_no_peer_cert = true',
    );
  }
  return `${lines.join('\n')}\n`;
}
