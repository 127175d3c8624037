import { hostname } from 'node:os';
import { type Config, defineOption } from '../config/option.ts';
import { POLLING_NAMESPACES } from './namespaces.ts';

export const NODE_HOST = defineOption({
  group: 'DEFAULT',
  name: 'host',
  type: 'string',
  default: null,
  doc: 'Name of this node, in resource ids and as the sender of samples. Not set: what the system is called.',
  example: 'compute-17.example.com',
  since: '0.1.0',
});

export const POLLED_NAMESPACES = defineOption({
  group: 'DEFAULT',
  name: 'polling_namespaces',
  type: 'list',
  default: ['host'],
  doc: 'What this node measures: `host` is the machine itself. The namespaces compute, central and ipmi have no pollsters yet.',
  example: 'host',
  since: '0.1.0',
});

export const HOST_INTERVAL = defineOption({
  group: 'polling',
  name: 'host_interval_seconds',
  type: 'integer',
  default: 10,
  doc: 'Time from one measurement of the machine to the next.',
  unit: 'seconds',
  example: '60',
  since: '0.1.0',
  min: 1,
  max: 86_400,
});

/** Options of polling, for the configuration schema. */
export const POLLING_OPTIONS = [NODE_HOST, POLLED_NAMESPACES, HOST_INTERVAL] as const;

/** What the configuration says about polling. */
export interface PollingSettings {
  readonly host: string;
  /** The namespaces to poll that exist; may be empty: then nothing is polled. */
  readonly namespaces: readonly string[];
  readonly intervalSeconds: number;
  /** For the log. */
  readonly warnings: readonly string[];
}

/** Reads the options of polling. `available` are the namespaces of the pollsters there are. */
export function readPollingSettings(config: Config, available: ReadonlySet<string>): PollingSettings {
  const wanted = [...new Set(config.get(POLLED_NAMESPACES))];
  return {
    host: config.get(NODE_HOST) ?? hostname(),
    namespaces: wanted.filter((name) => available.has(name)),
    intervalSeconds: config.get(HOST_INTERVAL),
    warnings: wanted.filter((name) => !available.has(name)).map(describeMissing),
  };
}

function describeMissing(name: string): string {
  const known = (POLLING_NAMESPACES as readonly string[]).includes(name);
  return known
    ? `polling_namespaces: ${name} has no pollsters in this version`
    : `polling_namespaces: there is no namespace ${name}; there are ${POLLING_NAMESPACES.join(', ')}`;
}
