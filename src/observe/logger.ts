import { type Logger as PinoLogger, pino } from 'pino';
import { NephoscopeError, toError } from '../component/errors.ts';
import { createLineWriter } from './line-writer.ts';
import { maskUrlPasswords, SECRET_PATHS } from './redaction.ts';
import { formatLogLine } from './text-format.ts';

export const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

/** Writes one line: a message that is the same text every time, and what is particular about it as fields. */
export interface LogMethod {
  (message: string): void;
  /** An error goes under `err`: its type, message, code, hint and stack are shown. */
  (fields: Readonly<Record<string, unknown>>, message: string): void;
}

/** What parts of the program log with; handed in, already carrying who they are. Never throws, never waits. */
export interface Logger {
  readonly trace: LogMethod;
  readonly debug: LogMethod;
  readonly info: LogMethod;
  readonly warn: LogMethod;
  readonly error: LogMethod;
  readonly fatal: LogMethod;
  /** A logger that adds `fields` to each of its lines. */
  child(fields: Readonly<Record<string, unknown>>): Logger;
}

export interface LoggerOptions {
  readonly level: LogLevel;
  /** `json`: one object per line. `text`: for people. */
  readonly format: 'json' | 'text';
  /** A file to append to, made with mode 0640 when it is missing, or an open descriptor (1: stdout, 2: stderr). */
  readonly destination: string | number;
  /** Text format only: colour the levels. */
  readonly color?: boolean;
  /** What may wait in memory for a destination that does not take it; lines beyond are dropped. Default 4 MiB. */
  readonly maxBufferedBytes?: number;
}

/** The logger of the whole program and the hold on what is behind it. */
export interface LogOutput {
  readonly logger: PinoLogger;
  /** Lines lost because the destination was stuck or refused them. */
  dropped(): number;
  /**
   * Opens the log file again by its name, after it was rotated away; without a file nothing happens. Throws
   * `NephoscopeError` (E6001) when that fails, and then goes on with the file it has.
   */
  reopen(): void;
  /**
   * Writes what is held, but waits no longer than `timeoutMillis`, then gives the rest up: the process can end even
   * when nobody reads its output. Repeated calls are safe; what is logged afterwards is lost.
   */
  close(timeoutMillis: number): Promise<void>;
}

const DEFAULT_MAX_BUFFERED_BYTES = 4 * 1024 * 1024;

/**
 * Opens the log. Lines are written by worker threads, so a stuck terminal, pipe or disk never holds up the work:
 * lines then wait in memory up to a bound and are dropped and counted beyond it. Nothing is written by itself when
 * the process ends: call `close` before.
 * Throws a permanent `NephoscopeError` (E6001) when a log file cannot be opened.
 */
export function createLogger(options: LoggerOptions): LogOutput {
  const { destination } = options;
  const writer = refusing(destination, () =>
    createLineWriter(destination, options.maxBufferedBytes ?? DEFAULT_MAX_BUFFERED_BYTES),
  );
  const color = options.color ?? false;
  const toOutput =
    options.format === 'text' ? (line: string) => formatLogLine(line, color) : (line: string) => line;
  const write = (line: string): void => writer.write(toOutput(maskUrlPasswords(line)));
  return {
    logger: pino(pinoOptions(options.level), { write }),
    dropped: writer.dropped,
    reopen: () => refusing(destination, writer.reopen),
    close: writer.close,
  };
}

/** A logger that writes nothing, for tests and for commands without a log. */
export const silentLogger: PinoLogger = pino({ enabled: false });

function pinoOptions(level: LogLevel): pino.LoggerOptions {
  return {
    level,
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label) => ({ level: label }) },
    redact: { paths: [...SECRET_PATHS], censor: '(secret)' },
  };
}

function refusing<Result>(destination: string | number, open: () => Result): Result {
  try {
    return open();
  } catch (thrown) {
    throw new NephoscopeError(
      'E6001',
      `Log file ${destination} cannot be opened: ${toError(thrown).message}`,
      {
        cause: thrown,
      },
    );
  }
}
