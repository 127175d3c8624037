import { hostname } from 'node:os';
import { NephoscopeError } from '../component/errors.ts';
import { type Config, defineOption, type Option } from '../config/option.ts';
import { NODE_HOST } from '../polling/options.ts';
import { createSenderCheck, requireAddress } from './datagram-senders.ts';
import {
  defineAddressOption,
  defineAllowedSourcesOption,
  defineReceiveBufferOption,
} from './receiver-options.ts';
import type { ReceiverSettings } from './statsd-protocol.ts';
import { TIMER_STATISTICS, type TimerStatistic } from './statsd-timer.ts';

const GROUP = 'statsd';

const ENABLED = defineOption({
  group: GROUP,
  name: 'enabled',
  type: 'boolean',
  default: false,
  doc: 'Receive measurements in the statsd protocol (UDP) and make samples of them.',
  since: '0.2.0',
});

const ADDRESS = defineAddressOption(GROUP, 'The protocol knows no login');

const PORT = defineOption({
  group: GROUP,
  name: 'port',
  type: 'port',
  default: 8125,
  doc: 'The UDP port to listen to.',
  since: '0.2.0',
});

const ALLOWED_SOURCES = defineAllowedSourcesOption(GROUP);

const FLUSH_INTERVAL = defineOption({
  group: GROUP,
  name: 'flush_interval',
  type: 'float',
  default: 10,
  min: 0.1,
  max: 3600,
  unit: 'seconds',
  doc: 'How often samples are made of what arrived. Their time is that of the flush.',
  since: '0.2.0',
});

const PERCENTILES = defineOption({
  group: GROUP,
  name: 'percentiles',
  type: 'list',
  default: ['90'],
  doc: 'Percentiles of each timer, as meters NAME.p90 (99.9 gives NAME.p99_9); above 0, up to 100. Empty: none.',
  example: '50,90,99.9',
  since: '0.2.0',
});

const STATISTICS = defineOption({
  group: GROUP,
  name: 'timer_statistics',
  type: 'list',
  default: ['count', 'mean', 'max'],
  choices: TIMER_STATISTICS,
  doc: 'What else is made of each timer, as meters NAME.mean and so on. count is a delta corrected for the sampling rate.',
  since: '0.2.0',
});

const SIGNED_GAUGES = defineOption({
  group: GROUP,
  name: 'signed_gauges',
  type: 'string',
  default: 'change',
  choices: ['change', 'set'],
  doc: 'What a sign before the value of a gauge does: change it by that (statsd), or set it to that (DogStatsD clients that send values below zero).',
  since: '0.2.0',
});

const METER_PREFIX = defineOption({
  group: GROUP,
  name: 'meter_prefix',
  type: 'string',
  default: '',
  doc: 'Text before each meter name, to tell these meters from others in pipeline files.',
  example: 'statsd.',
  since: '0.2.0',
});

const TRUST_IDS = defineOption({
  group: GROUP,
  name: 'trust_ids',
  type: 'boolean',
  default: false,
  doc: 'Believe the tags project_id and user_id. Off, they are metadata only: anyone who can send could charge anyone.',
  since: '0.2.0',
});

const MAX_SOURCES = defineOption({
  group: GROUP,
  name: 'max_sources',
  type: 'integer',
  default: 1000,
  min: 1,
  unit: 'senders',
  doc: 'The most senders at a time; what others send is counted and dropped.',
  since: '0.2.0',
});

const MAX_SERIES_PER_SOURCE = defineOption({
  group: GROUP,
  name: 'max_series_per_source',
  type: 'integer',
  default: 10_000,
  min: 1,
  unit: 'series',
  doc: 'The most names, each combination of tags counted by itself, of one sender; values of others are counted and dropped.',
  since: '0.2.0',
});

const MAX_SERIES = defineOption({
  group: GROUP,
  name: 'max_series',
  type: 'integer',
  default: 50_000,
  min: 1,
  max: 1_000_000,
  unit: 'series',
  doc: 'The most names of all senders together. Each takes about two kilobytes, and during a flush half a kilobyte for each of its figures.',
  since: '0.2.0',
});

const MAX_VALUES = defineOption({
  group: GROUP,
  name: 'max_values',
  type: 'integer',
  default: 1_000_000,
  min: 1000,
  unit: 'values',
  doc: 'How many values are kept between two flushes for percentiles, median and sets. Beyond it, and beyond 10,000 of one timer, percentiles are those of a random choice; count, mean, sum, min and max stay exact.',
  since: '0.2.0',
});

const IDLE_TIMEOUT = defineOption({
  group: GROUP,
  name: 'idle_timeout',
  type: 'integer',
  default: 3600,
  min: 1,
  unit: 'seconds',
  doc: 'A name nothing came for so long is forgotten: its gauge is no longer repeated, and a change of it counts from 0 again.',
  since: '0.2.0',
});

const RECEIVE_BUFFER = defineReceiveBufferOption(GROUP);

/** All options of statsd. */
export const STATSD_OPTIONS = [
  ENABLED,
  ADDRESS,
  PORT,
  ALLOWED_SOURCES,
  FLUSH_INTERVAL,
  PERCENTILES,
  STATISTICS,
  SIGNED_GAUGES,
  METER_PREFIX,
  TRUST_IDS,
  MAX_SOURCES,
  MAX_SERIES_PER_SOURCE,
  MAX_SERIES,
  MAX_VALUES,
  IDLE_TIMEOUT,
  RECEIVE_BUFFER,
] as const satisfies readonly Option[];

/**
 * What the configuration says about statsd; null when it is off. Throws a permanent `NephoscopeError`: E5040 for an
 * address or a network that is none, E5045 for a percentile.
 */
export function readStatsdSettings(config: Config): ReceiverSettings | null {
  if (!config.get(ENABLED)) return null;
  createSenderCheck(config.get(ALLOWED_SOURCES), `[${GROUP}] allowed_sources`);
  return {
    address: requireAddress(config.get(ADDRESS), `[${GROUP}] address`),
    port: config.get(PORT),
    allowedSources: config.get(ALLOWED_SOURCES),
    receiveBufferBytes: config.get(RECEIVE_BUFFER),
    flushMillis: config.get(FLUSH_INTERVAL) * 1000,
    percentiles: [...new Set(config.get(PERCENTILES).map(readPercentile))],
    timerStatistics: [...new Set(config.get(STATISTICS) as readonly TimerStatistic[])],
    signedGauges: config.get(SIGNED_GAUGES) === 'set' ? 'set' : 'change',
    meterPrefix: config.get(METER_PREFIX),
    trustIds: config.get(TRUST_IDS),
    host: config.get(NODE_HOST) ?? hostname(),
    maxSources: config.get(MAX_SOURCES),
    maxSeriesPerSource: config.get(MAX_SERIES_PER_SOURCE),
    maxSeries: config.get(MAX_SERIES),
    maxValues: config.get(MAX_VALUES),
    idleMicros: config.get(IDLE_TIMEOUT) * 1_000_000,
  };
}

function readPercentile(text: string): number {
  const percent = /^\d{1,3}(?:\.\d{1,6})?$/.test(text) ? Number(text) : Number.NaN;
  if (percent > 0 && percent <= 100) return percent;
  const shown = JSON.stringify(text);
  throw new NephoscopeError('E5045', `[${GROUP}] percentiles: ${shown} is no number above 0 and up to 100`);
}
