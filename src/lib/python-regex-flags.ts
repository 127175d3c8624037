import type { RegexScanner } from './python-regex-scanner.ts';

/** Python's flags i, m, s, x and a as they hold at one place of a pattern. */
export interface Flags {
  readonly ignoreCase: boolean;
  readonly multiline: boolean;
  readonly dotAll: boolean;
  readonly verbose: boolean;
  readonly ascii: boolean;
}

const NONE: Flags = { ignoreCase: false, multiline: false, dotAll: false, verbose: false, ascii: false };
const NAMES = { i: 'ignoreCase', m: 'multiline', s: 'dotAll', x: 'verbose', a: 'ascii' } as const;

/** Takes `(?i)` and the like from the very start of a pattern, the one place Python allows them at. */
export function readOpeningFlags(scanner: RegexScanner): Flags {
  let flags = NONE;
  for (let found = takeGlobal(scanner); found !== undefined; found = takeGlobal(scanner)) {
    flags = setFlags(flags, found, true, scanner);
  }
  return flags;
}

/** The flags inside a group that opens with letters such as `i`, `-s` or `im-x`. */
export function applyFlags(flags: Flags, letters: string, scanner: RegexScanner): Flags {
  const [on = '', off = ''] = letters.split('-');
  return setFlags(setFlags(flags, on, true, scanner), off, false, scanner);
}

function takeGlobal(scanner: RegexScanner): string | undefined {
  return scanner.take(/\(\?([a-zA-Z]+)\)/y)?.[1];
}

function setFlags(flags: Flags, letters: string, value: boolean, scanner: RegexScanner): Flags {
  let result = flags;
  for (const letter of letters) {
    if (letter === 'u') result = { ...result, ascii: false };
    else if (letter in NAMES) result = { ...result, [NAMES[letter as keyof typeof NAMES]]: value };
    else throw scanner.error(`unknown flag ${letter}`);
  }
  return result;
}
