import type { ComponentStatus } from '../component/component.ts';
import { NephoscopeError } from '../component/errors.ts';
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
  doc: 'The most series that are kept; samples of further ones are rejected. A series takes some 400 bytes of memory.',
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
  const full = `${settings.maxSeries} series are kept, no more are taken`;
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
      const rejected = refused.map((index) => ({ index, error: new NephoscopeError('E8019', full) }));
      return { accepted: samples.length - rejected.length, duplicates: [], rejected };
    },
  };
}
