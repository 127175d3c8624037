import { setImmediate as nextTurn } from 'node:timers/promises';
import { toError } from '../component/errors.ts';
import { Room } from '../lib/room.ts';
import type { Event } from '../model/event.ts';
import type { Notification } from '../model/notification.ts';
import type { Sample } from '../model/sample.ts';
import type { Conversion } from '../notification/converter.ts';
import { NotificationError } from '../notification/envelope.ts';
import type { Intake, MessageOutcome, RawMessage } from '../notification/intake.ts';
import { withoutContextSecrets } from '../notification/mask-secrets.ts';
import type { Metrics } from '../observe/metrics.ts';
import type { Taps } from '../observe/taps.ts';
import type { ParkedItem, ParkingStore } from '../store/store.ts';
import type { Delivery, PipelineRunner } from './runner.ts';

/** What an intake is made of. */
export interface IntakeParts {
  readonly decode: (body: Uint8Array, deployment: string | null) => Notification;
  readonly convert: (notification: Notification) => Conversion;
  /** False when it can be told from the bytes alone that nothing would be made of a notification. */
  readonly isWanted?: (body: Uint8Array) => boolean;
  readonly samples: PipelineRunner<Sample>;
  readonly events: PipelineRunner<Event>;
  readonly parking: Pick<ParkingStore, 'park'>;
  readonly metrics: Metrics;
  readonly taps?: Taps;
  /** Microseconds since the epoch, for the parking date. */
  readonly nowMicros: () => number;
  /** Called for each thing that went wrong inside a notification that was taken all the same. */
  readonly onProblem: (problem: Conversion['problems'][number], notification: Notification) => void;
}

/**
 * Messages that are worked on without a pause. Between such chunks the event loop turns, so that the next messages come
 * in from the sockets meanwhile; and what a chunk leaves behind is collected while it is young.
 */
const CHUNK_MESSAGES = 125;

/**
 * Products that publishers have not answered for. Polling agents put hundreds of samples into a message, so a batch of
 * messages may hold more than a publisher lets wait (`MAX_WAITING_ITEMS`): given at once it would be refused, and given
 * again as a whole for ever. Well below that bound, as several pipelines may lead to one publisher.
 */
const MAX_UNSETTLED_ITEMS = 10_000;

/**
 * The main job: bytes → notification → events and samples → pipelines → publishers, then one outcome per message.
 *
 * A message that cannot be read or converted, or whose product a publisher refuses for good, is parked with its
 * bytes; the others of the batch go on. Parking is as durable as publishing and comes before any acknowledgement.
 */
export function createNotificationIntake(parts: IntakeParts): Intake {
  const count = createCounters(parts.metrics);
  const room = new Room(MAX_UNSETTLED_ITEMS);
  return {
    take: async (messages, signal) => {
      let failure: { readonly error: unknown } | null = null;
      const chunks: Promise<readonly MessageOutcome[]>[] = [];
      for (let start = 0; start < messages.length && failure === null; start += CHUNK_MESSAGES) {
        if (start > 0) await nextTurn();
        await room.whenNobodyWaits();
        const chunk =
          messages.length <= CHUNK_MESSAGES ? messages : messages.slice(start, start + CHUNK_MESSAGES);
        const taken = takeChunk(chunk, signal, parts, count, room);
        chunks.push(
          taken.catch((error: unknown) => {
            failure ??= { error };
            return [];
          }),
        );
      }
      const outcomes = (await Promise.all(chunks)).flat();
      rethrow(failure);
      for (const outcome of outcomes) count[outcome].add();
      return outcomes;
    },
  };
}

/** The compiler does not see that a callback has set it. */
function rethrow(failure: { readonly error: unknown } | null): void {
  if (failure !== null) throw failure.error;
}

/** A plain function: what waits for the publishers must not hold on to what was made. */
function takeChunk(
  messages: readonly RawMessage[],
  signal: AbortSignal,
  parts: IntakeParts,
  count: Counters,
  room: Room,
): Promise<readonly MessageOutcome[]> {
  const batch = convertAll(messages, parts, count);
  const items = batch.events.items.length + batch.samples.items.length;
  const taken = room.tryEnter(items)
    ? settle(messages, send(batch, signal, parts), parts)
    : room.enter(items).then(() => settle(messages, send(batch, signal, parts), parts));
  return taken.finally(() => room.leave(items));
}

function send(batch: Batch, signal: AbortSignal, parts: IntakeParts): Sent {
  return {
    events: parts.events.publish(batch.events.items, signal),
    samples: parts.samples.publish(batch.samples.items, signal),
    parked: batch.parked.length === 0 ? undefined : parts.parking.park(batch.parked),
    eventOwners: batch.events.owners,
    sampleOwners: batch.samples.owners,
    parkedOwners: batch.parkedOwners,
  };
}

/** A chunk on its way: answers that are awaited, and for each product the message it came from. */
interface Sent {
  readonly events: Promise<Delivery>;
  readonly samples: Promise<Delivery>;
  readonly parked: Promise<void> | undefined;
  readonly eventOwners: readonly number[];
  readonly sampleOwners: readonly number[];
  readonly parkedOwners: Set<number>;
}

async function settle(
  messages: readonly RawMessage[],
  sent: Sent,
  parts: IntakeParts,
): Promise<readonly MessageOutcome[]> {
  const [events, samples] = await Promise.all([sent.events, sent.samples, sent.parked]);
  const tallies = [
    { owners: sent.eventOwners, delivery: events },
    { owners: sent.sampleOwners, delivery: samples },
  ];
  await parkRefused(messages, tallies, sent.parkedOwners, parts);
  return judge(messages.length, tallies, sent.parkedOwners);
}

/** What became of the products of one kind. */
interface Tally {
  readonly owners: readonly number[];
  readonly delivery: Delivery;
}

/** Items of one kind made from a batch, and for each the index of the message it came from. */
interface Products<Item> {
  readonly items: Item[];
  readonly owners: number[];
}

interface Batch {
  readonly events: Products<Event>;
  readonly samples: Products<Sample>;
  readonly parked: ParkedItem[];
  readonly parkedOwners: Set<number>;
}

type Counters = ReturnType<typeof createCounters>;

function createCounters(metrics: Metrics) {
  const taken = metrics.counter(
    'nephoscope_notifications_total',
    'Notifications taken, by what became of them.',
    ['outcome'],
  );
  const produced = metrics.counter(
    'nephoscope_converted_total',
    'Events and samples made from notifications.',
    ['kind'],
  );
  return {
    accepted: taken.child('accepted'),
    duplicate: taken.child('duplicate'),
    parked: taken.child('parked'),
    unwanted: metrics
      .counter(
        'nephoscope_notifications_unwanted_total',
        'Notifications of which neither definitions nor pipelines want anything; taken, and not even parsed.',
      )
      .child(),
    events: produced.child('event'),
    samples: produced.child('sample'),
    reasons: metrics.counter('nephoscope_parked_total', 'Messages parked, by error code.', ['code']),
    problems: metrics.counter(
      'nephoscope_conversion_problems_total',
      'Traits and samples left out, by error code.',
      ['code'],
    ),
    dropped: metrics.counter(
      'nephoscope_samples_dropped_total',
      'Samples that were defined but not made, by reason.',
      ['reason'],
    ),
  };
}

function convertAll(messages: readonly RawMessage[], parts: IntakeParts, count: Counters): Batch {
  const batch: Batch = {
    events: { items: [], owners: [] },
    samples: { items: [], owners: [] },
    parked: [],
    parkedOwners: new Set(),
  };
  for (let index = 0; index < messages.length; index++) {
    const message = messages[index] as RawMessage;
    if (isUnwanted(message, parts)) {
      count.unwanted.value++;
      continue;
    }
    try {
      convertOne(message, index, batch, parts, count);
    } catch (thrown) {
      const item = parkedItem(message, thrown, parts);
      batch.parked.push(item);
      batch.parkedOwners.add(index);
      count.reasons.child(item.code).add();
    }
  }
  count.events.add(batch.events.items.length);
  count.samples.add(batch.samples.items.length);
  return batch;
}

/** Who looks at what arrives wants to see all of it. */
function isUnwanted({ body }: RawMessage, { isWanted, taps }: IntakeParts): boolean {
  return isWanted !== undefined && taps?.received.isOpen !== true && !isWanted(body);
}

function convertOne(
  message: RawMessage,
  index: number,
  batch: Batch,
  parts: IntakeParts,
  count: Counters,
): void {
  const { taps } = parts;
  const notification = parts.decode(message.body, message.origin.deployment ?? null);
  if (taps?.received.isOpen) taps.received.offer({ notification, origin: message.origin });
  const conversion = parts.convert(notification);
  for (const event of conversion.events) {
    if (taps?.event.isOpen) taps.event.offer(event);
    add(batch.events, event, index);
  }
  for (const sample of conversion.samples) {
    if (taps?.sample.isOpen) taps.sample.offer(sample);
    add(batch.samples, sample, index);
  }
  for (const problem of conversion.problems) {
    count.problems.child(problem.code).add();
    parts.onProblem(problem, notification);
  }
  for (const { reason, message: detail } of conversion.dropped) {
    count.dropped.child(reason).add();
    if (taps?.dropped.isOpen) {
      const name = notification.eventType;
      taps.dropped.offer({ kind: 'sample', reason, name, by: 'converter', detail: { message: detail } });
    }
  }
}

function add<Item>(products: Products<Item>, item: Item, owner: number): void {
  products.items.push(item);
  products.owners.push(owner);
}

function parkedItem(message: RawMessage, thrown: unknown, { nowMicros, taps }: IntakeParts): ParkedItem {
  const error = toError(thrown);
  const known = error instanceof NotificationError ? error : null;
  const item: ParkedItem = {
    code: known?.code ?? 'E5013',
    reason: error.message,
    origin: message.origin,
    body: withoutContextSecrets(message.body),
    parkedMicros: nowMicros(),
    messageId: known?.messageId ?? null,
    eventType: known?.eventType ?? null,
  };
  if (taps?.parked.isOpen) taps.parked.offer(item);
  return item;
}

/** A second, rare step: what publishers refused for good is known only after they answered. */
async function parkRefused(
  messages: readonly RawMessage[],
  tallies: readonly Tally[],
  parkedOwners: Set<number>,
  parts: IntakeParts,
): Promise<void> {
  const refused = new Map<number, ParkedItem>();
  for (const { owners, delivery } of tallies) {
    for (const { index, error } of delivery.rejections) {
      const owner = owners[index] ?? 0;
      const message = messages[owner];
      if (message === undefined || refused.has(owner)) continue;
      refused.set(owner, { ...parkedItem(message, error, parts), code: error.code });
    }
  }
  if (refused.size === 0) return;
  await parts.parking.park([...refused.values()]);
  for (const owner of refused.keys()) parkedOwners.add(owner);
}

/** A duplicate is a message all of whose wanted products were there already, in every pipeline that wanted them. */
function judge(
  length: number,
  tallies: readonly Tally[],
  parkedOwners: ReadonlySet<number>,
): readonly MessageOutcome[] {
  const wanted = new Uint32Array(length);
  const duplicates = new Uint32Array(length);
  for (const { owners, delivery } of tallies) {
    for (let index = 0; index < owners.length; index++) {
      const owner = owners[index] ?? 0;
      wanted[owner] = (wanted[owner] ?? 0) + (delivery.wanted[index] ?? 0);
      duplicates[owner] = (duplicates[owner] ?? 0) + (delivery.duplicates[index] ?? 0);
    }
  }
  return Array.from(wanted, (count, index): MessageOutcome => {
    if (parkedOwners.has(index)) return 'parked';
    return count > 0 && count === duplicates[index] ? 'duplicate' : 'accepted';
  });
}
