const PLUS = 0x2b;
const MINUS = 0x2d;
const DOT = 0x2e;
const ZERO = 0x30;
const NINE = 0x39;
const UPPER_E = 0x45;
const LOWER_E = 0x65;
/** As many digits as a double holds exactly, so that one division rounds once and rightly. */
const EXACT_DIGITS = 15;
/** Longer ones are no measurement, and `fromCharCode` takes only so many arguments. */
const MAX_NUMBER_BYTES = 400;
const POWERS_OF_TEN = Array.from({ length: EXACT_DIGITS + 1 }, (_, exponent) => 10 ** exponent);

/**
 * The decimal number written in `bytes` from `start` up to, not including, `end`: a sign, digits, a point, an exponent.
 * NaN for everything else, also for blanks, `0x10`, `inf`, `1_000`, what is too large
 * for a double and what is longer than 400 bytes.
 *
 * Reads the bytes themselves: a text for each number of each line would be most of what a busy receiver throws away.
 * Gives the same double as `Number` of the same text. Pure, never throws.
 */
export function parseDecimal(bytes: Uint8Array, start: number, end: number): number {
  let at = start;
  const first = bytes[at];
  if (at < end && (first === PLUS || first === MINUS)) at++;
  let mantissa = 0;
  let digits = 0;
  let point = -1;
  for (; at < end; at++) {
    const byte = bytes[at] as number;
    if (byte >= ZERO && byte <= NINE) {
      mantissa = mantissa * 10 + byte - ZERO;
      digits++;
    } else if (byte === DOT && point < 0) point = at;
    else break;
  }
  if (digits === 0) return Number.NaN;
  if (at < end || digits > EXACT_DIGITS) return parseLong(bytes, start, end, at);
  const fraction = point < 0 ? 0 : end - point - 1;
  const size = mantissa / (POWERS_OF_TEN[fraction] as number);
  return first === MINUS ? -size : size;
}

/** What has an exponent or many digits; up to `at` it is known to be a sign, digits and at most one point. */
function parseLong(bytes: Uint8Array, start: number, end: number, at: number): number {
  if (end - start > MAX_NUMBER_BYTES) return Number.NaN;
  if (at < end && !isExponent(bytes, at, end)) return Number.NaN;
  const value = Number(String.fromCharCode(...bytes.subarray(start, end)));
  return Number.isFinite(value) ? value : Number.NaN;
}

function isExponent(bytes: Uint8Array, start: number, end: number): boolean {
  const letter = bytes[start];
  if (letter !== LOWER_E && letter !== UPPER_E) return false;
  let at = start + 1;
  if (bytes[at] === PLUS || bytes[at] === MINUS) at++;
  if (at >= end) return false;
  for (; at < end; at++) {
    const byte = bytes[at] as number;
    if (byte < ZERO || byte > NINE) return false;
  }
  return true;
}
