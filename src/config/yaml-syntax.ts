import { Lexer, type YAMLError } from 'yaml';
import { type Problem, problem } from '../component/errors.ts';
import type { SourceText } from './source-text.ts';

/** What is wrong, where and what to do, in place of the grammar's words. */
interface Description {
  readonly what: string;
  readonly hint?: string;
  /** Where to look, if not where the grammar noticed. */
  readonly offset?: number;
}

/** A problem from an error of the YAML grammar; the most common mistakes get a text of their own. Pure. */
export function describeSyntaxError(error: YAMLError, source: SourceText): Problem {
  const { what, hint, offset = error.pos[0] } = describe(error, source.text);
  return problem('E1300', what, source.positionAt(offset), hint === undefined ? {} : { hint });
}

function describe(error: YAMLError, text: string): Description {
  const offset = error.pos[0];
  switch (error.code) {
    case 'TAB_AS_INDENT':
      return {
        what: 'a tab is used for indentation',
        hint: 'Indent with spaces; YAML does not allow tabs there.',
      };
    case 'BAD_INDENT':
      return error.message.startsWith('Flow') ? describeOpenBracket(text, offset) : badIndent;
    case 'BLOCK_AS_IMPLICIT_KEY':
      return describeNested(text, offset);
    case 'MULTILINE_IMPLICIT_KEY':
      return {
        what: 'a colon is missing behind the key, or the next line is indented too far',
        hint: 'Write `key: value`, and begin the keys of one mapping in the same column.',
      };
    case 'BAD_SCALAR_START':
      return {
        what: `a text without quotes cannot begin with ${text.charAt(offset)}`,
        hint: 'Put the text in quotes.',
      };
    case 'BAD_DQ_ESCAPE':
      return {
        what: `double quotes know no escape ${text.slice(offset, offset + 2)}`,
        hint: 'Use single quotes, where a backslash is a backslash, or write it twice.',
      };
    case 'BAD_ALIAS':
      return describeAlias(error.message, text.charAt(offset));
    case 'MISSING_CHAR':
      return describeMissing(error.message, text, offset);
    default:
      return { what: wordsOf(error.message) };
  }
}

const badIndent: Description = {
  what: 'the indentation does not fit the lines above',
  hint: 'Begin entries of one list or mapping in the same column, and what is inside them further right.',
};

function describeAlias(message: string, sign: string): Description {
  if (message.includes('ambiguous')) {
    return {
      what: 'a colon follows the name of an anchor or alias',
      hint: 'Put a blank between the name and the colon.',
    };
  }
  const means = sign === '&' ? 'an anchor' : 'an alias';
  return {
    what: `a ${sign} begins ${means}, and its name is missing`,
    hint: `Put the text in quotes: "${sign}".`,
  };
}

function describeMissing(message: string, text: string, offset: number): Description {
  if (message.startsWith('Implicit map keys')) {
    return {
      what: 'a colon is missing behind the key',
      hint: 'Write `key: value`, with a blank after the colon.',
    };
  }
  if (message.startsWith('Missing closing')) {
    const opened = lexemeStart(text, offset);
    return {
      what: 'this quote is not closed',
      hint: 'Write the same quote at the end of the text.',
      offset: opened,
    };
  }
  return message.startsWith('Flow') ? describeOpenBracket(text, offset) : { what: wordsOf(message) };
}

/** `a: b: c`, or a line below `a: b` that is indented further and holds a key. */
function describeNested(text: string, offset: number): Description {
  const restOfLine = text.slice(offset).split('\n', 1)[0] ?? '';
  if (/:(?:\s|$)|^- /.test(restOfLine)) {
    return {
      what: 'a second key or list begins in the same line',
      hint: 'Start a new line, or put the value in quotes if ": " belongs to it.',
    };
  }
  return {
    what: 'the key has a value here, but an indented mapping follows in the next line',
    hint: 'Begin the next key in the same column as this one, or remove the value here.',
  };
}

function describeOpenBracket(text: string, offset: number): Description {
  const opened = openBracket(text, offset);
  if (opened === null) return badIndent;
  return {
    what: `this ${text.charAt(opened)} is not closed, or what it holds is indented too little`,
    hint: 'Close the bracket; lines inside it are indented further than the line that opens it.',
    offset: opened,
  };
}

/** Where the lexeme that covers `offset` begins; an unclosed quote covers all the rest of the file. */
function lexemeStart(text: string, offset: number): number {
  for (const { start, length } of lexemes(text)) if (start + length >= offset) return start;
  return offset;
}

/** The innermost bracket that is open at `offset`. */
function openBracket(text: string, offset: number): number | null {
  const open: number[] = [];
  for (const { start, first } of lexemes(text)) {
    if (start >= offset) break;
    if (first === '[' || first === '{') open.push(start);
    else if (first === ']' || first === '}') open.pop();
  }
  return open.at(-1) ?? null;
}

/** The lexer marks some places with control characters that are not in the text: they have no length. */
function* lexemes(text: string): Generator<{ start: number; length: number; first: string }> {
  let start = 0;
  let isScalar = false;
  for (const lexeme of new Lexer().lex(text)) {
    if (lexeme === '\x1f') {
      isScalar = true;
    } else if (lexeme !== '\x02' && lexeme !== '\x18') {
      yield {
        start,
        length: lexeme.length,
        first: isScalar ? '' : lexeme.charAt(0),
      };
      start += lexeme.length;
      isScalar = false;
    }
  }
}

/** The grammar's own words, without the piece of the file it may quote: that may hold a password. */
function wordsOf(message: string): string {
  const words = message.split(/\n|: (?=")/, 1)[0] ?? '';
  return words.charAt(0).toLowerCase() + words.slice(1);
}
