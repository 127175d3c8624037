import { latestSamplesOf } from '../publishers/prometheus-latest.ts';
import { type ApiRoute, defineRoute } from './route.ts';

const showLatestSamples = defineRoute({
  method: 'GET',
  path: '/v1/prometheus',
  tag: 'service',
  summary: 'Latest samples of the sinks prometheus-scrape:// in the Prometheus text format.',
  handle: async ({ metrics }) => ({
    type: 'text/plain; version=0.0.4; charset=utf-8',
    body: await latestSamplesOf(metrics).expose(performance.now()),
  }),
});

/** `/v1/prometheus`: the cloud's meters; those of the program itself are at `/metrics`. */
export const PROMETHEUS_SAMPLE_ROUTES: readonly ApiRoute[] = [showLatestSamples];
