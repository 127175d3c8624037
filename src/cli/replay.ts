import { InvalidArgumentError } from 'commander';
import { NephoscopeError } from '../component/errors.ts';
import type { Config } from '../config/option.ts';
import { type CliIo, EXIT, type RegisterCommand } from './command.ts';
import { addConfigOptions, type ConfigFlags } from './config-flags.ts';
import { withExitCode } from './failure.ts';
import { DEFAULT_API_URL } from './http-client.ts';
import { readConfig } from './read-config.ts';
import { createBrokerTarget } from './replay-broker.ts';
import { createHttpTarget } from './replay-http.ts';
import { type ReplayOptions, runReplay } from './replay-run.ts';
import type { ReplayTarget } from './replay-target.ts';

/** `nephoscope replay FILE…` */
export const registerReplay: RegisterCommand = (program, io, setExitCode) => {
  const command = program
    .command('replay')
    .description(
      'Send recorded notifications to a server or a broker. Reads recording lines, envelopes or bare messages,\n' +
        'one JSON document a line, plain or gzip. To a broker they go to their recorded exchange and routing key.',
    )
    .argument('<file...>', 'files of notifications; - is the standard input')
    .option(
      '--to <url>',
      'http://host:port, https://… or rabbit://user:password@host:port/vhost',
      DEFAULT_API_URL,
    )
    .option('--rate <number>', 'messages a second (default: as fast as they are taken)', positiveNumber)
    .option(
      '--repeat <times>',
      'read the files so many times; repeats are duplicates without --new-ids',
      wholeNumber,
      1,
    )
    .option('--new-ids', 'give each message a message_id and _unique_id of its own', false)
    .option('--limit <messages>', 'send no more than so many', wholeNumber)
    .option('--exchange <name>', 'for messages recorded without one, when sent to a broker', 'openstack')
    .option(
      '--topic <name>',
      'for messages recorded without a routing key, when sent to a broker',
      'notifications',
    )
    .option('--timeout <seconds>', 'give up when nothing is taken for so long', positiveNumber, 30)
    .option('--progress', 'show progress also when stderr is not a terminal', false)
    .addHelpText(
      'after',
      `
Ends with 0; 65 when lines had to be left out; 1 when messages were refused; 4 when a file is not there;
69 when the other side cannot be reached; 130 after Ctrl-C, when what is on its way has arrived.

Examples:
  nephoscope replay notifications.jsonl.gz
  nephoscope replay notifications.jsonl.gz --to rabbit://guest:guest@localhost/ --rate 500
  nephoscope replay day.jsonl --repeat 100 --new-ids        a load of 100 days`,
    );
  addConfigOptions(command);
  command.action(async (files: string[], flags: Omit<ReplayOptions, 'files' | 'timeoutSeconds'> & Flags) => {
    const options = { ...flags, files, timeoutSeconds: flags.timeout };
    setExitCode(await replayUntilSignal(options, () => readConfig(flags, io), io));
  });
};

interface Flags extends ConfigFlags {
  readonly timeout: number;
}

/** Ctrl-C stops reading and lets arrive what is on its way; a second one ends the program as it does by default. */
async function replayUntilSignal(options: ReplayOptions, config: () => Config, io: CliIo): Promise<number> {
  const interrupt = new AbortController();
  const onSignal = (): void => {
    interrupt.abort();
    for (const name of ['SIGINT', 'SIGTERM'] as const) process.off(name, onSignal);
  };
  for (const name of ['SIGINT', 'SIGTERM'] as const) process.on(name, onSignal);
  try {
    return await replay(options, config, io, interrupt.signal);
  } finally {
    for (const name of ['SIGINT', 'SIGTERM'] as const) process.off(name, onSignal);
  }
}

/**
 * Reads recorded notifications and sends them; memory is bounded by a few batches. Errors of ours are shown on stderr.
 * Resolves with the exit code: 0; 65 when lines were left out; 1 when messages were refused or a file cannot be read;
 * 2 for a bad URL; 4 when a file is missing; 69 when the target cannot be reached or takes nothing for the timeout;
 * 130 when `interrupt` fired, after what was on its way arrived. `config` is read only for a broker.
 */
export function replay(
  options: ReplayOptions,
  config: () => Config,
  io: CliIo,
  interrupt: AbortSignal,
): Promise<number> {
  return withExitCode(io, async () => {
    const target = openTarget(options, config);
    if (typeof target === 'string') {
      io.stderr.write(`${target}\n`);
      return EXIT.usage;
    }
    try {
      await target.open(AbortSignal.any([interrupt, AbortSignal.timeout(options.timeoutSeconds * 1000)]));
      return await runReplay(options, target, io, interrupt);
    } catch (thrown) {
      if (interrupt.aborted) return EXIT.interrupted;
      throw thrown;
    } finally {
      await target.close();
    }
  });
}

/** The target, or what is wrong with the command. */
function openTarget({ to, files, repeat }: ReplayOptions, config: () => Config): ReplayTarget | string {
  if (repeat > 1 && files.includes('-')) return '--repeat cannot read the standard input again; give a file';
  if (/^https?:\/\//i.test(to)) return createHttpTarget(to);
  if (!/^(rabbit|kombu|amqps?):\/\//i.test(to))
    return '--to begins with none of http://, https://, rabbit://';
  try {
    return createBrokerTarget(to, config());
  } catch (thrown) {
    if (!(thrown instanceof NephoscopeError) || thrown.code !== 'E2001') throw thrown;
    return `${thrown.code} ${thrown.message}\n  help: ${thrown.hint}`;
  }
}

function positiveNumber(text: string): number {
  const value = /^\d+(\.\d+)?$/.test(text) ? Number(text) : 0;
  if (value <= 0 || value > 1e9) throw new InvalidArgumentError('It is a number above 0.');
  return value;
}

function wholeNumber(text: string): number {
  const value = /^\d{1,12}$/.test(text) ? Number(text) : 0;
  if (value < 1) throw new InvalidArgumentError('It is a whole number from 1.');
  return value;
}
