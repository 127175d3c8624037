import { Type } from '@sinclair/typebox';
import { ALARM_ROUTES } from './alarms.ts';
import { CAPABILITY_ROUTES } from './capabilities.ts';
import { EVENT_TYPE_ROUTES } from './event-types.ts';
import { EVENT_ROUTES } from './events.ts';
import { HEALTH_ROUTES } from './health.ts';
import { METER_ROUTES } from './meters.ts';
import { METRICS_ROUTES } from './metrics.ts';
import { notificationRoutes } from './notifications.ts';
import { describeRoutes } from './openapi-description.ts';
import { PARKED_ROUTES } from './parked.ts';
import { PROMETHEUS_SAMPLE_ROUTES } from './prometheus-samples.ts';
import { RESOURCE_ROUTES } from './resources.ts';
import { type ApiRoute, defineRoute } from './route.ts';
import { SAMPLE_ROUTES } from './samples.ts';
import { STATISTICS_ROUTES } from './statistics.ts';
import { TAP_ROUTES } from './taps.ts';
import { VERSION_ROUTES } from './versions.ts';

/** Everything the API serves, for one server. */
export function apiRoutes(): readonly ApiRoute[] {
  const routes = [
    ...VERSION_ROUTES,
    ...METER_ROUTES,
    ...STATISTICS_ROUTES,
    ...SAMPLE_ROUTES,
    ...RESOURCE_ROUTES,
    ...EVENT_ROUTES,
    ...EVENT_TYPE_ROUTES,
    ...CAPABILITY_ROUTES,
    ...ALARM_ROUTES,
    ...notificationRoutes(),
    ...PARKED_ROUTES,
    ...HEALTH_ROUTES,
    ...METRICS_ROUTES,
    ...PROMETHEUS_SAMPLE_ROUTES,
    ...TAP_ROUTES,
  ];
  return [...routes, documentRoute(routes)];
}

/** The document describes this route too. */
function documentRoute(others: readonly ApiRoute[]): ApiRoute {
  const route: ApiRoute = defineRoute({
    method: 'GET',
    path: '/v1/openapi.json',
    tag: 'service',
    summary: 'This document.',
    answer: Type.Record(Type.String(), Type.Unknown()),
    handle: () => ({ body: describeRoutes([...others, route]) }),
  });
  return route;
}
