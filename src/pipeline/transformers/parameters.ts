import type { ErrorCode } from '../../component/error-codes.ts';
import { NephoscopeError } from '../../component/errors.ts';
import { nearestWord } from '../../lib/nearest.ts';
import { parsePythonFloat } from '../../lib/python-text.ts';
import type {
  ParameterProblem,
  Transformer,
  TransformerDefinition,
  TransformerTools,
} from './transformer.ts';

/**
 * Makes a definition of a function that reads the parameters and one that makes a transformer of what was read: so what
 * is checked is what runs.
 */
export function defineTransformer<Parameters>(definition: {
  readonly name: string;
  readonly read: (parameters: ParameterReader) => Parameters;
  readonly make: (parameters: Parameters, tools: TransformerTools) => Transformer;
}): TransformerDefinition {
  const { name, read, make } = definition;
  return {
    name,
    check: (values) => readAll(values, read).problems,
    create: (values, tools) => {
      const { parameters, problems } = readAll(values, read);
      const error = problems.find(({ severity }) => severity === 'error');
      if (error !== undefined) throw new NephoscopeError(error.code, `${name}: ${error.message}`);
      return make(parameters, tools);
    },
  };
}

function readAll<Parameters>(
  values: unknown,
  read: (parameters: ParameterReader) => Parameters,
): { readonly parameters: Parameters; readonly problems: readonly ParameterProblem[] } {
  const problems: ParameterProblem[] = [];
  const reader = new ParameterReader(values, [], problems);
  const parameters = read(reader);
  reader.finish();
  return { parameters, problems };
}

type Path = readonly (string | number)[];

/**
 * Reads one mapping of parameters. Each method gives the value of a key, or null when it is missing, null or wrong; a
 * wrong one is reported. Keys nobody asked for are named when reading has finished.
 */
export class ParameterReader {
  readonly #values: Readonly<Record<string, unknown>>;
  readonly #path: Path;
  readonly #problems: ParameterProblem[];
  readonly #known = new Set<string>();
  readonly #sections = new Map<string, ParameterReader>();

  constructor(values: unknown, path: Path, problems: ParameterProblem[]) {
    this.#path = path;
    this.#problems = problems;
    this.#values = isMapping(values) ? values : {};
    if (!isMapping(values) && values !== null && values !== undefined) {
      this.#report(
        'error',
        'E1131',
        `${path.at(-1) ?? 'parameters'} is ${describe(values)}, not a mapping`,
        path,
      );
    }
  }

  /** A mapping below this one; an empty one when it is missing. The same reader each time. */
  section(key: string): ParameterReader {
    this.#known.add(key);
    const known = this.#sections.get(key);
    if (known !== undefined) return known;
    const section = new ParameterReader(this.#values[key], [...this.#path, key], this.#problems);
    this.#sections.set(key, section);
    return section;
  }

  /** Any value, unchecked. */
  value(key: string): unknown {
    this.#known.add(key);
    return this.#values[key] ?? null;
  }

  /** A text; an empty one counts as missing. */
  text(key: string): string | null {
    const value = this.value(key);
    if (value === null || value === '') return null;
    if (typeof value === 'string') return value;
    return this.#wrong(key, 'a text', value);
  }

  /** A number, also as text, as the original took it. */
  number(key: string): number | null {
    const value = this.value(key);
    if (value === null || value === '') return null;
    const number = typeof value === 'string' ? parsePythonFloat(value) : value;
    if (typeof number === 'number' && Number.isFinite(number)) return number;
    return this.#wrong(key, 'a number', value);
  }

  /** A count of things, at most `most`. */
  integer(key: string, most: number): number | null {
    const number = this.number(key);
    if (number === null) return null;
    if (Number.isInteger(number) && number <= most) return number;
    return this.#wrong(key, `an integer up to ${most}`, this.value(key));
  }

  boolean(key: string): boolean | null {
    const value = this.value(key);
    if (value === null || typeof value === 'boolean') return value;
    return this.#wrong(key, 'true or false', value);
  }

  /** One of several words. */
  choice<Word extends string>(key: string, words: readonly Word[]): Word | null {
    const value = this.value(key);
    if (value === null || value === '') return null;
    const found = words.find((word) => word === value);
    return found ?? this.#wrong(key, `one of ${words.join(', ')}`, value);
  }

  /** Adds a mistake at a key; `offset` is a place inside of its text, counted from 0. */
  error(key: string, code: ErrorCode, message: string, offset?: number): void {
    this.#report('error', code, message, [...this.#path, key], offset === undefined ? {} : { offset });
  }

  warn(key: string, code: ErrorCode, message: string, hint?: string): void {
    this.#report('warning', code, message, [...this.#path, key], hint === undefined ? {} : { hint });
  }

  /** Names the keys nobody asked for, here and in all sections. */
  finish(): void {
    const known = [...this.#known];
    for (const key of Object.keys(this.#values)) {
      if (this.#known.has(key)) continue;
      const near = nearestWord(key, known);
      const hint = near === undefined ? `Known here: ${known.join(', ')}.` : `Did you mean "${near}"?`;
      const path = [...this.#path, key];
      this.#problems.push({
        severity: 'warning',
        code: 'E1115',
        message: `Unknown key ${key} has no effect`,
        hint,
        path,
        what: 'key',
      });
    }
    for (const section of this.#sections.values()) section.finish();
  }

  #wrong(key: string, wanted: string, value: unknown): null {
    this.error(key, 'E1132', `${key} is ${describe(value)} instead of ${wanted}`);
    return null;
  }

  #report(
    severity: ParameterProblem['severity'],
    code: ErrorCode,
    message: string,
    path: Path,
    details: { readonly offset?: number; readonly hint?: string } = {},
  ): void {
    this.#problems.push({ severity, code, message, path, what: 'value', ...details });
  }
}

function isMapping(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function describe(value: unknown): string {
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object') return 'a mapping';
  return typeof value === 'string'
    ? `the text ${JSON.stringify(value)}`
    : `the ${typeof value} ${String(value)}`;
}
