import type { ErrorCode } from '../component/error-codes.ts';

/** What is wrong with a list of name patterns; `index` is null when it is the list as a whole. */
export interface PatternProblem {
  readonly index: number | null;
  readonly code: ErrorCode;
  readonly message: string;
}

/**
 * Legal are: only inclusions, only exclusions (`!name`), or `*` with exclusions. As in the original only the first
 * character of an entry decides what it counts as, so `*.bytes` beside `!disk.*` is legal and `disk.*` beside
 * `!disk.root` is not (pipelines.md section 3, measured). An empty entry crashed the original.
 */
export function checkPatterns(patterns: readonly string[], key: string): readonly PatternProblem[] {
  const problems: PatternProblem[] = patterns.flatMap((pattern, index) =>
    pattern === '' || pattern === '!' ? [{ index, code: 'E1114', message: `Empty pattern in ${key}` }] : [],
  );
  const included = patterns.filter((pattern) => pattern !== '' && pattern[0] !== '!' && pattern[0] !== '*');
  const excluded = patterns.some((pattern) => pattern[0] === '!');
  if (included.length > 0 && excluded) {
    problems.push({ index: null, code: 'E1108', message: `Both included and excluded ${key} specified` });
  }
  if (included.length > 0 && patterns.includes('*')) {
    problems.push({ index: null, code: 'E1108', message: `Included ${key} specified with wildcard` });
  }
  return problems;
}
