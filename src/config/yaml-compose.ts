import { Composer, type Document, Lexer, type ParsedNode, Parser, type YAMLError } from 'yaml';
import { type Problem, problem, toError } from '../component/errors.ts';
import type { SourceText } from './source-text.ts';
import { YAML_LIMITS } from './yaml-limits.ts';
import { describeSyntaxError } from './yaml-syntax.ts';

/** The tree of the file's only document, scalars still as text; null for an empty file. */
export interface ComposedYaml {
  readonly root: ParsedNode | null;
  readonly problems: readonly Problem[];
}

/**
 * Text to tree. The library gives the grammar and the positions only: tags, merges, aliases, duplicates and the
 * meaning of scalars are ours (yaml-build.ts), because it follows other rules than PyYAML there and its test for
 * duplicate keys takes quadratic time. The depth is checked while tokens come in, before anything recursive runs.
 */
export function composeYaml(source: SourceText): ComposedYaml {
  try {
    return compose(source);
  } catch (thrown) {
    // The library promises to report and not to throw; a gap in that promise must not end the program.
    const what = `the file cannot be read as YAML: ${toError(thrown).message}`;
    return {
      root: null,
      problems: [problem('E1300', what, { file: source.file, line: 1, column: 1 })],
    };
  }
}

const composerOptions = {
  version: '1.1',
  schema: 'failsafe',
  resolveKnownTags: false,
  uniqueKeys: false,
  merge: false,
  strict: true,
  prettyErrors: false,
} as const;

function compose(source: SourceText): ComposedYaml {
  const parser = new Parser();
  const composer = new Composer<ParsedNode>(composerOptions);
  const documents: Document.Parsed<ParsedNode>[] = [];
  for (const lexeme of new Lexer().lex(source.text)) {
    for (const token of parser.next(lexeme)) documents.push(...composer.next(token));
    // The stack also holds the document and the scalar being read.
    if (parser.stack.length > YAML_LIMITS.depth + 2) return tooDeep(source, parser.offset);
  }
  for (const token of parser.end()) documents.push(...composer.next(token));
  documents.push(...composer.end(true, source.text.length));
  return judge(documents, source);
}

function judge(documents: readonly Document.Parsed<ParsedNode>[], source: SourceText): ComposedYaml {
  const errors = documents.flatMap(({ errors, warnings }) => [...errors, ...warnings.filter(isAmbiguous)]);
  if (errors.length > 0) return { root: null, problems: describeErrors(errors, source) };
  const [first, second] = documents;
  if (second !== undefined) {
    const what = 'a second document begins here; only one per file is read';
    return {
      root: null,
      problems: [problem('E1309', what, source.positionAt(second.range[0]))],
    };
  }
  return { root: first?.contents ?? null, problems: [] };
}

/** One problem per line, and few: what follows a first mistake is mostly its echo. */
function describeErrors(errors: readonly YAMLError[], source: SourceText): readonly Problem[] {
  const lines = new Map<number, YAMLError>();
  for (const error of errors.toSorted((one, other) => one.pos[0] - other.pos[0])) {
    const line = source.lineAt(error.pos[0]);
    if (!lines.has(line)) lines.set(line, error);
    if (lines.size >= YAML_LIMITS.syntaxErrors) break;
  }
  return [...lines.values()].map((error) => describeSyntaxError(error, source));
}

function tooDeep(source: SourceText, offset: number): ComposedYaml {
  const what = `more than ${YAML_LIMITS.depth} levels are nested here`;
  return {
    root: null,
    problems: [problem('E1304', what, source.positionAt(offset))],
  };
}

/** `&name: value` and `*name: value`, which the library and PyYAML read differently. */
function isAmbiguous(warning: YAMLError): boolean {
  return warning.code === 'BAD_ALIAS';
}
