import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { createDeadline } from '../src/component/component.ts';
import { hash52 } from '../src/lib/hash.ts';
import { sampleId } from '../src/lib/sample-id.ts';
import type { Event } from '../src/model/event.ts';
import type { JsonObject } from '../src/model/json.ts';
import type { Sample } from '../src/model/sample.ts';
import type { StatisticsQuery } from '../src/store/query.ts';
import { SqliteStore } from '../src/store/sqlite/sqlite-store.ts';
import { cpuMicros, figure, median, type Report } from './figure.ts';

const START = Date.UTC(2026, 2, 1) * 1_000;
const SECOND = 1_000_000;
const RESOURCES = 1_000;
const METERS = 10;
const CYCLES = 36;
const WARM_CYCLES = 6;
const CYCLE_MICROS = 10 * SECOND;

/**
 * The embedded store: durable recording against a raw prepared insert of the same rows in the same run, CPU for what
 * an average notification makes, and statistics over ten million samples.
 */
export async function benchStore(report: Report): Promise<void> {
  await inDirectory((directory) => benchSamples(directory, report));
  await inDirectory((directory) => benchNotifications(directory, report));
  await inDirectory((directory) => benchStatistics(directory, report));
}

async function inDirectory(work: (directory: string) => Promise<void>): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), 'nephoscope-bench-'));
  try {
    await work(directory);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** A store whose clock is that of the samples. */
async function openStore(path: string): Promise<{ store: SqliteStore; setNow(micros: number): void }> {
  let now = START;
  const store = new SqliteStore({ path, exclusive: true, nowMicros: () => now });
  await store.start(new AbortController().signal);
  return {
    store,
    setNow: (micros) => {
      now = micros;
    },
  };
}

/* Samples: 1,000 servers polled for 10 meters every 10 s, one batch per meter. */

async function benchSamples(directory: string, report: Report): Promise<void> {
  const { store, setNow } = await openStore(join(directory, 'store.sqlite'));
  const raw = new RawTable(join(directory, 'raw.sqlite'));
  const polled: Pair[] = [];
  const fromBus: Pair[] = [];
  for (let cycle = 0; cycle < CYCLES; cycle += 1) {
    // Every third cycle comes as from the bus: no sample shares its metadata object with another one.
    const isFromBus = cycle % 3 === 2;
    for (const [meter, batch] of pollCycle(cycle, isFromBus).entries()) {
      setNow(batch[0]?.timestampMicros ?? START);
      const record = (): Promise<unknown> => store.recordSamples(batch);
      const insert = (): void => raw.insert(meter + 1, batch);
      // Whoever comes second finds the samples in the processor's caches, so they take turns.
      const rawFirst = (cycle + meter) % 2 === 0;
      const before = rawFirst ? await timed(insert) : 0;
      const millis = await timed(record);
      const pair = { millis, rawMillis: rawFirst ? before : await timed(insert) };
      if (cycle >= WARM_CYCLES) (isFromBus ? fromBus : polled).push(pair);
    }
  }
  await store.stop(createDeadline(10_000));
  raw.close();
  const rate = (times: readonly number[]): number => (RESOURCES * 1_000) / median(times);
  report(figure('store.samples.rate', rate(polled.map(({ millis }) => millis)), 'samples/s', '>=200000'));
  report(figure('store.samples.raw', rate(polled.map(({ rawMillis }) => rawMillis)), 'samples/s', ''));
  // Pair by pair, so that what else runs on the machine hits both sides alike.
  const ratio = median(polled.map(({ millis, rawMillis }) => rawMillis / millis));
  report(figure('store.samples.ratio', ratio, '', '>=0.65'));
  report(figure('store.samples.frombus.rate', rate(fromBus.map(({ millis }) => millis)), 'samples/s', ''));
}

/** One batch through the store and through the raw statement. */
interface Pair {
  readonly millis: number;
  readonly rawMillis: number;
}

async function timed(work: () => unknown): Promise<number> {
  const start = performance.now();
  await work();
  return performance.now() - start;
}

function pollCycle(cycle: number, fromBus: boolean): readonly (readonly Sample[])[] {
  const servers = Array.from({ length: RESOURCES }, (_, number) => server(number));
  return Array.from({ length: METERS }, (_, meter) => {
    const timestampMicros = START + cycle * CYCLE_MICROS + meter * 1_000;
    const batch = servers.map((owner) => polledSample(owner, `meter.${meter}`, timestampMicros));
    return fromBus ? (JSON.parse(JSON.stringify(batch)) as Sample[]) : batch;
  });
}

interface Server {
  readonly id: string;
  readonly userId: string;
  readonly projectId: string;
  readonly metadata: JsonObject;
}

function server(number: number): Server {
  const id = uuid(number);
  const flavor = { id: '2', name: 'm1.small', vcpus: 1, ram: 2048, disk: 20, ephemeral: 0, swap: 0 };
  const image = {
    id: uuid(number % 7),
    links: [{ rel: 'bookmark', href: `http://glance:9292/images/${uuid(number % 7)}` }],
  };
  const metadata = {
    display_name: `vm-${number}`,
    name: `instance-${number}`,
    instance_id: id,
    instance_type: 'm1.small',
    host: hash52(`host ${number % 50}`).toString(16),
    instance_host: `compute-${number % 50}`,
    flavor,
    status: 'active',
    state: 'running',
    task_state: '',
    image,
    image_ref: image.id,
    architecture: 'x86_64',
    OS_type: 'hvm',
    vcpus: 1,
    memory_mb: 2048,
    disk_gb: 20,
    ephemeral_gb: 0,
    root_gb: 20,
  };
  const server = { id, userId: uuid(number % 20), projectId: uuid(number % 10), metadata };
  // As read from an answer of the cloud: its texts are shared with nothing.
  return JSON.parse(JSON.stringify(server)) as Server;
}

function polledSample(owner: Server, name: string, timestampMicros: number): Sample {
  const id = sampleId(timestampMicros, name, owner.id);
  // Looking into a text that was put together makes it one piece; otherwise the store would be the first to do so.
  id.charCodeAt(0);
  return {
    id,
    name,
    type: 'gauge',
    unit: '%',
    volume: (timestampMicros % 977) + 0.25,
    userId: owner.userId,
    userName: null,
    projectId: owner.projectId,
    projectName: null,
    resourceId: owner.id,
    timestamp: '2026-03-01T00:00:00',
    timestampMicros,
    resourceMetadata: owner.metadata,
    source: 'openstack',
    deployment: null,
    monotonicTime: null,
  };
}

function uuid(number: number): string {
  const hash = hash52(`${number}`).toString(16).padStart(13, '0');
  return `${hash.slice(0, 8)}-${hash.slice(8, 12)}-4000-8000-${hash.slice(1)}`;
}

/** The rows of the store's sample table with the same key, put in by one prepared statement and nothing else. */
class RawTable {
  readonly #database: DatabaseSync;
  readonly #insert;
  #recorded = START;

  constructor(path: string) {
    this.#database = new DatabaseSync(path);
    this.#database.exec(`
      PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA cache_size = -8192;
      CREATE TABLE sample (
        meter INTEGER NOT NULL, ts INTEGER NOT NULL, resource INTEGER NOT NULL, disc INTEGER NOT NULL,
        volume REAL NOT NULL, descriptor INTEGER NOT NULL, recorded INTEGER NOT NULL, id TEXT,
        PRIMARY KEY (meter, ts, resource, disc)
      ) STRICT, WITHOUT ROWID`);
    this.#insert = this.#database.prepare('INSERT OR IGNORE INTO sample VALUES (?, ?, ?, ?, ?, ?, ?, ?)');
  }

  insert(meter: number, batch: readonly Sample[]): void {
    const discriminators = batch.map(({ id }) => hash52(id));
    this.#database.exec('BEGIN IMMEDIATE');
    for (const [index, { timestampMicros, volume }] of batch.entries()) {
      this.#recorded += 1;
      const resource = index + 1;
      this.#insert.run(
        meter,
        timestampMicros,
        resource,
        discriminators[index] ?? 0,
        volume,
        resource,
        this.#recorded,
        null,
      );
    }
    this.#database.exec('COMMIT');
  }

  close(): void {
    this.#database.close();
  }
}

/* Notifications: the averages of the recorded ones: one event with ten traits, 0.55 samples. */

const NOTIFICATIONS = 500;
const ROUNDS = 60;
const WARM_ROUNDS = 20;

async function benchNotifications(directory: string, report: Report): Promise<void> {
  const { store, setNow } = await openStore(join(directory, 'store.sqlite'));
  const used: number[] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    const { events, samples } = notifications(round);
    setNow(events.at(-1)?.generatedMicros ?? START);
    const micros = await cpuMicros(() =>
      Promise.all([store.recordEvents(events), store.recordSamples(samples)]),
    );
    if (round >= WARM_ROUNDS) used.push(micros / NOTIFICATIONS);
  }
  report(figure('store.notification.cpu', median(used), 'us', '<=25'));
  await store.stop(createDeadline(10_000));
}

function notifications(round: number): {
  readonly events: readonly Event[];
  readonly samples: readonly Sample[];
} {
  const events: Event[] = [];
  const samples: Sample[] = [];
  for (let index = 0; index < NOTIFICATIONS; index += 1) {
    const number = round * NOTIFICATIONS + index;
    const generatedMicros = START + number * 2_000 + 7;
    events.push(eventOf(number, generatedMicros));
    // Two samples of the same metadata for 11 of 40 notifications.
    if (number % 40 >= 11) continue;
    const resource = server(number % 997);
    const metadata: JsonObject = {
      event_type: `type.${number % 40}`,
      host: `compute-${number % 50}`,
      created_at: `2026-03-01T00:00:${number}`,
      display_name: `vm-${number % 997}`,
      size: number,
      state: 'active',
      image_meta: { base_image_ref: uuid(number % 7), min_disk: '20' },
      instance_type: 'm1.small',
    };
    for (const name of ['vcpus', 'memory']) {
      samples.push({ ...polledSample(resource, name, generatedMicros), resourceMetadata: metadata });
    }
  }
  return { events, samples };
}

function eventOf(number: number, generatedMicros: number): Event {
  const traits: Event['traits'][number][] = [
    ['service', 1, `compute.compute-${number % 50}`],
    ['request_id', 1, `req-${uuid(number >> 2)}`],
    ['project_id', 1, uuid(number % 10)],
    ['user_id', 1, uuid(number % 20)],
    ['tenant_id', 1, uuid(number % 10)],
    ['display_name', 1, `vm-${number % 997}`],
    ['host', 1, `compute-${number % 50}`],
    ['memory_mb', 2, 2048],
    ['created_at', 4, '2026-03-01T00:00:00'],
    number % 2 === 0 ? ['resource_id', 1, uuid(number % 997)] : ['state', 1, 'active'],
  ];
  return {
    messageId: uuid(number),
    eventType: `compute.instance.type.${number % 40}`,
    generated: '2026-03-01T00:00:00',
    generatedMicros,
    priority: 'info',
    deployment: null,
    traits,
    raw: null,
  };
}

/* Statistics: 50 meters of 1,000 servers, polled 200 times, are ten million samples. */

const LARGE_METERS = 50;
const POLLS = 200;
const POLL_SECONDS = 60;

async function benchStatistics(directory: string, report: Report): Promise<void> {
  const path = join(directory, 'store.sqlite');
  const { store } = await openStore(path);
  const servers = Array.from({ length: RESOURCES }, (_, number) => server(number));
  for (let meter = 0; meter < LARGE_METERS; meter += 1) {
    await store.recordSamples(servers.map((owner) => polledSample(owner, `meter.${meter}`, START)));
  }
  repeatPolls(path);
  const rows: number[] = [];
  const measure = async (query: Omit<StatisticsQuery, 'meter'>): Promise<number> => {
    const times: number[] = [];
    for (let round = 0; round < 7; round += 1) {
      times.push(
        await timed(async () =>
          rows.push((await store.statistics({ meter: `meter.${round * 5}`, ...query })).length),
        ),
      );
    }
    return median(times);
  };
  const standard = [
    { func: 'min' },
    { func: 'max' },
    { func: 'avg' },
    { func: 'sum' },
    { func: 'count' },
  ] as const;
  report(figure('store.statistics.meter200k', await measure({ aggregates: standard }), 'ms', '<=40'));
  const grouped = { aggregates: standard, periodSeconds: 300, groupBy: ['resourceId'] } as const;
  report(figure('store.statistics.grouped10m', await measure(grouped), 'ms', '<=200'));
  report(figure('store.statistics.groups', rows.at(-1) ?? 0, 'rows', '>=40000'));
  const filter = { kind: 'compare', field: 'projectId', op: 'eq', value: uuid(3) } as const;
  report(figure('store.statistics.project', await measure({ aggregates: standard, filter }), 'ms', ''));
  report(figure('store.resources.page', await timed(() => store.resources(undefined, 100)), 'ms', ''));
  report(figure('store.meters.page', await timed(() => store.meters(undefined, 100)), 'ms', ''));
  report(figure('store.samples.page', await timed(() => store.samples({ limit: 100 })), 'ms', ''));
  await store.stop(createDeadline(10_000));
}

/** Four minutes of samples are not folded yet; that is as many as ever wait for it. */
const FOLDED_BEFORE = START + (POLLS - 4) * POLL_SECONDS * SECOND;

/** Copies the one poll that is there: only the loading is short-cut, the rows are those the store would write. */
function repeatPolls(path: string): void {
  const database = new DatabaseSync(path);
  database.exec(`
    PRAGMA synchronous = OFF; PRAGMA cache_size = -65536;
    CREATE TEMP TABLE poll AS SELECT * FROM sample;
    WITH RECURSIVE turn (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM turn WHERE n < ${POLLS - 1})
    INSERT INTO sample SELECT p.meter, p.ts + n * ${POLL_SECONDS * SECOND}, p.resource, p.disc, p.volume + n, p.descriptor,
      p.recorded + n * ${POLL_SECONDS * SECOND}, NULL
    FROM meter m CROSS JOIN turn CROSS JOIN poll p ON p.meter = m.id;
    UPDATE series SET last_ts = ${FOLDED_BEFORE - POLL_SECONDS * SECOND};
    UPDATE meter SET folded_before = ${FOLDED_BEFORE};
    PRAGMA wal_checkpoint(TRUNCATE);`);
  database.close();
}
