/**
 * Selects the recorded notifications of test/golden: `node tools/select-golden.ts [RECORDING] [GOLDEN_DIRECTORY]`.
 *
 * golden-cases.ts alone says which, so the same recording always gives the same files. Writes the
 * notifications.jsonl of every case and nothing else: expected.jsonl is made by the test (UPDATE_GOLDEN=1), and
 * folders it does not know are left as they are.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';
import { GOLDEN_CASES, type GoldenCase, type GoldenPick } from './golden-cases.ts';

/** One line of the recording, parsed as far as the cases ask. */
export interface RecordedNotification {
  /** The line as it was recorded, but for masked secrets. */
  readonly line: string;
  readonly exchange: string;
  readonly eventType: string;
  readonly priority: string;
  /** The `_context_*` keys without their prefix. */
  readonly context: Readonly<Record<string, unknown>>;
  readonly payload: Readonly<Record<string, unknown>>;
  readonly requestId: string | undefined;
  /** What it is about, where the payload names it in one of the usual places. */
  readonly resourceId: string | undefined;
  /** old: the message stands alone (driver `messaging`); 2.0: it lies as text in an `oslo.message` key. */
  readonly envelope: 'old' | '2.0';
}

type Fields = Readonly<Record<string, unknown>>;

const projectRoot = fileURLToPath(new URL('..', import.meta.url));
const [
  recordingPath = join(projectRoot, '../shared/data/notifications.jsonl.gz'),
  goldenPath = join(projectRoot, 'test/golden'),
] = process.argv.slice(2);

const recording = readRecording(recordingPath);
const taken = new Set<RecordedNotification>();
for (const golden of GOLDEN_CASES) writeCase(golden);
report();

function writeCase({ folder, picks }: GoldenCase): void {
  const selected = picks.flatMap((pick) => {
    const found = select(pick);
    if (found.length === 0)
      throw new Error(`Nothing in the recording for ${folder}: ${JSON.stringify(pick.take)}`);
    for (const notification of found) taken.add(notification);
    return found;
  });
  const path = join(goldenPath, folder);
  mkdirSync(path, { recursive: true });
  const lines = recording
    .filter((notification) => selected.includes(notification))
    .map(({ line }) => `${line}\n`);
  writeFileSync(join(path, 'notifications.jsonl'), lines.join(''));
}

/** The first ones of each event type that no case has yet. */
function select(pick: GoldenPick): readonly RecordedNotification[] {
  const belongs = storyOf(pick);
  const candidates = recording.filter(
    (one) => !taken.has(one) && belongs(one) && pick.where?.(one) !== false,
  );
  return pick.take.flatMap((entry) => {
    const [pattern, count] = typeof entry === 'string' ? ([entry, 1] as const) : entry;
    const matching = Map.groupBy(
      candidates.filter(({ eventType }) => shellPattern(pattern).test(eventType)),
      ({ eventType }) => eventType,
    );
    return [...matching.values()].flatMap((sameType) => sameType.slice(0, count));
  });
}

function storyOf({ about }: GoldenPick): (notification: RecordedNotification) => boolean {
  if (about === undefined) return () => true;
  const hero = recording.find(({ eventType }) => eventType === about.eventType);
  const key = hero === undefined ? undefined : about.same(hero);
  if (key === undefined) throw new Error(`${about.eventType} names nothing to follow`);
  return (notification) => about.same(notification) === key;
}

function shellPattern(pattern: string): RegExp {
  return new RegExp(`^${pattern.replace(/[.+?^${}()|[\]\\]/g, '\\$&').replaceAll('*', '.*')}$`);
}

function readRecording(path: string): readonly RecordedNotification[] {
  const lines = gunzipSync(readFileSync(path)).toString('utf8').split('\n');
  return lines.filter((line) => line !== '').map((line) => parseLine(maskSecrets(line)));
}

/** Nova puts the caller's token into what it sends about some calls: long expired, still nothing to pass on. */
function maskSecrets(line: string): string {
  return line.replace(/gAAAAA[\w-]{20,}={0,2}/g, 'TOKEN');
}

function parseLine(line: string): RecordedNotification {
  const { exchange, body } = JSON.parse(line) as { exchange: string; body: string };
  const outer = JSON.parse(body) as Fields;
  const message = (
    typeof outer['oslo.message'] === 'string' ? JSON.parse(outer['oslo.message']) : outer
  ) as Fields & { event_type: string; priority: string; payload: Fields };
  const context = contextOf(message);
  return {
    line,
    exchange,
    eventType: message.event_type,
    priority: message.priority,
    context,
    payload: message.payload,
    requestId: text(context['request_id']),
    resourceId: resourceIdOf(message.event_type, message.payload),
    envelope: 'oslo.message' in outer ? '2.0' : 'old',
  };
}

function contextOf(message: Fields): Fields {
  const prefix = '_context_';
  return Object.fromEntries(
    Object.entries(message)
      .filter(([key]) => key.startsWith(prefix))
      .map(([key, value]) => [key.slice(prefix.length), value]),
  );
}

function resourceIdOf(eventType: string, payload: Fields): string | undefined {
  const kind = eventType.slice(0, eventType.indexOf('.'));
  const places = [
    payload['instance_id'],
    fields(payload['nova_object.data'])['uuid'],
    fields(payload['ironic_object.data'])['uuid'],
    payload['stack_identity'],
    payload['volume_id'],
    fields(payload[kind])['id'],
    payload[`${kind}_id`],
    payload['id'],
  ];
  return places.map(text).find((place) => place !== undefined);
}

function fields(value: unknown): Fields {
  return typeof value === 'object' && value !== null ? (value as Fields) : {};
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}

/** Says how much is covered and fails when an exchange, a priority or a family of event types is not. */
function report(): void {
  const missing = [family, exchangeOf, priorityOf].flatMap((group) => {
    const covered = new Set([...taken].map(group));
    return [...new Set(recording.map(group))].filter((name) => !covered.has(name));
  });
  const types = (of: Iterable<RecordedNotification>): number =>
    new Set([...of].map(({ eventType }) => eventType)).size;
  process.stdout.write(
    `${taken.size} of ${recording.length} notifications in ${GOLDEN_CASES.length} cases, ` +
      `${types(taken)} of ${types(recording)} event types\n`,
  );
  for (const name of missing) process.stdout.write(`not covered: ${name}\n`);
  if (missing.length > 0) process.exitCode = 1;
}

/** What an event type is about: `compute.instance.create.end` and `.pause.start` are both of `compute.instance`. */
function family({ exchange, eventType }: RecordedNotification): string {
  return `${exchange} ${eventType.replace(/\.(start|end|error|progress|success)$/, '').replace(/(.)\.[^.]*$/, '$1')}`;
}

function exchangeOf({ exchange }: RecordedNotification): string {
  return `exchange ${exchange}`;
}

function priorityOf({ priority }: RecordedNotification): string {
  return `priority ${priority}`;
}
