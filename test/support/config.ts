import type { Config, Option } from '../../src/config/option.ts';

/** A configuration where the given options (by `group/name`) have these values and all others their defaults. */
export function configOf(values: Readonly<Record<string, unknown>>): Config {
  const key = (option: Option): string => `${option.group}/${option.name}`;
  return {
    get: (option) => (Object.hasOwn(values, key(option)) ? values[key(option)] : option.default) as never,
    origin: (option) => (Object.hasOwn(values, key(option)) ? 'test.conf:1' : 'default'),
    findFile: () => null,
  };
}
