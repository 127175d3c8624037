import { defineOption } from '../config/option.ts';

/** Where the API listens. */
export const API_HOST = defineOption({
  group: 'api',
  name: 'host',
  type: 'string',
  default: '127.0.0.1',
  doc: 'Address the API listens on. Only loopback addresses are taken: there is no authentication yet.',
  example: '::1',
  since: '0.1.0',
});

/** 0 lets the system choose a free port. */
export const API_PORT = defineOption({
  group: 'api',
  name: 'port',
  type: 'port',
  default: 8777,
  doc: 'Port of the API; 0 lets the system choose a free one.',
  example: '8777',
  since: '0.1.0',
  min: 0,
});

/** How long lists are that were asked for without `limit`. */
export const API_DEFAULT_RETURN_LIMIT = defineOption({
  group: 'api',
  name: 'default_api_return_limit',
  type: 'integer',
  default: 100,
  doc: 'Number of items a list has when the request gives no limit.',
  unit: 'items',
  example: '100',
  since: '0.1.0',
  min: 1,
});

/** What one answer may hold at most. */
export const API_MAXIMUM_RETURN_ITEMS = defineOption({
  group: 'api',
  name: 'maximum_return_items',
  type: 'integer',
  default: 50_000,
  doc:
    'Number of items one answer may hold, and all answers in the making together. A request that matches more is ' +
    'refused, never cut silently; one that must wait for others waits.',
  unit: 'items',
  example: '50000',
  since: '0.1.0',
  min: 1,
});

/** What one request may carry at most. */
export const API_MAX_REQUEST_BYTES = defineOption({
  group: 'api',
  name: 'max_request_bytes',
  type: 'integer',
  default: 16 * 1024 * 1024,
  doc: 'Size a request body may have, for example a list of notifications.',
  unit: 'bytes',
  example: '16777216',
  since: '0.1.0',
  min: 1_024,
});

/** All options of the API, for the configuration schema. */
export const API_OPTIONS = [
  API_HOST,
  API_PORT,
  API_DEFAULT_RETURN_LIMIT,
  API_MAXIMUM_RETURN_ITEMS,
  API_MAX_REQUEST_BYTES,
] as const;
