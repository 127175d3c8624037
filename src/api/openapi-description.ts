import { type TSchema, Type } from '@sinclair/typebox';
import type { ApiRoute } from './route.ts';

/** Of this description of the API, not of the program. */
const DOCUMENT_VERSION = '2.0';

const FAULT_SCHEMA = Type.Object({
  error_message: Type.Object({
    faultcode: Type.Union([Type.Literal('Client'), Type.Literal('Server')]),
    faultstring: Type.String(),
    debuginfo: Type.Null(),
  }),
});

const ERROR_SCHEMA = Type.Object({
  error: Type.Object({ code: Type.String(), message: Type.String(), hint: Type.String() }),
});

/** An OpenAPI 3.1 document of the routes that are documented. Pure. */
export function describeRoutes(routes: readonly ApiRoute[]): object {
  const paths: Record<string, Record<string, object>> = {};
  for (const route of routes.filter(({ documented }) => documented)) {
    const path = route.path.replaceAll(/:(\w+)/g, '{$1}');
    paths[path] = { ...paths[path], [route.method.toLowerCase()]: describeOperation(route) };
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'nephoscope',
      version: DOCUMENT_VERSION,
      description:
        'Samples, events and parked notifications; the paths below /v2 are the telemetry API of OpenStack.',
    },
    paths,
  };
}

function describeOperation(route: ApiRoute): object {
  return {
    operationId: operationId(route),
    tags: [route.tag],
    summary: route.summary,
    parameters: [...pathParameters(route), ...queryParameters(route)],
    ...(route.bodyTypes && { requestBody: describeBody(route.bodyTypes) }),
    responses: {
      [route.status]: { description: 'Done', ...(route.answer && jsonContent(route.answer)) },
      default: {
        description: 'An error',
        ...jsonContent(route.path.startsWith('/v1') ? ERROR_SCHEMA : FAULT_SCHEMA),
      },
    },
  };
}

/** `getV2MetersMeterStatistics`. */
function operationId({ method, path }: ApiRoute): string {
  const words = path.split(/\W+|_/).filter((word) => word !== '');
  return method.toLowerCase() + words.map((word) => word.charAt(0).toUpperCase() + word.slice(1)).join('');
}

function pathParameters({ path }: ApiRoute): object[] {
  return [...path.matchAll(/:(\w+)/g)].map(([, name]) => ({
    name,
    in: 'path',
    required: true,
    schema: Type.String(),
  }));
}

function queryParameters({ parameters }: ApiRoute): object[] {
  return Object.values(parameters)
    .flatMap(({ docs }) => docs)
    .map(({ name, doc, schema }) => ({ name, in: 'query', description: doc, schema }));
}

function describeBody(types: readonly string[]): object {
  return {
    required: true,
    content: Object.fromEntries(types.map((type) => [type, { schema: Type.String({ format: 'binary' }) }])),
  };
}

function jsonContent(schema: TSchema): object {
  return { content: { 'application/json': { schema } } };
}
