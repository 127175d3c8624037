import type { ErrorCode } from '../component/error-codes.ts';
import { type Problem, problem } from '../component/errors.ts';
import type { SourceText } from './source-text.ts';
import { YAML_LIMITS } from './yaml-limits.ts';
import { offsetOfNode } from './yaml-nodes.ts';

/** Collects the problems of one file, so many and no more. No text repeats a value: it may be a password. */
export class YamlReport {
  readonly problems: Problem[] = [];
  /** All errors, whether kept or not. */
  errors = 0;
  #warnings = 0;
  readonly #source: SourceText;

  constructor(source: SourceText) {
    this.#source = source;
  }

  /** An error at a node, or at an offset. */
  error(code: ErrorCode, what: string, at: unknown, hint?: string): void {
    this.errors += 1;
    if (this.errors <= YAML_LIMITS.problems) this.#keep(code, what, at, 'error', hint);
  }

  warn(code: ErrorCode, what: string, at: unknown, hint?: string): void {
    this.#warnings += 1;
    if (this.#warnings <= YAML_LIMITS.problems) this.#keep(code, what, at, 'warning', hint);
  }

  #keep(code: ErrorCode, what: string, at: unknown, severity: Problem['severity'], hint?: string): void {
    const position = this.#source.positionAt(typeof at === 'number' ? at : offsetOfNode(at));
    this.problems.push(problem(code, what, position, { severity, ...(hint === undefined ? {} : { hint }) }));
  }
}
