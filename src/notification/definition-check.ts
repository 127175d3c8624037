import type { ErrorCode } from '../component/error-codes.ts';
import { type Position, type Problem, problem } from '../component/errors.ts';
import type { YamlDocument } from '../config/yaml.ts';
import { nearestWord } from '../lib/nearest.ts';

/** A place in a YAML document: keys and indexes from the root. */
export type YamlPath = readonly (string | number)[];

interface ProblemDetails {
  readonly hint?: string;
  /** Point at the key instead of the value. */
  readonly what?: 'key' | 'value';
}

/** Collects the mistakes of one definitions file, each with its position. */
export class DefinitionCheck {
  readonly #document: YamlDocument;
  readonly #problems: Problem[] = [];
  readonly #known = new Set<string>();

  constructor(document: YamlDocument) {
    this.#document = document;
  }

  /** All problems so far, in the order they were found. */
  get problems(): readonly Problem[] {
    return this.#problems;
  }

  error(code: ErrorCode, message: string, path: YamlPath, details: ProblemDetails = {}): void {
    this.#add(code, message, this.#document.positionOf(path, details.what), 'error', details.hint);
  }

  warn(code: ErrorCode, message: string, path: YamlPath, details: ProblemDetails = {}): void {
    this.#add(code, message, this.#document.positionOf(path, details.what), 'warning', details.hint);
  }

  /** An error inside a text: points at the character where it is, when the file shows the text as it is. */
  errorInText(code: ErrorCode, message: string, path: YamlPath, text: string, offset: number): void {
    const position = within(this.#document.positionOf(path), text, offset);
    this.#add(code, message, position, 'error', undefined);
  }

  /** A warning for every key that is not among `known`, with the nearest known one. */
  warnUnknownKeys(mapping: Record<string, unknown>, known: readonly string[], path: YamlPath): void {
    for (const key of Object.keys(mapping)) {
      if (known.includes(key)) continue;
      const meant = nearestWord(key, known);
      const details = meant === undefined ? {} : { hint: `Did you mean ${meant}? Otherwise remove it.` };
      this.warn('E1210', `the key ${JSON.stringify(key)} has no effect here`, [...path, key], {
        ...details,
        what: 'key',
      });
    }
  }

  #add(
    code: ErrorCode,
    message: string,
    position: Position,
    severity: Problem['severity'],
    hint: string | undefined,
  ): void {
    // What was written once and referred to by aliases is checked at each place and reported once.
    const key = `${code} ${position.line}:${position.column} ${message}`;
    if (this.#known.has(key)) return;
    this.#known.add(key);
    this.#problems.push(
      problem(code, message, position, hint === undefined ? { severity } : { severity, hint }),
    );
  }
}

function within(position: Position, text: string, offset: number): Position {
  const rest = position.text?.slice(position.column - 1) ?? '';
  if (rest.startsWith(text)) return { ...position, column: position.column + offset };
  if (rest.startsWith(text, 1)) return { ...position, column: position.column + 1 + offset };
  return position;
}

/** True for a YAML mapping. */
export function isMapping(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** A YAML value in a message to the operator: short, on one line. */
export function showYaml(value: unknown): string {
  const text = JSON.stringify(value) ?? 'nothing';
  return text.length > 60 ? `${text.slice(0, 60)}…` : text;
}
