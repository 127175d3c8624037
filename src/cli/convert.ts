import { statSync } from 'node:fs';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { readYamlFile, shippedFile, yamlFilesIn } from '../app/yaml-files.ts';
import { type Problem, problem, toError } from '../component/errors.ts';
import { formatProblem, formatProblems } from '../config/problems.ts';
import { PRIORITIES } from '../model/notification.ts';
import { type Converter, createConverter } from '../notification/converter.ts';
import { decodeNotification, NotificationError } from '../notification/envelope.ts';
import { type EventDefinitions, loadEventDefinitions } from '../notification/event-definitions.ts';
import { loadMeterDefinitions, type MeterDefinitions } from '../notification/meter-definitions.ts';
import { type CliIo, EXIT, type RegisterCommand } from './command.ts';
import { formatConversion, formatFailure, type LineHead } from './conversion-line.ts';
import { type InputLine, MAX_LINE_BYTES, readLines } from './input-lines.ts';

/** `nephoscope convert FILE…` */
export const registerConvert: RegisterCommand = (program, io, setExitCode) => {
  program
    .command('convert')
    .description(
      'Show what the definitions make of notifications, without storing or sending anything. Reads recording lines, ' +
        'envelopes or bare messages, one JSON document a line, plain or gzip; writes one line of JSON for each.',
    )
    .argument('<file...>', 'files of notifications; - is the standard input')
    .option('--event-definitions <file>', 'an event_definitions.yaml in place of the shipped one')
    .option(
      '--meter-definitions <path>',
      'a meters.yaml, or a directory of such files, in place of the shipped ones',
    )
    .option(
      '--any-priority',
      'make samples of notifications of every priority, not only of info and sample',
      false,
    )
    .action(async (files: string[], flags: Omit<ConvertOptions, 'files'>) =>
      setExitCode(await convertFiles({ ...flags, files }, io)),
    );
};

export interface ConvertOptions {
  /** Files of notifications, one JSON document a line, plain or gzip; `-` is the standard input. */
  readonly files: readonly string[];
  /** An event definitions file in place of the shipped one. */
  readonly eventDefinitions?: string;
  /** A meter definitions file, or a directory of them, in place of the shipped ones. */
  readonly meterDefinitions?: string;
  /** Make samples of notifications of every priority, not only of info and sample. */
  readonly anyPriority: boolean;
}

/**
 * The command `convert`: shows what definitions make of notifications. Each input line is a recording line
 * (`{exchange, routing_key, properties, body}`), an envelope or a bare message; each gives one line of JSON on stdout,
 * also when it cannot be read (then with its error). Holds one line at a time.
 *
 * Resolves with the exit code: 0; 1 when a file cannot be read (what came before was converted), 4 when it does not
 * exist; 78 when a definition is wrong: every mistake is on stderr, and what the good ones make is shown all the same. A
 * reader that closes stdout early ends it without complaint.
 */
export async function convertFiles(
  options: ConvertOptions,
  io: Pick<CliIo, 'stdin' | 'stdout' | 'stderr'>,
): Promise<number> {
  const { converter, problems } = loadConverter(options);
  if (problems.length > 0) io.stderr.write(`${formatProblems(problems)}\n`);
  if (converter === null) return EXIT.badConfiguration;
  const isBad = problems.some(({ severity }) => severity === 'error');
  try {
    const output = Readable.from(convertAll(options.files, io.stdin, converter), { objectMode: false });
    await pipeline(output, io.stdout, { end: false });
    return isBad ? EXIT.badConfiguration : EXIT.done;
  } catch (error) {
    const failure = toError(error) as NodeJS.ErrnoException;
    if (failure.code === 'EPIPE' || failure.code === 'ERR_STREAM_PREMATURE_CLOSE') return EXIT.done;
    io.stderr.write(`${formatProblem(problem('E5017', failure.message))}\n`);
    return failure.code === 'ENOENT' ? EXIT.notFound : EXIT.failed;
  }
}

/** A converter of every definition that is right (null: the file has none), and what is wrong with the others. */
function loadConverter(options: ConvertOptions): {
  converter: Converter | null;
  problems: readonly Problem[];
} {
  const problems: Problem[] = [];
  const events = readEvents(options.eventDefinitions ?? shippedFile('event_definitions.yaml'), problems);
  const meters = readMeters(options.meterDefinitions ?? shippedFile('meters.d'), problems);
  if (events === null) return { converter: null, problems };
  const priorities = options.anyPriority ? { samplePriorities: PRIORITIES } : {};
  return { converter: createConverter({ events, meters, ...priorities }), problems };
}

function readEvents(file: string, problems: Problem[]): EventDefinitions | null {
  const document = readYamlFile(file, problems);
  if (document === null) return null;
  const loaded = loadEventDefinitions(document, { dropUnmatched: false, storeRaw: [] });
  problems.push(...loaded.problems);
  return loaded.definitions;
}

function readMeters(path: string, problems: Problem[]): MeterDefinitions {
  const isDirectory = statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
  const files = isDirectory ? yamlFilesIn(path) : [path];
  const documents = files.map((file) => readYamlFile(file, problems)).filter((document) => document !== null);
  const loaded = loadMeterDefinitions(documents);
  problems.push(...loaded.problems);
  return loaded.definitions;
}

async function* convertAll(
  files: readonly string[],
  stdin: NodeJS.ReadableStream,
  converter: Converter,
): AsyncGenerator<string> {
  for (const file of files) {
    for await (const lines of readLines(file, stdin)) {
      const full = lines.filter((line) => line === null || !isBlank(line));
      yield full.map((line) => `${convertLine(line, converter)}\n`).join('');
    }
  }
}

function isBlank(line: Uint8Array): boolean {
  return line.every((byte) => byte === 0x20 || byte === 0x0d || byte === 0x09);
}

const unknownHead: LineHead = { messageId: null, eventType: null, priority: null, exchange: null };

function convertLine(line: InputLine, converter: Converter): string {
  if (line === null) {
    const message = `the line has more than ${MAX_LINE_BYTES} bytes`;
    return formatFailure(unknownHead, { code: 'E5011', message });
  }
  const recording = tryParseRecording(line);
  const exchange = recording?.exchange ?? null;
  try {
    const notification = decodeNotification(recording?.body ?? line);
    const { messageId, eventType, priority } = notification;
    return formatConversion({ messageId, eventType, priority, exchange }, converter.convert(notification));
  } catch (error) {
    if (!(error instanceof NotificationError)) throw error;
    return formatFailure(
      { ...unknownHead, messageId: error.messageId, eventType: error.eventType, exchange },
      error,
    );
  }
}

interface Recording {
  readonly exchange: string | null;
  readonly body: string;
}

const strictUtf8 = new TextDecoder('utf-8', { fatal: true });

/** A line as a recorder of the bus writes it, or null for anything else. */
function tryParseRecording(line: Uint8Array): Recording | null {
  try {
    const value: unknown = JSON.parse(strictUtf8.decode(line));
    if (typeof value !== 'object' || value === null || !('body' in value) || 'event_type' in value)
      return null;
    if (typeof value.body !== 'string') return null;
    const exchange = 'exchange' in value && typeof value.exchange === 'string' ? value.exchange : null;
    return { exchange, body: value.body };
  } catch {
    return null;
  }
}
