import { escapeControls } from '../config/escape.ts';

const COLORS: Readonly<Record<string, string>> = {
  trace: '\u001b[90m',
  debug: '\u001b[36m',
  info: '\u001b[32m',
  warn: '\u001b[33m',
  error: '\u001b[31m',
  fatal: '\u001b[41m',
};
const RESET = '\u001b[0m';

/**
 * Turns one JSON log line into one for people: `2026-01-02T03:04:05.006Z WARN  Message  key=value key="a text"`.
 * The stack of an error without a code, which is a defect and not a known trouble, follows on indented lines.
 * A line that is not a JSON object comes back as it is. Ends in a line feed.
 */
export function formatLogLine(jsonLine: string, color: boolean): string {
  const record = tryParseObject(jsonLine);
  if (record === null) return jsonLine;
  const { level, time, msg, err, ...fields } = record;
  const label = String(level);
  const padded = label.toUpperCase().padEnd(5);
  const shown = color ? `${COLORS[label] ?? ''}${padded}${RESET}` : padded;
  const pairs = [...Object.entries(fields), ...errorFields(err)].map(
    ([key, value]) => ` ${key}=${valueText(value)}`,
  );
  const message = escapeControls(String(msg ?? ''));
  const separator = pairs.length === 0 ? '' : ' ';
  return `${String(time)} ${shown} ${message}${separator}${pairs.join('')}\n${stackText(err)}`;
}

function tryParseObject(line: string): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(line);
    return isRecord(value) ? value : null;
  } catch {
    return null;
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function errorFields(err: unknown): [string, unknown][] {
  if (err === undefined) return [];
  if (!isRecord(err)) return [['error', err]];
  const { message, code, hint } = err;
  const fields: [string, unknown][] = [
    ['error', message],
    ['code', code],
    ['hint', hint],
  ];
  return fields.filter(([, value]) => value !== undefined);
}

function stackText(err: unknown): string {
  if (!isRecord(err) || err['code'] !== undefined || typeof err['stack'] !== 'string') return '';
  const frames = err['stack'].split('\n').filter((line) => /^\s+at /.test(line));
  return frames.map((line) => `    ${escapeControls(line.trim())}\n`).join('');
}

/** A word stays bare; any other text is quoted, so that it cannot be mistaken for further fields. */
function valueText(value: unknown): string {
  if (typeof value === 'string' && /^[\w.:/@+*()-]+$/.test(value)) return value;
  return escapeControls(JSON.stringify(value) ?? 'undefined');
}
