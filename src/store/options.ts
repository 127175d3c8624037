import { defineOption } from '../config/option.ts';

/** Which store, and where. */
export const DATABASE_CONNECTION = defineOption({
  group: 'database',
  name: 'connection',
  type: 'secret',
  default: null,
  doc:
    'URL of the store. Not set: the embedded store in the state directory. ' +
    '`sqlite:///path/to/file` puts the embedded store elsewhere.',
  example: 'sqlite:////var/lib/nephoscope/telemetry.sqlite',
  since: '0.1.0',
});

/** How long samples are kept. */
export const METERING_TTL = defineOption({
  group: 'database',
  name: 'metering_time_to_live',
  type: 'integer',
  default: -1,
  doc: 'How long samples are kept, counted from their own time; zero or less keeps them for ever.',
  unit: 'seconds',
  example: '7776000',
  since: '0.1.0',
  deprecatedNames: [{ group: 'database', name: 'time_to_live' }],
});

/** How long events are kept. */
export const EVENT_TTL = defineOption({
  group: 'database',
  name: 'event_time_to_live',
  type: 'integer',
  default: -1,
  doc: 'How long events are kept, counted from their own time; zero or less keeps them for ever.',
  unit: 'seconds',
  example: '7776000',
  since: '0.1.0',
});

/** How often old records are looked for. */
export const EXPIRER_INTERVAL = defineOption({
  group: 'database',
  name: 'expirer_interval_seconds',
  type: 'integer',
  default: 300,
  doc: 'Time between two runs that delete records which are too old.',
  unit: 'seconds',
  example: '3600',
  since: '0.1.0',
  min: 1,
});

/** All options of the store, for the configuration schema. */
export const STORE_OPTIONS = [DATABASE_CONNECTION, METERING_TTL, EVENT_TTL, EXPIRER_INTERVAL] as const;
