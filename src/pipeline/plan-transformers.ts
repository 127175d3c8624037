import { type Position, type Problem, problem } from '../component/errors.ts';
import type { YamlDocument } from '../config/yaml.ts';
import { nearestWord } from '../lib/nearest.ts';
import type { TransformerSpec } from './sink-transform.ts';
import type { ParameterProblem, TransformerDefinition } from './transformers/transformer.ts';

type Path = readonly (string | number)[];

/** What the `transformers` of one sink ask for. `problems` has every mistake; entries with an error are left out. */
export interface CheckedTransformers {
  readonly specs: readonly TransformerSpec[];
  readonly problems: readonly Problem[];
}

/**
 * Checks the value of `transformers`, which stands at `path`: null, or a list of mappings with `name` and `parameters`.
 * An unknown name and a bad parameter are errors with their place, inside of an expression too. Pure.
 */
export function checkTransformers(
  document: YamlDocument,
  path: Path,
  value: unknown,
  definitions: readonly TransformerDefinition[],
): CheckedTransformers {
  const check = new TransformersCheck(document, definitions);
  const specs = check.list(value, path);
  return { specs, problems: check.problems };
}

class TransformersCheck {
  readonly problems: Problem[] = [];
  readonly #document: YamlDocument;
  readonly #definitions: readonly TransformerDefinition[];

  constructor(document: YamlDocument, definitions: readonly TransformerDefinition[]) {
    this.#document = document;
    this.#definitions = definitions;
  }

  list(value: unknown, path: Path): readonly TransformerSpec[] {
    if (value === undefined || value === null) return [];
    if (Array.isArray(value)) return value.flatMap((entry, index) => this.#entry(entry, [...path, index]));
    this.#error('E1131', 'transformers is not a list', path);
    return [];
  }

  #entry(entry: unknown, path: Path): TransformerSpec[] {
    if (!isMapping(entry)) {
      this.#error('E1131', 'This is not a mapping with the name and the parameters of a transformer', path);
      return [];
    }
    for (const key of Object.keys(entry)) {
      if (key !== 'name' && key !== 'parameters') this.#unknownKey(key, [...path, key]);
    }
    const definition = this.#definition(entry['name'], [...path, 'name']);
    if (definition === null) return [];
    const parameters = entry['parameters'] ?? {};
    const found = definition.check(parameters);
    for (const one of found) this.problems.push(this.#located(one, [...path, 'parameters']));
    if (!isMapping(parameters) || found.some(({ severity }) => severity === 'error')) return [];
    return [{ name: definition.name, parameters }];
  }

  #definition(name: unknown, path: Path): TransformerDefinition | null {
    if (typeof name !== 'string' || name === '') {
      this.#error('E1131', 'This transformer has no name', path);
      return null;
    }
    const known = this.#definitions.find((one) => one.name === name);
    if (known !== undefined) return known;
    const names = this.#definitions.map((one) => one.name);
    const near = nearestWord(name, names);
    const list = `There are ${names.join(', ')}.`;
    const hint = near === undefined ? list : `Did you mean "${near}"? ${list}`;
    this.#error('E1130', `No transformer named ${name} loaded`, path, hint);
    return null;
  }

  #unknownKey(key: string, path: Path): void {
    const near = nearestWord(key, ['name', 'parameters']);
    this.problems.push(
      problem('E1115', `Unknown key ${key} has no effect`, this.#document.positionOf(path, 'key'), {
        severity: 'warning',
        ...(near === undefined ? {} : { hint: `Did you mean "${near}"?` }),
      }),
    );
  }

  #located(found: ParameterProblem, base: Path): Problem {
    const { severity, code, message, hint, path, what, offset } = found;
    const position = this.#document.positionOf([...base, ...path], what);
    return problem(code, message, offset === undefined ? position : moveInto(position, offset), {
      severity,
      ...(hint === undefined ? {} : { hint }),
    });
  }

  #error(code: Problem['code'], message: string, path: Path, hint?: string): void {
    const details = hint === undefined ? {} : { hint };
    this.problems.push(problem(code, message, this.#document.positionOf(path), details));
  }
}

/**
 * The place `offset` units into a text value that begins at `position`. Only where the line shows the text as it is: in a
 * block, with escapes or beyond the end of the line, the beginning of the value has to do.
 */
function moveInto(position: Position, offset: number): Position {
  const { text, column } = position;
  const value = text?.slice(column - 1) ?? '';
  const quote = /^["']/.exec(value)?.[0] ?? '';
  const before = value.slice(quote.length, quote.length + offset);
  const isPlain = /^[^|>&*!]/.test(value) && before.length === offset;
  return isPlain && !/\\|''/.test(before)
    ? { ...position, column: column + quote.length + offset }
    : position;
}

function isMapping(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
