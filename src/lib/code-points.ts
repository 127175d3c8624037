/**
 * Python counts, compares and cuts text by Unicode code points, JavaScript by UTF-16 units. Lone surrogates count
 * as code points in both.
 */

/** Negative, zero or positive as `left` comes before, equals or comes after `right` in code point order. */
export function compareCodePoints(left: string, right: string): number {
  const length = Math.min(left.length, right.length);
  for (let index = 0; index < length; index += 1) {
    const a = left.charCodeAt(index);
    const b = right.charCodeAt(index);
    if (a !== b) return rank(left, index, a) - rank(right, index, b);
  }
  return left.length - right.length;
}

/**
 * What decides at the first unit that differs: the code point there, or, for the second half of a pair whose
 * first half both texts share, more than any code point, as the other text then has that half alone.
 */
function rank(text: string, index: number, unit: number): number {
  if (unit < 0xd800 || unit > 0xdfff) return unit;
  if (unit >= 0xdc00) {
    const before = index > 0 ? text.charCodeAt(index - 1) : 0;
    return before >= 0xd800 && before < 0xdc00 ? 0x11_0000 + unit : unit;
  }
  return text.codePointAt(index) ?? unit;
}

/** The number of code points in `text`. */
export function countCodePoints(text: string): number {
  let count = text.length;
  for (let index = 0; index < text.length - 1; index += 1) {
    if (isPair(text, index)) {
      count -= 1;
      index += 1;
    }
  }
  return count;
}

/** The first `limit` code points of `text`; a pair of surrogates is never torn. */
export function cutCodePoints(text: string, limit: number): string {
  if (text.length <= limit) return text;
  let index = 0;
  for (let count = 0; count < limit && index < text.length; count += 1) index += isPair(text, index) ? 2 : 1;
  return text.slice(0, index);
}

function isPair(text: string, index: number): boolean {
  const high = text.charCodeAt(index);
  if (high < 0xd800 || high > 0xdbff) return false;
  const low = text.charCodeAt(index + 1);
  return low >= 0xdc00 && low <= 0xdfff;
}

/** The code point at a position counted in code points, from the end when negative; undefined outside of the text. */
export function codePointTextAt(text: string, position: number): string | undefined {
  const wanted = position < 0 ? countCodePoints(text) + position : position;
  if (wanted < 0 || wanted >= text.length) return undefined;
  let index = 0;
  for (let count = 0; count < wanted && index < text.length; count += 1) index += isPair(text, index) ? 2 : 1;
  if (index >= text.length) return undefined;
  return text.slice(index, index + (isPair(text, index) ? 2 : 1));
}
