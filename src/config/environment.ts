import { type Problem, problem } from '../component/errors.ts';
import { nearestWord } from '../lib/nearest.ts';
import type { Option } from './option.ts';

/** Environment variables by name, as `process.env` has them. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** The environment variable that sets an option: `OS_API__PORT`, `OS_DEFAULT__HOST`. */
export function environmentName(group: string, name: string): string {
  return `OS_${group}__${name}`.toUpperCase().replaceAll('-', '_');
}

/**
 * Warns of variables that look like options and are none: OS_AUTH_URL and its like, which OpenStack clients read, have
 * no double underscore. Values are not looked at.
 */
export function warnOfUnknownVariables(
  environment: Environment,
  options: readonly Option[],
): readonly Problem[] {
  const known = new Set(options.map(({ group, name }) => environmentName(group, name)));
  const renamed = new Map(
    options.flatMap((option) =>
      (option.deprecatedNames ?? []).map((old) => [
        environmentName(old.group, old.name),
        environmentName(option.group, option.name),
      ]),
    ),
  );
  const unknown = Object.keys(environment).filter((name) => /^OS_.+__./.test(name) && !known.has(name));
  return unknown.toSorted().map((name) => {
    const meant = renamed.get(name) ?? nearestWord(name, [...known]);
    const hint = meant === undefined ? {} : { hint: `Did you mean ${meant}?` };
    return problem('E1015', `the environment variable ${name} has no effect`, undefined, {
      ...hint,
      severity: 'warning',
    });
  });
}
