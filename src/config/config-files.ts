import { existsSync, readdirSync, statSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { type Problem, problem } from '../component/errors.ts';

/** Where configuration is looked for when the command line does not say. */
export interface SearchPlaces {
  /** The user's home directory; null when there is none. */
  readonly home: string | null;
  /** `/etc`, but for tests. */
  readonly etc: string;
}

/** The files a configuration is made of, in the order of reading: later ones win. */
export interface ConfigFiles {
  readonly files: readonly string[];
  /** The directories given, as absolute paths. */
  readonly dirs: readonly string[];
  readonly problems: readonly Problem[];
}

/**
 * Which files to read. With `files`, exactly these, then those of `dirs`. Without, the first nephoscope.conf of
 * ~/.nephoscope, ~, /etc/nephoscope, /etc, ~/.ceilometer, /etc/ceilometer; if there is none, the first ceilometer.conf
 * of the same places: a host that ran the original service needs no new file, and where a nephoscope.conf is, nothing
 * else counts. `<name>.conf.d` directories are found in the same way when no `dirs` are given. Of a directory, all
 * `*.conf` count, in order of their names. A file or directory that was named and is missing is an error.
 */
export function findConfigFiles(
  files: readonly string[],
  dirs: readonly string[],
  places: SearchPlaces,
): ConfigFiles {
  const name = files.length > 0 ? null : defaultName(places);
  const wantedFiles = name === null ? files : [firstThere(places, `${name}.conf`)];
  const wantedDirs = dirs.length > 0 || name === null ? dirs : [firstThere(places, `${name}.conf.d`)];
  const problems: Problem[] = [];
  const absoluteDirs = wantedDirs.filter((dir) => dir !== null).map((dir) => resolve(dir));
  const fromDirs = absoluteDirs.flatMap((dir) => listDirectory(dir, problems));
  const absoluteFiles = wantedFiles.filter((file) => file !== null).map((file) => resolve(file));
  return { files: [...absoluteFiles, ...fromDirs], dirs: absoluteDirs, problems };
}

/**
 * The file an option names: the name as it is, in the configuration directories, beside the configuration files (last
 * first), in ~/.nephoscope, /etc/nephoscope, ~/.ceilometer, /etc/ceilometer. Null when there is none.
 */
export function findNamedFile(
  name: string,
  { files, dirs }: ConfigFiles,
  places: SearchPlaces,
): string | null {
  const expanded = places.home !== null && name.startsWith('~/') ? join(places.home, name.slice(2)) : name;
  const beside = files.map((file) => dirname(file));
  const directories = [...dirs.toReversed(), ...beside.toReversed(), ...ownDirectories(places)];
  const candidates = [expanded, ...directories.map((directory) => join(directory, expanded))];
  const found = candidates.find((candidate) => isFile(candidate));
  return found === undefined ? null : resolve(found);
}

function ownDirectories({ home, etc }: SearchPlaces): readonly string[] {
  return ['nephoscope', 'ceilometer'].flatMap((project) => [
    ...(home === null ? [] : [join(home, `.${project}`)]),
    join(etc, project),
  ]);
}

function searchDirectories({ home, etc }: SearchPlaces): readonly string[] {
  const inHome = (name: string) => (home === null ? [] : [join(home, name)]);
  return [
    ...inHome('.nephoscope'),
    ...inHome(''),
    join(etc, 'nephoscope'),
    etc,
    ...inHome('.ceilometer'),
    join(etc, 'ceilometer'),
  ];
}

function defaultName(places: SearchPlaces): string | null {
  const isThere = (name: string) =>
    firstThere(places, `${name}.conf`) !== null || firstThere(places, `${name}.conf.d`) !== null;
  return ['nephoscope', 'ceilometer'].find(isThere) ?? null;
}

function firstThere(places: SearchPlaces, name: string): string | null {
  return (
    searchDirectories(places)
      .map((directory) => join(directory, name))
      .find((path) => existsSync(path)) ?? null
  );
}

function listDirectory(dir: string, problems: Problem[]): readonly string[] {
  try {
    const names = readdirSync(dir).filter((name) => name.endsWith('.conf') && !name.startsWith('.'));
    return names.toSorted().map((name) => join(dir, name));
  } catch {
    const what = 'the directory cannot be read';
    problems.push(problem('E1001', what, { file: dir, line: 1, column: 1 }));
    return [];
  }
}

function isFile(path: string): boolean {
  try {
    return !statSync(path).isDirectory();
  } catch {
    return false;
  }
}
