/**
 * How deep a message may be nested. `JSON.parse` takes any depth, but what is nested some thousand levels deep cannot
 * be written again and overflows the stack of whoever walks it. Real notifications have about a dozen levels.
 */
export const NESTING_LIMIT = 512;

/**
 * True when a JSON text is nested deeper than `NESTING_LIMIT`; asked before parsing. Counting the brackets settles it
 * for every real message in a fraction of a microsecond; only a text with more of them is read character by character.
 * Right for JSON; for anything else some answer. Pure.
 */
export function isNestedTooDeeply(text: string): boolean {
  if (text.length <= 2 * NESTING_LIMIT) return false;
  const brackets = countUpTo(text, '[', NESTING_LIMIT + 1) + countUpTo(text, '{', NESTING_LIMIT + 1);
  return brackets > NESTING_LIMIT && maximumDepth(text) > NESTING_LIMIT;
}

function countUpTo(text: string, character: string, limit: number): number {
  let count = 0;
  let index = text.indexOf(character);
  while (index !== -1 && count < limit) {
    count += 1;
    index = text.indexOf(character, index + 1);
  }
  return count;
}

/** The depth reached, or the first one above the limit. */
function maximumDepth(text: string): number {
  let depth = 0;
  let deepest = 0;
  for (let index = 0; index < text.length && deepest <= NESTING_LIMIT; index += 1) {
    const character = text[index];
    if (character === '"') {
      index = endOfString(text, index);
    } else if (character === '[' || character === '{') {
      depth += 1;
      deepest = Math.max(deepest, depth);
    } else if (character === ']' || character === '}') {
      depth -= 1;
    }
  }
  return deepest;
}

/** The index of the quote that ends the string which begins at `start`, or the end of the text. */
function endOfString(text: string, start: number): number {
  let index = start + 1;
  while (index < text.length && text[index] !== '"') index += text[index] === '\\' ? 2 : 1;
  return index;
}
