import { fileURLToPath } from 'node:url';
import { ConfigurationError, NephoscopeError, type Problem } from '../component/errors.ts';
import { readTextFile } from '../config/text-file.ts';
import { parseYaml } from '../config/yaml.ts';
import { createConnection } from '../openstack/connection.ts';
import { readServiceAccess } from '../openstack/credentials.ts';
import { createServiceClient, type ServiceClient } from '../openstack/service-client.ts';
import { GnocchiApi } from './gnocchi-api.ts';
import { AttributeCache } from './gnocchi-attribute-cache.ts';
import { DROP_REASONS, type DropReason } from './gnocchi-batch.ts';
import { type GnocchiDefinitions, loadGnocchiDefinitions } from './gnocchi-definitions.ts';
import { createGnocchiEventPublisher } from './gnocchi-events.ts';
import { ProjectFilter } from './gnocchi-filter.ts';
import { CACHE_EXPIRATION } from './gnocchi-options.ts';
import { type GnocchiParts, RESOURCE_REQUESTS } from './gnocchi-parts.ts';
import { ResourceWriter } from './gnocchi-resources.ts';
import { createGnocchiSamplePublisher } from './gnocchi-samples.ts';
import type { PublisherContext, PublisherDefinition, PublisherUrl, UrlParameter } from './publisher.ts';

const ARCHIVE_POLICY: UrlParameter<'text', null> = {
  name: 'archive_policy',
  type: 'text',
  default: null,
  doc: 'Archive policy of all meters, in place of those the definitions give to meters.',
};
const FILTER_PROJECT: UrlParameter<'text', string> = {
  name: 'filter_project',
  type: 'text',
  default: 'service',
  doc: 'Project whose samples are left out: the one in which Gnocchi itself stores.',
};
const FILTER_DOMAIN: UrlParameter<'text', string> = {
  name: 'filter_domain',
  type: 'text',
  default: 'Default',
  doc: 'Domain of that project.',
};
const ENABLE_FILTER: UrlParameter<'boolean', boolean> = {
  name: 'enable_filter_project',
  type: 'boolean',
  default: true,
  doc: 'Whether samples of that project are left out. Without Keystone none are.',
};
const DEFINITIONS_FILE: UrlParameter<'text', string> = {
  name: 'resources_definition_file',
  type: 'text',
  default: 'gnocchi_resources.yaml',
  doc: 'Which meters go to which resource type. Takes the place of the shipped file as a whole.',
};
const TIMEOUT: UrlParameter<'float', number> = {
  name: 'timeout',
  isAboutTheWay: true,
  type: 'float',
  default: 6.05,
  min: 0.1,
  unit: 'seconds',
  doc: 'How long one request may take, unless the credentials say it.',
};

/**
 * `gnocchi://` (reference: samples-and-events.md section 5, api-gnocchi-subset.md section 4). Both factories throw a
 * permanent `NephoscopeError`: a `ConfigurationError` with all mistakes of the definitions file, E8030 for credentials
 * that are not complete, E1001 when the file is nowhere. They read that file, as `config check` must, and nothing else.
 */
export const GNOCCHI_PUBLISHER: PublisherDefinition = {
  schemes: ['gnocchi'],
  summary:
    'Writes samples as measures into Gnocchi, makes its resources and keeps their attributes. ' +
    'Events create, change and end resources.',
  form: 'gnocchi://',
  examples: ['gnocchi://', 'gnocchi://?archive_policy=low&filter_project=service'],
  parameters: [ARCHIVE_POLICY, FILTER_PROJECT, FILTER_DOMAIN, ENABLE_FILTER, DEFINITIONS_FILE, TIMEOUT],
  delivery: { attemptTimeoutMillis: (url) => Math.max(60_000, url.get(TIMEOUT) * 10_000) },
  samples: (url, context) => {
    const { client, hasKeystone, parts } = createParts(url, context);
    return createGnocchiSamplePublisher({
      ...parts,
      filter: new ProjectFilter(hasKeystone ? filterOf(url) : null, client, context.log),
      cache: new AttributeCache(context.config.get(CACHE_EXPIRATION) * 1000),
      dropped: dropCounters(context),
    });
  },
  events: (url, context) => createGnocchiEventPublisher(createParts(url, context).parts),
};

/** A client of the Gnocchi that the configuration names, for `upgradeGnocchi`. Throws as the factories do. */
export function createGnocchiClient(
  config: PublisherContext['config'],
  timeoutMillis = TIMEOUT.default * 1000,
): ServiceClient {
  return clientOf(readServiceAccess(config, 'gnocchi'), timeoutMillis);
}

function clientOf(access: ReturnType<typeof readServiceAccess>, timeoutMillis: number): ServiceClient {
  // The name by which Ceilometer looks it up: a service of the type alone may be something else.
  const service = { type: 'metric', name: 'gnocchi' };
  return createServiceClient({ access, service, timeoutMillis, connections: RESOURCE_REQUESTS });
}

function createParts(
  url: PublisherUrl,
  context: PublisherContext,
): { readonly client: ServiceClient; readonly hasKeystone: boolean; readonly parts: GnocchiParts } {
  const { config, log, name } = context;
  const access = readServiceAccess(config, 'gnocchi');
  const { definitions, warnings } = readDefinitions(url, config);
  for (const { code, message, position } of warnings) {
    log.warn({ code, message, file: position?.file, line: position?.line }, 'Doubtful Gnocchi definitions');
  }
  const client = clientOf(access, url.get(TIMEOUT) * 1000);
  const api = new GnocchiApi(client);
  const resources = new ResourceWriter(api, log, resourceCounters(context));
  const connection = createConnection(name, client, { insecure: access.tls.insecure, log });
  const hasKeystone = access.credentials.kind === 'keystone';
  return { client, hasKeystone, parts: { connection, api, definitions, resources, log } };
}

function readDefinitions(
  url: PublisherUrl,
  config: PublisherContext['config'],
): { readonly definitions: GnocchiDefinitions; readonly warnings: readonly Problem[] } {
  const file = findDefinitions(url.get(DEFINITIONS_FILE), config);
  const { text, problems: unreadable } = readTextFile(file);
  if (text === null) throw new ConfigurationError(unreadable);
  const { document, problems: unparsed } = parseYaml(file, text);
  if (document === null) throw new ConfigurationError(unparsed);
  const { definitions, problems } = loadGnocchiDefinitions(document, url.get(ARCHIVE_POLICY));
  if (definitions === null) throw new ConfigurationError([...unparsed, ...problems]);
  return { definitions, warnings: [...unparsed, ...problems] };
}

function findDefinitions(name: string, config: PublisherContext['config']): string {
  const found = config.findFile(name);
  if (found !== null) return found;
  if (name === DEFINITIONS_FILE.default) {
    return fileURLToPath(new URL(`../../etc/${DEFINITIONS_FILE.default}`, import.meta.url));
  }
  throw new NephoscopeError('E1001', `resources_definition_file=${name} names a file that does not exist`);
}

function filterOf(url: PublisherUrl): { readonly project: string; readonly domain: string } | null {
  const project = url.get(FILTER_PROJECT);
  return url.get(ENABLE_FILTER) && project !== '' ? { project, domain: url.get(FILTER_DOMAIN) } : null;
}

function resourceCounters({ metrics, name }: PublisherContext) {
  const counter = (what: string, help: string) =>
    metrics.counter(`nephoscope_gnocchi_${what}_total`, help, ['publisher']).child(name);
  return {
    created: counter('resources_created', 'Resources created in Gnocchi.'),
    updated: counter('resources_updated', 'Resources changed or ended in Gnocchi.'),
    refusedAttributes: counter(
      'attributes_refused',
      'Attributes that Gnocchi refused and that were left out.',
    ),
  };
}

function dropCounters({ metrics, name }: PublisherContext) {
  const family = metrics.counter(
    'nephoscope_gnocchi_dropped_total',
    'Samples left out on purpose: the definitions do not know or ignore their meter, or filter_project names their project.',
    ['publisher', 'reason'],
  );
  const entries = DROP_REASONS.map((reason) => [reason, family.child(name, reason)] as const);
  return Object.fromEntries(entries) as Record<DropReason, (typeof entries)[number][1]>;
}
