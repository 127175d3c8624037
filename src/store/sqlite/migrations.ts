/**
 * One step of the schema. `expand` only adds, so that an older program goes on working with the file (checked by
 * `checkExpandOnly`); `contract` takes away what no program still in use reads or writes.
 */
export interface Migration {
  /** Steps count from 1 without gaps and are never changed once released. */
  readonly version: number;
  readonly kind: 'expand' | 'contract';
  readonly name: string;
  readonly sql: string;
}

/*
 * Times are microseconds since the epoch, UTC. What repeats from sample to sample stands once in `descriptor`
 * (resource, user, project, source, names; 0 is "none") and `metadata`.
 *
 * - `sample` is clustered by meter and time: polls append to the end of each meter. `disc` is the 52-bit discriminator
 *   of the sample's id. `id` is null when the id can be made again from `ts` and `disc`.
 * - `series` says which descriptors a meter has samples of. `stored` is when (`sample.recorded`) the descriptor last
 *   took over from another one of the same meter and resource, so the greatest is that of the sample stored last.
 *   `first_ts` and `last_ts` count only samples before `meter.folded_before`; see series-fold.ts.
 * - `event` rows are appended; `disc` is the 52-bit hash of the message id.
 * - `event_lookup` and `sample_lookup` find events and samples by hashes. They are cut into segments of some
 *   thousand keys, so that random keys touch few pages at a time; a look-up seeks once in each segment.
 */
const FIRST_SCHEMA = `
  CREATE TABLE state (key TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT, WITHOUT ROWID;

  CREATE TABLE meter (
    id INTEGER PRIMARY KEY, name TEXT NOT NULL, type TEXT NOT NULL, unit TEXT, folded_before INTEGER NOT NULL
  ) STRICT;
  CREATE INDEX meter_name ON meter (name);
  CREATE TABLE label (id INTEGER PRIMARY KEY, text TEXT NOT NULL UNIQUE) STRICT;
  CREATE TABLE resource (id INTEGER PRIMARY KEY, resource_id TEXT NOT NULL UNIQUE) STRICT;
  CREATE TABLE descriptor (
    id INTEGER PRIMARY KEY, resource INTEGER NOT NULL, user INTEGER NOT NULL, project INTEGER NOT NULL,
    source INTEGER NOT NULL, user_name INTEGER NOT NULL, project_name INTEGER NOT NULL
  ) STRICT;
  CREATE INDEX descriptor_resource ON descriptor (resource);
  CREATE INDEX descriptor_project ON descriptor (project);
  CREATE TABLE metadata (descriptor INTEGER PRIMARY KEY, text TEXT NOT NULL) STRICT;
  CREATE TABLE series (
    descriptor INTEGER NOT NULL, meter INTEGER NOT NULL, first_ts INTEGER NOT NULL, last_ts INTEGER NOT NULL,
    stored INTEGER NOT NULL, PRIMARY KEY (descriptor, meter)
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE sample (
    meter INTEGER NOT NULL, ts INTEGER NOT NULL, resource INTEGER NOT NULL, disc INTEGER NOT NULL,
    volume REAL NOT NULL, descriptor INTEGER NOT NULL, recorded INTEGER NOT NULL, id TEXT,
    PRIMARY KEY (meter, ts, resource, disc)
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE event_type (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE) STRICT;
  CREATE TABLE trait (
    event_type INTEGER NOT NULL, name TEXT NOT NULL, type INTEGER NOT NULL, PRIMARY KEY (event_type, name, type)
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE event (
    id INTEGER PRIMARY KEY, generated INTEGER NOT NULL, disc INTEGER NOT NULL, event_type INTEGER NOT NULL,
    message_id TEXT NOT NULL, priority TEXT, traits TEXT NOT NULL, raw TEXT
  ) STRICT;
  CREATE UNIQUE INDEX event_identity ON event (generated, disc);
  CREATE INDEX event_by_type ON event (event_type, generated);

  CREATE TABLE segment (
    id INTEGER PRIMARY KEY, kind TEXT NOT NULL, keys INTEGER NOT NULL, first_micros INTEGER NOT NULL,
    last_micros INTEGER NOT NULL
  ) STRICT;
  CREATE TABLE event_lookup (
    segment INTEGER NOT NULL, hash INTEGER NOT NULL, event INTEGER NOT NULL, PRIMARY KEY (segment, hash, event)
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE sample_lookup (
    segment INTEGER NOT NULL, hash INTEGER NOT NULL, meter INTEGER NOT NULL, ts INTEGER NOT NULL,
    PRIMARY KEY (segment, hash, meter, ts)
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE parked (
    id INTEGER PRIMARY KEY AUTOINCREMENT, digest BLOB NOT NULL UNIQUE, code TEXT NOT NULL, reason TEXT NOT NULL,
    origin TEXT NOT NULL, body BLOB NOT NULL, parked INTEGER NOT NULL, message_id TEXT, event_type TEXT,
    times INTEGER NOT NULL
  ) STRICT;
  CREATE INDEX parked_time ON parked (parked);
`;

/** Labels; 0 is "none", and takes no byte in a row. */
const DEPLOYMENT = `
  ALTER TABLE descriptor ADD COLUMN deployment INTEGER NOT NULL DEFAULT 0;
  ALTER TABLE event ADD COLUMN deployment INTEGER NOT NULL DEFAULT 0;
`;

/** All steps, oldest first. Only ever appended to. */
export const MIGRATIONS: readonly Migration[] = [
  { version: 1, kind: 'expand', name: 'samples, events and parked items', sql: FIRST_SCHEMA },
  { version: 2, kind: 'expand', name: 'the deployment a record came from', sql: DEPLOYMENT },
];
