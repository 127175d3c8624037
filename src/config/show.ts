import { isSecret, type OptionValue } from './convert.ts';
import type { Config, Option } from './option.ts';
import { redactLine } from './redact.ts';

/** One line of `nephoscope config show`. */
export interface ShownOption {
  readonly group: string;
  readonly name: string;
  /** As it could stand in a file, secrets masked; `<not set>` for no value. */
  readonly value: string;
  /** `default`, `environment OS_API__PORT`, `/etc/nephoscope/nephoscope.conf:12`. */
  readonly origin: string;
  readonly unit?: string;
}

/** The effective value of every option and where it comes from, DEFAULT first, then groups and names in order. Pure. */
export function showConfig(config: Config, options: readonly Option[]): readonly ShownOption[] {
  return options.toSorted(compareOptions).map((option) => ({
    group: option.group,
    name: option.name,
    value: printValue(option, config.get(option)),
    origin: config.origin(option),
    ...(option.unit === undefined ? {} : { unit: option.unit }),
  }));
}

/** A value as it could stand in a file; never a secret. Items of a repeated option are joined by commas. */
export function printValue(option: Option, value: OptionValue): string {
  if (value === null) return '<not set>';
  if (isSecret(option)) return Array.isArray(value) && value.length === 0 ? '' : '(secret)';
  return redactLine(Array.isArray(value) ? value.join(',') : String(value));
}

/** DEFAULT first, then by group and name. */
export function compareOptions(one: Option, other: Option): number {
  return (
    Number(other.group === 'DEFAULT') - Number(one.group === 'DEFAULT') ||
    compareText(one.group, other.group) ||
    compareText(one.name, other.name)
  );
}

function compareText(one: string, other: string): number {
  return one < other ? -1 : Number(one > other);
}
