import type { PathNode } from './jsonpath-ast.ts';
import { PathSyntaxError } from './jsonpath-errors.ts';
import type { Token } from './jsonpath-lex.ts';
import { compilePythonRegex, RegexSyntaxError } from './python-regex.ts';
import { compileReplacement } from './python-replacement.ts';
import { stripBlanks } from './python-text.ts';

/** The path node of an operator in back ticks; throws PathSyntaxError for one that does not exist or is malformed. */
export function parseNamedOperator(token: Token): PathNode {
  switch (token.text) {
    case 'this':
      return { kind: 'this' };
    case 'parent':
      return { kind: 'parent' };
    case 'len':
      return { kind: 'length' };
    case 'sorted':
      return { kind: 'sort', keys: [] };
    default:
      if (token.text.startsWith('split(')) return parseSplit(token);
      if (token.text.startsWith('sub(')) return parseSubstitution(token);
      throw new PathSyntaxError(`Unknown operator \`${token.text}\``, token.offset);
  }
}

function parseSplit(token: Token): PathNode {
  const found = /^split\((.),\s+(\d+),\s+(\d+|-1)\)/u.exec(token.text);
  if (found === null) {
    throw new PathSyntaxError(
      'Expected `split(c, segment, max)`, one character and blanks after commas',
      token.offset,
    );
  }
  const [, separator = '', segment, limit] = found;
  return { kind: 'split', separator, segment: Number(segment), limit: Number(limit) };
}

function parseSubstitution(token: Token): PathNode {
  const found = /^sub\(\/(.*)\/,\s+(.*)\)/u.exec(token.text);
  if (found === null) {
    throw new PathSyntaxError('Expected `sub(/regex/, replacement)`, a blank after the comma', token.offset);
  }
  try {
    const regex = compilePythonRegex(stripBlanks(found[1] ?? ''));
    return { kind: 'substitute', replace: compileReplacement(regex, stripBlanks(found[2] ?? '')) };
  } catch (cause) {
    if (!(cause instanceof RegexSyntaxError)) throw cause;
    throw new PathSyntaxError(`In \`${token.text}\`: ${cause.reason}`, token.offset);
  }
}
