import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Problem, problem, toError } from '../component/errors.ts';
import { parseYaml, type YamlDocument } from '../config/yaml.ts';

/** A file of the program's own `etc` directory; the same place from `src/app` and from `dist/app`. */
export function shippedFile(name: string): string {
  return fileURLToPath(new URL(`../../etc/${name}`, import.meta.url));
}

/** Reads one YAML file. What cannot be read, is not UTF-8 or cannot be parsed is added to `problems`; never throws. */
export function readYamlFile(file: string, problems: Problem[]): YamlDocument | null {
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(readFileSync(file));
    // Files of earlier releases hold duplicate keys (trove's `state` in those of Ceilometer 6 and 7): they must load.
    const parsed = parseYaml(file, text, { duplicateKeys: 'warning' });
    problems.push(...parsed.problems);
    return parsed.document;
  } catch (thrown) {
    const error = toError(thrown);
    const code = error instanceof TypeError ? 'E1002' : 'E1001';
    problems.push(problem(code, `The file cannot be read: ${error.message}`, { file, line: 1, column: 1 }));
    return null;
  }
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
