import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { consumed, createVhost, type TestClient, type TestVhost } from './rabbit.ts';
import { type Server, type ServerOptions, startServer, sumMetric } from './server.ts';
import { until } from './until.ts';

/** Exchange and topic of the numbered notifications. */
const NAME = 'oracle';
const QUEUE = `${NAME}.info`;
const STEP = 1_000;
/** How long a change of its state may take to show. */
const LIMIT_MILLIS = 20_000;
/** No run may take more memory, however much waits; what it takes is some 270 MB at its busiest. */
const MAX_BYTES = 384 * 2 ** 20;

/** Where the sample and the event of each notification go: URLs, as they stand in the pipeline files. */
export interface OraclePipelines {
  readonly samples: readonly string[];
  readonly events: readonly string[];
}

/**
 * A `nephoscope serve` that reads numbered notifications from a virtual host of its own. Each becomes one sample and one
 * event that bear its number, so that whoever gets them can say which are missing.
 */
export interface OracleRun extends AsyncDisposable {
  readonly vhost: TestVhost;
  readonly client: TestClient;
  readonly server: Server;
  /** Of this run, with its configuration; removed with it. */
  readonly directory: string;
  /** How many notifications the broker has confirmed. */
  sent(): number;
  /** Sends the next `count`; at most `perSecond` when that is given. Not for overlapping calls. */
  send(count: number, perSecond?: number): Promise<void>;
  /** Another process of the same configuration and state, after the one before was ended with `signal`. */
  restart(signal: NodeJS.Signals): Promise<void>;
  /** Waits until a part whose name begins with `component` is degraded for such a reason. */
  showsTrouble(component: string, reason: RegExp): Promise<void>;
  /**
   * Waits until all parts are well, but those whose reason holds this text. Asserts that the process has never taken more
   * memory than it may.
   */
  isWell(but?: string): Promise<void>;
  /** The value of the metric whose line has all of `labels`, e.g. `reason="policy"`. */
  count(name: string, ...labels: readonly string[]): Promise<number>;
  /** Ends the process and asserts that it left nothing with the broker; gives the most memory it took until it was last well. */
  finish(): Promise<OracleMemory>;
}

/** The most memory seen while a sink was in trouble, and at any time, in bytes. */
interface OracleMemory {
  readonly troubled: number;
  readonly peak: number;
}

export interface OracleOptions extends Pick<ServerOptions, 'stateDir'> {
  /** The pipelines, which may lead through the virtual host of the run or into its directory. */
  readonly pipelines: (run: { readonly vhost: TestVhost; readonly directory: string }) => OraclePipelines;
}

/** Makes the virtual host, writes the configuration and starts the process; resolves when it consumes. */
export async function startOracleRun(options: OracleOptions): Promise<OracleRun> {
  await using undo = new AsyncDisposableStack();
  const directory = mkdtempSync(join(tmpdir(), 'nephoscope-oracle-'));
  undo.defer(() => rmSync(directory, { recursive: true, force: true }));
  const vhost = undo.use(await createVhost());
  const client = undo.use(await vhost.open());
  const settings: ServerOptions = {
    stateDir: options.stateDir ?? join(directory, 'state'),
    env: {
      OS_DEFAULT__TRANSPORT_URL: vhost.url(5672, 'rabbit_retry_interval=0.1'),
      OS_NOTIFICATION__NOTIFICATION_CONTROL_EXCHANGES: NAME,
      OS_OSLO_MESSAGING_NOTIFICATIONS__TOPICS: NAME,
      ...writeConfiguration(directory, options.pipelines({ vhost, directory })),
    },
  };
  const server = await startServer(settings);
  await consumed(client, QUEUE);
  return new Run({ vhost, client, directory, settings, server, undo: undo.move() });
}

type RunParts = Pick<OracleRun, 'vhost' | 'client' | 'directory' | 'server'> & {
  readonly settings: ServerOptions;
  readonly undo: AsyncDisposable;
};

class Run implements OracleRun {
  readonly vhost: TestVhost;
  readonly client: TestClient;
  readonly directory: string;
  readonly #settings: ServerOptions;
  readonly #undo: AsyncDisposable;
  readonly #memory = { troubled: 0, peak: 0 };
  #server: Server;
  #sent = 0;

  constructor({ vhost, client, directory, settings, server, undo }: RunParts) {
    this.vhost = vhost;
    this.client = client;
    this.directory = directory;
    this.#settings = settings;
    this.#undo = undo;
    this.#server = server;
  }

  get server(): Server {
    return this.#server;
  }

  sent(): number {
    return this.#sent;
  }

  async send(count: number, perSecond = Number.POSITIVE_INFINITY): Promise<void> {
    const begin = performance.now();
    const first = this.#sent;
    for (const last = first + count; this.#sent < last; ) {
      const step = Math.min(STEP, last - this.#sent, Math.max(1, perSecond / 20));
      const bodies = Array.from({ length: step }, (_, at) => notification(this.#sent + at));
      await this.client.publish(NAME, QUEUE, bodies);
      this.#sent += step;
      const early = begin + ((this.#sent - first) / perSecond) * 1_000 - performance.now();
      if (early > 0) await sleep(early);
    }
  }

  async restart(signal: NodeJS.Signals): Promise<void> {
    await this.#end(signal);
    this.#server = await startServer(this.#settings);
  }

  async showsTrouble(component: string, reason: RegExp): Promise<void> {
    let parts: readonly PartStatus[] = [];
    const isSo = async (): Promise<boolean> => {
      parts = (await statuses(this.#server)).filter(({ name }) => name.startsWith(component));
      return parts.some((part) => part.state === 'degraded' && reason.test(part.reason ?? ''));
    };
    await until(`${component} shows ${reason}`, isSo, LIMIT_MILLIS).catch((cause: unknown) => {
      throw new Error(`No ${component} shows ${reason}: ${JSON.stringify(parts)}`, { cause });
    });
    this.#memory.troubled = Math.max(this.#memory.troubled, memoryOf(this.#server, 'VmRSS'));
  }

  async isWell(but = 'nothing'): Promise<void> {
    const isWell = ({ state, reason }: PartStatus): boolean =>
      state === 'ok' || reason?.includes(but) === true;
    await until('all parts are well', async () => (await statuses(this.#server)).every(isWell), LIMIT_MILLIS);
    this.#memory.peak = Math.max(this.#memory.peak, memoryOf(this.#server, 'VmHWM'));
    assert.ok(this.#memory.peak < MAX_BYTES, `It took ${this.#memory.peak} bytes of memory`);
  }

  async count(name: string, ...labels: readonly string[]): Promise<number> {
    const text = await (await fetch(`${this.#server.url}/metrics`)).text();
    const lines = text.split('\n').filter((line) => labels.every((label) => line.includes(label)));
    return sumMetric(lines.join('\n'), name);
  }

  async finish(): Promise<OracleMemory> {
    const inFlight = (): Promise<number> => this.#server.metric('nephoscope_source_in_flight');
    await until('all is acknowledged', async () => (await inFlight()) === 0, LIMIT_MILLIS);
    await this.#end('SIGTERM');
    // What was not acknowledged is back in the queue.
    assert.equal(await this.client.ready(QUEUE), 0, 'Messages were left in the queue');
    return this.#memory;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.end('SIGKILL');
    await this.#undo[Symbol.asyncDispose]();
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    const code = await this.#server.end(signal);
    assert.equal(code, signal === 'SIGKILL' ? signal : 0, this.#server.stderr());
  }
}

interface PartStatus {
  readonly name: string;
  readonly state: string;
  readonly reason?: string;
}

async function statuses(server: Server): Promise<readonly PartStatus[]> {
  const response = await fetch(`${server.url}/readyz`);
  return ((await response.json()) as { readonly components: readonly PartStatus[] }).components;
}

/** The memory a process has in RAM now, or had at most, in bytes. */
function memoryOf({ child }: Server, what: 'VmRSS' | 'VmHWM'): number {
  const text = readFileSync(`/proc/${child.pid}/status`, 'utf8');
  return Number(new RegExp(`^${what}:\\s+(\\d+) kB$`, 'm').exec(text)?.[1] ?? Number.NaN) * 1024;
}

/** One definition of each kind, and pipelines for all; gives the options that name the files. */
function writeConfiguration(directory: string, { samples, events }: OraclePipelines): Record<string, string> {
  const files = {
    'meters.d/oracle.yaml': `metric:
  - name: oracle.tick
    event_type: oracle\\.tick
    type: gauge
    unit: tick
    volume: $.payload.number
    resource_id: $.payload.id
    project_id: $.payload.project
    metadata: {host: $.publisher_id}
`,
    'events.yaml': '- event_type: oracle.tick\n  traits:\n    number: {type: int, fields: payload.number}\n',
    'pipeline.yaml': pipelineOf('meters', samples),
    'event_pipeline.yaml': pipelineOf('events', events),
  };
  mkdirSync(join(directory, 'meters.d'));
  for (const [name, text] of Object.entries(files)) writeFileSync(join(directory, name), text);
  return {
    OS_METER__METER_DEFINITIONS_DIRS: join(directory, 'meters.d'),
    OS_EVENT__DEFINITIONS_CFG_FILE: join(directory, 'events.yaml'),
    OS_DEFAULT__PIPELINE_CFG_FILE: join(directory, 'pipeline.yaml'),
    OS_DEFAULT__EVENT_PIPELINE_CFG_FILE: join(directory, 'event_pipeline.yaml'),
  };
}

/** The text of a pipeline file that gives everything to all of `publishers`. */
export function pipelineOf(kind: 'meters' | 'events', publishers: readonly string[]): string {
  const sinks = [{ name: 'all', publishers }];
  return JSON.stringify({ sources: [{ name: 'all', [kind]: ['*'], sinks: ['all'] }], sinks });
}

/** What notification number `number` says; oslo's envelope around it. */
function notification(number: number): string {
  const digits = digitsOf(number);
  const message = JSON.stringify({
    message_id: `0a0c1e00-0000-4000-8000-${digits}`,
    publisher_id: `oracle.host-${number % 16}`,
    event_type: 'oracle.tick',
    priority: 'INFO',
    timestamp: '2026-01-02 03:04:05.678901',
    payload: { id: `resource-${digits}`, number, project: 'b1c2d3e4f5a64b7c8d9e0f1a2b3c4d5e' },
  });
  return JSON.stringify({ 'oslo.version': '2.0', 'oslo.message': message });
}

function digitsOf(number: number): string {
  return String(number).padStart(12, '0');
}
