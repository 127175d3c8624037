import type { Position, Problem } from '../component/errors.ts';
import { escapeControls } from './escape.ts';
import { redactLine } from './redact.ts';

/** Characters of a line that are shown at most, around the place. */
const shownWidth = 100;

/**
 * A problem as an operator reads it; ends without a line feed:
 *
 *     E1301  the key "name" stands in line 3 already
 *       --> pipeline.yaml:5:7
 *        5 |       name: cpu_sink
 *          |       ^^^^
 *       help: Keep one of them; only the last would count, and the other would be lost without a word.
 *
 * Control characters are escaped, so no file can write to the terminal; passwords in URLs are overwritten. Pure.
 */
export function formatProblem(problem: Problem): string {
  const severity = problem.severity === 'warning' ? 'warning: ' : '';
  const lines = [`${problem.code}  ${severity}${clean(problem.message)}`];
  if (problem.position !== undefined) lines.push(...formatPosition(problem.position));
  if (problem.hint !== '') lines.push(`  help: ${clean(problem.hint)}`);
  return lines.join('\n');
}

/** All problems, errors first, each group in order of file and line, a blank line between. Pure. */
export function formatProblems(problems: readonly Problem[]): string {
  return sortProblems(problems).map(formatProblem).join('\n\n');
}

/** Errors before warnings, then by file, line and column; what has no position comes first. Pure; stable. */
export function sortProblems(problems: readonly Problem[]): readonly Problem[] {
  return problems.toSorted(
    (one, other) =>
      Number(one.severity === 'warning') - Number(other.severity === 'warning') ||
      compareText(one.position?.file ?? '', other.position?.file ?? '') ||
      (one.position?.line ?? 0) - (other.position?.line ?? 0) ||
      (one.position?.column ?? 0) - (other.position?.column ?? 0),
  );
}

function formatPosition(position: Position): string[] {
  const place = `  --> ${clean(position.file)}:${position.line}:${position.column}`;
  if (position.text === undefined || position.text.trim() === '') return [place];
  const { shown, before, marked } = clip(redactLine(position.text), position.column - 1);
  const number = String(position.line).padStart(4);
  return [place, ` ${number} | ${shown}`, ` ${' '.repeat(4)} | ${' '.repeat(before)}${'^'.repeat(marked)}`];
}

/** The part of a line around `column` (from 0), and where in it the caret goes. */
function clip(line: string, column: number): { shown: string; before: number; marked: number } {
  const start = column > shownWidth - 20 ? column - 40 : 0;
  const end = start + shownWidth;
  const lead = start > 0 ? '…' : '';
  const tail = end < line.length ? '…' : '';
  const before = lead + escapeControls(line.slice(start, column));
  const after = line.slice(column, end);
  const word = /^(?:"[^"]*"|'[^']*'|[[{]|[^\s,\]}]+?(?=:?(?:[\s,\]}]|$))|.)/.exec(after)?.[0] ?? '';
  return {
    shown: before + escapeControls(after) + tail,
    before: before.length,
    marked: Math.max(1, escapeControls(word).length),
  };
}

function clean(text: string): string {
  return redactLine(escapeControls(text));
}

function compareText(one: string, other: string): number {
  return one < other ? -1 : Number(one > other);
}
