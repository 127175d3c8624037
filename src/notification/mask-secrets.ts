import { isSecretName } from '../config/redact.ts';
import { isSecretKey } from './secrets.ts';

/** `"key":`, also inside a JSON text that is itself a string of another one, where quotes have backslashes. */
const KEY = /(?<!\\)(\\*)"([^"\\]{1,200})\1"\s*:\s*/g;

const MASK = '***';

/**
 * Overwrites the values of keys that hold credentials in the text of a notification, whole or broken, with `***`.
 * Works on the text, because what is parked is often no valid JSON, and leaves everything else as it came. Pure.
 */
export function maskSecrets(text: string): string {
  return maskValues(text, (key) => isSecretKey(key) || isSecretName(key));
}

/**
 * The body of a message that is put aside, without the credentials of whoever made the request: `***` stands for them.
 * The same object when there are none; every other byte stays, whatever encoding it is in. Pure.
 */
export function withoutContextSecrets(body: Uint8Array): Uint8Array {
  const text = Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString('latin1');
  const masked = maskValues(text, (key) => isSecretKey(key) || key === '_context_password');
  return masked === text ? body : Buffer.from(masked, 'latin1');
}

function maskValues(text: string, isSecret: (key: string) => boolean): string {
  const pieces: string[] = [];
  let copied = 0;
  for (const match of text.matchAll(KEY)) {
    const start = match.index + match[0].length;
    const [, backslashes = '', key = ''] = match;
    if (match.index < copied || !isSecret(key)) continue;
    pieces.push(text.slice(copied, start), `${backslashes}"${MASK}${backslashes}"`);
    copied = valueEnd(text, start, backslashes.length);
  }
  return pieces.join('') + text.slice(copied);
}

/** The index behind the value that starts at `start`; the end of the text when it is broken off. */
function valueEnd(text: string, start: number, level: number): number {
  const quote = start + level;
  if (text[quote] === '"') return stringEnd(text, quote + 1, level);
  if (text[start] === '{' || text[start] === '[') return containerEnd(text, start, level);
  const end = text.slice(start).search(/[,}\]\s]/);
  return end === -1 ? text.length : start + end;
}

function stringEnd(text: string, start: number, level: number): number {
  for (let quote = text.indexOf('"', start); quote !== -1; quote = text.indexOf('"', quote + 1)) {
    if (isClosing(backslashesBefore(text, quote), level)) return quote + 1;
  }
  return text.length;
}

function containerEnd(text: string, start: number, level: number): number {
  let depth = 0;
  for (let index = start; index < text.length; index++) {
    const character = text[index];
    if (character === '"') index = stringEnd(text, index + 1, level) - 1;
    else if (character === '{' || character === '[') depth++;
    else if (character === '}' || character === ']') {
      depth--;
      if (depth === 0) return index + 1;
    }
  }
  return text.length;
}

function backslashesBefore(text: string, index: number): number {
  let count = 0;
  while (text[index - 1 - count] === '\\') count++;
  return count;
}

/**
 * Whether a quote behind so many backslashes ends a string whose own quotes have `level` of them (0, 1, 3, 7 …).
 * Each time a text is put into a string, n backslashes before a quote become 2n + 1.
 */
function isClosing(backslashes: number, level: number): boolean {
  let count = backslashes;
  for (let left = level; left > 0; left = (left - 1) >> 1) {
    // The quote belongs to a text further out: that ends this one too.
    if (count % 2 === 0) return true;
    count = (count - 1) / 2;
  }
  return count % 2 === 0;
}
