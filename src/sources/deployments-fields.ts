import { type Problem, problem } from '../component/errors.ts';
import type { YamlDocument } from '../config/yaml.ts';
import { nearestWord } from '../lib/nearest.ts';

export type Path = readonly (string | number)[];
export type Mapping = { readonly [key: string]: unknown };

/**
 * Reads typed values out of a deployments file and keeps every mistake with its position. A key that is missing or null
 * is undefined; so is one with a wrong value, after its problem was noted. No text repeats a value: it may be a password.
 */
export class Fields {
  readonly problems: Problem[] = [];
  readonly #document: YamlDocument;

  constructor(document: YamlDocument) {
    this.#document = document;
  }

  mistake(message: string, path: Path, hint?: string): void {
    this.add(problem('E1018', message, this.#document.positionOf(path), hint === undefined ? {} : { hint }));
  }

  /** Notes a problem found elsewhere, at the place of `path` when it has none itself. */
  add(found: Problem, path?: Path): void {
    const position = found.position ?? (path === undefined ? undefined : this.#document.positionOf(path));
    this.problems.push(position === undefined ? found : { ...found, position });
  }

  /** `file:line` of an entry. */
  where(path: Path): string {
    const { file, line } = this.#document.positionOf(path);
    return `${file}:${line}`;
  }

  /** Warns of the keys that mean nothing; `ineffective` are those a StackTach worker had a use for. */
  warnOfUnknown(
    entry: Mapping,
    path: Path,
    known: readonly string[],
    ineffective: Readonly<Record<string, string>>,
  ): void {
    for (const key of Object.keys(entry)) {
      if (known.includes(key)) continue;
      const reason = ineffective[key];
      const near = nearestWord(key, known);
      const hint = reason ?? (near === undefined ? undefined : `Did you mean "${near}"?`);
      const position = this.#document.positionOf([...path, key], 'key');
      const details = { severity: 'warning', ...(hint === undefined ? {} : { hint }) } as const;
      this.problems.push(problem('E1019', `The key ${key} has no effect`, position, details));
    }
  }

  text(entry: Mapping, path: Path, key: string): string | undefined {
    const value = present(entry, key);
    if (value === undefined) return undefined;
    if (typeof value === 'string' && value !== '') return value;
    return this.#wrong(value, [...path, key], 'a text', typeof value === 'object' ? undefined : QUOTE);
  }

  boolean(entry: Mapping, path: Path, key: string): boolean | undefined {
    const value = present(entry, key);
    if (value === undefined || typeof value === 'boolean') return value;
    return this.#wrong(value, [...path, key], 'true or false');
  }

  integer(entry: Mapping, path: Path, key: string, min: number, max: number): number | undefined {
    const value = present(entry, key);
    if (value === undefined) return undefined;
    if (Number.isInteger(value) && Number(value) >= min && Number(value) <= max) return Number(value);
    return this.#wrong(value, [...path, key], `a whole number from ${min} to ${max}`);
  }

  mapping(entry: Mapping, path: Path, key: string): Mapping | undefined {
    const value = present(entry, key);
    if (value === undefined || isMapping(value)) return value;
    return this.#wrong(value, [...path, key], 'a mapping');
  }

  /** A list of texts that is not empty; one text alone counts as a list of one. */
  texts(entry: Mapping, path: Path, key: string): readonly string[] | undefined {
    const value = present(entry, key);
    if (value === undefined) return undefined;
    const list: unknown = typeof value === 'string' ? [value] : value;
    if (!Array.isArray(list) || list.length === 0) {
      return this.#wrong(value, [...path, key], 'a list of texts');
    }
    return list.flatMap((item: unknown, index): string[] => {
      if (typeof item === 'string' && item !== '') return [item];
      this.#wrong(item, [...path, key, index], 'a text', QUOTE);
      return [];
    });
  }

  #wrong(value: unknown, path: Path, wanted: string, hint?: string): undefined {
    this.mistake(`${String(path.at(-1))} is ${kindOf(value)} instead of ${wanted}`, path, hint);
    return undefined;
  }
}

const QUOTE = 'Quote it: YAML 1.1 reads digits and some plain words (on, yes, no) as other things than text.';

export function isMapping(value: unknown): value is Mapping {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** What a value is, without showing it. */
export function kindOf(value: unknown): string {
  if (value === null || value === undefined) return 'nothing';
  if (value === '') return 'an empty text';
  if (Array.isArray(value)) return value.length === 0 ? 'an empty list' : 'a list';
  if (typeof value === 'object') return 'a mapping';
  return typeof value === 'string' ? 'a text' : `a ${typeof value}`;
}

function present(entry: Mapping, key: string): unknown {
  const value = entry[key];
  return value === null ? undefined : value;
}
