import { PathSyntaxError } from '../lib/jsonpath.ts';
import type { JsonValue } from '../model/json.ts';
import { type DefinitionCheck, isMapping, showYaml, type YamlPath } from './definition-check.ts';
import { compilePlugin } from './definition-plugin.ts';
import { compileRootedPath, type PathRoots, type RootedPath } from './rooted-path.ts';
import type { TraitPlugin } from './trait-plugins.ts';

/** A compiled field of a definition. Evaluating may throw `PathEvaluationError`. Pure. */
export interface Field {
  /** The first value that is not null, in the order of the paths; null when there is none. */
  value(roots: PathRoots): JsonValue;
  /** All values, nulls kept, in the order of the paths. */
  values(roots: PathRoots): readonly JsonValue[];
  /** True for a constant: it fits any number of values. */
  readonly isConstant: boolean;
}

interface FieldOptions {
  /** Take a number or a boolean as a constant. */
  readonly constants: boolean;
  /** The field is to give several values: only some plugins can. */
  readonly severalValues: boolean;
}

/** Keys of the long form of a field. */
export const FIELD_KEYS = ['fields', 'plugin'] as const;

/**
 * Compiles a field: a path, a list of paths (the first that finds something counts), `{fields, plugin}`, or a
 * constant. Null when it is wrong; then `check` has the errors. `name` is how messages call it.
 *
 * Source: ceilometer `declarative.py`, Definition.
 */
export function compileField(
  config: unknown,
  at: YamlPath,
  name: string,
  check: DefinitionCheck,
  options: FieldOptions,
): Field | null {
  const isLong = isMapping(config);
  if (isLong && (config.fields === undefined || config.fields === null)) {
    check.error('E1204', `the field "fields" is required for ${name}`, at);
    return null;
  }
  const fields = isLong ? config.fields : config;
  const plugin = isLong ? (config.plugin ?? null) : null;
  const constant = options.constants && (typeof fields === 'number' || typeof fields === 'boolean');
  const paths = constant ? [] : compilePaths(fields, isLong ? [...at, 'fields'] : at, name, check);
  const compiled =
    plugin === null ? null : compilePlugin(plugin, [...at, 'plugin'], name, check, options.severalValues);
  if (paths === null || (plugin !== null && compiled === null)) return null;
  // A constant is not something that a path found: plugins never see it.
  if (constant) return constantField(fields);
  return compiled === null ? fieldOfPaths(paths) : pluginField(paths, compiled);
}

/** A field made of paths that are known to be right; for built-in defaults. */
export function pathField(...paths: readonly string[]): Field {
  return fieldOfPaths(paths.map(compileRootedPath));
}

/** The paths of a text or a list of texts; null when one is wrong. */
function compilePaths(
  config: unknown,
  at: YamlPath,
  name: string,
  check: DefinitionCheck,
): readonly RootedPath[] | null {
  const isList = Array.isArray(config) && config.length > 0;
  const texts: readonly unknown[] = isList ? config : [config];
  const paths = texts.map((text, index) => compilePath(text, isList ? [...at, index] : at, name, check));
  const compiled = paths.filter((path) => path !== null);
  return compiled.length === paths.length ? compiled : null;
}

function compilePath(text: unknown, at: YamlPath, name: string, check: DefinitionCheck): RootedPath | null {
  if (typeof text !== 'string') {
    check.error('E1219', `${showYaml(text)} is no path for ${name}`, at);
    return null;
  }
  try {
    return compileRootedPath(text);
  } catch (error) {
    if (!(error instanceof PathSyntaxError)) throw error;
    const message = `the path ${showYaml(text)} for ${name} is wrong: ${error.message}`;
    check.errorInText('E1207', message, at, text, error.offset);
    return null;
  }
}

function constantField(value: JsonValue): Field {
  const values = [value];
  return { value: () => value, values: () => values, isConstant: true };
}

function fieldOfPaths(paths: readonly RootedPath[]): Field {
  const [only] = paths;
  return {
    value: paths.length === 1 && only !== undefined ? only.first : (roots) => firstOf(paths, roots),
    values: (roots) => paths.flatMap((path) => path.values(roots)),
    isConstant: false,
  };
}

function firstOf(paths: readonly RootedPath[], roots: PathRoots): JsonValue {
  for (const path of paths) {
    const value = path.first(roots);
    if (value !== null) return value;
  }
  return null;
}

function pluginField(paths: readonly RootedPath[], plugin: TraitPlugin): Field {
  const results = (roots: PathRoots) => {
    const found = paths.flatMap((path) => path.matches(roots)).filter(({ value }) => value !== null);
    return plugin(found).filter((value) => value !== null);
  };
  return { value: (roots) => results(roots)[0] ?? null, values: results, isConstant: false };
}
