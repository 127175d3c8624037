import { homedir } from 'node:os';
import { ConfigurationError, type Problem } from '../component/errors.ts';
import { type ConfigFiles, findConfigFiles, findNamedFile, type SearchPlaces } from './config-files.ts';
import { type Environment, warnOfUnknownVariables } from './environment.ts';
import { type IniEntry, parseIni } from './ini.ts';
import type { Config, Option } from './option.ts';
import { Resolution } from './resolution.ts';
import type { Override } from './sources.ts';
import { readTextFile } from './text-file.ts';
import { warnOfUnknownEntries } from './unknown-entries.ts';

export type { Override } from './sources.ts';

/** What a configuration is loaded from. */
export interface LoadRequest {
  readonly options: readonly Option[];
  /** From `--config-file`; none means the default search of `findConfigFiles`. */
  readonly files: readonly string[];
  /** From `--config-dir`. */
  readonly dirs: readonly string[];
  readonly environment: Environment;
  /** From other flags of the command line. */
  readonly overrides?: readonly Override[];
  /** The user's home directory; default: HOME of `environment`, else that of the user. Null: none. */
  readonly home?: string | null;
  /** `/etc`, but for tests. */
  readonly etc?: string;
}

/**
 * Reads the configuration once: finds and reads the files, takes environment and flags, substitutes, converts and
 * checks every option. The environment wins over flags, flags over files, later files over earlier ones, files over
 * defaults (as measured with oslo.config). All mistakes of all sources are reported, errors and warnings; `config` is
 * null if and only if one is an error. No problem text holds a secret. Never throws for what is in files or environment.
 */
export function loadConfig(request: LoadRequest): {
  readonly config: Config | null;
  readonly problems: readonly Problem[];
} {
  const places: SearchPlaces = { home: findHome(request), etc: request.etc ?? '/etc' };
  const found = findConfigFiles(request.files, request.dirs, places);
  const read = found.files.map((file) => readIniFile(file));
  const files = read.map(({ entries }) => entries);
  const { options, environment, overrides = [] } = request;
  const resolution = new Resolution({ options, files, environment, overrides });
  const problems = [
    ...found.problems,
    ...read.flatMap((file) => file.problems),
    ...resolution.resolveAll(),
    ...warnOfUnknownEntries(resolution.unusedEntries(), options),
    ...warnOfUnknownVariables(environment, options),
  ];
  const failed = problems.some(({ severity }) => severity === 'error');
  return { config: failed ? null : createConfig(resolution, found, places), problems };
}

/**
 * The configuration where there is no file at all: what the environment says, else the defaults; warnings are left out.
 * Throws a `ConfigurationError` when the environment is wrong.
 */
export function loadConfigWithoutFiles(options: readonly Option[], environment: Environment = {}): Config {
  const places = { home: null, etc: '/nonexistent' };
  const { config, problems } = loadConfig({ options, files: [], dirs: [], environment, ...places });
  if (config === null) throw new ConfigurationError(problems);
  return config;
}

function findHome({ home, environment }: LoadRequest): string | null {
  if (home !== undefined) return home;
  const named = environment['HOME'];
  return named === undefined || named === '' ? homedir() : named;
}

function readIniFile(file: string): {
  readonly entries: readonly IniEntry[];
  readonly problems: readonly Problem[];
} {
  const { text, problems } = readTextFile(file);
  return text === null ? { entries: [], problems } : parseIni(file, text);
}

function createConfig(resolution: Resolution, files: ConfigFiles, places: SearchPlaces): Config {
  return Object.freeze({
    // The one place where values meet their types: `convert` made them by the option's type.
    get: ((option: Option) => resolution.valueOf(option)) as Config['get'],
    origin: (option: Option) => resolution.originOf(option),
    findFile: (name: string) => findNamedFile(name, files, places),
  });
}
