import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Problem } from '../component/errors.ts';
import { readTextFile } from '../config/text-file.ts';
import { parseYaml, type YamlDocument } from '../config/yaml.ts';

/** A file of the program's own `etc` directory; the same place from `src/app` and from `dist/app`. */
export function shippedFile(name: string): string {
  return fileURLToPath(new URL(`../../etc/${name}`, import.meta.url));
}

/** Reads one YAML file. What cannot be read or parsed is added to `problems`; never throws. */
export function readYamlFile(file: string, problems: Problem[]): YamlDocument | null {
  const { text, problems: unreadable } = readTextFile(file);
  problems.push(...unreadable);
  if (text === null) return null;
  // Files of earlier releases hold duplicate keys (trove's `state` in those of Ceilometer 6 and 7): they must load.
  const parsed = parseYaml(file, text, { duplicateKeys: 'warning' });
  problems.push(...parsed.problems);
  return parsed.document;
}

/** The `*.yaml` files of a directory in name order; a directory that does not exist has none. */
export function yamlFilesIn(directory: string): readonly string[] {
  try {
    const names = readdirSync(directory).filter((name) => name.endsWith('.yaml') && !name.startsWith('.'));
    return names.sort().map((name) => join(directory, name));
  } catch {
    return [];
  }
}
