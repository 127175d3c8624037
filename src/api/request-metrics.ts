import type { Metrics } from '../observe/metrics.ts';

/** Counts requests under their route template, so that the number of series is bounded. */
export interface RequestMetrics {
  /** Called when a request comes in; the function it gives is called once, when its answer has been sent or lost. */
  begin(): (end: RequestEnd) => void;
}

/** How a request ended. */
export interface RequestEnd {
  /** Template of the route, or null when no route matched. */
  readonly route: string | null;
  readonly method: string;
  /** Null when the client was gone before the answer. */
  readonly status: number | null;
}

const METHODS: ReadonlySet<string> = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']);

/** Registers the metrics of the API. The same `Metrics` gives the same families. */
export function createRequestMetrics(metrics: Metrics): RequestMetrics {
  const requests = metrics.counter(
    'nephoscope_api_requests_total',
    'HTTP requests answered, by route and status.',
    ['route', 'method', 'status'],
  );
  const seconds = metrics.counter(
    'nephoscope_api_request_duration_seconds_total',
    'Time spent on HTTP requests, from their header to the end of the answer.',
    ['route', 'method'],
  );
  const inFlight = metrics
    .gauge('nephoscope_api_requests_in_flight', 'HTTP requests being answered.')
    .child();
  return {
    begin: () => {
      const started = performance.now();
      inFlight.add();
      return ({ route, method, status }) => {
        const labels = [route ?? '(none)', METHODS.has(method) ? method : '(other)'];
        inFlight.add(-1);
        requests.child(...labels, status === null ? '(lost)' : String(status)).add();
        seconds.child(...labels).add((performance.now() - started) / 1_000);
      };
    },
  };
}
