import { OPTIONS } from '../../app/options.ts';
import { type Config, type Option, Secret } from '../../config/option.ts';
import type { DoctorCheck, Finding } from './finding.ts';

/** The values that documentation and old releases give as defaults: everybody knows them. */
const PUBLISHED: ReadonlySet<string> = new Set([
  'change this for valid signing',
  'change this or be hacked',
  'secret',
  'password',
  'changeme',
]);

/** Options whose value everybody knows. */
export const secretsCheck: DoctorCheck = {
  name: 'secrets',
  needsConfig: true,
  run: ({ config }) => {
    const findings = config === null ? [] : publishedSecrets(config, OPTIONS);
    return findings.length > 0
      ? findings
      : [{ severity: 'ok', id: 'published-secret', what: 'no option has a published value' }];
  },
};

/** Secret options of `options` that are set to a value from a manual. Never shows a value. Pure. */
export function publishedSecrets(config: Config, options: readonly Option[]): readonly Finding[] {
  return options
    .filter((option) => isPublished(config.get(option)))
    .map((option) => ({
      severity: 'failure',
      id: 'published-secret',
      what: `[${option.group}] ${option.name} has a value that stands in manuals (${config.origin(option)})`,
      why: 'Whoever can send to the bus can sign with it: a signature then proves nothing.',
      fix: `Set it to something of your own, on all hosts alike: openssl rand -hex 32`,
    }));
}

function isPublished(value: unknown): boolean {
  return value instanceof Secret && PUBLISHED.has(value.reveal().trim().toLowerCase());
}
