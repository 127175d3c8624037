import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { type Command, InvalidArgumentError } from 'commander';
import { NephoscopeError } from '../component/errors.ts';
import type { Sample } from '../model/sample.ts';
import { type CliIo, EXIT, type RegisterCommand } from './command.ts';
import { addConfigOptions, type ConfigFlags } from './config-flags.ts';
import { withExitCode } from './failure.ts';
import { withInterrupt } from './interrupt.ts';
import type { RecordedMessage } from './replay-reader.ts';
import type { ReplayTarget } from './replay-target.ts';
import { polledNotification, readSample, type SampleOptions } from './send-sample-message.ts';
import { addServerOption } from './server-request.ts';

interface SendOptions extends SampleOptions, ConfigFlags {
  readonly apiUrl: string;
  readonly to?: string;
  readonly timeout: number;
}

/** `nephoscope send-sample`: the options of `ceilometer-send-sample`, and where to. */
export const registerSendSample: RegisterCommand = (program, io, setExitCode) => {
  const command = addSampleOptions(
    program
      .command('send-sample')
      .description(
        'Send one sample, as a polling agent would, through a running nephoscope or over the message bus; for checking ' +
          'that it goes all the way, and for scripts. Takes the options of ceilometer-send-sample.',
      ),
  );
  addServerOption(command, io)
    .option('--to <url>', 'send over the bus instead: rabbit://user:password@host:port/vhost')
    .option('--timeout <seconds>', 'give up when it is not taken by then', positiveNumber, 30);
  addConfigOptions(command)
    .addHelpText('after', HELP)
    .action(async (options: SendOptions) =>
      setExitCode(await withInterrupt((interrupt) => sendSample(options, io, interrupt))),
    );
};

function addSampleOptions(command: Command): Command {
  return command
    .requiredOption('-n, --sample-name <name>', 'meter name')
    .option('-y, --sample-type <type>', 'gauge, delta or cumulative', 'gauge')
    .option('-U, --sample-unit <unit>', 'unit of the volume')
    .option('-l, --sample-volume <number>', 'the measured value', '1')
    .requiredOption('-r, --sample-resource <id>', 'resource it was measured of')
    .option('-u, --sample-user <id>', 'user the resource belongs to')
    .option('-p, --sample-project <id>', 'project the resource belongs to')
    .option('-i, --sample-timestamp <time>', 'ISO 8601, UTC unless it has a zone (default: now)')
    .option('-m, --sample-metadata <mapping>', 'metadata of the resource, as JSON or as Python prints it');
}

function positiveNumber(text: string): number {
  const value = /^\d+(\.\d+)?$/.test(text) ? Number(text) : 0;
  if (value <= 0 || value > 86_400) throw new InvalidArgumentError('It is a number above 0.');
  return value;
}

const HELP = `
Ends with 0 when the sample was taken: stored and published by the server, or confirmed by the broker; 1 when it was
refused or put aside; 2 for a bad option; 69 when nobody takes it in time. Whether it is kept is for pipeline.yaml to say.

Examples:
  nephoscope send-sample -n test.meter -r test-resource
  nephoscope send-sample -n image.size -y gauge -U B -l 4096 -r IMAGE -p PROJECT -m "{'name': 'cirros'}"
  nephoscope send-sample -n door.open -l 1 -r rack-7 -m '{"room": "b12"}' -i 2026-01-02T03:04:05
  nephoscope send-sample -n test.meter -r test-resource --to rabbit://guest:guest@localhost/
`;

/** Sends the sample and says what became of it; gives the exit code. Errors of ours are shown on stderr. */
export function sendSample(options: SendOptions, io: CliIo, interrupt: AbortSignal): Promise<number> {
  return withExitCode(io, async () => {
    const sample = tryReadSample(options);
    if (sample instanceof NephoscopeError) {
      io.stderr.write(`${sample.code} ${sample.message}\n  help: ${sample.hint}\n`);
      return EXIT.usage;
    }
    const target = await openTarget(options, io);
    const signal = AbortSignal.any([interrupt, AbortSignal.timeout(options.timeout * 1_000)]);
    try {
      await target.open(signal);
      return sayOutcome(await send(target, options, sample, io, signal), sample, target, io);
    } catch (thrown) {
      if (interrupt.aborted) return EXIT.interrupted;
      throw signal.aborted ? notTaken(target, options.timeout) : thrown;
    } finally {
      await target.close();
    }
  });
}

function tryReadSample(options: SendOptions): Sample | NephoscopeError {
  try {
    return readSample(options, randomUUID(), Date.now());
  } catch (thrown) {
    if (thrown instanceof NephoscopeError) return thrown;
    throw thrown;
  }
}

/** Loaded when needed: the broker's client is not for those who send by HTTP. */
async function openTarget({ to, apiUrl, ...flags }: SendOptions, io: CliIo): Promise<ReplayTarget> {
  if (to === undefined || /^https?:\/\//i.test(to)) {
    const { createHttpTarget } = await import('./replay-http.ts');
    return createHttpTarget(to ?? apiUrl);
  }
  const [{ createBrokerTarget }, { readConfig }] = await Promise.all([
    import('./replay-broker.ts'),
    import('./read-config.ts'),
  ]);
  return createBrokerTarget(to, readConfig(flags, io));
}

async function send(
  target: ReplayTarget,
  options: SendOptions,
  sample: Sample,
  io: CliIo,
  signal: AbortSignal,
) {
  const topic = options.to === undefined ? 'notifications' : await topicOf(options, io);
  const message: RecordedMessage = {
    exchange: 'ceilometer',
    routingKey: `${topic}.sample`,
    properties: { contentType: 'application/json', contentEncoding: 'utf-8', deliveryMode: 2 },
    body: polledNotification(sample, randomUUID(), hostname(), Date.now()),
  };
  return await target.send([message], signal);
}

/** The first topic is the one polling agents send to. */
async function topicOf(flags: ConfigFlags, io: CliIo): Promise<string> {
  const [{ NOTIFICATION_TOPICS }, { readConfig }] = await Promise.all([
    import('../bus/options.ts'),
    import('./read-config.ts'),
  ]);
  return readConfig(flags, io).get(NOTIFICATION_TOPICS)[0] ?? 'notifications';
}

function sayOutcome(
  { refused, outcomes }: Awaited<ReturnType<ReplayTarget['send']>>,
  sample: Sample,
  target: ReplayTarget,
  io: CliIo,
): number {
  const [why] = refused;
  if (why !== undefined) throw new NephoscopeError('E6035', `${target.name} refused the sample: ${why}`);
  if ((outcomes['parked'] ?? 0) > 0) {
    throw new NephoscopeError('E6035', `${target.name} could not process the sample and put it aside`);
  }
  io.stdout.write(`${sample.id}\n`);
  io.stderr.write(`Taken by ${target.name}.\n`);
  return EXIT.done;
}

function notTaken(target: ReplayTarget, seconds: number): NephoscopeError {
  const why = target.trouble()?.message ?? 'no answer';
  return new NephoscopeError('E6035', `${target.name} did not take the sample in ${seconds} s: ${why}`, {
    hint: 'Look at /readyz of the server, or with nephoscope doctor.',
    retry: 'transient',
  });
}
