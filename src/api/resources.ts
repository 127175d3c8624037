import { Type } from '@sinclair/typebox';
import type { StoredResource } from '../store/query.ts';
import type { Store } from '../store/store.ts';
import { boundedList } from './bounded-list.ts';
import { CONDITIONS } from './conditions.ts';
import { notFound } from './errors.ts';
import { createMetadataReader } from './flatten-metadata.ts';
import { integerParameter, LIMIT } from './parameters.ts';
import { renderResource } from './render.ts';
import { type ApiRoute, defineRoute } from './route.ts';
import { RESOURCE_FIELDS, sampleConditions } from './sample-conditions.ts';
import { RESOURCE_SCHEMA } from './schemas.ts';

const listResources = defineRoute({
  method: 'GET',
  path: '/v2/resources',
  tag: 'resources',
  summary: 'Resources that have samples in the asked range, each described by the newest of them.',
  parameters: {
    conditions: CONDITIONS,
    limit: LIMIT,
    meterLinks: integerParameter(
      'meter_links',
      '0 leaves out the links to the meters.',
      Type.Union([Type.Literal(0), Type.Literal(1)]),
    ),
  },
  answer: Type.Array(RESOURCE_SCHEMA),
  handle: async ({ store, limits }, { query, baseUrl }) => {
    const { filter } = sampleConditions(query.conditions, RESOURCE_FIELDS);
    const resources = await boundedList(query.limit, limits, (limit) => store.resources(filter, limit));
    const metadata = createMetadataReader();
    const links = { baseUrl, meters: query.meterLinks !== 0 };
    return {
      body: resources.map((resource) => renderResource(resource, metadata(resource.metadataJson), links)),
    };
  },
});

const showResource = defineRoute({
  method: 'GET',
  path: '/v2/resources/:id',
  tag: 'resources',
  summary: 'One resource with links to its meters. A slash in the identifier is encoded once or twice.',
  answer: RESOURCE_SCHEMA,
  handle: async ({ store }, { path, baseUrl }) => {
    const id = path.id ?? '';
    const resource = (await findResource(store, id)) ?? (await findResource(store, decodedAgain(id)));
    if (resource === null) throw notFound('Resource', id);
    const metadata = createMetadataReader();
    return { body: renderResource(resource, metadata(resource.metadataJson), { baseUrl, meters: true }) };
  },
});

async function findResource(store: Store, id: string | null): Promise<StoredResource | null> {
  if (id === null) return null;
  const found = await store.resources({ kind: 'compare', field: 'resourceId', op: 'eq', value: id }, 1);
  return found[0] ?? null;
}

/** The original could be asked for `a/b` only as `a%252Fb`, so clients encode twice. Null when that is not so. */
function decodedAgain(id: string): string | null {
  if (!id.includes('%')) return null;
  try {
    return decodeURIComponent(id);
  } catch {
    return null;
  }
}

/** `/v2/resources` and one resource of it. */
export const RESOURCE_ROUTES: readonly ApiRoute[] = [listResources, showResource];
