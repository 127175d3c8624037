import { sampleDiscriminator, sampleIdOf } from '../../lib/sample-id.ts';

/*
 * How a sample's id is kept: 52 bits in the key, and the text only when it cannot be made again from them and the
 * sample's time.
 */

/**
 * The discriminator of an id that holds this very time (microseconds since the epoch), so that `sampleIdOf` makes the
 * same text again; -1 for any other id. Reads as `readSampleId` does (a test holds them together), but makes no texts
 * and objects on the way: with those, reading the id would cost as much as inserting the sample.
 */
export function ownDiscriminator(id: string, timestampMicros: number): number {
  if (id.length !== 36 || !hasOwnForm(id)) return -1;
  const millis = readHex(id, 0, 8) * 0x1_0000 + readHex(id, 9, 13);
  const micros = readHex(id, 15, 18);
  if (!(micros <= 999) || millis * 1_000 + micros !== timestampMicros) return -1;
  const discriminator = readHex(id, 22, 23) * 2 ** 48 + readHex(id, 24, 36);
  return Number.isNaN(discriminator) ? -1 : discriminator;
}

/** A number from 0 up to 2^52 that tells a foreign id from others of the same meter, time and resource. */
export function foreignDiscriminator(id: string): number {
  return sampleDiscriminator(id);
}

/** The id of a stored sample; `text` is null when it is one of ours. */
export function storedSampleId(text: string | null, timestampMicros: number, discriminator: number): string {
  return text ?? sampleIdOf(timestampMicros, discriminator);
}

const DASH = 0x2d;

/** `········-····-8···-a5e·-············` */
function hasOwnForm(id: string): boolean {
  return (
    id.charCodeAt(8) === DASH &&
    id.charCodeAt(13) === DASH &&
    id.charCodeAt(14) === 0x38 &&
    id.charCodeAt(18) === DASH &&
    id.charCodeAt(19) === 0x61 &&
    id.charCodeAt(20) === 0x35 &&
    id.charCodeAt(21) === 0x65 &&
    id.charCodeAt(23) === DASH
  );
}

/** Values of lower-case hexadecimal digits by character; everything else is NaN, and so is all it is added to. */
const DIGITS = new Float64Array(0x1_0000).fill(Number.NaN);
for (let value = 0; value < 16; value += 1) DIGITS[value.toString(16).charCodeAt(0)] = value;

function readHex(id: string, start: number, end: number): number {
  let value = 0;
  for (let index = start; index < end; index += 1) {
    value = value * 16 + (DIGITS[id.charCodeAt(index)] as number);
  }
  return value;
}
