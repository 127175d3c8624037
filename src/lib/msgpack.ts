import type { JsonValue } from '../model/json.ts';
import { readMsgpack } from './msgpack-decode.ts';
import { writeMsgpack } from './msgpack-encode.ts';

/**
 * The msgpack of the udp and tcp publishers: what JSON can say, with integers and floats apart as signatures need it.
 * No library keeps `512` and `512.0` apart in JavaScript.
 */

export { MsgpackError } from './msgpack-error.ts';

/** Nesting beyond this is refused, in reading and in writing. */
const MAX_DEPTH = 512;

/**
 * A document of its own bytes: text as str, a FloatToken and every number that is not integral as float 64, other
 * numbers as the shortest integer. Throws MsgpackError for an integer beyond 64 bits and for nesting deeper than 512
 * levels. Pure.
 */
export function encodeMsgpack(value: JsonValue): Buffer {
  return writeMsgpack(value, MAX_DEPTH);
}

/**
 * The value of one document. An integral float becomes a FloatToken, an integer beyond 2^53 a bigint; a key
 * `__proto__` is data; of equal keys the last one counts. Bytes (bin) are read as UTF-8 text like str and the raw type
 * of older senders, which has its codes.
 *
 * Throws MsgpackError, and nothing else, for bytes that are no single document, extension types, keys that are no text,
 * text that is not UTF-8 and nesting deeper than 512 levels. Memory is bounded by the number of bytes. Pure.
 */
export function decodeMsgpack(bytes: Uint8Array): JsonValue {
  return readMsgpack(bytes, MAX_DEPTH);
}
