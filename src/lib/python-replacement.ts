import { RegexSyntaxError } from './python-regex.ts';

type Piece = string | { readonly group: string | number };

/**
 * Compiles the replacement text of Python's `re.sub`: `\1`, `\g<1>`, `\g<name>`, `\n` and its like, `\\`. The result
 * replaces all matches of `regex` in a text; a group that took no part counts as empty. Throws RegexSyntaxError for an
 * escape Python refuses and for a group the expression does not have.
 */
export function compileReplacement(regex: RegExp, template: string): (text: string) => string {
  const pieces = readPieces(template);
  const { count, names } = groupsOf(regex);
  for (const piece of pieces) {
    if (typeof piece === 'string') continue;
    const known = typeof piece.group === 'number' ? piece.group <= count : names.has(piece.group);
    if (!known) throw new RegexSyntaxError(`unknown group ${piece.group} in the replacement`, 0);
  }
  const all = new RegExp(regex.source, `${regex.flags}g`);
  return (text) => text.replace(all, (...match: unknown[]) => fill(pieces, match));
}

const CONTROLS: Readonly<Record<string, string>> = {
  a: '\x07',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
  '\\': '\\',
};

function readPieces(template: string): readonly Piece[] {
  const pieces: Piece[] = [];
  const unit = /\\g<([^>]*)>|\\(0[0-7]{0,2}|[0-3][0-7]{2})|\\(\d\d?)|\\(.)|\\$|[^\\]+/gsu;
  for (const found of template.matchAll(unit)) {
    const [text, name, octal, number, escaped] = found;
    if (name !== undefined) pieces.push({ group: groupName(name, found.index) });
    else if (octal !== undefined) pieces.push(String.fromCharCode(Number.parseInt(octal, 8)));
    else if (number !== undefined) pieces.push({ group: Number(number) });
    else if (escaped !== undefined) pieces.push(unescaped(escaped, found.index));
    else if (text === '\\')
      throw new RegexSyntaxError('lone backslash at the end of the replacement', found.index);
    else pieces.push(text);
  }
  return pieces;
}

function groupName(name: string, offset: number): string | number {
  if (/^\d+$/.test(name)) return Number(name);
  if (!/^[\p{ID_Start}_]\p{ID_Continue}*$/u.test(name)) throw new RegexSyntaxError('bad group name', offset);
  return name;
}

function unescaped(character: string, offset: number): string {
  const control = CONTROLS[character];
  if (control !== undefined) return control;
  if (/[A-Za-z]/.test(character)) throw new RegexSyntaxError(`bad escape \\${character}`, offset);
  return `\\${character}`;
}

/** An alternative that always matches tells what groups an expression has. */
function groupsOf(regex: RegExp): { readonly count: number; readonly names: ReadonlySet<string> } {
  const match = new RegExp(`(?:${regex.source})|`, regex.flags).exec('');
  return { count: (match?.length ?? 1) - 1, names: new Set(Object.keys(match?.groups ?? {})) };
}

function fill(pieces: readonly Piece[], match: readonly unknown[]): string {
  let text = '';
  for (const piece of pieces) text += typeof piece === 'string' ? piece : groupText(piece.group, match);
  return text;
}

/** `match` is what String.replace hands over: the match, its groups, the offset, the text and, if any, named groups. */
function groupText(group: string | number, match: readonly unknown[]): string {
  const value = typeof group === 'number' ? match[group] : namedGroup(group, match.at(-1));
  return typeof value === 'string' ? value : '';
}

function namedGroup(name: string, groups: unknown): unknown {
  return typeof groups === 'object' && groups !== null ? Reflect.get(groups, name) : undefined;
}
