import { FloatToken, type JsonValue } from '../model/json.ts';
import { PythonExpressionError } from './python-expression-error.ts';
import { readPythonText } from './python-expression-text.ts';
import { narrowInteger } from './python-text.ts';

/** `meter` is `$(some.meter)`, which is not Python but the way arithmetic names meters. */
export type TokenKind = 'number' | 'text' | 'name' | 'keyword' | 'meter' | 'operator' | 'end';

export interface Token {
  readonly kind: TokenKind;
  /** As written; of a meter its name alone. */
  readonly text: string;
  /** Of a number or a text. */
  readonly value: JsonValue;
  readonly offset: number;
  readonly end: number;
}

/** Cuts an expression into tokens, the last of kind `end`. Throws PythonExpressionError. */
export function tokenizeExpression(source: string): readonly Token[] {
  const tokens: Token[] = [];
  let offset = 0;
  for (;;) {
    offset = match(BLANK, source, offset)?.end ?? offset;
    if (offset >= source.length) break;
    const token = readToken(source, offset);
    tokens.push(token);
    offset = token.end;
  }
  tokens.push({ kind: 'end', text: 'the end', value: null, offset, end: offset });
  return tokens;
}

/** Names with a meaning in the expressions understood here. */
const KEYWORDS = new Set(['and', 'or', 'not', 'if', 'else', 'in', 'is', 'None', 'True', 'False']);
/** Python's other reserved words, which are no names either. */
const REFUSED =
  /^(?:as|assert|async|await|break|class|continue|def|del|elif|except|finally|for|from|global|import|lambda|nonlocal|pass|raise|return|try|while|with|yield)$/;

const BLANK = /[ \t\r\n\f]+/y;
const NAME = /[\p{ID_Start}_][\p{ID_Continue}]*/uy;
const METER = /\$\(([\p{L}\p{N}_.-]+)\)/uy;
const OPERATOR = /\*\*|\/\/|[<>=!]=|[-+*/%<>()[\],.]/y;
const QUOTE = /['"]/;
const DIGITS = String.raw`\d(?:_?\d)*`;
const EXPONENT = `[eE][+-]?${DIGITS}`;
const FLOAT = new RegExp(
  `(?:(?:${DIGITS})?\\.${DIGITS}|${DIGITS}\\.)(?:${EXPONENT})?|${DIGITS}${EXPONENT}`,
  'y',
);
const INTEGER = /0[xX](?:_?[\da-fA-F])+|0[oO](?:_?[0-7])+|0[bB](?:_?[01])+|0(?:_?0)*(?!_?\d)|[1-9](?:_?\d)*/y;

function readToken(source: string, offset: number): Token {
  const first = source.charAt(offset);
  if (QUOTE.test(first)) return readText(source, offset, offset, false);
  const number = readNumber(source, offset);
  if (number !== undefined) return number;
  const name = match(NAME, source, offset);
  if (name !== undefined) return readName(source, offset, name.end);
  const meter = match(METER, source, offset);
  if (meter !== undefined)
    return { kind: 'meter', text: meter.groups[1] ?? '', value: null, offset, end: meter.end };
  const operator = match(OPERATOR, source, offset);
  if (operator !== undefined) return plain('operator', source, offset, operator.end);
  const point = String.fromCodePoint(source.codePointAt(offset) ?? 0);
  throw new PythonExpressionError(`${JSON.stringify(point)} has no meaning here`, offset);
}

function readNumber(source: string, offset: number): Token | undefined {
  const float = match(FLOAT, source, offset);
  const found = float ?? match(INTEGER, source, offset);
  if (found === undefined) {
    if (/\d/.test(source.charAt(offset))) throw new PythonExpressionError('This is not a number', offset);
    return undefined;
  }
  const glued = match(NAME, source, found.end);
  if (glued !== undefined && !KEYWORDS.has(source.slice(found.end, glued.end))) {
    throw new PythonExpressionError('This is not a number', offset);
  }
  const digits = source.slice(offset, found.end).replaceAll('_', '');
  const value = float === undefined ? narrowInteger(BigInt(digits)) : floatValue(Number(digits));
  return { kind: 'number', text: digits, value, offset, end: found.end };
}

function floatValue(value: number): JsonValue {
  return Number.isInteger(value) ? new FloatToken(value) : value;
}

function readName(source: string, offset: number, end: number): Token {
  const text = source.slice(offset, end);
  if (QUOTE.test(source.charAt(end)) && /^[rubf]{1,2}$/i.test(text)) {
    if (!/^[ru]$/i.test(text)) {
      throw new PythonExpressionError(`Texts with the prefix ${text} are not supported`, offset);
    }
    return readText(source, offset, end, /r/i.test(text));
  }
  if (REFUSED.test(text)) throw new PythonExpressionError(`"${text}" is not supported`, offset);
  return plain(KEYWORDS.has(text) ? 'keyword' : 'name', source, offset, end);
}

function readText(source: string, offset: number, quoteAt: number, raw: boolean): Token {
  const { value, end } = readPythonText(source, quoteAt, raw);
  return { kind: 'text', text: source.slice(offset, end), value, offset, end };
}

function plain(kind: TokenKind, source: string, offset: number, end: number): Token {
  return { kind, text: source.slice(offset, end), value: null, offset, end };
}

function match(
  expression: RegExp,
  source: string,
  offset: number,
): { readonly end: number; readonly groups: readonly (string | undefined)[] } | undefined {
  expression.lastIndex = offset;
  const found = expression.exec(source);
  return found === null ? undefined : { end: offset + found[0].length, groups: found };
}
