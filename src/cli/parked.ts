import { Option } from 'commander';
import { NephoscopeError } from '../component/errors.ts';
import { isJsonObject, type JsonObject, type JsonValue } from '../model/json.ts';
import { type CliIo, EXIT, type RegisterCommand } from './command.ts';
import { withExitCode } from './failure.ts';
import { type ApiCall, type ApiClient, createApiClient } from './http-client.ts';
import { columnsOf, formatRecord, formatRows, type OutputFormat } from './output.ts';
import { addApiOption, addOutputOptions } from './query.ts';

/** What all commands on parked messages share. */
export interface ParkedOptions {
  readonly apiUrl: string;
  readonly code?: string;
  /** All, or all with `code`, instead of ids. */
  readonly all?: boolean;
  readonly yes?: boolean;
  readonly dryRun?: boolean;
}

/** And those that print rows. */
export interface ParkedOutputOptions extends ParkedOptions {
  readonly format: OutputFormat;
  /** Empty: the usual ones. */
  readonly column: readonly string[];
  readonly limit?: string;
}

const LIST_COLUMNS = ['id', 'parked_at', 'code', 'event_type', 'times', 'size_bytes', 'reason'];

/** Lists what is parked; gives the exit code. */
export function listParked(options: ParkedOutputOptions, io: CliIo): Promise<number> {
  return withExitCode(io, async () => {
    const items = await fetchParked(createApiClient(options.apiUrl), options, options.limit);
    io.stdout.write(formatRows(items, columns(items, LIST_COLUMNS, options), options.format));
    if (items.length === 0) io.stderr.write('Nothing is parked.\n');
    return EXIT.done;
  });
}

/** Shows one parked message with its body; gives the exit code. */
export function showParked(id: string, options: ParkedOutputOptions, io: CliIo): Promise<number> {
  return withExitCode(io, async () => {
    const item = record(
      await createApiClient(options.apiUrl).send(call('GET', `/${encodeURIComponent(id)}`)),
    );
    io.stdout.write(formatRecord(item, columns([item], columnsOf([item]), options), options.format));
    return EXIT.done;
  });
}

/** Processes parked messages again, one after the other; gives the exit code: 1 when one is parked again. */
export function replayParked(
  ids: readonly string[],
  options: ParkedOutputOptions,
  io: CliIo,
): Promise<number> {
  return withExitCode(io, async () => {
    const client = createApiClient(options.apiUrl);
    const chosen = await chooseIds(client, ids, options);
    if (options.dryRun === true) return announce('replay', chosen, io);
    const results: JsonObject[] = [];
    for (const id of chosen) results.push(await replayOne(client, id));
    io.stdout.write(formatRows(results, columns(results, ['id', 'outcome'], options), options.format));
    return results.every(({ outcome }) => outcome === 'accepted' || outcome === 'duplicate')
      ? EXIT.done
      : EXIT.failed;
  });
}

async function replayOne(client: ApiClient, id: string): Promise<JsonObject> {
  return record(await client.send(call('POST', `/${encodeURIComponent(id)}/replay`)));
}

/** Deletes parked messages for good; asks for `--yes` first. Gives the exit code. */
export function dropParked(ids: readonly string[], options: ParkedOptions, io: CliIo): Promise<number> {
  return withExitCode(io, async () => {
    const client = createApiClient(options.apiUrl);
    const chosen = await chooseIds(client, ids, options);
    if (options.dryRun === true) return announce('drop', chosen, io);
    if (options.yes !== true && chosen.length > 0) {
      io.stderr.write(
        `This deletes ${counted(chosen)} for good. Add --yes to do it, --dry-run to see which.\n`,
      );
      return EXIT.usage;
    }
    for (const id of chosen) await client.send(call('DELETE', `/${encodeURIComponent(id)}`));
    io.stderr.write(`Dropped ${counted(chosen)}.\n`);
    return EXIT.done;
  });
}

function announce(verb: string, ids: readonly string[], io: CliIo): number {
  io.stdout.write(ids.map((id) => `would ${verb} ${id}\n`).join(''));
  return EXIT.done;
}

function counted(ids: readonly string[]): string {
  return `${ids.length} parked ${ids.length === 1 ? 'message' : 'messages'}`;
}

/** The ids given, or those of all that are parked: with --code only those of one reason. */
async function chooseIds(
  client: ApiClient,
  ids: readonly string[],
  options: ParkedOptions,
): Promise<readonly string[]> {
  const all = options.all === true;
  if (all === ids.length > 0 || (options.code !== undefined && !all)) {
    throw new NephoscopeError('E4034', 'Which parked messages?', {
      hint: 'Give their ids (nephoscope parked list), or --all, or --all with --code E5001.',
    });
  }
  if (!all) return ids;
  const items = await fetchParked(client, options, ALL);
  return items.map(({ id }) => String(id));
}

/** The server refuses a longer list rather than cut it. */
const ALL = '1000000000';

async function fetchParked(
  client: ApiClient,
  options: ParkedOptions,
  limit: string | undefined,
): Promise<readonly JsonObject[]> {
  const parameters: [string, string][] = [];
  if (options.code !== undefined) parameters.push(['code', options.code]);
  if (limit !== undefined) parameters.push(['limit', limit]);
  const answer = await client.send({ ...call('GET', ''), parameters });
  return Array.isArray(answer) ? answer.filter(isJsonObject) : [];
}

function call(method: ApiCall['method'], path: string): ApiCall {
  return { method, path: `/v1/parked${path}`, parameters: [] };
}

function record(answer: JsonValue): JsonObject {
  return isJsonObject(answer) ? answer : {};
}

function columns(
  rows: readonly JsonObject[],
  usual: readonly string[],
  options: ParkedOutputOptions,
): readonly string[] {
  if (options.column.length > 0) return options.column;
  return options.format === 'table' || rows.length === 0 ? usual : columnsOf(rows);
}

const CODE = new Option('--code <code>', 'only those parked for this error code, e.g. E5001');
const ALL_OPTION = new Option('--all', 'all that are parked, or with --code all of one reason');
const DRY_RUN = new Option('--dry-run', 'only say which they are');

/** `nephoscope parked list|show|replay|drop`. */
export const registerParked: RegisterCommand = (program, io, setExitCode) => {
  const parked = program
    .command('parked')
    .description('Messages that could not be processed: see why, process them again, or drop them.');
  const add = (usage: string, description: string) =>
    addOutputOptions(parked.command(usage).description(description), io);

  add('list', 'List them, newest first.')
    .addOption(CODE)
    .option('--limit <count>', 'how many at most')
    .action(async (options: ParkedOutputOptions) => setExitCode(await listParked(options, io)));
  add('show <id>', 'Show one with its body; credentials in it are overwritten.').action(
    async (id: string, options: ParkedOutputOptions) => setExitCode(await showParked(id, options, io)),
  );
  add('replay [ids...]', 'Process them again; what succeeds is no longer parked.')
    .addOption(CODE)
    .addOption(ALL_OPTION)
    .addOption(DRY_RUN)
    .action(async (ids: string[], options: ParkedOutputOptions) =>
      setExitCode(await replayParked(ids, options, io)),
    );
  addApiOption(parked.command('drop [ids...]').description('Delete them for good.'), io)
    .addOption(CODE)
    .addOption(ALL_OPTION)
    .addOption(DRY_RUN)
    .option('--yes', 'do it')
    .action(async (ids: string[], options: ParkedOptions) => setExitCode(await dropParked(ids, options, io)));
  parked.addHelpText('after', HELP);
};

const HELP = `
Examples:
  nephoscope parked list --code E5001          what could not be read, newest first
  nephoscope parked show 17 -f value -c body   the message itself
  nephoscope parked replay --all --code E3001  after the cause is repaired
  nephoscope parked drop 17 18 --yes
`;
