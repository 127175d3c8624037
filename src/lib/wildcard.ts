import { compileCharacterSet } from './character-set.ts';

/** Whether a whole text matches; pure, callable from anywhere. */
export type TextMatcher = (text: string) => boolean;

/**
 * Compiles a shell glob as Python's `fnmatch` reads it: the whole text, case-sensitive, `*` any text (dots too),
 * `?` one code point, `[abc]`, `[a-z]`, `[!abc]`; a bracket that is never closed stands for itself. There is no
 * escape character. Never throws; matching takes at most (pattern length × text length) steps.
 */
export function compileWildcard(pattern: string): TextMatcher {
  if (!/[*?[]/.test(pattern)) return (text) => text === pattern;
  if (/^\*+$/.test(pattern)) return () => true;
  const ends = /^([^*?[]*)\*([^*?[]*)$/.exec(pattern);
  if (ends !== null) return matchEnds(ends[1] ?? '', ends[2] ?? '');
  return matchParts(parseParts(pattern));
}

/**
 * Compiles a list of globs in which a leading `!` excludes: no name that an exclusion matches is taken, else any that
 * an inclusion matches, else all if the list has only exclusions (an empty list takes everything).
 */
export function compileNameMatcher(patterns: readonly string[]): TextMatcher {
  const excluded = compileAny(patterns.filter((one) => one.startsWith('!')).map((one) => one.slice(1)));
  const inclusions = patterns.filter((one) => !one.startsWith('!'));
  if (inclusions.length === 0) return (name) => !excluded(name);
  const included = compileAny(inclusions);
  return (name) => included(name) && !excluded(name);
}

function compileAny(patterns: readonly string[]): TextMatcher {
  const literals = new Set(patterns.filter((pattern) => !/[*?[]/.test(pattern)));
  const globs = patterns.filter((pattern) => !literals.has(pattern)).map(compileWildcard);
  if (globs.length === 0) return literals.size === 0 ? () => false : (name) => literals.has(name);
  const [first] = globs;
  if (globs.length === 1 && literals.size === 0 && first !== undefined) return first;
  return (name) => literals.has(name) || globs.some((matches) => matches(name));
}

function matchEnds(prefix: string, suffix: string): TextMatcher {
  if (suffix === '') return (text) => text.startsWith(prefix);
  if (prefix === '') return (text) => text.endsWith(suffix);
  const least = prefix.length + suffix.length;
  return (text) => text.length >= least && text.startsWith(prefix) && text.endsWith(suffix);
}

/** `*`, or a test of one code point. */
type Part = '*' | ((codePoint: number) => boolean);

function parseParts(pattern: string): readonly Part[] {
  const characters = [...pattern];
  const parts: Part[] = [];
  for (let index = 0; index < characters.length; index += 1) {
    const character = characters[index] ?? '';
    const close = character === '[' ? closingBracket(characters, index) : -1;
    if (close > 0) {
      parts.push(compileCharacterSet(characters.slice(index + 1, close)));
      index = close;
    } else {
      parts.push(parseCharacter(character));
    }
  }
  return parts.filter((part, index) => part !== '*' || parts[index - 1] !== '*');
}

function parseCharacter(character: string): Part {
  if (character === '*') return '*';
  if (character === '?') return () => true;
  const wanted = character.codePointAt(0);
  return (codePoint) => codePoint === wanted;
}

/** The index of the bracket that closes the set opened at `open`, or -1; a bracket in first place is a member. */
function closingBracket(characters: readonly string[], open: number): number {
  const first = open + (characters[open + 1] === '!' ? 2 : 1);
  return characters.indexOf(']', first + 1);
}

/** Greedy from left to right; on a mismatch only the last star takes one more, so there is no explosion. */
function matchParts(parts: readonly Part[]): TextMatcher {
  return (text) => {
    let index = 0;
    let part = 0;
    let starPart = -1;
    let starIndex = 0;
    while (index < text.length) {
      const wanted = parts[part];
      const codePoint = text.codePointAt(index) ?? 0;
      if (wanted === '*') {
        starPart = part;
        starIndex = index;
        part += 1;
      } else if (wanted?.(codePoint)) {
        index += widthOf(codePoint);
        part += 1;
      } else if (starPart >= 0) {
        starIndex += widthOf(text.codePointAt(starIndex) ?? 0);
        index = starIndex;
        part = starPart + 1;
      } else {
        return false;
      }
    }
    return part === parts.length || (part === parts.length - 1 && parts[part] === '*');
  };
}

function widthOf(codePoint: number): number {
  return codePoint > 0xffff ? 2 : 1;
}
