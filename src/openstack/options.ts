import { defineOption, type Option } from '../config/option.ts';

/** The groups that hold credentials and connection settings, each with the same options. */
export const CREDENTIAL_GROUPS = ['service_credentials', 'gnocchi', 'zaqar'] as const;
export type CredentialGroup = (typeof CREDENTIAL_GROUPS)[number];

/** How a service is logged in to: the names of keystoneauth's and gnocchiclient's plug-ins. */
const AUTH_TYPES = [
  'password',
  'v3password',
  'v3applicationcredential',
  'v3token',
  'none',
  'http_basic',
  'gnocchi-basic',
  'gnocchi-noauth',
] as const;

const INTERFACES = ['public', 'internal', 'admin', 'auth', 'publicURL', 'internalURL', 'adminURL'] as const;

/**
 * The options of one credentials group, as keystoneauth and Ceilometer name them. Pure.
 *
 * Source: keystoneauth1 `loading/session.py`, `loading/identity.py`; ceilometer `keystone_client.py`, CLI_OPTS;
 * gnocchiclient `auth.py`.
 */
function credentialOptions(group: CredentialGroup) {
  const text = (name: string, doc: string, more: { example?: string; old?: readonly string[] } = {}) =>
    defineOption({
      group,
      name,
      type: 'string',
      default: null,
      doc,
      since: '0.2.0',
      ...(more.example === undefined ? {} : { example: more.example }),
      ...(more.old === undefined
        ? {}
        : { deprecatedNames: more.old.map((oldName) => ({ group, name: oldName })) }),
    });
  const secret = (name: string, doc: string) =>
    defineOption({ group, name, type: 'secret', default: null, doc, since: '0.2.0' });
  return {
    authType: defineOption({
      group,
      name: 'auth_type',
      type: 'string',
      default: null,
      doc:
        'How to log in. password, v3password, v3applicationcredential and v3token ask Keystone; none, http_basic, ' +
        'gnocchi-basic and gnocchi-noauth do without it and need `endpoint`.',
      example: 'password',
      choices: AUTH_TYPES,
      since: '0.2.0',
      deprecatedNames: [{ group, name: 'auth_plugin' }],
    }),
    authSection: defineOption({
      group,
      name: 'auth_section',
      type: 'string',
      default: group === 'service_credentials' ? null : 'service_credentials',
      doc: `The group with the credentials to use: ${CREDENTIAL_GROUPS.join(', ')}.`,
      choices: CREDENTIAL_GROUPS,
      since: '0.2.0',
    }),
    authUrl: text('auth_url', 'Address of Keystone, with or without /v3.', {
      example: 'https://keystone.example.net:5000/v3',
    }),
    username: text('username', 'User to log in as.', { example: 'nephoscope', old: ['user_name'] }),
    userId: text('user_id', 'User to log in as, by id.'),
    password: secret('password', 'Password of the user.'),
    userDomainId: text('user_domain_id', 'Domain of the user, by id.'),
    userDomainName: text('user_domain_name', 'Domain of the user.', { example: 'Default' }),
    projectId: text('project_id', 'Project to work in, by id.', { old: ['tenant_id'] }),
    projectName: text('project_name', 'Project to work in.', { example: 'service', old: ['tenant_name'] }),
    projectDomainId: text('project_domain_id', 'Domain of the project, by id.'),
    projectDomainName: text('project_domain_name', 'Domain of the project.', { example: 'Default' }),
    domainId: text('domain_id', 'Domain to work in instead of a project, by id.'),
    domainName: text('domain_name', 'Domain to work in instead of a project.'),
    defaultDomainId: text('default_domain_id', 'Domain of user and project where theirs is not set, by id.'),
    defaultDomainName: text('default_domain_name', 'Domain of user and project where theirs is not set.'),
    trustId: text('trust_id', 'Trust to use.'),
    systemScope: text('system_scope', 'Work on the system as a whole: all.'),
    applicationCredentialId: text('application_credential_id', 'Application credential, by id.'),
    applicationCredentialName: text(
      'application_credential_name',
      'Application credential, by name; its user is needed too.',
    ),
    applicationCredentialSecret: secret(
      'application_credential_secret',
      'Secret of the application credential.',
    ),
    token: secret('token', 'Token to log in with (v3token).'),
    endpoint: text('endpoint', 'Address of the service where no catalogue names it.', {
      example: 'http://127.0.0.1:8041',
    }),
    user: text('user', 'User name for gnocchi-basic; not set: admin.'),
    roles: text('roles', 'Roles for gnocchi-noauth; not set: admin.'),
    regionName: text('region_name', 'Region whose endpoints to use; not set: the first that fits.', {
      example: 'RegionOne',
      old: ['os_region_name'],
    }),
    interface: defineOption({
      group,
      name: 'interface',
      type: 'string',
      default: 'public',
      doc: 'Which of the endpoints of a service to use.',
      choices: INTERFACES,
      since: '0.2.0',
      deprecatedNames: [{ group, name: 'os_endpoint_type' }],
    }),
    cafile: text(
      'cafile',
      'PEM file with the authorities that may have signed certificates. Not set: the usual ones.',
      {
        example: '/etc/ssl/certs/cloud-ca.pem',
        old: ['os_cacert'],
      },
    ),
    certfile: text('certfile', 'PEM file with the certificate to show.'),
    keyfile: text('keyfile', 'PEM file with the key of that certificate; not set: it is in the same file.'),
    insecure: defineOption({
      group,
      name: 'insecure',
      type: 'boolean',
      default: false,
      doc: 'Do not verify certificates: anybody on the way can read the password. For a trial only.',
      since: '0.2.0',
    }),
    timeout: defineOption({
      group,
      name: 'timeout',
      type: 'integer',
      default: null,
      doc: 'How long one request may take; not set: as the publisher says.',
      unit: 'seconds',
      min: 1,
      since: '0.2.0',
    }),
  } as const;
}

export type CredentialOptions = ReturnType<typeof credentialOptions>;

/** The options of each group. */
export const CREDENTIALS: Readonly<Record<CredentialGroup, CredentialOptions>> = {
  service_credentials: credentialOptions('service_credentials'),
  gnocchi: credentialOptions('gnocchi'),
  zaqar: credentialOptions('zaqar'),
};

/** Options of the access to other OpenStack services. */
export const OPENSTACK_OPTIONS: readonly Option[] = CREDENTIAL_GROUPS.flatMap((group) =>
  Object.values(CREDENTIALS[group]),
);
