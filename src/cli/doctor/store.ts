import { existsSync, statfsSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { pathToFileURL } from 'node:url';
import { toError } from '../../component/errors.ts';
import type { Config } from '../../config/option.ts';
import { DATABASE_CONNECTION } from '../../store/options.ts';
import { APPLICATION_ID } from '../../store/sqlite/database.ts';
import { MIGRATIONS } from '../../store/sqlite/migrations.ts';
import type { DoctorCheck, Finding } from './finding.ts';

const MEBIBYTE = 1024 * 1024;
const LITTLE_FREE_BYTES = 1024 * MEBIBYTE;
const TOO_LITTLE_FREE_BYTES = 200 * MEBIBYTE;
/** The log is cut down to 64 MiB after each checkpoint; far more means that a reader holds checkpoints up. */
const LARGE_LOG_BYTES = 512 * MEBIBYTE;

/** The embedded store: is it ours, which schema, how large, how much room, and with --deep is it whole. */
export const storeCheck: DoctorCheck = {
  name: 'store',
  needsConfig: true,
  run: ({ config, stateDir, request }) => {
    const path = config === null ? null : storePath(config, stateDir);
    if (path === null) {
      return [{ severity: 'info', id: 'store', what: 'the store is no embedded one; it is not looked at' }];
    }
    const room = freeSpace(path);
    if (!existsSync(path)) {
      const what = `${path} is not there yet; the first start makes it`;
      return [{ severity: 'info', id: 'store', what }, ...room];
    }
    return [...lookInside(path, request.deep), ...modes(path), ...logSize(path), ...room];
  },
};

/** Null when the store is another one than SQLite. */
function storePath(config: Config, stateDir: string): string | null {
  const url = config.get(DATABASE_CONNECTION)?.reveal() ?? 'sqlite://';
  const location = /^sqlite:\/\/(.*)$/is.exec(url)?.[1];
  if (location === undefined) return null;
  return location === '' ? join(stateDir, 'telemetry.sqlite') : location.replace(/^\/+/, '/');
}

function lookInside(path: string, deep: boolean): readonly Finding[] {
  try {
    using database = openUntouched(path);
    if (number(database, 'PRAGMA application_id') !== APPLICATION_ID) return [foreign(path)];
    const version = number(database, 'SELECT coalesce(max(version), 0) FROM schema_step');
    return [judgeSchema(path, version, sizeOf(path)), ...(deep ? [quickCheck(database, path)] : [])];
  } catch (thrown) {
    return [
      {
        severity: 'failure',
        id: 'store-unreadable',
        what: `${path} cannot be read: ${toError(thrown).message}`,
        why: 'It is damaged, no database, or this user may not read it.',
        fix: 'Run nephoscope doctor as the user of the service; if it is damaged, restore it from a copy.',
      },
    ];
  }
}

/**
 * Opens for reading only. A file without a log is told to be unchangeable, because SQLite would otherwise make the files
 * of the log beside it; with a log it must read that, and at most rebuilds its index.
 */
function openUntouched(path: string): DatabaseSync {
  const url = pathToFileURL(path);
  if (sizeOf(`${path}-wal`) === 0) url.searchParams.set('immutable', '1');
  return new DatabaseSync(url, { readOnly: true, timeout: 2_000 });
}

function number(database: DatabaseSync, sql: string): number {
  const row = database.prepare(sql).get();
  return Number(row === undefined ? 0 : Object.values(row)[0]);
}

function foreign(path: string): Finding {
  return {
    severity: 'failure',
    id: 'store-foreign',
    what: `${path} is a database of another program`,
    fix: 'Correct [database] connection, or --state-dir.',
  };
}

/** Compares the schema version of a file with the one of this program. Pure. */
export function judgeSchema(path: string, version: number, sizeBytes: number): Finding {
  const known = MIGRATIONS.at(-1)?.version ?? 0;
  const what = `${path}: schema ${version}, ${mebibytes(sizeBytes)}`;
  if (version === known) return { severity: 'ok', id: 'store-schema', what };
  if (version < known) {
    const why = `This program knows schema ${known}; its next start adds what is missing.`;
    return { severity: 'info', id: 'store-schema', what, why };
  }
  return {
    severity: 'warning',
    id: 'store-schema',
    what: `${what}, newer than the ${known} of this program`,
    why: 'A newer release has used this store; it may refuse this one.',
    fix: 'Run the release that the service runs.',
  };
}

function quickCheck(database: DatabaseSync, path: string): Finding {
  const rows = database.prepare('PRAGMA quick_check(5)').all();
  const texts = rows.map((row) => String(Object.values(row)[0]));
  if (texts.length === 1 && texts[0] === 'ok') {
    return { severity: 'ok', id: 'store-whole', what: `${path} was read as a whole: no damage` };
  }
  return {
    severity: 'failure',
    id: 'store-damaged',
    what: `${path} is damaged: ${texts.join('; ').slice(0, 400)}`,
    why: 'A disk or a copy made while the server ran.',
    fix: `Stop the server, keep a copy, then: sqlite3 '${path}' .recover | sqlite3 recovered.sqlite`,
  };
}

function modes(path: string): readonly Finding[] {
  const mode = statSync(path).mode & 0o777;
  if ((mode & 0o077) === 0) return [];
  return [
    {
      severity: 'warning',
      id: 'store-mode',
      what: `${path} is open to others (mode 0${mode.toString(8)})`,
      why: 'Samples and events of all projects are in it.',
      fix: `chmod 0600 '${path}'`,
    },
  ];
}

function logSize(path: string): readonly Finding[] {
  const bytes = sizeOf(`${path}-wal`);
  if (bytes < LARGE_LOG_BYTES) return [];
  return [
    {
      severity: 'warning',
      id: 'store-log',
      what: `The write-ahead log of ${path} has ${mebibytes(bytes)}`,
      why: 'Something has the store open for reading all the time, so the log is never copied into it.',
      fix: `fuser -v '${path}' shows who; end what is not nephoscope.`,
    },
  ];
}

function freeSpace(path: string): readonly Finding[] {
  const directory = existingParent(path);
  const { bavail, bsize } = statfsSync(directory);
  return [judgeFreeSpace(directory, bavail * bsize)];
}

/** Judges the free bytes of the disk of a store. Pure. */
export function judgeFreeSpace(directory: string, bytes: number): Finding {
  const what = `${mebibytes(bytes)} free below ${directory}`;
  if (bytes >= LITTLE_FREE_BYTES) return { severity: 'ok', id: 'free-space', what };
  return {
    severity: bytes < TOO_LITTLE_FREE_BYTES ? 'failure' : 'warning',
    id: 'free-space',
    what: `Only ${what}`,
    why: 'When it is used up nothing is taken from the brokers any more; nothing is lost, but queues grow.',
    fix: 'Free space, or keep records for a shorter time: [database] metering_time_to_live, event_time_to_live.',
  };
}

function existingParent(path: string): string {
  const parent = dirname(path);
  return existsSync(parent) || parent === path ? parent : existingParent(parent);
}

/** 0 for a file that is not there. */
function sizeOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
}

function mebibytes(bytes: number): string {
  return bytes >= 1024 * MEBIBYTE
    ? `${(bytes / 1024 / MEBIBYTE).toFixed(1)} GiB`
    : `${Math.ceil(bytes / MEBIBYTE)} MiB`;
}
