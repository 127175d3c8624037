import { ApiError } from './errors.ts';
import { type ApiRoute, defineRoute } from './route.ts';

/**
 * Paths of the alarming API that clients of the telemetry API still try here. The original answers 410 when no
 * alarming service is configured; clients then say so instead of calling the path unknown.
 */
const PATHS = ['/v2/alarms', '/v2/alarms/*', '/v2/query/alarms', '/v2/query/alarms/*'];
const METHODS = ['GET', 'POST', 'PUT', 'DELETE'] as const;

function refuseAlarms(method: ApiRoute['method'], path: string): ApiRoute {
  return defineRoute({
    method,
    path,
    tag: 'service',
    summary: 'Alarms are not served at this address.',
    status: 410,
    documented: false,
    handle: () => {
      throw new ApiError(410, 'E4016', 'Alarms are not served here; ask the alarming service', {
        origin: 'routing',
      });
    },
  });
}

/** The paths of alarms, each answering 410. */
export const ALARM_ROUTES: readonly ApiRoute[] = PATHS.flatMap((path) =>
  METHODS.map((method) => refuseAlarms(method, path)),
);
