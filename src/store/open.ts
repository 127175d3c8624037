import { join } from 'node:path';
import { NephoscopeError } from '../component/errors.ts';
import type { Logger } from '../observe/logger.ts';
import type { Metrics } from '../observe/metrics.ts';
import { SqliteStore } from './sqlite/sqlite-store.ts';
import type { Store } from './store.ts';

export interface OpenStoreOptions {
  /** Where `sqlite://` without a path keeps its file. */
  readonly stateDir?: string;
  /** False for tools that look into a store beside the program that serves from it; true unless given. */
  readonly exclusive?: boolean;
  readonly metrics?: Metrics;
  readonly logger?: Logger;
  /** The clock, microseconds since the epoch; the system's unless given. */
  readonly nowMicros?: () => number;
}

type Backend = (location: string, options: OpenStoreOptions) => Store;

/** The kinds of store, by the scheme of their URL. */
const BACKENDS: Readonly<Record<string, Backend>> = {
  sqlite: (location, options) =>
    new SqliteStore({
      ...options,
      exclusive: options.exclusive ?? true,
      path: sqlitePath(location, options),
    }),
};

/**
 * The store a URL names; nothing is opened before `start`. `sqlite:///path/to/file` and SQLAlchemy's form with four
 * slashes name a file by its absolute path, `sqlite://` the file `telemetry.sqlite` in the state directory. Throws E3014
 * for any other URL; the message never holds more of it than the scheme.
 */
export function openStore(url: string, options: OpenStoreOptions = {}): Store {
  const [, scheme = '', location = ''] = /^([a-z][a-z0-9+.-]*):\/\/(.*)$/is.exec(url) ?? [];
  const backend = BACKENDS[scheme.toLowerCase()];
  if (backend !== undefined && Object.hasOwn(BACKENDS, scheme.toLowerCase()))
    return backend(location, options);
  const known = Object.keys(BACKENDS).join(', ');
  throw new NephoscopeError(
    'E3014',
    `There is no store for ${scheme === '' ? 'a URL without scheme' : `${scheme}://`}; known: ${known}`,
  );
}

function sqlitePath(location: string, { stateDir }: OpenStoreOptions): string {
  if (location.startsWith('/')) return location.replace(/^\/+/, '/');
  if (location === '' && stateDir !== undefined) return join(stateDir, 'telemetry.sqlite');
  throw new NephoscopeError('E3014', 'The URL of an embedded store names no absolute path');
}
