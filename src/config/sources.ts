import { type Position, type Problem, problem } from '../component/errors.ts';
import { isMulti, isSecret } from './convert.ts';
import { type Environment, environmentName } from './environment.ts';
import { type IniEntry, normalizeGroup } from './ini.ts';
import type { Option } from './option.ts';

/** The value of an option from a command line flag. */
export interface Override {
  readonly group: string;
  readonly name: string;
  /** One text; several for an option that may be repeated. */
  readonly values: readonly string[];
  /** As the user typed it: `--port`. */
  readonly flag: string;
}

/** One text that sets an option, and how to speak of it. */
export interface RawValue {
  readonly text: string;
  /** `[api] port = 80`, `OS_API__PORT=80`; without the text when it is secret. */
  readonly label: string;
  readonly position?: Position;
  readonly entry?: IniEntry;
}

/** What sets an option: several texts, or none, only for one that may be repeated. */
export interface RawOption {
  /** Where it comes from, for `Config.origin`; of several texts, the last. */
  readonly origin: string;
  readonly values: readonly RawValue[];
}

/** All that is known before options are looked at. */
export interface Sources {
  readonly options: readonly Option[];
  /** Entries of each file, in the order of reading. */
  readonly files: readonly (readonly IniEntry[])[];
  readonly environment: Environment;
  readonly overrides: readonly Override[];
}

/** Entries of one file by group and name. */
type FileIndex = ReadonlyMap<string, readonly IniEntry[]>;

/** Group and name as one key; group names match in any case. */
export function optionKey(group: string, name: string): string {
  return `${normalizeGroup(group)}\0${name}`;
}

/** Chooses the texts that set an option; converts and substitutes nothing. Pure. */
export class SourceReader {
  readonly #files: readonly FileIndex[];
  readonly #environment: Environment;
  readonly #overrides: ReadonlyMap<string, Override>;

  constructor({ files, environment, overrides }: Sources) {
    this.#files = files.map((entries) => Map.groupBy(entries, ({ group, name }) => optionKey(group, name)));
    this.#environment = environment;
    this.#overrides = new Map(overrides.map((one) => [optionKey(one.group, one.name), one]));
  }

  /** What sets the option: environment, flags, files; null when nothing does. */
  read(option: Option): RawOption | null {
    const variable = environmentName(option.group, option.name);
    const text = this.#environment[variable];
    if (text !== undefined) return fromEnvironment(option, variable, text);
    const override = this.#overrides.get(optionKey(option.group, option.name));
    if (override !== undefined) return fromFlag(option, override);
    const entries = isMulti(option) ? this.#collect(option) : this.#lastOf(option);
    const last = entries.at(-1)?.position;
    if (last === undefined) return null;
    return { origin: `${last.file}:${last.line}`, values: entries.map((entry) => fromEntry(option, entry)) };
  }

  /** The last entry of a name that no option has, for references to it. */
  find(group: string, name: string): IniEntry | null {
    const key = optionKey(group, name);
    return (
      this.#files
        .findLast((file) => file.has(key))
        ?.get(key)
        ?.at(-1) ?? null
    );
  }

  /** One warning for each old name that is used, and whether it still counts. */
  warnOfOldNames(option: Option): readonly Problem[] {
    const isNewSet = this.find(option.group, option.name) !== null;
    const winner = isMulti(option) || !isNewSet ? null : this.#lastOf(option)[0];
    return (option.deprecatedNames ?? []).flatMap((old) => {
      const entry = this.find(old.group, old.name);
      if (entry === null) return [];
      const counts = winner === null || winner === entry;
      const newName = `[${option.group}] ${option.name}`;
      const what = `[${entry.group}] ${entry.name} is the old name of ${newName}`;
      const hint = counts
        ? `Write ${option.name} under [${option.group}].`
        : `Remove it; ${newName} is set and wins.`;
      return [
        problem('E1014', what, positionOf(option, entry, entry.position), { severity: 'warning', hint }),
      ];
    });
  }

  /** As oslo.config: the last file that has any of the names; within it, the new name before old ones. */
  #lastOf(option: Option): readonly IniEntry[] {
    const keys = keysOf(option);
    for (const file of this.#files.toReversed()) {
      const found = keys.find((key) => file.has(key));
      const entry = found === undefined ? undefined : file.get(found)?.at(-1);
      if (entry !== undefined) return [entry];
    }
    return [];
  }

  /** As oslo.config: of all files and all names, old names before the new one within each file. */
  #collect(option: Option): readonly IniEntry[] {
    const keys = keysOf(option).toReversed();
    return this.#files.flatMap((file) => keys.flatMap((key) => file.get(key) ?? []));
  }
}

/** The names of an option, the current one first. */
export function keysOf(option: Option): readonly string[] {
  const old = (option.deprecatedNames ?? []).map(({ group, name }) => optionKey(group, name));
  return [optionKey(option.group, option.name), ...old];
}

function fromEnvironment(option: Option, variable: string, text: string): RawOption {
  const label = isSecret(option) ? variable : `${variable}=${text}`;
  const texts = isMulti(option) ? splitAtCommas(text) : [text];
  return { origin: `environment ${variable}`, values: texts.map((one) => ({ text: one, label })) };
}

/** oslo.config takes the text apart into single characters here, which nobody can want. */
function splitAtCommas(text: string): readonly string[] {
  return text.trim() === '' ? [] : text.split(',').map((item) => item.trim());
}

function fromFlag(option: Option, { flag, values }: Override): RawOption {
  const texts = isMulti(option) ? values : values.slice(-1);
  const label = (text: string) => (isSecret(option) ? flag : `${flag} ${text}`);
  return { origin: `command line ${flag}`, values: texts.map((text) => ({ text, label: label(text) })) };
}

function fromEntry(option: Option, entry: IniEntry): RawValue {
  const name = `[${entry.group}] ${entry.name}`;
  return {
    text: entry.value,
    label: isSecret(option) ? name : `${name} = ${entry.value}`,
    position: positionOf(option, entry, entry.valuePosition),
    entry,
  };
}

/** A position in the line of an entry; the line of a secret shows only its name. */
function positionOf(option: Option, entry: IniEntry, position: Position): Position {
  if (!isSecret(option)) return position;
  const { file, line, column } = position;
  const gap = ' '.repeat(Math.max(1, entry.valuePosition.column - entry.name.length - 3));
  return { file, line, column, text: `${entry.name} =${gap}(secret)` };
}
