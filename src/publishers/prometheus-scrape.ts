import type { ComponentStatus } from '../component/component.ts';
import type { Sample } from '../model/sample.ts';
import { latestSamplesOf } from './prometheus-latest.ts';
import type {
  Publisher,
  PublisherContext,
  PublisherDefinition,
  PublisherUrl,
  UrlParameter,
} from './publisher.ts';

const MAX_SERIES: UrlParameter<'integer', number> = {
  name: 'max_series',
  type: 'integer',
  default: 100_000,
  min: 1,
  max: 5_000_000,
  unit: 'series',
  doc: 'The most series that are kept; samples of further ones are left out and counted. A series takes some 400 bytes of memory.',
};
const EXPIRY: UrlParameter<'float', number> = {
  name: 'expiry',
  type: 'float',
  default: 900,
  min: 1,
  max: 604_800,
  unit: 'seconds',
  doc: 'How long a series is shown after its last sample; choose some three times the polling interval.',
};
const TIMESTAMPS: UrlParameter<'boolean', boolean> = {
  name: 'timestamps',
  type: 'boolean',
  default: false,
  doc: 'Whether values carry the time at which they were measured; else Prometheus takes the time of its visit.',
};

/**
 * `prometheus-scrape://`: keeps the latest value of each series, which Prometheus fetches at `GET /v1/prometheus` of the
 * API. Nothing goes out by itself. All such sinks of a program fill the same page.
 */
export const PROMETHEUS_SCRAPE_PUBLISHER: PublisherDefinition = {
  schemes: ['prometheus-scrape'],
  summary:
    'Keeps the latest value of each series in memory; Prometheus fetches them at /v1/prometheus of the API.',
  form: 'prometheus-scrape://',
  examples: ['prometheus-scrape://?expiry=1800&max_series=500000'],
  parameters: [MAX_SERIES, EXPIRY, TIMESTAMPS],
  samples: createPublisher,
};

function createPublisher(url: PublisherUrl, { name, metrics }: PublisherContext): Publisher<Sample> {
  const latest = latestSamplesOf(metrics);
  const settings = {
    maxSeries: url.get(MAX_SERIES),
    expiryMillis: url.get(EXPIRY) * 1_000,
    showsTime: url.get(TIMESTAMPS),
  };
  let status: ComponentStatus = { state: 'stopped', reason: 'not started' };
  const full = `E8019 ${settings.maxSeries} series are kept, no more are taken`;
  const leftOut = metrics
    .counter(
      'nephoscope_prometheus_scrape_left_out_total',
      'Samples whose series is not shown because there are max_series already.',
      ['publisher'],
    )
    .child(name);
  return {
    name,
    start: async () => {
      status = { state: 'ok' };
    },
    // The values stay: after a reload the same series go on under a new sink, or expire.
    stop: async () => {
      status = { state: 'stopped', reason: 'stopped' };
    },
    status: () => status,
    publish: async (samples) => {
      const refused = latest.record(samples, settings, performance.now());
      status = refused.length === 0 ? { state: 'ok' } : { state: 'degraded', reason: full };
      leftOut.add(refused.length);
      // Not rejected: a view without room is no reason to park the message for all sinks.
      return { accepted: samples.length, duplicates: [], rejected: [] };
    },
  };
}
