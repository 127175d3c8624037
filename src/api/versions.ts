import { Type } from '@sinclair/typebox';
import { type ApiRoute, defineRoute } from './route.ts';

const DESCRIPTION_URL = 'http://docs.openstack.org/';
const MEDIA_TYPE = 'application/vnd.openstack.telemetry-v2';

const showVersions = defineRoute({
  method: 'GET',
  path: '/',
  tag: 'service',
  summary: 'Versions of the telemetry API, as clients expect them at the root.',
  answer: Type.Object({
    versions: Type.Object({ values: Type.Array(Type.Record(Type.String(), Type.Unknown())) }),
  }),
  handle: (_context, { baseUrl }) => ({
    body: {
      versions: {
        values: [
          {
            id: 'v2',
            links: [
              { href: `${baseUrl}/v2`, rel: 'self' },
              { href: DESCRIPTION_URL, rel: 'describedby', type: 'text/html' },
            ],
            'media-types': [
              { base: 'application/json', type: `${MEDIA_TYPE}+json` },
              { base: 'application/xml', type: `${MEDIA_TYPE}+xml` },
            ],
            status: 'stable',
            updated: '2013-02-13T00:00:00Z',
          },
        ],
      },
    },
  }),
});

/** The version document. */
export const VERSION_ROUTES: readonly ApiRoute[] = [showVersions];
