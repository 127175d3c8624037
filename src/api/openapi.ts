import { describeRoutes } from './openapi-description.ts';
import { apiRoutes } from './routes.ts';

/** The OpenAPI 3.1 document of everything the API serves, made from the routes themselves. Pure. */
export function openApiDocument(): object {
  return describeRoutes(apiRoutes());
}
