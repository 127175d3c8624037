import { hash52 } from './hash.ts';

/**
 * Ids of samples that nephoscope itself makes. The same measurement always gets the same id, so a repeated delivery is
 * known for one; a store need not keep the id, for it can be made again from the sample's time and one number.
 *
 * UUID text in lower case, version 8 (RFC 9562, section 5.8):
 *
 *     tttttttt-tttt-8uuu-a5eh-hhhhhhhhhhhh
 *
 *     t  48 bits  milliseconds since the epoch, UTC
 *     8   4 bits  version
 *     u  12 bits  microseconds within the millisecond, 0 to 999
 *     a5e 12 bits variant (binary 10) and a mark that tells our ids from other version 8 UUIDs
 *     h  52 bits  hash52 of the parts, each preceded by its length and a colon
 *
 * Ids of one meter sort by time. A time before 1970 or after 2255 does not fit: then u is fff, t a hash of the time, and
 * the id is as stable but cannot be read back.
 */

const FORM = /^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-a5e[0-9a-f]-[0-9a-f]{12}$/;

/**
 * The id of the sample measured at `timestampMicros` (microseconds since the epoch) and told apart from others of that
 * time by `parts`, for example message id, meter and resource. Pure and never fails.
 */
export function sampleId(timestampMicros: number, ...parts: readonly string[]): string {
  let text = '';
  for (const part of parts) text += `${part.length}:${part}`;
  return sampleIdOf(timestampMicros, hash52(text));
}

/** The id with this time and discriminator (0 up to 2^52): the inverse of `readSampleId`. */
export function sampleIdOf(timestampMicros: number, discriminator: number): string {
  const fits = Number.isSafeInteger(timestampMicros) && timestampMicros >= 0;
  const millis = fits ? Math.floor(timestampMicros / 1000) : hash52(`${timestampMicros}`) % 2 ** 48;
  const micros = fits ? timestampMicros - millis * 1000 : 0xfff;
  const early = millis / 0x1_0000;
  const high = discriminator / 0x1_0000_0000;
  const time = `${hex16(early / 0x1_0000)}${hex16(early)}-${hex16(millis)}`;
  const hash = `${hex16(0xa5e0 | (high / 0x1_0000))}-${hex16(high)}${hex16(discriminator / 0x1_0000)}${hex16(discriminator)}`;
  return `${time}-${hex16(0x8000 + micros)}-${hash}`;
}

/**
 * Time and discriminator of an id made by `sampleId`; undefined for any other text, UUIDs of other versions included.
 * `sampleIdOf` makes the same id of them again.
 */
export function readSampleId(
  id: string,
): { readonly timestampMicros: number; readonly discriminator: number } | undefined {
  if (id.length !== 36 || !FORM.test(id)) return undefined;
  const micros = Number.parseInt(id.slice(15, 18), 16);
  const millis = Number.parseInt(id.slice(0, 8) + id.slice(9, 13), 16);
  const timestampMicros = millis * 1000 + micros;
  if (micros > 999 || !Number.isSafeInteger(timestampMicros)) return undefined;
  return { timestampMicros, discriminator: Number.parseInt(id.slice(22, 23) + id.slice(24), 16) };
}

/** A number from 0 up to 2^52 that tells samples of one time apart: the one inside our ids, a hash of any other id. */
export function sampleDiscriminator(id: string): number {
  return readSampleId(id)?.discriminator ?? hash52(id);
}

// Number.toString(16) is slow beyond 31 bits, and an id has 128.
const BYTES = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'));

/** The lowest 16 bits as four digits. */
function hex16(value: number): string {
  return `${BYTES[(value >>> 8) & 0xff]}${BYTES[value & 0xff]}`;
}
