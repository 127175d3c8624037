import { NephoscopeError } from '../component/errors.ts';
import { encodeMsgpack, MsgpackError } from '../lib/msgpack.ts';
import type { JsonObject } from '../model/json.ts';
import type { Sample } from '../model/sample.ts';
import { signMessage } from '../wire/message-signature.ts';
import { toMeteringMessage } from '../wire/metering-message.ts';

/**
 * A sample as the udp and tcp publishers send it: its metering message with `more` keys, signed, as msgpack. Pure.
 * Throws a permanent `NephoscopeError`: E8075 for an integer beyond 64 bits, E5023 or E8075 for nesting without end.
 */
export function encodeSampleMessage(sample: Sample, secret: string, more: JsonObject = {}): Buffer {
  const message = { ...toMeteringMessage(sample), ...more };
  try {
    return encodeMsgpack({ ...message, message_signature: signMessage(message, secret) });
  } catch (cause) {
    if (!(cause instanceof MsgpackError)) throw cause;
    const text = `A sample of ${sample.name} cannot be encoded: ${cause.message}`;
    throw new NephoscopeError('E8075', text, { cause });
  }
}
