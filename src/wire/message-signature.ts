import { createHmac, timingSafeEqual } from 'node:crypto';
import { NephoscopeError } from '../component/errors.ts';
import { MAX_JSON_DEPTH } from '../lib/exact-json.ts';
import type { JsonObject } from '../model/json.ts';
import { SIGNATURE_KEY, type SignatureDialect, signatureText } from './signature-text.ts';

/** How signatures of other programs are judged. */
export interface VerifyOptions {
  /** Accept also what a sender under Python 2 signed (Ceilometer up to 6.x): it prints lists and floats otherwise. */
  readonly python2?: boolean;
}

/**
 * The signature of a metering or event message: lower-case hex of the HMAC-SHA256 of its signature text, keyed with the
 * UTF-8 bytes of `secret`; the empty text for an empty secret. A signature the message has already is not part of it.
 *
 * Numbers must be as they will be sent: an integral number is signed as an integer, a FloatToken as a float. It says
 * neither when nor for whom a message was made, so it does not protect against repeats. Pure.
 *
 * Throws a permanent `NephoscopeError` (E5023) for a message nested deeper than `MAX_JSON_DEPTH`.
 * Source: ceilometer `publisher/utils.py`, compute_signature.
 */
export function signMessage(message: JsonObject, secret: string): string {
  if (secret === '') return '';
  try {
    return signText(signatureText(message, 'python3'), secret);
  } catch (cause) {
    if (!(cause instanceof RangeError)) throw cause;
    throw new NephoscopeError('E5023', `The message is nested deeper than ${MAX_JSON_DEPTH} levels`, {
      cause,
    });
  }
}

/** The signature of a signature text; for writers that build both in one walk. The secret must not be empty. */
export function signText(text: string, secret: string): string {
  return createHmac('sha256', secret).update(text).digest('hex');
}

/**
 * Whether a message was signed with one of `secrets`, the usual one first. With no secret but empty ones nothing is
 * checked and everything is valid, as in the original. The message must come from a parser that keeps what its number
 * tokens said (`parseExact`, `decodeMsgpack`). Takes the same time for every wrong signature of the right length.
 * Never throws: what cannot be signed has no valid signature. Pure.
 */
export function hasValidSignature(
  message: JsonObject,
  secrets: readonly string[],
  options: VerifyOptions = {},
): boolean {
  const usable = secrets.filter((secret) => secret !== '');
  if (usable.length === 0) return true;
  const claimed = message[SIGNATURE_KEY];
  if (typeof claimed !== 'string' || claimed.length !== HEX_LENGTH) return false;
  if (matches(message, claimed, usable, 'python3')) return true;
  return options.python2 === true && matches(message, claimed, usable, 'python2');
}

const HEX_LENGTH = 64;

function matches(
  message: JsonObject,
  claimed: string,
  secrets: readonly string[],
  dialect: SignatureDialect,
): boolean {
  let text: string;
  try {
    text = signatureText(message, dialect);
  } catch {
    return false;
  }
  const given = Buffer.from(claimed);
  return secrets.some((secret) => {
    const right = Buffer.from(signText(text, secret));
    return right.length === given.length && timingSafeEqual(right, given);
  });
}
