import { NephoscopeError, toError } from '../component/errors.ts';
import { stringifyExact } from '../lib/exact-json.ts';
import { decodeMsgpack } from '../lib/msgpack.ts';
import { isJsonObject, type JsonObject } from '../model/json.ts';

const FIX_MAP = 0x80;
const FIX_MAP_END = 0x90;
const MAP_16 = 0xde;
const MAP_32 = 0xdf;

/**
 * The JSON body of the notification in a datagram: as it is when it is JSON, else made of msgpack, with every number as it
 * was. Throws a permanent `NephoscopeError` (E5046) for what is no mapping with an event type or an envelope: anyone
 * may throw anything at a UDP port, and what is no notification must not fill the parking store.
 */
export function notificationBody(datagram: Buffer): Uint8Array {
  if (isMsgpackMapping(datagram)) {
    const message = read(() => decodeMsgpack(datagram), 'msgpack');
    return Buffer.from(stringifyExact(message));
  }
  read(() => JSON.parse(datagram.toString()), 'JSON');
  return datagram;
}

function read(parse: () => unknown, what: string): JsonObject {
  let value: unknown;
  try {
    value = parse();
  } catch (thrown) {
    throw new NephoscopeError('E5046', `Datagram is no ${what}: ${toError(thrown).message}`, {
      cause: thrown,
    });
  }
  if (isNotification(value)) return value;
  throw new NephoscopeError('E5046', `Datagram holds ${what}, but neither event_type nor oslo.message`);
}

function isNotification(value: unknown): value is JsonObject {
  const mapping = value as JsonObject;
  if (!isJsonObject(mapping)) return false;
  return typeof mapping['event_type'] === 'string' || typeof mapping['oslo.message'] === 'string';
}

/** No JSON text begins with one of these bytes. */
function isMsgpackMapping(datagram: Buffer): boolean {
  const [first = 0] = datagram;
  return (first >= FIX_MAP && first < FIX_MAP_END) || first === MAP_16 || first === MAP_32;
}
