import type { ComponentStatus } from '../component/component.ts';
import { ERROR_CODES, type ErrorCode } from '../component/error-codes.ts';
import { NephoscopeError, type Retry, toError } from '../component/errors.ts';
import { parseExact, stringifyExact } from '../lib/exact-json.ts';
import type { Event } from '../model/event.ts';
import { FloatToken, isJsonObject, type JsonObject, type JsonValue } from '../model/json.ts';
import type { Sample } from '../model/sample.ts';
import type { Delivery } from '../pipeline/runner.ts';
import type { ParkedItem } from '../store/store.ts';

/*
 * What a serving process and its workers tell each other, by the channel Node opens between parent and child. Messages
 * are cloned (v8), which keeps everything of a record but one class: number tokens, see `packSamples`.
 */

/** From a worker. */
export type WorkerMessage =
  | { readonly type: 'started' }
  | { readonly type: 'failed'; readonly error: PackedError }
  | { readonly type: 'request'; readonly id: number; readonly calls: readonly Call[] }
  | { readonly type: 'report'; readonly metrics: string; readonly statuses: readonly NamedStatus[] };

/** To a worker. */
export type ParentMessage =
  | { readonly type: 'answers'; readonly id: number; readonly answers: readonly Answer[] }
  /** Take nothing new, finish what is held within this time, end. */
  | { readonly type: 'stop'; readonly millis: number };

/** Work for the parent. Calls made together come together, so that the store commits them together. */
export type Call =
  | { readonly kind: 'samples'; readonly items: Packed<Sample> }
  | { readonly kind: 'events'; readonly items: Packed<Event> }
  | { readonly kind: 'park'; readonly items: readonly ParkedItem[] };

/** The outcome of one call, in the order of the calls. */
export type Answer =
  | { readonly delivery: PackedDelivery }
  | { readonly parked: true }
  | { readonly error: PackedError };

export interface NamedStatus {
  readonly name: string;
  readonly status: ComponentStatus;
}

/** Records, and for those with number tokens the document that holds them as exact JSON text, by index. */
export interface Packed<Item> {
  readonly items: readonly Item[];
  readonly exact: readonly (readonly [index: number, text: string])[];
}

export interface PackedError {
  readonly code: ErrorCode;
  readonly message: string;
  readonly hint: string;
  readonly retry: Retry;
}

type PackedDelivery = Omit<Delivery, 'rejections'> & {
  readonly rejections: readonly { readonly index: number; readonly error: PackedError }[];
};

/** Cloning would make plain objects of number tokens; the few documents that hold one travel as text. */
export function packSamples(samples: readonly Sample[]): Packed<Sample> {
  return pack(
    samples,
    (sample) => sample.resourceMetadata,
    (sample) => ({ ...sample, resourceMetadata: {} }),
  );
}

export function unpackSamples(packed: Packed<Sample>): readonly Sample[] {
  return unpack(packed, (sample, resourceMetadata) => ({ ...sample, resourceMetadata }));
}

/** As `packSamples`; of an event it is the raw notification that may hold tokens. */
export function packEvents(events: readonly Event[]): Packed<Event> {
  return pack(
    events,
    (event) => event.raw,
    (event) => ({ ...event, raw: null }),
  );
}

export function unpackEvents(packed: Packed<Event>): readonly Event[] {
  return unpack(packed, (event, raw) => ({ ...event, raw }));
}

function pack<Item>(
  items: readonly Item[],
  documentOf: (item: Item) => JsonObject | null,
  without: (item: Item) => Item,
): Packed<Item> {
  const exact: [number, string][] = [];
  for (const [index, item] of items.entries()) {
    const document = documentOf(item);
    if (document !== null && holdsToken(document)) exact.push([index, stringifyExact(document)]);
  }
  if (exact.length === 0) return { items, exact };
  const stripped = [...items];
  for (const [index] of exact) stripped[index] = without(items[index] as Item);
  return { items: stripped, exact };
}

function unpack<Item>(
  { items, exact }: Packed<Item>,
  restore: (item: Item, document: JsonObject) => Item,
): readonly Item[] {
  if (exact.length === 0) return items;
  const restored = [...items];
  for (const [index, text] of exact)
    restored[index] = restore(items[index] as Item, parseExact(text) as JsonObject);
  return restored;
}

function holdsToken(value: JsonValue): boolean {
  if (typeof value !== 'object' || value === null) return false;
  if (value instanceof FloatToken) return true;
  if (!isJsonObject(value)) return (value as readonly JsonValue[]).some(holdsToken);
  for (const key in value) if (holdsToken(value[key] as JsonValue)) return true;
  return false;
}

export function packDelivery(delivery: Delivery): PackedDelivery {
  const rejections = delivery.rejections.map(({ index, error }) => ({ index, error: packError(error) }));
  return { ...delivery, rejections };
}

export function unpackDelivery(packed: PackedDelivery): Delivery {
  const rejections = packed.rejections.map(({ index, error }) => ({ index, error: unpackError(error) }));
  return { ...packed, rejections };
}

/** An error that is not ours is a defect and, for the worker, a reason to try again. */
export function packError(thrown: unknown): PackedError {
  if (thrown instanceof NephoscopeError) {
    const { code, message, hint, retry } = thrown;
    return { code, message, hint, retry };
  }
  const { message } = toError(thrown);
  return { code: 'E2022', message, hint: ERROR_CODES.E2022.hint, retry: 'transient' };
}

export function unpackError({ code, message, hint, retry }: PackedError): NephoscopeError {
  return new NephoscopeError(code, message, { hint, retry });
}
