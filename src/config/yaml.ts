import { type Position, type Problem, problem } from '../component/errors.ts';
import { normalizeText, SourceText } from './source-text.ts';
import { type BuiltYaml, buildValue } from './yaml-build.ts';
import { composeYaml } from './yaml-compose.ts';
import { YAML_LIMITS } from './yaml-limits.ts';

/** A YAML file that was read without an error. */
export interface YamlDocument {
  readonly file: string;
  /**
   * Plain frozen data: objects, arrays, strings, numbers, booleans, null. Keys are text (`on:` gives "true", as it is
   * the boolean true in YAML 1.1). What an alias refers to is the same object at each place.
   */
  readonly value: unknown;
  /**
   * Where the value (or the key) at `path` stands. A key that came by `<<` points to its definition. A path that does
   * not exist gives its nearest existing ancestor. Pure.
   */
  positionOf(path: readonly (string | number)[], what?: 'key' | 'value'): Position;
}

export interface YamlOptions {
  /**
   * What a key that appears twice in one mapping is. PyYAML lets the last one win without a word. `error` is the
   * default; `warning` lets the last one win too, for files that were always read so: the event definitions which
   * Ceilometer 6 and 7 shipped have such a key.
   */
  readonly duplicateKeys?: 'error' | 'warning';
}

/**
 * Reads YAML as PyYAML's safe loader does (YAML 1.1: merge keys, `no` is false, `010` is 8, `12:30:00` is 45000, but
 * `y` is text), since the files were written for it. Stricter than PyYAML where it would lose something without a
 * word: duplicate keys, unknown tags, several documents and integers beyond 2^53 are errors. Dates stay text as
 * written. An empty file has the value null. `document` is null if and only if a problem is an error.
 *
 * Never throws; bounded in time and memory (`YAML_LIMITS`). Problems carry positions with secrets overwritten.
 */
export function parseYaml(
  file: string,
  text: string,
  options: YamlOptions = {},
): {
  readonly document: YamlDocument | null;
  readonly problems: readonly Problem[];
} {
  const source = new SourceText(file, normalizeText(text));
  const refused = checkText(source);
  if (refused.length > 0) return { document: null, problems: refused };
  const composed = composeYaml(source);
  if (composed.problems.length > 0) return { document: null, problems: composed.problems };
  const built = buildValue(composed.root, source, options.duplicateKeys ?? 'error');
  const failed = built.problems.some(({ severity }) => severity === 'error');
  return { document: failed ? null : createDocument(source, built), problems: built.problems };
}

function createDocument(source: SourceText, built: BuiltYaml): YamlDocument {
  return {
    file: source.file,
    value: built.value,
    positionOf: (path, what = 'value') => source.positionAt(built.offsetOf(path, what)),
  };
}

/** What PyYAML's reader refuses, and the three characters it takes for line ends and every editor for text. */
const refusedCharacter =
  /[\x00-\x08\x0B\x0C\x0E-\x1F\x7F-\x9F\u2028\u2029\uFEFF\uFFFE\uFFFF]|[\uD800-\uDBFF](?![\uDC00-\uDFFF])|(?<![\uD800-\uDBFF])[\uDC00-\uDFFF]/;

function checkText(source: SourceText): readonly Problem[] {
  const bytes = Buffer.byteLength(source.text);
  if (bytes > YAML_LIMITS.bytes) {
    const what = `the file has ${bytes} bytes; at most ${YAML_LIMITS.bytes} are read`;
    return [problem('E1304', what, { file: source.file, line: 1, column: 1 })];
  }
  const found = refusedCharacter.exec(source.text);
  if (found === null) return [];
  const name = `U+${found[0].charCodeAt(0).toString(16).toUpperCase().padStart(4, '0')}`;
  const details =
    found[0] === '\0' ? { hint: 'The file looks like UTF-16 or binary data; save it as UTF-8.' } : {};
  return [
    problem('E1305', `the character ${name} is not allowed in YAML`, source.positionAt(found.index), details),
  ];
}
