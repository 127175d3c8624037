import { PathSyntaxError } from './jsonpath-errors.ts';

/** What a number may be: digits alone count as Python's int, so long ones are kept whole. */
export type TokenKind =
  | 'name'
  | 'integer'
  | 'float'
  | 'boolean'
  | 'where'
  | 'operator'
  | 'comparison'
  | 'sort'
  | 'mark'
  | 'end';

/**
 * `text` is the token's meaning: a name without its quotes, an operator without its back ticks, `/` or `\` of a sort
 * sign, the mark itself.
 */
export interface Token {
  readonly kind: TokenKind;
  readonly text: string;
  readonly offset: number;
}

/**
 * Cuts a path into tokens, the last of kind `end`, by the rules of jsonpath-rw-ext 1.2.2. Its oddities are part of the
 * dialect: a name beginning with `true` or `false` is cut after that word, `/` and `\` are always sort signs (so a
 * division cannot be written), `-1` is a number wherever it stands. Throws PathSyntaxError.
 */
export function tokenizePath(text: string): readonly Token[] {
  const tokens: Token[] = [];
  let offset = 0;
  while (offset < text.length) {
    const [token, end] = readToken(text, offset);
    if (token !== undefined) tokens.push(token);
    offset = end;
  }
  tokens.push({ kind: 'end', text: '', offset: text.length });
  return tokens;
}

type ReadToken = readonly [token: Token | undefined, end: number];

// Order decides: the first that matches wins, whatever the length.
const SHAPES: readonly (readonly [kind: TokenKind | 'blank', expression: RegExp])[] = [
  ['blank', /[ \t\n]+/y],
  ['boolean', /true|false/y],
  ['sort', /,?\s*[/\\]/y],
  ['name', /@?[A-Za-z_][A-Za-z0-9_@-]*/y],
  ['float', /-?\d+\.\d+/y],
  ['integer', /-?\d+/y],
  ['comparison', /==?|[<>]=?|!=|~/y],
  ['mark', /\.\.|[*.[\]()$,:|&?@+-]/y],
];

function readToken(text: string, offset: number): ReadToken {
  const first = text.charAt(offset);
  if (first === "'" || first === '"' || first === '`') return readQuoted(text, offset, first);
  for (const [kind, expression] of SHAPES) {
    expression.lastIndex = offset;
    const found = expression.exec(text)?.[0];
    if (found === undefined) continue;
    const end = offset + found.length;
    return kind === 'blank' ? [undefined, end] : [makeToken(kind, found, offset), end];
  }
  const character = String.fromCodePoint(text.codePointAt(offset) ?? 0);
  throw new PathSyntaxError(`Unexpected ${JSON.stringify(character)}${hint(character)}`, offset);
}

function makeToken(kind: TokenKind, text: string, offset: number): Token {
  if (kind === 'name' && text === 'where') return { kind: 'where', text, offset };
  return { kind, text: kind === 'sort' ? text.slice(-1) : text, offset };
}

function readQuoted(text: string, offset: number, quote: string): ReadToken {
  let value = '';
  for (let index = offset + 1; index < text.length; index += 1) {
    const character = text.charAt(index);
    if (character === quote) {
      return [{ kind: quote === '`' ? 'operator' : 'name', text: value, offset }, index + 1];
    }
    if (character === '\\') index += 1;
    if (character === '\\' && text.charAt(index) === '\n') break;
    value += text.charAt(index);
  }
  throw new PathSyntaxError(`No closing ${quote}`, offset);
}

function hint(character: string): string {
  return /[\p{L}\p{N}%#;!]/u.test(character) ? ' (a name with other than ASCII letters must be quoted)' : '';
}
