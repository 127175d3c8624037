import { InvalidArgumentError, Option } from 'commander';
import { Secret } from '../config/option.ts';
import type { CliIo, RegisterCommand } from './command.ts';
import { addConfigOptions, type ConfigFlags } from './config-flags.ts';
import { withInterrupt } from './interrupt.ts';

interface DoctorFlags extends ConfigFlags {
  readonly apiUrl?: string;
  readonly stateDir?: string;
  readonly watch: number;
  readonly deep?: boolean;
  readonly management?: string;
  readonly format: 'text' | 'json';
}

/** As `openstack-status upgrade check` and its kin. */
const EXIT_CODES = { ok: 0, warning: 1, failure: 2 } as const;
const INTERRUPTED = 130;
const MAX_WATCH_SECONDS = 600;

/** `nephoscope doctor`. */
export const registerDoctor: RegisterCommand = (program, io, setExitCode) => {
  const command = program
    .command('doctor')
    .description(
      'Look for what is wrong or will go wrong: configuration, file modes, brokers, queues nobody reads and how they ' +
        'grow, store, running server, limits of the system. Changes nothing and shows no secret. Each line is a finding ' +
        'with the reason and what to do.',
    );
  addConfigOptions(command)
    .option('--url, --api-url <url>', 'address of the running nephoscope (default: as configured)')
    .option('--state-dir <dir>', 'where the embedded store lives (default: as for nephoscope serve)')
    .option('--watch <seconds>', 'time between the two readings of each queue', watchSeconds, 3)
    .option('--management <url>', 'management API of RabbitMQ, to see all queues, alarms and rights')
    .option('--deep', 'read the whole store for damage; takes a while')
    .addOption(
      new Option('-f, --format <format>', 'text for people, json for programs')
        .choices(['text', 'json'])
        .default('text'),
    )
    .addHelpText('after', HELP)
    .action(async (flags: DoctorFlags) =>
      setExitCode(await withInterrupt((interrupt) => doctor(flags, io, interrupt))),
    );
};

function watchSeconds(text: string): number {
  const value = /^\d+(\.\d+)?$/.test(text) ? Number(text) : 0;
  if (value < 0.1 || value > MAX_WATCH_SECONDS) {
    throw new InvalidArgumentError(`It is a number from 0.1 to ${MAX_WATCH_SECONDS}.`);
  }
  return value;
}

const HELP = `
Ends with 0 when all is well, 1 with warnings, 2 with failures.
--management takes the login of the broker unless its URL has one; it can also stand in NEPHOSCOPE_MANAGEMENT_URL,
where other users of this machine do not see it.

Examples:
  nephoscope doctor --config-file /etc/ceilometer/ceilometer.conf    before the first start
  nephoscope doctor --watch 30                                       which queues grow?
  nephoscope doctor --management http://127.0.0.1:15672
  nephoscope doctor -f json | jq '.findings[] | select(.severity != "ok")'
`;

/** Runs all checks and writes the report; gives the exit code. */
export async function doctor(flags: DoctorFlags, io: CliIo, interrupt: AbortSignal): Promise<number> {
  const { examine } = await import('./doctor/examine.ts');
  const { formatJsonReport, formatReport, verdictOf } = await import('./doctor/report.ts');
  const management = flags.management ?? io.env['NEPHOSCOPE_MANAGEMENT_URL'];
  const request = {
    configFile: flags.configFile,
    configDir: flags.configDir,
    serverUrl: flags.apiUrl ?? io.env['NEPHOSCOPE_API_URL'] ?? null,
    stateDir: flags.stateDir ?? null,
    watchSeconds: flags.watch,
    deep: flags.deep === true,
    managementUrl: management === undefined || management === '' ? null : new Secret(management),
  };
  const reports = await examine(request, io.env, interrupt);
  if (interrupt.aborted) return INTERRUPTED;
  const isColored = 'isTTY' in io.stdout && io.stdout.isTTY === true && io.env['NO_COLOR'] === undefined;
  io.stdout.write(flags.format === 'json' ? formatJsonReport(reports) : formatReport(reports, isColored));
  return EXIT_CODES[verdictOf(reports)];
}
