import { readClass, readClassEscape, WORD } from './python-regex-class.ts';
import { applyFlags, type Flags, readOpeningFlags } from './python-regex-flags.ts';
import { RegexScanner } from './python-regex-scanner.ts';

/**
 * Translates regular expressions of Python's `re` into JavaScript ones.
 *
 * The result counts by code points (flag `v`) and keeps Python's meaning where the two languages write the same thing
 * and mean another: `\d`, `\w`, `\s` and `\b` know all scripts, `.` refuses the line feed alone, `$` stands before a
 * closing line feed too, a brace that is no repetition is a brace.
 *
 * Different remain: a repeated group that matched nothing may count as not matched, and `\B` finds a place in an
 * empty text (as in Python from 3.14 on). JavaScript has no conditional and atomic groups, possessive repetition and
 * `\N{name}`: they are refused.
 */

export { RegexSyntaxError } from './python-regex-scanner.ts';

export interface PythonRegexOptions {
  /** Match at the start of the text only, as `re.match` does; else anywhere, as `re.search`. */
  readonly anchorStart?: boolean;
}

/**
 * The JavaScript expression for a Python pattern. Stateless (no flag `g` or `y`), so one may be shared. Throws
 * RegexSyntaxError for what Python refuses and for what JavaScript cannot express.
 */
export function compilePythonRegex(pattern: string, options: PythonRegexOptions = {}): RegExp {
  const scanner = new RegexScanner(pattern);
  const flags = readOpeningFlags(scanner);
  const body = new Translator(scanner).translate(flags);
  const source = options.anchorStart ? `^(?:${body})` : body;
  try {
    return new RegExp(source, flags.ignoreCase ? 'vi' : 'v');
  } catch (cause) {
    throw scanner.error(cause instanceof Error ? cause.message : String(cause));
  }
}

/** Open groups deeper than this are refused before the engine's own stack is at risk. */
const MAX_GROUPS = 100;

class Translator {
  readonly #scanner: RegexScanner;
  #depth = 0;

  constructor(scanner: RegexScanner) {
    this.#scanner = scanner;
  }

  translate(flags: Flags): string {
    const body = this.#alternatives(flags);
    if (!this.#scanner.atEnd()) throw this.#scanner.error('unbalanced parenthesis');
    return body;
  }

  /** Up to the end or to the parenthesis that closes the group. */
  #alternatives(flags: Flags): string {
    let source = '';
    while (!this.#scanner.atEnd() && this.#scanner.peek() !== ')') source += this.#item(flags);
    return source;
  }

  #item(flags: Flags): string {
    if (flags.verbose && this.#scanner.skipVerboseBlank()) return '';
    const character = this.#scanner.next();
    if (character === '|') return '|';
    const repeatable = this.#atom(character, flags);
    return repeatable === undefined ? '' : repeatable + this.#repetition(flags);
  }

  #atom(character: string, flags: Flags): string | undefined {
    switch (character) {
      case '(':
        return this.#group(flags);
      case '[':
        return readClass(this.#scanner, flags);
      case '\\':
        return this.#escape(flags);
      case '.':
        return flags.dotAll ? '[^]' : '[^\\n]';
      case '^':
        return flags.multiline ? '(?<![^\\n])' : '^';
      case '$':
        return flags.multiline ? '(?![^\\n])' : '(?=\\n?$)';
      case '*':
      case '+':
      case '?':
        throw this.#scanner.error('nothing to repeat');
      default:
        return this.#literal(character);
    }
  }

  #literal(character: string): string {
    if (character === '{' && this.#scanner.repetitionFrom(this.#scanner.offset - 1) !== undefined) {
      throw this.#scanner.error('nothing to repeat');
    }
    return escapeLiteral(character);
  }

  #repetition(flags: Flags): string {
    if (flags.verbose) while (this.#scanner.skipVerboseBlank());
    const found = this.#scanner.takeRepetition();
    if (found === undefined) return '';
    if (this.#scanner.peek() === '+') throw this.#scanner.error('possessive repetition is not supported');
    const lazy = this.#scanner.accept('?') ? '?' : '';
    if (this.#scanner.takeRepetition() !== undefined) throw this.#scanner.error('multiple repeat');
    return found + lazy;
  }

  #group(flags: Flags): string | undefined {
    if (!this.#scanner.accept('?')) return `(${this.#groupBody(flags)})`;
    for (const opening of [':', '=', '!', '<=', '<!']) {
      if (this.#scanner.accept(opening)) return this.#plainGroup(opening, flags);
    }
    if (this.#scanner.accept('P<')) return `(?<${this.#scanner.takeName('>')}>${this.#groupBody(flags)})`;
    if (this.#scanner.accept('P=')) return `\\k<${this.#scanner.takeName(')')}>`;
    if (this.#scanner.accept('#')) return this.#comment();
    if (this.#scanner.accept('(')) throw this.#scanner.error('conditional groups are not supported');
    if (this.#scanner.accept('>')) throw this.#scanner.error('atomic groups are not supported');
    return this.#flaggedGroup(flags);
  }

  /** Look-arounds cannot be repeated in JavaScript, so they get a group around them. */
  #plainGroup(opening: string, flags: Flags): string {
    const group = `(?${opening}${this.#groupBody(flags)})`;
    return opening === ':' ? group : `(?:${group})`;
  }

  #flaggedGroup(flags: Flags): string {
    const letters = this.#scanner.takeFlags();
    const inner = applyFlags(flags, letters, this.#scanner);
    const body = this.#groupBody(inner);
    if (inner.ignoreCase === flags.ignoreCase) return `(?:${body})`;
    return inner.ignoreCase ? `(?i:${body})` : `(?-i:${body})`;
  }

  #groupBody(flags: Flags): string {
    this.#depth += 1;
    if (this.#depth > MAX_GROUPS)
      throw this.#scanner.error(`more than ${MAX_GROUPS} groups inside each other`);
    const body = this.#alternatives(flags);
    if (!this.#scanner.accept(')')) throw this.#scanner.error('missing ), unterminated subpattern');
    this.#depth -= 1;
    return body;
  }

  #comment(): undefined {
    while (!this.#scanner.accept(')')) {
      if (this.#scanner.atEnd()) throw this.#scanner.error('missing ), unterminated comment');
      this.#scanner.next();
    }
    return undefined;
  }

  #escape(flags: Flags): string {
    const scanner = this.#scanner;
    if (scanner.accept('A')) return '^';
    if (scanner.accept('Z')) return '$';
    if (scanner.accept('b')) return wordBoundary(flags, true);
    if (scanner.accept('B')) return wordBoundary(flags, false);
    const reference = scanner.takeReference();
    // Kept apart from a digit that may follow.
    if (reference !== undefined) return `(?:\\${reference})`;
    const escaped = readClassEscape(scanner, flags);
    return typeof escaped === 'string' ? escaped : escapeLiteral(String.fromCodePoint(escaped));
  }
}

function wordBoundary(flags: Flags, wanted: boolean): string {
  const word = flags.ascii ? '[0-9A-Za-z_]' : `[${WORD}]`;
  const same = `(?<=${word})(?=${word})|(?<!${word})(?!${word})`;
  const other = `(?<=${word})(?!${word})|(?<!${word})(?=${word})`;
  return `(?:${wanted ? other : same})`;
}

function escapeLiteral(character: string): string {
  return /[\^$\\.*+?()[\]{}|/]/.test(character) ? `\\${character}` : character;
}
