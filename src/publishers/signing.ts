import { NephoscopeError } from '../component/errors.ts';
import { type Config, defineOption, type Option, type Secret } from '../config/option.ts';

/** What the original has when nobody sets anything: everyone knows it, so it signs nothing. */
const PUBLISHED_DEFAULT = 'change this for valid signing';

const TELEMETRY_SECRET = defineOption({
  group: 'publisher',
  name: 'telemetry_secret',
  type: 'secret',
  default: null,
  doc: 'Key of the signatures of metering and event messages, made and checked. Not set or empty: messages are not signed and on the message bus everyone is believed. The same for all services that talk to each other.',
  example: 'a-long-random-text',
  since: '0.2.0',
  deprecatedNames: [
    { group: 'DEFAULT', name: 'metering_secret' },
    { group: 'publisher_rpc', name: 'metering_secret' },
    { group: 'publisher', name: 'metering_secret' },
  ],
});

const PREVIOUS_TELEMETRY_SECRETS = defineOption({
  group: 'publisher',
  name: 'previous_telemetry_secrets',
  type: 'secret-multi',
  default: [],
  doc: 'Secrets that are still accepted when signatures are checked, while a new telemetry_secret is brought to all services. Never used for signing.',
  since: '0.2.0',
});

const ACCEPT_PYTHON2_SIGNATURES = defineOption({
  group: 'publisher',
  name: 'accept_python2_signatures',
  type: 'boolean',
  default: false,
  doc: 'Accept also signatures that services under Python 2 made, which print lists and long numbers otherwise. For clouds with agents of 2018 and before.',
  since: '0.2.0',
});

const INSECURE_DEMO = defineOption({
  group: 'DEFAULT',
  name: 'insecure_demo',
  type: 'boolean',
  default: false,
  doc: 'Let a trial run with the signing secret that is published as the default of the original. Never where anyone depends on it.',
  since: '0.2.0',
});

/** All options of signing. */
export const SIGNING_OPTIONS: readonly Option[] = [
  TELEMETRY_SECRET,
  PREVIOUS_TELEMETRY_SECRETS,
  ACCEPT_PYTHON2_SIGNATURES,
  INSECURE_DEMO,
];

/** How messages are signed and checked. Keep it out of logs: the texts are the keys. */
export interface Signing {
  /** For `signMessage`; empty when messages are not signed. */
  readonly secret: string;
  /** For `hasValidSignature`: the secret itself and the previous ones; none when nothing is checked. */
  readonly accepted: readonly string[];
  readonly python2: boolean;
}

/**
 * How the configuration wants messages signed and checked. Pure; repeated calls give equal results.
 * Throws a permanent `NephoscopeError` (E5024) when a secret is the published default of the original, unless
 * `[DEFAULT] insecure_demo` is set.
 */
export function readSigning(config: Config): Signing {
  const secret = config.get(TELEMETRY_SECRET)?.reveal() ?? '';
  const previous = config.get(PREVIOUS_TELEMETRY_SECRETS).map((one: Secret) => one.reveal());
  const accepted = secret === '' ? [] : [...new Set([secret, ...previous])].filter((one) => one !== '');
  if (!config.get(INSECURE_DEMO)) {
    refuseDefault(config, TELEMETRY_SECRET, [secret]);
    refuseDefault(config, PREVIOUS_TELEMETRY_SECRETS, previous);
  }
  return { secret, accepted, python2: config.get(ACCEPT_PYTHON2_SIGNATURES) };
}

function refuseDefault(config: Config, option: Option, secrets: readonly string[]): void {
  if (!secrets.includes(PUBLISHED_DEFAULT)) return;
  const what = `[${option.group}] ${option.name} (${config.origin(option)})`;
  throw new NephoscopeError(
    'E5024',
    `${what} is what Ceilometer publishes as its default, so everyone can sign with it`,
  );
}
