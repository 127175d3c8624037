import { NephoscopeError, toError } from '../component/errors.ts';
import { isList } from '../lib/json-list.ts';
import { isJsonObject, type JsonValue } from '../model/json.ts';
import { type DecodedNotification, decodeNotification, NotificationError } from '../notification/envelope.ts';
import type { Intake, MessageOutcome, RawMessage } from '../notification/intake.ts';
import type { Signing } from '../publishers/signing.ts';
import type { ParkedItem, ParkingStore } from '../store/store.ts';
import { hasValidSignature } from '../wire/message-signature.ts';
import type { CollectedKind } from './collected-kind.ts';
import type { CollectorMetrics } from './collector-metrics.ts';
import type { Dispatcher } from './dispatch.ts';
import { parkedDatum } from './parked-datum.ts';
import type { RepeatingLog } from './repeating-log.ts';

/** Publishers put many samples into one message. */
const MAX_BODY_BYTES = 64 * 1024 * 1024;

export interface CollectorIntakeParts<Item> {
  readonly kind: CollectedKind<Item>;
  readonly signing: Signing;
  readonly dispatcher: Dispatcher<Item>;
  readonly parking: ParkingStore;
  readonly metrics: CollectorMetrics;
  readonly log: RepeatingLog;
  /** Microseconds since the epoch, for the parking date. */
  readonly nowMicros: () => number;
}

/**
 * What the collector does with messages from the bus: bytes → list of signed data → samples or events → dispatchers.
 *
 * A datum with a bad signature is counted, logged and dropped; one that is no sample or event, or that a dispatcher does
 * not take, is parked alone; the others of the message go on. A message that cannot be read at all is parked as it came.
 * Redelivery by the broker is no replay: the stores know repeats by themselves. Rejects with a transient
 * `NephoscopeError` as every intake. Safe for concurrent calls.
 */
export function createCollectorIntake<Item>(parts: CollectorIntakeParts<Item>): Intake {
  return {
    take: async (messages, signal) => {
      const batch = new CollectedBatch(parts);
      for (const [index, message] of messages.entries()) batch.read(index, message);
      const { refused, duplicates } = await parts.dispatcher.dispatch(batch.items, signal);
      for (const [index, error] of refused) batch.refuse(index, error);
      if (batch.parked.length > 0) await parts.parking.park(batch.parked);
      parts.metrics.parked.add(batch.parked.length);
      parts.metrics.recorded.add(batch.items.length - refused.size);
      return batch.outcomes(messages.length, duplicates);
    },
  };
}

/** Where an item came from. */
interface Owner {
  readonly index: number;
  readonly message: RawMessage;
  readonly notification: DecodedNotification;
  readonly datum: JsonValue;
}

class CollectedBatch<Item> {
  readonly items: Item[] = [];
  readonly parked: ParkedItem[] = [];
  readonly #parts: CollectorIntakeParts<Item>;
  /** Parallel to the items. */
  readonly #owners: Owner[] = [];
  readonly #withParked = new Set<number>();

  constructor(parts: CollectorIntakeParts<Item>) {
    this.#parts = parts;
  }

  read(index: number, message: RawMessage): void {
    try {
      const notification = decodeNotification(message.body, { maxBodyBytes: MAX_BODY_BYTES });
      // The digits of numbers are part of what is signed.
      for (const datum of dataOf(notification.exact().payload)) {
        this.#readDatum({ index, message, notification, datum });
      }
    } catch (thrown) {
      this.#parkWhole(index, message, thrown);
    }
  }

  refuse(item: number, error: NephoscopeError): void {
    const owner = this.#owners[item];
    if (owner !== undefined) this.#park(owner, error);
  }

  outcomes(length: number, duplicates: ReadonlySet<number>): readonly MessageOutcome[] {
    const fresh = new Set<number>();
    const repeated = new Set<number>();
    for (const [item, { index }] of this.#owners.entries())
      (duplicates.has(item) ? repeated : fresh).add(index);
    return Array.from({ length }, (_, index): MessageOutcome => {
      if (this.#withParked.has(index)) return 'parked';
      return repeated.has(index) && !fresh.has(index) ? 'duplicate' : 'accepted';
    });
  }

  #readDatum(owner: Owner): void {
    const { kind, metrics } = this.#parts;
    metrics.received.add();
    if (!this.#isBelieved(owner.datum)) {
      this.#dropForged(owner);
      return;
    }
    try {
      this.items.push(kind.parse(owner.datum));
      this.#owners.push(owner);
    } catch (thrown) {
      if (!(thrown instanceof NephoscopeError)) throw thrown;
      this.#park(owner, thrown);
    }
  }

  #isBelieved(datum: JsonValue): boolean {
    const { signing } = this.#parts;
    if (isJsonObject(datum)) return hasValidSignature(datum, signing.accepted, signing);
    return signing.accepted.length === 0;
  }

  #dropForged({ message, notification, datum }: Owner): void {
    this.#parts.metrics.dropped('bad-signature').add();
    const { routingKey } = message.origin;
    const id = isJsonObject(datum) && typeof datum.message_id === 'string' ? datum.message_id : null;
    const fields = { publisher: notification.publisherId, routingKey, messageId: id };
    this.#parts.log.warn('E5022', fields, 'Signature missing or wrong, datum dropped');
  }

  #park({ index, message, notification, datum }: Owner, error: NephoscopeError): void {
    const { kind, nowMicros } = this.#parts;
    const { origin } = message;
    const { messageId, timestampMicros, publisherId } = notification;
    const refused = {
      datum,
      eventType: kind.eventType,
      error,
      origin,
      messageId,
      timestampMicros,
      publisherId,
    };
    this.parked.push(parkedDatum(refused, nowMicros()));
    this.#withParked.add(index);
  }

  #parkWhole(index: number, { body, origin }: RawMessage, thrown: unknown): void {
    const known = thrown instanceof NotificationError ? thrown : null;
    const code = known?.code ?? (thrown instanceof NephoscopeError ? thrown.code : 'E5029');
    this.parked.push({
      code,
      reason: toError(thrown).message,
      origin,
      body,
      parkedMicros: this.#parts.nowMicros(),
      messageId: known?.messageId ?? null,
      eventType: known?.eventType ?? null,
    });
    this.#withParked.add(index);
  }
}

/** The list a publisher sends; a single message counts as a list of it. */
function dataOf(payload: JsonValue): readonly JsonValue[] {
  if (isList(payload)) return payload;
  if (isJsonObject(payload)) return [payload];
  throw new NephoscopeError('E5029', 'The payload is neither a list of messages nor a message');
}
