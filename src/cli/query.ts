import { type Command, Option } from 'commander';
import { isJsonObject, type JsonObject, type JsonValue } from '../model/json.ts';
import { type CliIo, EXIT, type RegisterCommand } from './command.ts';
import { withExitCode } from './failure.ts';
import { type ApiCall, createApiClient, DEFAULT_API_URL } from './http-client.ts';
import { columnsOf, formatRows, OUTPUT_FORMATS } from './output.ts';
import { collect, QUERY_KINDS, QUESTIONS, type QueryKind, type QueryOptions } from './questions.ts';

/** Asks the API and writes the answer; gives the exit code. Errors are shown on stderr. */
export function runQuery(kind: QueryKind, options: QueryOptions, io: CliIo): Promise<number> {
  return withExitCode(io, async () => {
    const client = createApiClient(options.apiUrl);
    const question = QUESTIONS[kind];
    const call = question.call(options);
    if (options.showRequest === true) io.stderr.write(describeRequest(call, client.urlOf(call)));
    const rows = rowsOf(await client.send(call));
    io.stdout.write(formatRows(rows, chosenColumns(rows, question.columns, options), options.format));
    if (rows.length === 0) io.stderr.write(`Nothing found: the API has no ${kind} that fit.\n`);
    return EXIT.done;
  });
}

function rowsOf(answer: JsonValue): readonly JsonObject[] {
  const items = Array.isArray(answer) ? answer : [];
  // Event types are a list of texts.
  return items.map((item) => (typeof item === 'string' ? { event_type: item } : item)).filter(isJsonObject);
}

function chosenColumns(rows: readonly JsonObject[], usual: readonly string[], options: QueryOptions) {
  if (options.column.length > 0) return options.column;
  const all = columnsOf(rows);
  if (options.format !== 'table') return all.length > 0 ? all : usual;
  const shown = usual.filter((column) => all.includes(column));
  return shown.length > 0 ? shown : usual;
}

/** `GET /v2/…` with the parameters one a line, and the same for curl. */
function describeRequest(call: ApiCall, url: string): string {
  const parameters = call.parameters.map(([name, value]) => `  ${name} = ${value}\n`).join('');
  return `${call.method} ${call.path}\n${parameters}curl '${url.replaceAll("'", '%27')}'\n\n`;
}

/** The option of every command that talks to the API. */
export function addApiOption(command: Command, io: CliIo): Command {
  const address = io.env['NEPHOSCOPE_API_URL'] ?? DEFAULT_API_URL;
  return command.addOption(new Option('--api-url <url>', 'address of the API').default(address));
}

/** Options of commands that talk to the API and print rows. */
export function addOutputOptions(command: Command, io: CliIo): Command {
  return addApiOption(command, io)
    .addOption(
      new Option('-f, --format <format>', 'form of the output').choices(OUTPUT_FORMATS).default('table'),
    )
    .addOption(
      new Option('-c, --column <name>', 'show this column only; metadata.KEY reaches inside (repeatable)')
        .argParser(collect)
        .default([], 'the usual ones'),
    );
}

/** `nephoscope query KIND`. */
export const registerQuery: RegisterCommand = (program, io, setExitCode) => {
  const query = program.command('query').description('Ask a server for what it has stored.');
  for (const kind of QUERY_KINDS) {
    const question = QUESTIONS[kind];
    const command = addOutputOptions(query.command(kind).description(question.summary), io);
    for (const option of question.options) command.addOption(option);
    command
      .option('--show-request', 'write the request to stderr, and the same for curl')
      .addHelpText('after', `\nExample:\n  ${question.example}\n`)
      .action(async (options: QueryOptions) => setExitCode(await runQuery(kind, options, io)));
  }
  query.addHelpText('after', WHERE_HELP);
};

const WHERE_HELP = `
Conditions of --where are joined by and; values with blanks stand in quotes:
  samples, statistics, resources, meters:
    project user resource source =    meter message_id =    timestamp < <= > >=    metadata.KEY =
  events:
    event_type message_id =    timestamp >= <=    TRAIT = != < <= > >=
  A bare 5 is an integer and 5.0 a float; '5' in quotes is text.

Examples:
${QUERY_KINDS.map((kind) => `  ${QUESTIONS[kind].example}\n`).join('')}`;
