import { NephoscopeError } from '../component/errors.ts';
import { type Config, type Option, Secret } from '../config/option.ts';
import { CREDENTIAL_GROUPS, CREDENTIALS, type CredentialGroup, type CredentialOptions } from './options.ts';

/** A name or an id of a user, a project or a domain; ids win. */
interface Named {
  readonly id: string | null;
  readonly name: string | null;
}

/** A user or a project, with the domain in which its name is unique. */
interface InDomain extends Named {
  readonly domain: Named;
}

/** What a login to Keystone works on. */
export type Scope =
  | { readonly kind: 'project'; readonly project: InDomain }
  | { readonly kind: 'domain'; readonly domain: Named }
  | { readonly kind: 'trust'; readonly id: string }
  | { readonly kind: 'system' }
  | { readonly kind: 'unscoped' };

/** A login to Keystone v3. */
export interface KeystoneCredentials {
  readonly kind: 'keystone';
  /** With `/v3`, without a slash at its end. */
  readonly authUrl: string;
  readonly scope: Scope;
  readonly identity:
    | { readonly method: 'password'; readonly user: InDomain; readonly password: Secret }
    | { readonly method: 'token'; readonly token: Secret }
    | {
        readonly method: 'application_credential';
        readonly credential: Named;
        /** Needed where the credential is named. */
        readonly user: InDomain | null;
        readonly secret: Secret;
      };
}

/** No Keystone: fixed headers and a fixed endpoint. */
export interface FixedCredentials {
  readonly kind: 'fixed';
  readonly endpoint: string;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, Secret>>;
}

export type Credentials = KeystoneCredentials | FixedCredentials;

/** Everything about the way to a service: who we are, how it is reached, which of its endpoints. */
export interface ServiceAccess {
  readonly credentials: Credentials;
  readonly interface: string;
  readonly region: string | null;
  readonly tls: TlsSettings;
  /** Of one request; null where the caller decides. */
  readonly timeoutMillis: number | null;
}

export interface TlsSettings {
  readonly caFile: string | null;
  readonly certFile: string | null;
  readonly keyFile: string | null;
  readonly insecure: boolean;
}

/**
 * What the configuration says about the way to a service. `[group] auth_section` names the group that is read, and
 * its `auth_section` in turn may name the one with the credentials alone. Pure.
 * Throws a permanent `NephoscopeError` (E8030) when something needed is not there.
 *
 * Source: ceilometer `gnocchi_client.py`, `keystone_client.py`.
 */
export function readServiceAccess(config: Config, group: CredentialGroup): ServiceAccess {
  const section = sectionOf(config, group);
  const options = CREDENTIALS[section];
  const timeoutSeconds = config.get(options.timeout);
  return {
    credentials: readCredentials(new Section(config, sectionOf(config, section))),
    interface: config.get(options.interface).replace(/URL$/, ''),
    region: config.get(options.regionName),
    tls: {
      caFile: config.get(options.cafile),
      certFile: config.get(options.certfile),
      keyFile: config.get(options.keyfile),
      insecure: config.get(options.insecure),
    },
    timeoutMillis: timeoutSeconds === null ? null : timeoutSeconds * 1000,
  };
}

function sectionOf(config: Config, group: CredentialGroup): CredentialGroup {
  const named = config.get(CREDENTIALS[group].authSection);
  return CREDENTIAL_GROUPS.find((one) => one === named) ?? group;
}

/** Reads one group; what is needed and missing is an error that names it. */
class Section {
  readonly options: CredentialOptions;
  readonly #group: CredentialGroup;
  readonly #config: Config;

  constructor(config: Config, group: CredentialGroup) {
    this.#config = config;
    this.#group = group;
    this.options = CREDENTIALS[group];
  }

  /** An empty text is none, as it is for the original. */
  text(option: Option<'string', string | null>): string | null {
    return this.#config.get(option) || null;
  }

  needed(option: Option<'string', string | null>): string {
    return this.text(option) ?? this.fail(`does not set ${option.name}`);
  }

  secret(option: Option<'secret', null>): Secret {
    return this.#config.get(option) ?? this.fail(`does not set ${option.name}`);
  }

  named(id: Option<'string', string | null>, name: Option<'string', string | null>): Named {
    return { id: this.text(id), name: this.text(name) };
  }

  url(option: Option<'string', string | null>): string {
    const text = this.needed(option);
    const isWeb = URL.canParse(text) && /^https?:$/.test(new URL(text).protocol);
    if (!isWeb) this.fail(`sets ${option.name} to something that is no http:// or https:// address`);
    return text.replace(/\/+$/, '');
  }

  fail(what: string): never {
    throw new NephoscopeError('E8030', `[${this.#group}] ${what}`);
  }
}

function readCredentials(section: Section): Credentials {
  const { options } = section;
  const authType = section.needed(options.authType);
  switch (authType) {
    case 'none':
      return fixed(section.url(options.endpoint), {});
    case 'http_basic':
      return fixed(section.url(options.endpoint), { authorization: readBasic(section) });
    case 'gnocchi-basic':
      return fixed(section.text(options.endpoint) === null ? GNOCCHI : section.url(options.endpoint), {
        authorization: basicHeader(section.text(options.user) ?? 'admin', ''),
      });
    case 'gnocchi-noauth':
      return fixed(section.url(options.endpoint), {
        'x-user-id': section.needed(options.userId),
        'x-project-id': section.needed(options.projectId),
        'x-roles': section.text(options.roles) ?? 'admin',
      });
    default:
      return readKeystone(section, authType);
  }
}

/** Where gnocchiclient looks when nothing is said. */
const GNOCCHI = 'http://localhost:8041';

function fixed(endpoint: string, headers: Readonly<Record<string, string>>): FixedCredentials {
  const entries = Object.entries(headers).map(([name, value]) => [name, new Secret(value)] as const);
  return { kind: 'fixed', endpoint, headers: Object.fromEntries(entries) };
}

function readBasic(section: Section): string {
  const { username, password } = section.options;
  return basicHeader(section.needed(username), section.secret(password).reveal());
}

function basicHeader(user: string, password: string): string {
  return `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;
}

function readKeystone(section: Section, authType: string): KeystoneCredentials {
  return {
    kind: 'keystone',
    authUrl: versionThree(section.url(section.options.authUrl)),
    // The scope of an application credential is its own; Keystone refuses another.
    scope: authType === 'v3applicationcredential' ? { kind: 'unscoped' } : readScope(section),
    identity: readIdentity(section, authType),
  };
}

/** Other versions are gone; a service at an address without a version has the third below it. */
function versionThree(url: string): string {
  return `${url.replace(/\/v[23](?:\.\d+)?$/, '')}/v3`;
}

function readIdentity(section: Section, authType: string): KeystoneCredentials['identity'] {
  const { options } = section;
  if (authType === 'v3token') return { method: 'token', token: section.secret(options.token) };
  if (authType === 'v3applicationcredential') return readApplicationCredential(section);
  return { method: 'password', user: readUser(section), password: section.secret(options.password) };
}

function readApplicationCredential(section: Section): KeystoneCredentials['identity'] {
  const { options } = section;
  const credential = section.named(options.applicationCredentialId, options.applicationCredentialName);
  if (credential.id === null && credential.name === null) {
    section.fail('sets neither application_credential_id nor application_credential_name');
  }
  const user = credential.id === null ? readUser(section) : null;
  return {
    method: 'application_credential',
    credential,
    user,
    secret: section.secret(options.applicationCredentialSecret),
  };
}

function readUser(section: Section): InDomain {
  const { options } = section;
  const user = section.named(options.userId, options.username);
  if (user.id === null && user.name === null) section.fail('sets neither username nor user_id');
  const domain = withDefaultDomain(section, section.named(options.userDomainId, options.userDomainName));
  if (user.id === null && isNothing(domain)) {
    section.fail('sets username without user_domain_name or user_domain_id');
  }
  return { ...user, domain };
}

/** The order in which keystoneauth looks: a trust, the system, a domain, a project. */
function readScope(section: Section): Scope {
  const { options } = section;
  const trust = section.text(options.trustId);
  if (trust !== null) return { kind: 'trust', id: trust };
  if (section.text(options.systemScope) !== null) return { kind: 'system' };
  const domain = section.named(options.domainId, options.domainName);
  if (!isNothing(domain)) return { kind: 'domain', domain };
  const project = section.named(options.projectId, options.projectName);
  if (isNothing(project)) return { kind: 'unscoped' };
  const owner = withDefaultDomain(section, section.named(options.projectDomainId, options.projectDomainName));
  if (project.id === null && isNothing(owner)) {
    section.fail('sets project_name without project_domain_name or project_domain_id');
  }
  return { kind: 'project', project: { ...project, domain: owner } };
}

function withDefaultDomain(section: Section, domain: Named): Named {
  const { defaultDomainId, defaultDomainName } = section.options;
  return isNothing(domain) ? section.named(defaultDomainId, defaultDomainName) : domain;
}

function isNothing({ id, name }: Named): boolean {
  return id === null && name === null;
}
