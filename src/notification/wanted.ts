import { createTypeIndex } from './type-index.ts';

/**
 * Makes a check that tells from the bytes of a notification whether it is worth parsing: false only when every
 * `event_type` in it, on whatever level, is one that `wants` declines. Some ten times cheaper than to parse, which is
 * still too much where all are wanted: after a run of such it looks at every sixteenth only, until one is declined.
 *
 * What is declined is not looked at any further, so a broken body among it is not noticed. When the bytes leave any
 * doubt (no event type, escapes that may hide one, an event type that is no plain text) the answer is true. `wants`
 * must be pure; it is asked once per event type. Never throws.
 */
export function createWantedCheck(wants: (eventType: string) => boolean): (body: Uint8Array) => boolean {
  const isWanted = createTypeIndex(wants);
  let wantedInARow = 0;
  return (body) => {
    if (wantedInARow >= LONG_RUN && wantedInARow++ % GLANCE_EVERY !== 0) return true;
    const worth = isWorthParsing(body, isWanted);
    wantedInARow = worth ? wantedInARow + 1 : 0;
    return worth;
  };
}

const LONG_RUN = 128;
const GLANCE_EVERY = 16;

function isWorthParsing(body: Uint8Array, isWanted: (eventType: string) => boolean): boolean {
  const bytes = Buffer.isBuffer(body) ? body : Buffer.from(body.buffer, body.byteOffset, body.byteLength);
  let found = false;
  for (let at = bytes.indexOf(KEY_TAIL); at >= 0; at = bytes.indexOf(KEY_TAIL, at + KEY_TAIL.length)) {
    if (bytes[at - 1] !== LETTER_E || bytes[at - 2] !== QUOTE) continue;
    const eventType = valueBehind(bytes, at + KEY_TAIL.length);
    if (eventType === undefined) continue;
    if (eventType === null || isWanted(eventType)) return true;
    found = true;
  }
  return !found || mayHideLetters(bytes);
}

/** Whether there is an escape `\u00…`: only this form can stand for a letter of the key. */
function mayHideLetters(bytes: Buffer): boolean {
  for (let at = bytes.indexOf(ESCAPE_TAIL); at >= 0; at = bytes.indexOf(ESCAPE_TAIL, at + 1)) {
    if (bytes[at - 1] === BACKSLASH) return true;
  }
  return false;
}

// A search stops at every first byte of what it looks for, and `e` and the backslash stand everywhere.
const KEY_TAIL = Buffer.from('vent_type');
const ESCAPE_TAIL = Buffer.from('u00');
const LETTER_E = 0x65;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COLON = 0x3a;

/** The text that a key has, null when it is anything but plain text, undefined when this is no key. */
function valueBehind(bytes: Buffer, end: number): string | null | undefined {
  const afterKey = skipQuote(bytes, end);
  if (afterKey === end) return undefined;
  const colon = skipBlanks(bytes, afterKey);
  if (bytes[colon] !== COLON) return undefined;
  const value = skipBlanks(bytes, colon + 1);
  const start = skipQuote(bytes, value);
  if (start === value) return null;
  let stop = start;
  while (isPlain(bytes[stop])) stop++;
  // Inside an envelope the closing quote has backslashes before it.
  return skipQuote(bytes, stop) === stop ? null : bytes.toString('latin1', start, stop);
}

/** The place behind a quote with any number of backslashes before it; `at` itself where there is none. */
function skipQuote(bytes: Buffer, at: number): number {
  let quote = at;
  while (bytes[quote] === BACKSLASH) quote++;
  return bytes[quote] === QUOTE ? quote + 1 : at;
}

function skipBlanks(bytes: Buffer, at: number): number {
  let next = at;
  while (bytes[next] === 0x20 || bytes[next] === 0x0a || bytes[next] === 0x0d || bytes[next] === 0x09) next++;
  return next;
}

function isPlain(byte: number | undefined): boolean {
  return byte !== undefined && byte >= 0x20 && byte < 0x7f && byte !== QUOTE && byte !== BACKSLASH;
}
