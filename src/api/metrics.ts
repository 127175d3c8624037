import { type ApiRoute, defineRoute } from './route.ts';

const showMetrics = defineRoute({
  method: 'GET',
  path: '/metrics',
  tag: 'operation',
  summary: 'Metrics of this process in the Prometheus text format.',
  handle: ({ metrics }) => ({
    type: 'text/plain; version=0.0.4; charset=utf-8',
    body: metrics.expose(),
  }),
});

/** `/metrics`. */
export const METRICS_ROUTES: readonly ApiRoute[] = [showMetrics];
