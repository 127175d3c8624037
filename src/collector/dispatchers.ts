import { NephoscopeError } from '../component/errors.ts';
import { type Config, Secret } from '../config/option.ts';
import * as options from './options.ts';

/** A dispatcher of the original as the publisher that does its work here. */
export interface Dispatcher {
  readonly name: 'database' | 'file' | 'http' | 'gnocchi';
  /** As it would stand in a pipeline file; may hold a password. */
  readonly url: Secret;
}

/** What the collector is to do with samples and with events. */
export interface Dispatchers {
  readonly samples: readonly Dispatcher[];
  readonly events: readonly Dispatcher[];
  /** For the start log: what became of which option. Without passwords. */
  readonly notes: readonly string[];
}

/**
 * Translates `meter_dispatchers`, `event_dispatchers` and the `[dispatcher_*]` options into publisher URLs. Pure.
 * Throws a permanent `NephoscopeError` (E5030) for an unknown dispatcher, or one whose options are missing.
 *
 * Source: ceilometer 7.0.0, `dispatcher/`.
 */
export function readDispatchers(config: Config): Dispatchers {
  const samples = readList(config, options.METER_DISPATCHERS, options.HTTP_TARGET);
  const events = readList(config, options.EVENT_DISPATCHERS, options.HTTP_EVENT_TARGET);
  const ignored = options.IGNORED_OPTIONS.filter((option) => config.origin(option) !== 'default');
  return {
    samples,
    events,
    notes: [
      ...samples.map(({ name, url }) => `dispatcher ${name} of samples works as ${schemeOf(url)}`),
      ...events.map(({ name, url }) => `dispatcher ${name} of events works as ${schemeOf(url)}`),
      ...ignored.map(({ group, name }) => `[${group}] ${name} has no effect`),
    ],
  };
}

type ListOption = typeof options.METER_DISPATCHERS | typeof options.EVENT_DISPATCHERS;
type TargetOption = typeof options.HTTP_TARGET | typeof options.HTTP_EVENT_TARGET;

function readList(config: Config, option: ListOption, target: TargetOption): readonly Dispatcher[] {
  const names = config
    .get(option)
    .flatMap((text) => text.split(','))
    .map((text) => text.trim());
  return [...new Set(names)]
    .filter((name) => name !== '')
    .map((name) => {
      const where = `[DEFAULT] ${option.name} (${config.origin(option)})`;
      return { name: checkName(name, where), url: new Secret(urlOf(name, config, target, where)) };
    });
}

function checkName(name: string, where: string): Dispatcher['name'] {
  if (name === 'database' || name === 'file' || name === 'http' || name === 'gnocchi') return name;
  throw new NephoscopeError('E5030', `${where} names ${JSON.stringify(name)}, which is no dispatcher`);
}

function urlOf(name: string, config: Config, target: TargetOption, where: string): string {
  if (name === 'file') return fileUrl(config, where);
  if (name === 'http') return httpUrl(config, target, where);
  return name === 'gnocchi' ? gnocchiUrl(config) : 'store://';
}

function fileUrl(config: Config, where: string): string {
  const path = config.get(options.FILE_PATH);
  if (path === null || path === '') {
    throw new NephoscopeError('E5030', `${where} names file, but [dispatcher_file] file_path is not set`);
  }
  const maxBytes = config.get(options.FILE_MAX_BYTES);
  const backupCount = config.get(options.FILE_BACKUP_COUNT);
  const rotates = maxBytes > 0 && backupCount > 0;
  const query: Query = rotates
    ? [
        ['max_bytes', maxBytes],
        ['backup_count', backupCount],
      ]
    : [];
  return withQuery(`file://${path}`, query);
}

function httpUrl(config: Config, option: TargetOption, where: string): string {
  const target = config.get(option)?.reveal() || config.get(options.HTTP_TARGET)?.reveal();
  if (target === undefined || !/^https?:\/\//.test(target)) {
    const what = `[dispatcher_http] ${option.name} is not an http:// or https:// URL`;
    throw new NephoscopeError('E5030', `${where} names http, but ${what}`);
  }
  const verify = config.get(options.HTTP_VERIFY_SSL);
  return withQuery(target, [
    ['timeout', config.get(options.HTTP_TIMEOUT)],
    ['batch', config.get(options.HTTP_BATCH_MODE)],
    ...(verify === null || verify === '' ? [] : [['verify_ssl', verify] as const]),
  ]);
}

function gnocchiUrl(config: Config): string {
  const policy = config.get(options.GNOCCHI_ARCHIVE_POLICY);
  const file = config.get(options.GNOCCHI_RESOURCES_FILE);
  return withQuery('gnocchi://', [
    ['enable_filter_project', config.get(options.GNOCCHI_FILTER_SERVICE_ACTIVITY)],
    ['filter_project', config.get(options.GNOCCHI_FILTER_PROJECT)],
    ...(policy === null || policy === '' ? [] : [['archive_policy', policy] as const]),
    ...(file === null || file === '' ? [] : [['resources_definition_file', file] as const]),
  ]);
}

type Query = readonly (readonly [name: string, value: string | number | boolean])[];

function withQuery(url: string, query: Query): string {
  if (query.length === 0) return url;
  const text = query.map(([name, value]) => `${name}=${encodeURIComponent(value)}`).join('&');
  return `${url}${url.includes('?') ? '&' : '?'}${text}`;
}

function schemeOf(url: Secret): string {
  return url.reveal().replace(/:\/\/.*$/s, '://');
}
