import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { access, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { collected } from './collected.ts';
import { freePort } from './listen.ts';
import type { Service } from './services.ts';
import { until } from './until.ts';

const PROMETHEUS = '/usr/bin/prometheus';
const PUSHGATEWAY = '/usr/bin/prometheus-pushgateway';
const PROMTOOL = '/usr/bin/promtool';

export const prometheusAvailable = (): Promise<Service> => installed(PROMETHEUS);
export const pushgatewayAvailable = (): Promise<Service> => installed(PUSHGATEWAY);
export const promtoolAvailable = (): Promise<Service> => installed(PROMTOOL);

/** The real program on a free port of 127.0.0.1 with a directory of its own, which goes with it. */
export interface RunningService extends AsyncDisposable {
  readonly port: number;
  readonly url: string;
  /** Ends it at once, as a power cut does. */
  kill(): Promise<void>;
  /** Starts it again on the same port and directory, after `kill`. */
  restart(): Promise<void>;
}

/** A Prometheus that takes remote write, and fetches from `targets` (`127.0.0.1:1234/path`) every second. */
export function startPrometheus(targets: readonly string[] = []): Promise<RunningService> {
  return startService(async (port, directory) => {
    const file = join(directory, 'prometheus.yml');
    await writeFile(file, JSON.stringify({ scrape_configs: targets.map(scrapeConfig) }));
    return [
      PROMETHEUS,
      `--config.file=${file}`,
      `--storage.tsdb.path=${join(directory, 'data')}`,
      `--web.listen-address=127.0.0.1:${port}`,
      '--web.enable-remote-write-receiver',
      '--log.level=error',
    ];
  });
}

/** A Pushgateway that keeps everything in memory. */
export function startPushgateway(): Promise<RunningService> {
  return startService(async (port) => [
    PUSHGATEWAY,
    `--web.listen-address=127.0.0.1:${port}`,
    '--persistence.file=',
    '--log.level=error',
  ]);
}

/** What an instant query gives: labels of each series with its values, each with its time in seconds. */
export async function queryPrometheus(
  url: string,
  query: string,
  timeSeconds?: number,
): Promise<readonly QueryResult[]> {
  const time = timeSeconds === undefined ? '' : `&time=${timeSeconds}`;
  const response = await fetch(`${url}/api/v1/query?query=${encodeURIComponent(query)}${time}`);
  const { data } = (await response.json()) as { readonly data: { readonly result: readonly RawResult[] } };
  return data.result.map(({ metric, value, values }) => ({
    labels: metric,
    values: (values ?? (value === undefined ? [] : [value])).map(
      ([time, text]) => [time, Number(text)] as const,
    ),
  }));
}

export interface QueryResult {
  readonly labels: Readonly<Record<string, string>>;
  readonly values: readonly (readonly [seconds: number, value: number])[];
}

interface RawResult {
  readonly metric: Readonly<Record<string, string>>;
  readonly value?: readonly [number, string];
  readonly values?: readonly (readonly [number, string])[];
}

/** What `promtool check metrics` says against a page, style apart; empty when it can be read. */
export function checkMetrics(text: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = execFile(PROMTOOL, ['check', 'metrics'], (error, stdout, stderr) => {
      if (error === null || error.code === 3) resolve('');
      else resolve(`${stdout}${stderr}` || error.message);
    });
    child.once('error', reject);
    child.stdin?.end(text);
  });
}

async function installed(path: string): Promise<Service> {
  const missing = await access(path).then(
    () => null,
    () => 'it is not installed',
  );
  return { name: path, missing };
}

function scrapeConfig(target: string, index: number): unknown {
  const [address, ...path] = target.split('/');
  return {
    job_name: `job${index}`,
    scrape_interval: '1s',
    scrape_timeout: '1s',
    metrics_path: `/${path.join('/')}`,
    static_configs: [{ targets: [address] }],
  };
}

async function startService(
  command: (port: number, directory: string) => Promise<readonly string[]>,
): Promise<RunningService> {
  const directory = await mkdtemp(join(tmpdir(), 'nephoscope-prometheus-'));
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const [program = '', ...args] = await command(port, directory);
  let child = await spawnReady(program, args, url);
  const end = async (signal: NodeJS.Signals): Promise<void> => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const ended = new Promise((resolve) => child.once('exit', resolve));
    child.kill(signal);
    await ended;
  };
  return {
    port,
    url,
    kill: () => end('SIGKILL'),
    restart: async () => {
      child = await spawnReady(program, args, url);
    },
    [Symbol.asyncDispose]: async () => {
      await end('SIGKILL');
      await rm(directory, { recursive: true, force: true });
    },
  };
}

async function spawnReady(program: string, args: readonly string[], url: string): Promise<ChildProcess> {
  const child = spawn(program, args, { stdio: ['ignore', 'ignore', 'pipe'] });
  const stderr = collected(child.stderr);
  await until(`${program} is ready`, async () => {
    if (child.exitCode !== null) throw new Error(`${program} ended: ${stderr()}`);
    return await fetch(`${url}/-/ready`).then(
      async (response) => {
        await response.arrayBuffer();
        return response.ok;
      },
      () => false,
    );
  });
  return child;
}
