import { homedir } from 'node:os';
import { delimiter, dirname, join, relative } from 'node:path';
import { Writable } from 'node:stream';
import { Option } from 'commander';
import { createProgram, type Program, type ProgramSummary } from '../app/program.ts';
import { forkWorkers } from '../app/workers.ts';
import { createDeadline } from '../component/component.ts';
import type { Override } from '../config/load.ts';
import { createLogger } from '../observe/logger.ts';
import { readLogOptions } from '../observe/options.ts';
import { type CliIo, EXIT, type RegisterCommand } from './command.ts';
import { addConfigOptions, type ConfigFlags } from './config-flags.ts';
import { DEFAULT_API_URL } from './http-client.ts';
import { readConfig } from './read-config.ts';
import { VERSION } from './version.ts';

interface ServeFlags extends ConfigFlags {
  readonly stateDir?: string;
  readonly logFormat?: 'text' | 'json';
  readonly shadow?: true;
  readonly takeover?: true;
  readonly workers?: string;
  readonly insecureDemo?: true;
  /** Only in processes that a serving one has started. */
  readonly workerIndex?: string;
}

/** What a stop may take before what is left is given up. */
const STOP_MILLIS = 10_000;
const LOG_CLOSE_MILLIS = 500;

/** `nephoscope serve`: all roles in one process. */
export const registerServe: RegisterCommand = (program, io, setExitCode) => {
  const command = program
    .command('serve')
    .description(
      'Run all roles in one process: takes notifications in (RabbitMQ, HTTP), measures this host, makes samples\n' +
        'and events of both, stores them and answers queries on http://127.0.0.1:8777. Needs no configuration file.',
    )
    .option('--state-dir <dir>', 'where the embedded store lives (default: $XDG_STATE_HOME/nephoscope)')
    .addOption(
      new Option(
        '--log-format <format>',
        'how log lines look (default: text on a terminal, else json)',
      ).choices(['text', 'json']),
    )
    .option(
      '--shadow',
      'read a copy of all notifications from a queue of its own, beside a running Ceilometer',
    )
    .option(
      '--takeover',
      'read the queues although others read them too; each message reaches only one of them',
    )
    .option('--workers <n>', 'how many processes take, convert and publish notifications (default: 1)')
    .option(
      '--insecure-demo',
      'for a trial only: allow the signing secret that Ceilometer publishes as its default',
    )
    .addOption(new Option('--worker-index <n>').hideHelp());
  addConfigOptions(command)
    .addHelpText(
      'after',
      `
Examples:
  nephoscope serve
  nephoscope serve --config-file /etc/ceilometer/ceilometer.conf
  OS_DEFAULT__TRANSPORT_URL=rabbit://guest:guest@127.0.0.1/ nephoscope serve
  OS_API__PORT=8778 nephoscope serve --state-dir /tmp/try
  nephoscope serve --shadow --config-file /etc/ceilometer/ceilometer.conf

The first SIGINT or SIGTERM stops taking in, finishes what is held and ends; a second one ends at once.`,
    )
    .action(async (flags: ServeFlags) => setExitCode(await serve(flags, io)));
};

async function serve(flags: ServeFlags, io: CliIo): Promise<number> {
  const isWorker = flags.workerIndex !== undefined;
  const config = readConfig(flags, isWorker ? { ...io, stderr: SILENT } : io, overridesOf(flags));
  const terminal = 'isTTY' in io.stderr && io.stderr.isTTY === true;
  const logOptions = readLogOptions(config, { terminal, color: io.env['NO_COLOR'] === undefined });
  const log = createLogger({ ...logOptions, format: flags.logFormat ?? logOptions.format });
  const parts = { config, stateDir: flags.stateDir ?? defaultStateDir(io), log, version: VERSION };
  if (isWorker) {
    const { serveAsWorker } = await import('./serve-worker.ts');
    return await serveAsWorker({ ...parts, index: Number(flags.workerIndex) });
  }
  const forkWorker = forkWorkers(process.argv[1] ?? '', process.argv.slice(2));
  const running = createProgram({ ...parts, forkWorker });
  const signals = listenForSignals(running);
  try {
    await running.start();
    io.stdout.write(banner(running.summary(), io));
    return await signals.ended;
  } finally {
    signals.dispose();
    await log.close(LOG_CLOSE_MILLIS);
  }
}

/** The flags that stand for options. */
function overridesOf({ shadow, takeover, workers, insecureDemo }: ServeFlags): readonly Override[] {
  const set = { shadow, takeover, workers };
  const overrides = Object.entries(set).flatMap(([name, value]) =>
    value === undefined ? [] : [{ group: 'notification', name, values: [String(value)], flag: `--${name}` }],
  );
  if (insecureDemo === undefined) return overrides;
  return [
    ...overrides,
    { group: 'DEFAULT', name: 'insecure_demo', values: ['true'], flag: '--insecure-demo' },
  ];
}

/** The serving process has warned already. */
const SILENT = new Writable({ write: (_chunk, _encoding, done) => done() });

/** First signal: drain within the deadline. Second: end now. Both exit codes say which signal it was. */
function listenForSignals(running: Program): { readonly ended: Promise<number>; dispose(): void } {
  const { promise: ended, resolve, reject } = Promise.withResolvers<number>();
  let signalled = false;
  const onSignal = (signal: NodeJS.Signals): void => {
    if (signalled) process.exit(signal === 'SIGINT' ? EXIT.interrupted : 143);
    signalled = true;
    running
      .stop(createDeadline(STOP_MILLIS))
      .then((clean) => resolve(clean ? EXIT.done : EXIT.failed), reject);
  };
  const names = ['SIGINT', 'SIGTERM'] as const;
  for (const name of names) process.on(name, onSignal);
  return {
    ended,
    dispose: () => {
      for (const name of names) process.off(name, onSignal);
    },
  };
}

/** What runs, where, and what to try next; at most eight lines. */
function banner({ apiAddress, store, sources }: ProgramSummary, io: CliIo): string {
  const command = `${commandName(io)} query samples --limit 5`;
  return `${[
    `nephoscope ${VERSION} is ready.`,
    `  listens  ${apiAddress}   /v2 (telemetry)  /v1/notifications  /metrics  /readyz`,
    `  takes    ${['notifications by HTTP', ...sources.map((name) => name.replace('source:', ''))].join(', ')}`,
    `  stores   ${store}`,
    'Try next, in another terminal:',
    `  ${apiAddress === DEFAULT_API_URL ? command : `${command} --api-url ${apiAddress}`}`,
    `  curl -s '${apiAddress}/v2/meters?limit=3'`,
  ].join('\n')}\n`;
}

/** How the user can start the program again: by its name when that is in the path, else as a file. */
function commandName(io: CliIo): string {
  const started = process.argv[1] ?? 'nephoscope';
  const isInPath = (io.env['PATH'] ?? '').split(delimiter).includes(dirname(started));
  return isInPath ? 'nephoscope' : relative(process.cwd(), started) || started;
}

function defaultStateDir(io: CliIo): string {
  const base = io.env['XDG_STATE_HOME'];
  return join(base === undefined || base === '' ? join(homedir(), '.local', 'state') : base, 'nephoscope');
}
