import { Argument, InvalidArgumentError, Option } from 'commander';
import { messageLines } from '../api/message-lines.ts';
import { NephoscopeError } from '../component/errors.ts';
import { parseExact } from '../lib/exact-json.ts';
import { isJsonObject, type JsonObject } from '../model/json.ts';
import { TAP_STAGES, type TapStage } from '../observe/taps.ts';
import { type CliIo, EXIT, type RegisterCommand } from './command.ts';
import { escapeControls, escapeInQuotes } from './display-text.ts';
import { withExitCode } from './failure.ts';
import { ApiCallError } from './http-client.ts';
import { withInterrupt } from './interrupt.ts';
import { addServerOption, getFromServer, whyBroken } from './server-request.ts';
import { tapText } from './tap-text.ts';

interface TapOptions {
  readonly apiUrl: string;
  readonly match: readonly string[];
  readonly limit: number;
  readonly seconds: number;
  readonly format: 'text' | 'json';
}

/** `nephoscope tap [STAGE]`. */
export const registerTap: RegisterCommand = (program, io, setExitCode) => {
  const command = program
    .command('tap')
    .description(
      'Watch what passes a stage of a running nephoscope, as it happens: received (notifications as they were decoded), ' +
        'event and sample (what definitions made of them), published, parked, dropped. Looks on only: nothing is taken ' +
        'out and nothing waits. Credentials are overwritten by the server.',
    )
    .addArgument(new Argument('[stage]', 'where to look').choices(TAP_STAGES).default('received'))
    .addOption(
      new Option('--match <condition>', 'NAME=GLOB, or GLOB for the usual name; ! excludes (repeatable)')
        .argParser((value: string, before: readonly string[]) => [...before, value])
        .default([], 'everything'),
    )
    .option('--limit <count>', 'end after so many records', wholeNumber, 20)
    .option('--seconds <seconds>', 'end after so long', wholeNumber, 60)
    .addOption(
      new Option('-f, --format <format>', 'text for people, json for all of it, one object a line')
        .choices(['text', 'json'])
        .default('text'),
    );
  addServerOption(command, io)
    .addHelpText('after', HELP)
    .action(async (stage: TapStage, options: TapOptions) =>
      setExitCode(await withInterrupt((interrupt) => tap(stage, options, io, interrupt))),
    );
};

function wholeNumber(text: string): number {
  const value = /^\d{1,9}$/.test(text) ? Number(text) : 0;
  if (value < 1) throw new InvalidArgumentError('It is a whole number from 1.');
  return value;
}

const HELP = `
Names for --match, all of which must fit; of several globs for one name any:
  received    event_type priority publisher_id message_id deployment source exchange routing_key payload.X context.X
  event       event_type priority message_id deployment traits.X
  sample      name type unit resource_id project_id user_id source deployment metadata.X
  published   name publisher pipeline kind resource_id project_id deployment
  parked      code event_type message_id source exchange routing_key
  dropped     name kind reason by

Ends with 0; 2 for a condition that cannot be understood; 69 when the server cannot be reached or goes away; 130 after Ctrl-C.

Examples:
  nephoscope tap --match 'compute.instance.*' --limit 5      does Nova talk to us?
  nephoscope tap event --match priority=error --seconds 600  what fails in the next ten minutes
  nephoscope tap sample --match 'cpu*' --match resource_id=SERVER
  nephoscope tap received --match payload.instance_id=SERVER -f json | jq .record.payload
  nephoscope tap dropped                                     why is a meter missing?
`;

/**
 * Shows a stage until the limit, the time or `interrupt`; gives the exit code. Errors of ours are shown on stderr.
 */
export function tap(
  stage: TapStage,
  options: TapOptions,
  io: CliIo,
  interrupt: AbortSignal,
): Promise<number> {
  return withExitCode(io, async () => {
    try {
      await show(stage, options, io, interrupt);
      return EXIT.done;
    } catch (thrown) {
      if (interrupt.aborted) return EXIT.interrupted;
      if (!(thrown instanceof ApiCallError) || thrown.status !== 400) throw thrown;
      io.stderr.write(`${escapeControls(thrown.message)}\n  help: ${escapeControls(thrown.hint)}\n`);
      return EXIT.usage;
    }
  });
}

async function show(stage: TapStage, options: TapOptions, io: CliIo, signal: AbortSignal): Promise<void> {
  const { apiUrl, match, limit, seconds, format } = options;
  const response = await getFromServer({
    baseUrl: apiUrl,
    path: `/v1/tap/${stage}`,
    parameters: [
      ['limit', String(limit)],
      ['seconds', String(seconds)],
      ...match.map((condition) => ['match', condition] as const),
    ],
    signal,
  });
  for await (const line of messageLines(chunksOf(response))) {
    const text = line.toString();
    const fields = parseLine(text);
    if (fields['type'] === 'end') return sayEnd(fields, options, io);
    if (typeof fields['unseen'] === 'string') io.stderr.write(`${escapeControls(fields['unseen'])}\n`);
    if (fields['type'] === 'missed') io.stderr.write(`… ${String(fields['count'])} passed too quickly\n`);
    if (fields['type'] !== 'record') continue;
    io.stdout.write(format === 'json' ? `${escapeInQuotes(text)}\n` : tapText(fields));
  }
  throw new NephoscopeError('E6032', 'The server ended the view without a word', { retry: 'transient' });
}

/** The body piece by piece; a connection that breaks is an error of ours. */
async function* chunksOf(response: Response): AsyncGenerator<Uint8Array> {
  try {
    for await (const chunk of response.body ?? []) yield chunk as Uint8Array;
  } catch (thrown) {
    throw new NephoscopeError('E6032', `The connection to the server broke: ${whyBroken(thrown)}`, {
      retry: 'transient',
      cause: thrown,
    });
  }
}

function parseLine(text: string): JsonObject {
  try {
    const fields = parseExact(text);
    if (isJsonObject(fields)) return fields;
  } catch {
    // Said below: what answers is something else.
  }
  throw new NephoscopeError('E4033', 'The server answered with something that is no live view');
}

function sayEnd(end: JsonObject, { seconds, match, limit }: TapOptions, io: CliIo): void {
  const { reason, shown } = end;
  if (reason === 'server stops') {
    throw new NephoscopeError('E6032', 'The server stops', { retry: 'transient' });
  }
  if (reason === 'limit') io.stderr.write(`That was ${limit}; --limit shows more.\n`);
  else if (shown !== 0) io.stderr.write(`${String(shown)} in ${seconds} s; --seconds looks longer.\n`);
  else io.stderr.write(nothing(seconds, match));
}

function nothing(seconds: number, match: readonly string[]): string {
  const what = match.length === 0 ? 'Nothing passed' : 'Nothing that fits --match passed';
  return `${what} in ${seconds} s. nephoscope top shows what arrives; --seconds looks longer.\n`;
}
