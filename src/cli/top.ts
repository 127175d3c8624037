import { setTimeout as sleep } from 'node:timers/promises';
import { InvalidArgumentError, Option } from 'commander';
import { NephoscopeError } from '../component/errors.ts';
import { isJsonObject, type JsonValue } from '../model/json.ts';
import { type CliIo, EXIT, type RegisterCommand } from './command.ts';
import { displayWidth, escapeInQuotes } from './display-text.ts';
import { withExitCode } from './failure.ts';
import { withInterrupt } from './interrupt.ts';
import { addServerOption, getFromServer } from './server-request.ts';
import { parseMetrics } from './top-metrics.ts';
import { type Reading, topRows } from './top-rows.ts';
import { formatTop, type PartState, processFigures, type TopView, topDocument } from './top-screen.ts';

interface TopOptions {
  readonly apiUrl: string;
  readonly interval: number;
  readonly once?: boolean;
  readonly format: 'text' | 'json';
}

/** `nephoscope top`. */
export const registerTop: RegisterCommand = (program, io, setExitCode) => {
  const command = program
    .command('top')
    .description(
      'Show what a running nephoscope does, again and again: rates, what waits and how long, losses and errors of each ' +
        'stage, and the parts that are not well. Where the output is no terminal, or with --once, one table.',
    )
    .option('--interval <seconds>', 'time between two readings', interval, 2)
    .option('--once', 'read twice, print one table and end')
    .addOption(
      new Option('-f, --format <format>', 'text for people, json for programs: one object a line')
        .choices(['text', 'json'])
        .default('text'),
    );
  addServerOption(command, io)
    .addHelpText('after', HELP)
    .action(async (options: TopOptions) =>
      setExitCode(await withInterrupt((interrupt) => top(options, io, interrupt))),
    );
};

function interval(text: string): number {
  const value = /^\d+(\.\d+)?$/.test(text) ? Number(text) : 0;
  if (value < 0.1 || value > 3_600) throw new InvalidArgumentError('It is a number from 0.1 to 3600.');
  return value;
}

const HELP = `
DROPPED and ERRORS count since the start of the server, in brackets what is new. OLDEST is the age of what has waited
longest. Ctrl-C ends. Ends with 0; with --once 69 when the server cannot be reached.

Examples:
  nephoscope top
  nephoscope top --once --interval 10                                  rates over ten seconds
  nephoscope top --once -f json | jq '.rows[] | select(.errors.recent > 0)'
`;

/** Shows the server until `interrupt`, or once; gives the exit code. Errors of ours are shown on stderr. */
export function top(options: TopOptions, io: CliIo, interrupt: AbortSignal): Promise<number> {
  return withExitCode(io, async () => {
    try {
      const screen = screenOf(io);
      if (options.once === true || (options.format === 'text' && screen === null)) {
        await showOnce(options, io, interrupt);
      } else {
        await showAgainAndAgain(options, io, screen, interrupt);
      }
    } catch (thrown) {
      // Ctrl-C is how this command ends.
      if (!interrupt.aborted) throw thrown;
    }
    return EXIT.done;
  });
}

/** A terminal to draw on. */
interface Screen {
  readonly columns: number;
  readonly rows: number;
}

function screenOf({ stdout }: CliIo): (() => Screen) | null {
  if (!('isTTY' in stdout) || stdout.isTTY !== true) return null;
  const terminal = stdout as NodeJS.WriteStream;
  return () => ({ columns: terminal.columns ?? 80, rows: terminal.rows ?? 24 });
}

async function showOnce(options: TopOptions, io: CliIo, signal: AbortSignal): Promise<void> {
  const before = await read(options, signal);
  await sleep(options.interval * 1_000, undefined, { signal });
  const view = viewOf(options.apiUrl, before, await read(options, signal));
  io.stdout.write(options.format === 'json' ? jsonLine(topDocument(view)) : formatTop(view));
}

const CLEAR = '\u001b[H\u001b[J';
/** A screen of its own, so that what was on the terminal is there again afterwards; no cursor. */
const ENTER = '\u001b[?1049h\u001b[?25l';
const LEAVE = '\u001b[?25h\u001b[?1049l';

async function showAgainAndAgain(
  options: TopOptions,
  io: CliIo,
  screen: (() => Screen) | null,
  signal: AbortSignal,
): Promise<void> {
  const isDrawing = screen !== null && options.format === 'text';
  if (isDrawing) io.stdout.write(ENTER);
  try {
    let before: Answer | null = null;
    let shown = '';
    for (;;) {
      const answer: Answer | NephoscopeError = await tryRead(options, signal);
      if (answer instanceof NephoscopeError) {
        report(answer, options, io, screen, shown);
      } else if (before !== null) {
        const view = viewOf(options.apiUrl, before, answer);
        shown = formatTop(view);
        if (isDrawing) io.stdout.write(CLEAR + fitted(shown, screen()));
        else io.stdout.write(jsonLine(topDocument(view)));
      } else if (isDrawing) {
        io.stdout.write(`${CLEAR}Reading ${options.apiUrl} …`);
      }
      // The server may be another one when it answers again: its first reading is a beginning.
      before = answer instanceof NephoscopeError ? null : answer;
      await sleep(options.interval * 1_000, undefined, { signal });
    }
  } finally {
    if (isDrawing) io.stdout.write(LEAVE);
  }
}

/** What was last seen stays below the reason. */
function report(
  error: NephoscopeError,
  options: TopOptions,
  io: CliIo,
  screen: (() => Screen) | null,
  shown: string,
): void {
  if (screen === null || options.format === 'json') {
    io.stdout.write(
      jsonLine({
        at: new Date().toISOString(),
        url: options.apiUrl,
        state: 'unreachable',
        reason: error.message,
      }),
    );
    return;
  }
  const again = `${error.code} ${error.message}; trying again every ${options.interval} s`;
  io.stdout.write(CLEAR + fitted(shown === '' ? again : `${again}\nlast seen:\n\n${shown}`, screen()));
}

/** Only what fits, so that nothing scrolls. */
function fitted(text: string, { columns, rows }: Screen): string {
  const lines = text.trimEnd().split('\n');
  const fitting =
    lines.length < rows ? lines : [...lines.slice(0, rows - 2), `… ${lines.length - rows + 2} more lines`];
  return fitting.map((line) => cut(line, columns)).join('\n');
}

function cut(line: string, columns: number): string {
  let width = 0;
  let end = 0;
  for (const character of line) {
    width += displayWidth(character);
    if (width > columns) return line.slice(0, end);
    end += character.length;
  }
  return line;
}

interface Answer extends Reading {
  readonly state: string;
  readonly parts: readonly PartState[];
}

async function tryRead(options: TopOptions, signal: AbortSignal): Promise<Answer | NephoscopeError> {
  try {
    return await read(options, signal);
  } catch (thrown) {
    signal.throwIfAborted();
    if (thrown instanceof NephoscopeError) return thrown;
    throw thrown;
  }
}

const REQUEST_MILLIS = 10_000;

async function read({ apiUrl: baseUrl }: TopOptions, interrupt: AbortSignal): Promise<Answer> {
  const limit = AbortSignal.timeout(REQUEST_MILLIS);
  const signal = AbortSignal.any([interrupt, limit]);
  try {
    const [metrics, ready] = await Promise.all([
      getFromServer({ baseUrl, path: '/metrics', signal }).then((response) => response.text()),
      getFromServer({ baseUrl, path: '/readyz', signal, accepts: [503] }).then((response) => response.json()),
    ]);
    const atSeconds = performance.now() / 1_000;
    return { atSeconds, points: parseMetrics(metrics), ...statesOf(ready as JsonValue) };
  } catch (thrown) {
    if (limit.aborted && !interrupt.aborted) throw slow(baseUrl, thrown);
    throw thrown instanceof NephoscopeError || interrupt.aborted ? thrown : broken(baseUrl, thrown);
  }
}

function slow(url: string, cause: unknown): NephoscopeError {
  const text = `The server at ${url} does not answer in ${REQUEST_MILLIS / 1_000} s`;
  return new NephoscopeError('E4031', text, { retry: 'transient', cause });
}

function broken(url: string, cause: unknown): NephoscopeError {
  const text = `The answer of ${url} broke off or is none of a nephoscope`;
  return new NephoscopeError('E6036', text, { retry: 'transient', cause });
}

function statesOf(document: JsonValue): Pick<Answer, 'state' | 'parts'> {
  const { state = 'unknown', components } = isJsonObject(document) ? document : {};
  const parts = (Array.isArray(components) ? components : []).filter(isJsonObject).map((part) => ({
    name: String(part['name']),
    state: String(part['state']),
    reason: typeof part['reason'] === 'string' ? part['reason'] : null,
  }));
  return {
    state: String(state),
    parts: parts.filter((part) => part.state !== 'ok' || part.reason !== null),
  };
}

function viewOf(url: string, before: Answer, after: Answer): TopView {
  const at = new Date();
  return {
    url,
    at,
    state: after.state,
    process: processFigures(before, after, at.getTime() / 1_000),
    rows: topRows(before, after),
    parts: after.parts,
  };
}

function jsonLine(document: object): string {
  return `${escapeInQuotes(JSON.stringify(document))}\n`;
}
