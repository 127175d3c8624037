import { toError } from '../component/errors.ts';
import type { Event } from '../model/event.ts';
import type { Notification } from '../model/notification.ts';
import type { Sample } from '../model/sample.ts';
import type { Conversion } from '../notification/converter.ts';
import { NotificationError } from '../notification/envelope.ts';
import type { Intake, MessageOutcome, RawMessage } from '../notification/intake.ts';
import type { Metrics } from '../observe/metrics.ts';
import type { ParkedItem, ParkingStore } from '../store/store.ts';
import type { Delivery, PipelineRunner } from './runner.ts';

/** What an intake is made of. */
export interface IntakeParts {
  readonly decode: (body: Uint8Array) => Notification;
  readonly convert: (notification: Notification) => Conversion;
  readonly samples: PipelineRunner<Sample>;
  readonly events: PipelineRunner<Event>;
  readonly parking: ParkingStore;
  readonly metrics: Metrics;
  /** Microseconds since the epoch, for the parking date. */
  readonly nowMicros: () => number;
  /** Called for each thing that went wrong inside a notification that was taken all the same. */
  readonly onProblem: (problem: Conversion['problems'][number], notification: Notification) => void;
}

/**
 * The main job: bytes → notification → events and samples → pipelines → publishers, then one outcome per message.
 *
 * A message that cannot be read or converted, or whose product a publisher refuses for good, is parked with its
 * bytes; the others of the batch go on. Parking is as durable as publishing and comes before any acknowledgement.
 */
export function createNotificationIntake(parts: IntakeParts): Intake {
  const count = createCounters(parts.metrics);
  return {
    take: async (messages, signal) => {
      const batch = convertAll(messages, parts, count);
      const [events, samples] = await Promise.all([
        parts.events.publish(batch.events.items, signal),
        parts.samples.publish(batch.samples.items, signal),
        batch.parked.length === 0 ? undefined : parts.parking.park(batch.parked),
      ]);
      await parkRefused(messages, batch, events, samples, parts);
      const outcomes = judge(messages.length, batch, events, samples);
      for (const outcome of outcomes) count[outcome].add();
      return outcomes;
    },
  };
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
  for (const [index, message] of messages.entries()) {
    try {
      const notification = parts.decode(message.body);
      const conversion = parts.convert(notification);
      for (const event of conversion.events) add(batch.events, event, index);
      for (const sample of conversion.samples) add(batch.samples, sample, index);
      for (const problem of conversion.problems) {
        count.problems.child(problem.code).add();
        parts.onProblem(problem, notification);
      }
      for (const { reason } of conversion.dropped) count.dropped.child(reason).add();
    } catch (thrown) {
      const item = parkedItem(message, thrown, parts.nowMicros());
      batch.parked.push(item);
      batch.parkedOwners.add(index);
      count.reasons.child(item.code).add();
    }
  }
  count.events.add(batch.events.items.length);
  count.samples.add(batch.samples.items.length);
  return batch;
}

function add<Item>(products: Products<Item>, item: Item, owner: number): void {
  products.items.push(item);
  products.owners.push(owner);
}

function parkedItem(message: RawMessage, thrown: unknown, parkedMicros: number): ParkedItem {
  const error = toError(thrown);
  const known = error instanceof NotificationError ? error : null;
  return {
    code: known?.code ?? 'E5013',
    reason: error.message,
    origin: message.origin,
    body: message.body,
    parkedMicros,
    messageId: known?.messageId ?? null,
    eventType: known?.eventType ?? null,
  };
}

/** A second, rare step: what publishers refused for good is known only after they answered. */
async function parkRefused(
  messages: readonly RawMessage[],
  batch: Batch,
  events: Delivery,
  samples: Delivery,
  parts: IntakeParts,
): Promise<void> {
  const refused = new Map<number, ParkedItem>();
  const collect = (owners: readonly number[], delivery: Delivery): void => {
    for (const { index, error } of delivery.rejections) {
      const owner = owners[index] ?? 0;
      const message = messages[owner];
      if (message === undefined || refused.has(owner)) continue;
      refused.set(owner, { ...parkedItem(message, error, parts.nowMicros()), code: error.code });
    }
  };
  collect(batch.events.owners, events);
  collect(batch.samples.owners, samples);
  if (refused.size === 0) return;
  await parts.parking.park([...refused.values()]);
  for (const owner of refused.keys()) batch.parkedOwners.add(owner);
}

/** A duplicate is a message all of whose wanted products were there already, in every pipeline that wanted them. */
function judge(length: number, batch: Batch, events: Delivery, samples: Delivery): readonly MessageOutcome[] {
  const wanted = new Uint32Array(length);
  const duplicates = new Uint32Array(length);
  const tally = (owners: readonly number[], delivery: Delivery): void => {
    for (const [index, owner] of owners.entries()) {
      wanted[owner] = (wanted[owner] ?? 0) + (delivery.wanted[index] ?? 0);
      duplicates[owner] = (duplicates[owner] ?? 0) + (delivery.duplicates[index] ?? 0);
    }
  };
  tally(batch.events.owners, events);
  tally(batch.samples.owners, samples);
  return Array.from(wanted, (count, index): MessageOutcome => {
    if (batch.parkedOwners.has(index)) return 'parked';
    return count > 0 && count === duplicates[index] ? 'duplicate' : 'accepted';
  });
}
