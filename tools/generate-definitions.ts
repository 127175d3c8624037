import { readFileSync } from 'node:fs';
import { relative } from 'node:path';
import { formatProblems } from '../src/config/problems.ts';
import { parseYaml } from '../src/config/yaml.ts';

export type Mapping = Readonly<Record<string, unknown>>;

/** The data of a shipped YAML file; throws with the problems when there is any. */
export function readShippedYaml(root: string, file: string): unknown {
  const { document, problems } = parseYaml(relative(root, file), readFileSync(file, 'utf8'));
  if (document === null || problems.length > 0) throw new Error(formatProblems(problems));
  return document.value;
}

/** A list of mappings, or an error that names `what`. */
export function mappingsOf(value: unknown, what: string): readonly Mapping[] {
  if (Array.isArray(value) && value.every(isMapping)) return value;
  throw new Error(`${what} is not a list of mappings`);
}

export function isMapping(value: unknown): value is Mapping {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** One text or a list of them. */
export function textsOf(value: unknown): readonly string[] {
  if (value === undefined || value === null) return [];
  return (Array.isArray(value) ? value : [value]).map(String);
}

/** The paths of a field, and the plugin that works on what they find: `a, b (split)`. */
export function fieldOf(value: unknown): {
  readonly paths: readonly string[];
  readonly plugin: string | null;
} {
  if (!isMapping(value)) return { paths: textsOf(value), plugin: null };
  const { plugin } = value;
  const name = isMapping(plugin) ? plugin['name'] : plugin;
  return { paths: textsOf(value['fields']), plugin: name === undefined ? null : String(name) };
}
